# One image for every process of ours: workers, the gateway, migrations, the command line, the sandbox.

FROM python:3.13.14-slim-trixie AS packages
WORKDIR /build
# Older releases of pip do not take hashes from a constraints file.
RUN printf 'pip==26.3 --hash=sha256:f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13\n' > pip.lock \
    && python -m pip install --no-cache-dir --require-hashes --requirement pip.lock
COPY pyproject.toml requirements.lock ./
# The lock holds the development tools too: it says which versions with which hashes, pyproject.toml says what is needed.
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = p['optional-dependencies']; \
print(*p['dependencies'], *(line for name in ('gateway', 'reports', 'sheets') for line in extras[name]), sep='\n')" \
    > needed.txt \
    && python -m venv --without-pip /opt/aftersale \
    && python -m pip --python /opt/aftersale/bin/python install --no-cache-dir --only-binary=:all: \
        --require-hashes --constraint requirements.lock --requirement needed.txt

FROM python:3.13.14-slim-trixie
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin aftersale \
    && install --directory --owner=aftersale --group=aftersale /data
COPY --from=packages /opt/aftersale /opt/aftersale
ENV PATH=/opt/aftersale/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY . .
USER aftersale
# No HEALTHCHECK here: only the gateway can be asked, and docker-compose.yml asks it.
CMD ["python", "-m", "worker"]
