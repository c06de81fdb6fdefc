# `make run` serves the page, `make test` checks everything; the rest is for working on it.

STAGE ?= 5
PORT ?= 5000
PYTHON ?= python3
BIN := .venv/bin

# Tests spend about a third of their time waiting for servers and browsers.
TESTERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Targets that are passed on to `wallet/`.
WALLET := demo unit_test_python unit_test_docker test_failover up_traefik up up_ha rollout down destroy logs ps credentials bench

.PHONY: run test test_all test_rest wallet $(WALLET) diff mockup screenshots lint lock format clean

run: .venv/run
	cd stage-$(STAGE) && ../$(BIN)/flask run --port $(PORT)

test: .venv/dev
	@$(MAKE) --no-print-directory -C wallet venv
	@rm -f .skipped
	@echo "The stages:"
	@SKIPPED=$(CURDIR)/.skipped $(BIN)/pytest --numprocesses $(TESTERS) --dist worksteal
	@echo "The wallet, on SQLite, on PostgreSQL and in a browser; this takes minutes:"
	@SKIPPED=$(CURDIR)/.skipped $(MAKE) --no-print-directory -C wallet unit_test_python
	@[ ! -f .skipped ] || cat .skipped
	@echo "Not part of it: servers that are killed or cut off, leaders of a cluster that are lost, histories under faults, Docker, the bench, generated clients, a fresh installation (make test_all)."

# Everything that must hold before a change lands.
test_all: lint test test_rest

test_rest: .venv/dev
	$(BIN)/pytest -m fresh
	$(MAKE) -C wallet test_slow
	$(MAKE) -C wallet test_failover
	$(MAKE) -C wallet test_clients
	$(MAKE) -C wallet bench BENCH=short
	$(MAKE) -C wallet test_deployment

wallet:
	$(MAKE) -C wallet run

$(WALLET):
	$(MAKE) -C wallet $@

# Upgrade and pin the packages of both parts.
lock: .venv/dev
	$(BIN)/pip install --quiet uv
	grep -hv '^-c' requirements.txt requirements-dev.txt | $(BIN)/uv pip compile --quiet --upgrade --universal \
	  --python-version 3.11 --no-config --no-emit-index-url --no-annotate --no-header - -o constraints.txt
	$(MAKE) -C wallet lock

# What a stage adds to the one before it; diff returns 1 when there is something.
diff:
	@diff -ruN -x instance -x __pycache__ -x README.md \
	  stage-$$(($(STAGE) - 1)) stage-$(STAGE) || [ $$? = 1 ]

mockup: .venv/dev
	$(BIN)/python docs/mockup.py

screenshots: .venv/dev
	$(BIN)/python docs/screenshots.py

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(MAKE) -C wallet lint

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv .pytest_cache .ruff_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Good Bank needs Python 3.11 or newer: try make PYTHON=python3.13."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing here: on Debian, apt install python3-venv."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
