# Building, running and checking oddsengine. `make` lists the verbs; the text after ## is what it prints.

# The Python that makes the .venv; everything afterwards runs with the .venv's own.
PYTHON ?= python3
VENV ?= .venv
# Passed on to the program behind the verb, e.g. `make demo DEMO_ARGS="--help"`.
DEMO_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
GATE_ARGS ?=
FUZZ_ARGS ?=
SIM_ARGS ?=
ATTACK_ARGS ?=

# rustup installs here, and a shell opened before that does not look there.
export PATH := $(PATH):$(HOME)/.cargo/bin
export PYTHON
# One interpreter for every cargo command: with two, each would rebuild what the other built.
venv_python := $(abspath $(VENV))/bin/python
export PYO3_PYTHON := $(venv_python)
export VIRTUAL_ENV := $(abspath $(VENV))
# maturin refuses to choose between two active environments.
unexport CONDA_PREFIX
# Tests run in several folders, so a relative path would not mean the same everywhere.
ifneq ($(ODDSENGINE_REFERENCE_DATA),)
override export ODDSENGINE_REFERENCE_DATA := $(abspath $(ODDSENGINE_REFERENCE_DATA))
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: help
help:
	@echo "oddsengine: make <verb>"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: $(VENV)/.installed ## build the Rust core and install the package into .venv
	@# The lock holds every dependency already: without an index pip can only confirm that, or fail.
	PIP_NO_INDEX=1 PIP_QUIET=1 $(venv_python) -m maturin develop --release --locked

.PHONY: demo
# Who asks for help does not wait for a build.
ifneq ($(filter -h --help,$(DEMO_ARGS)),)
demo:
	@$(PYTHON) scripts/demo_help.py
else
demo: build ## build, then run the main job (DEMO_ARGS=...)
	$(VENV)/bin/oddsengine demo $(DEMO_ARGS)
endif

.PHONY: test
test: build ## build, then run everything that must hold, Rust and Python (PYTEST_ARGS=...)
	@# Examples are programs that measure: `make check` compiles them.
	cargo test --workspace --exclude oddsengine-python --locked --no-fail-fast --lib --bins --tests
	cargo test --workspace --exclude oddsengine-python --locked --no-fail-fast --doc
	$(venv_python) -m pytest $(PYTEST_ARGS)

.PHONY: check
check: lint-tools $(VENV)/.installed ## formats, lints, types and stubs
	@# What needs no build first: it fails soonest.
	cargo fmt --all --check
	$(venv_python) -m ruff format --check
	$(venv_python) -m ruff check
	$(venv_python) -m mypy
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(MAKE) build
	$(venv_python) scripts/check_stubs.py

.PHONY: docs
docs: build $(VENV)/.docs ## build the pages and the API reference into target/docs; a broken link is an error
	@# What is built is only read for the docstrings of the core: no page runs anything. Not --quiet: it takes the
	@# warnings away before --strict counts them.
	NO_MKDOCS_2_WARNING=1 $(venv_python) -m mkdocs build --strict
	@echo "target/docs/index.html"

.PHONY: gate
gate: gate-tools ## instructions of the hot operations, not above what was recorded (GATE_ARGS=...)
	benches/instructions.sh $(GATE_ARGS)

.PHONY: bench
bench: build ## measure, and print percentiles with their conditions (BENCH_ARGS=...)
	PATH="$(VIRTUAL_ENV)/bin:$$PATH" benches/run.sh $(BENCH_ARGS)

.PHONY: fuzz
fuzz: prerequisites ## throw random bytes at the decoders (FUZZ_ARGS=...)
	tests/fuzz/run.sh $(FUZZ_ARGS)

.PHONY: sim
sim: prerequisites ## simulate a million seeded steps of trading in all sports and audit every invariant (SIM_ARGS=...)
	cargo run --release --locked -p oddsengine-sim -- $(or $(SIM_ARGS),--runs 400 --steps 2500 --threads 2 --coverage)

.PHONY: attacks
attacks: build ## attack running engines, a line for each attack (ATTACK_ARGS=...)
	$(venv_python) tests/attacks/run.py $(ATTACK_ARGS)

.PHONY: clean
clean: ## remove everything that was built, .venv included
	rm -rf $(VENV) target dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .benchmarks
	rm -f python/oddsengine/*.so
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: prerequisites lint-tools gate-tools
prerequisites:
	@scripts/prerequisites.sh
lint-tools:
	@scripts/prerequisites.sh --lints
gate-tools:
	@scripts/prerequisites.sh --gate

# Made again whenever the locked versions or the package's own dependencies change. The first line of the
# recipe also repairs a .venv whose creation was interrupted.
$(VENV)/.installed: requirements/dev.txt pyproject.toml | prerequisites
	$(PYTHON) -m venv $(VENV)
	$(venv_python) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
# Only `make docs` needs these.
$(VENV)/.docs: requirements/docs.txt $(VENV)/.installed
	$(venv_python) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@
