# Each target is a command that a person could type; `make help` lists them. Needed beforehand: Python 3.11+ and make.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
ROOMS := activities bench demo docs domain faults gateway migrations sandbox starter tests workflows worker.py
SOURCES = $(wildcard $(ROOMS))
DOCS := $(PYTHON) -m docs.generate
# In the order of the folders: the longest files have few tests, and xdist would keep them for the end, on one core.
PYTEST_ARGS ?= --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo up test check lock cost bench docs faults faults-long mutants

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## play whole order lives through the embedded stack, then print what happened
	@$(PYTHON) -m demo

up: $(INSTALLED) ## start the embedded stack, keep it, and print the address of the Temporal UI
	@$(PYTHON) -m demo up

test: $(INSTALLED) ## run all tests (PYTEST_ARGS="-k capture" narrows them)
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

check: $(INSTALLED) ## lint, formatting, types, and that the generated documents are in step with the code
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy $(SOURCES)
	@$(DOCS) --check

mutants: $(INSTALLED) ## put each seeded bug into a copy of the tree and see a test find it
	@$(PYTHON) -m tests.mutants.run

cost: $(INSTALLED) ## count what one happy order costs the engine, as one JSON object
	@$(PYTHON) -m demo.cost

bench: $(INSTALLED) ## measure bookings, whole lives and reconciling beside something simpler, as one JSON document (BENCH_ARGS="--help")
	@$(PYTHON) -m bench $(BENCH_ARGS)

faults: $(INSTALLED) ## break every part at every stage of an order's life, then compare the books (SEED=7 for another chance)
	@$(PYTHON) -m faults $(if $(SEED),--seed $(SEED))

faults-long: $(INSTALLED) ## break parts at random for HOURS=2, resumable; one line of JSON a round in var/faults/long.jsonl
	@$(PYTHON) -m faults --hours $(or $(HOURS),2) $(if $(SEED),--seed $(SEED))

docs: $(INSTALLED) ## write the generated documents anew
	@$(DOCS)

lock: ## resolve requirements.lock anew from pyproject.toml (needs uv: https://docs.astral.sh/uv/)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file requirements.lock --quiet

# The lock is the full closure with hashes, so pip resolves nothing; the project itself is linked, not copied.
$(INSTALLED): requirements.lock pyproject.toml
	@python=; for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Aftersale needs Python 3.11 or newer with its venv module (on Debian: apt install python3-venv).' >&2; exit 1; \
	fi; \
	[ -x $(PYTHON) ] || { echo "Creating $(VENV) with $$($$python --version)"; $$python -m venv $(VENV); }
	@echo 'Installing requirements.lock'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
