# What can be done with a checkout. Everything is written inside it: .venv, .eoflows and the tools' caches.

PYTHON ?= python3
WORKERS ?= auto
EXAMPLES ?= dev
BIN := .venv/bin
STAMP := .venv/.eoflows-stamp

# A program that imports Prefect would otherwise make a .prefect in the user's home.
export PREFECT_HOME := $(CURDIR)/.eoflows/prefect
export DO_NOT_TRACK := 1
# Each of hundreds of processes would compile our sources anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv demo up test check check-rest prove services-test ui-test screenshots lint doctor bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

venv: $(STAMP) ## build .venv from requirements.lock (PYTHON=... chooses the interpreter, 3.11 or newer)

$(STAMP): requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, not " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@mkdir -p $(PREFECT_HOME)
	$(BIN)/python -m eoflows.deployments.prefect_database
	@touch $(STAMP)

demo: $(STAMP) ## run the main job on the sandbox and show what was staged
	@exec $(BIN)/eoflows demo --follow-parent

up: $(STAMP) ## the same, and keep Prefect's UI and the catalogue open until Ctrl-C
	@exec $(BIN)/eoflows up --follow-parent

PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup

test: $(STAMP) ## the gate: unit tests, each verb deployed, a kill (WORKERS=n processes)
	@exec $(PYTEST) -m gate --hypothesis-profile $(EXAMPLES)

check: EXAMPLES := ci
check: test check-rest ## all tests that need no installed server: the gate with all examples, then the rest

check-rest: $(STAMP) ## what the gate leaves out
	@exec $(PYTEST) -m "not (gate or prove)" --hypothesis-profile ci

prove: $(STAMP) ## long proofs: many seeds, many kills, hours
	@exec $(PYTEST) -m prove --hypothesis-profile ci --timeout 0

services-test: $(STAMP) ## tests against a real PostgreSQL and pgstac, installed when missing
	@exec $(BIN)/python -m pytest -m services tests/services

ui-test: $(STAMP) ## tests of the UI in a real Chromium, installed when missing; pictures go to .eoflows/screenshots
	@EOFLOWS_SCREENSHOTS=.eoflows/screenshots exec $(BIN)/python -m pytest -m ui tests/ui

SCREENSHOTS := dashboard form-on-demand-aux-staging run table morning-matrix pre-ard approval

screenshots: ui-test ## make the pictures of the pages anew
	@mkdir -p docs/images
	@cp $(SCREENSHOTS:%=.eoflows/screenshots/%.png) docs/images/

versions-test: $(STAMP) ## the unit tests with the lowest and newest versions allowed, and other Pythons
	@exec $(BIN)/python tests/versions.py

lint: $(STAMP) ## style, types and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typed
	$(BIN)/mypy --explicit-package-bases deployments
	$(BIN)/lint-imports

doctor: $(STAMP) ## check the installation of PREFECT_API_URL: a line each, and what to do (ARGS=--help)
	@exec $(BIN)/python -m eoflows.deployments.doctor $(ARGS)

bench: $(STAMP) ## our figures beside the peers'
	@exec $(BIN)/python -m benchmarks

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: ## resolve the dependencies anew (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) $(UPGRADE) --all-extras --group dev pyproject.toml -o requirements.lock
	echo uv | $(COMPILE) --no-annotate --constraint requirements.lock - -o bootstrap.lock
	echo hatchling | $(COMPILE) --no-annotate --constraint requirements.lock --all-extras \
	    pyproject.toml - -o requirements-runtime.lock
	$(BIN)/python -c 'from eoflows.deployments.databases.install import PGSTAC; print(*PGSTAC, sep="\n")' \
	    | $(COMPILE) --no-annotate $(UPGRADE) - -o docker/catalog.lock

clean: ## remove all that was built, and the demo's state
	rm -rf .venv .eoflows .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
