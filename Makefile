# Headwater. `make` lists the targets. Everything runs in .venv, which the targets make themselves.
PYTHON ?= python3
VENV ?= .venv
# Further arguments for installing torch, e.g. TORCH_ARGS="--index-url <an index with CPU builds>"
TORCH_ARGS ?=
# Processes of tests beside each other, each with a broker of its own: the tests wait for half of their time
TESTS_AT_ONCE ?= 2
# Of the fault tests: all, 0 or 1 (a half), auto (the one or the other half, in turns from day to day)
HALF ?= all
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-run
INSTALLED_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-faults test-bench lint bench soak docs ci clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@if [ -n "$(TORCH_ARGS)" ]; then $(BIN)/python -m pip install --quiet torch $(TORCH_ARGS); fi
	$(BIN)/python -m pip install --quiet -e '.[llm,broker]'
	@touch $@

$(INSTALLED_DEV): $(INSTALLED) pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[llm,broker,dev]'
	@touch $@

setup: $(INSTALLED) ## install into .venv

demo: $(INSTALLED) ## real broker, real events, live explained recommendations
	$(BIN)/headwater demo

test: $(INSTALLED_DEV) ## examples, unit, property and integration tests (under 10 minutes)
	$(BIN)/python -m pytest -m 'not faults and not bench' -n $(TESTS_AT_ONCE) --dist loadfile

test-faults: $(INSTALLED_DEV) ## kills, poison, rebalances: exact comparison after each
	$(BIN)/python -m pytest tests -m faults --half $(HALF) -n $(TESTS_AT_ONCE) --dist worksteal

test-bench: $(INSTALLED_DEV) ## tests of the benchmarks themselves (on a quiet machine)
	$(BIN)/python -m pytest tests -m bench

lint: $(INSTALLED_DEV) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED_DEV) ## seven tables, peers beside, with their bars (under 30 minutes)
	-$(BIN)/python -m benchmarks.peers.packages
	$(BIN)/python -m benchmarks

soak: $(INSTALLED_DEV) ## 20 minutes at half of saturation: memory, handles and latency stay flat
	$(BIN)/python -m benchmarks.soak

docs: $(INSTALLED_DEV) ## rewrite the generated tables
	$(BIN)/python -m headwater.docs
	$(BIN)/python -m schemas.json_schema

ci: ## what CI runs: lint, half of test-faults, test (under 45 minutes)
	.ci/run

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
