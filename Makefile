# The two commands to know: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test test-postgresql check-tools lint style types format bench chaos fuzz lock clean

BIN := .venv/bin
# What the checks look at; node_modules and caches are not ours.
CODE := agent aggregator dashboards tests
# Compiled once: the tests and the demo start many processes, and each would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=
# Whole files on six workers: some of them mostly wait. `make test PARALLEL=` runs one by one.
PARALLEL := -n 6 --dist loadfile --no-loadscope-reorder

# In CI every checkout is new: `make types MYPY_CACHE=--cache-dir=/dev/null` writes no cache for a next time.
MYPY_CACHE :=

# How long `make chaos` lets faults happen.
SECONDS := 900

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## Make .venv with the locked dependencies (does nothing when it is up to date)
	@bash .ci/setup

demo: setup  ## Start the demo: broker, six factories, agents, aggregator (ARGS="--port 8001 --seconds 60")
	@exec $(BIN)/machikoba demo $(ARGS)

test: setup check-tools style  ## Set up and run everything: system packages, checks, tests (ARGS="-k floor")
	@bash .ci/tests $(PARALLEL) $(ARGS)

test-postgresql: setup check-tools  ## Run what stands on records once more, on PostgreSQL instead of SQLite
	MACHIKOBA_TEST_DATABASE=postgresql $(BIN)/python -m pytest -q $(addprefix tests/aggregator/,web api work walls progress planning \
	  calendar_files order_files results ingest) tests/aggregator/test_*.py $(PARALLEL) $(ARGS)

check-tools: setup
	@bash .ci/system-packages
	@bash .ci/peers

lint: style types  ## Run the checks alone: ruff, formatting, import rules, types

style: setup
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-logo

types: setup
	$(BIN)/mypy $(MYPY_CACHE) $(CODE)

format: setup  ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: setup check-tools  ## Measure: change to screen, OPC UA servers that fail, records into the store, bytes to the SD card, time elements, forecasts, capacity, matching, arrivals, sizes, the agent's load
	$(BIN)/python -m tests.bench.floor
	$(BIN)/python -m tests.bench.buyer
	$(BIN)/python -m tests.bench.opcua
	$(BIN)/python -m tests.bench.ingest
	$(BIN)/python -m tests.bench.influx
	$(BIN)/python -m tests.bench.outbox_writes
	$(BIN)/python -m tests.bench.days
	$(BIN)/python -m tests.bench.capacity
	$(BIN)/python -m tests.bench.federation
	$(BIN)/python -m tests.bench.matching
	$(BIN)/python -m tests.bench.arrival
	$(BIN)/python -m tests.bench.sizes
	$(BIN)/python -m tests.bench.agent_load

chaos: setup check-tools  ## Kill and cut everything at random, then compare the store with the truth (SECONDS=900 SEED=7)
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

dashboards: setup  ## Write Grafana's dashboards and alert rules anew from their Python
	@$(BIN)/python -m dashboards

fuzz: setup check-tools  ## Try 100,000 payloads and answers of machines, arbitrary and damaged, and the whole API (takes some minutes)
	MACHIKOBA_FUZZ_CASES=100000 $(BIN)/python -m pytest tests/fuzz --timeout=3600 -o faulthandler_timeout=0
	MACHIKOBA_API_CASES=200 $(BIN)/python -m pytest tests/aggregator/api/test_openapi.py --timeout=3600 -o faulthandler_timeout=0

lock: setup  ## Bring requirements.lock up to pyproject.toml (ARGS=--upgrade for newest versions)
	bash .ci/lock $(ARGS)

clean:  ## Remove what make and the demo made (.venv, caches, demo data)
	rm -rf .venv tests/peers/node_modules tests/peers/python/.venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .machikoba-demo
