# GNU make. Every target sets up what it needs: .venv, the tools in it, and an editable install with the Rust extension.
# A second run does only what has changed, and needs no network.
#
#   make demo       a tour of the tool, with its real output
#   make test       everything that has to hold: lint, then all tests
#   make lint       ruff, mypy, stubtest, generated files, rustfmt, clippy
#   make fmt        format Python and Rust
#   make generate   write man pages, completions and schemas anew
#   make bench      Rustls beside the libssl of the interpreter; BENCH="--duration 5s" passes options on
#   make soak       a server under five minutes of good, slow and hostile clients; SOAK="--seconds 60 --echo" passes options on
#   make wheel      a wheel for this platform in dist/
#   make clean      remove what was built, and .venv

SHELL := /bin/sh
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo test lint fmt generate bench soak wheel clean lint-python lint-rust test-rust test-python

VENV := .venv
PY := $(VENV)/bin/python
CARGO := --manifest-path rust/Cargo.toml --locked --quiet

ifneq ($(MAKECMDGOALS),clean)
export TLSTOOL_NATIVE := $(shell tools/toolchain native)
# One interpreter for every call of cargo, or each would build the bindings anew.
export PYO3_PYTHON := $(abspath $(PY))
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

TOOLS := $(VENV)/.tools
DEV_TOOLS := $(VENV)/.dev-tools
SPACE := $(subst ,, )
INSTALLED := $(VENV)/.installed-$(subst $(SPACE),-,$(strip $(TLSTOOL_NATIVE) $(TLSTOOL_NATIVE_FEATURES)))
ifneq ($(TLSTOOL_NATIVE),off)
RUST_SOURCES := $(shell find rust .cargo -path rust/target -prune -o -print)
endif

demo: $(INSTALLED)
	@$(PY) tools/demo.py

soak: $(INSTALLED)
	@$(PY) tests/soak.py $(SOAK)

test: lint test-rust test-python

lint: lint-python lint-rust

lint-python: $(DEV_TOOLS) $(INSTALLED)
	@echo "== ruff check, ruff format"
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --diff .
	@echo "== mypy"
	@$(PY) -m mypy tlstool commands tools
ifneq ($(TLSTOOL_NATIVE),off)
	@echo "== stubtest"
	@$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml tlstool._native
endif
	@echo "== generated files"
	@$(PY) tools/generate.py --check

ifeq ($(TLSTOOL_NATIVE),off)
lint-rust test-rust:
	@echo "== $@: left out, there is no Rust toolchain"
else
lint-rust: $(INSTALLED)
	@echo "== cargo fmt"
	@cargo fmt --manifest-path rust/Cargo.toml --all --check
	@echo "== cargo clippy"
	@cargo clippy $(CARGO) --workspace --all-targets -- -D warnings

test-rust: $(INSTALLED)
	@echo "== cargo test"
	@cargo test $(CARGO) -p tlstool-engine
endif

test-python: $(DEV_TOOLS) $(INSTALLED)
	@echo "== pytest"
	@$(PY) -m pytest -q -n auto --dist loadfile $(PYTEST)

fmt: $(DEV_TOOLS)
	@$(PY) -m ruff check --quiet --fix-only .
	@$(PY) -m ruff format --quiet .
ifneq ($(TLSTOOL_NATIVE),off)
	@cargo fmt --manifest-path rust/Cargo.toml --all
endif

generate: $(INSTALLED)
	@$(PY) tools/generate.py

bench: $(INSTALLED)
	@$(VENV)/bin/tlstool bench local $(BENCH)

# build/ may hold an extension of another mode, which setuptools would pack.
wheel: $(TOOLS)
	@rm -rf build
	@$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean:
	rm -rf $(VENV) build dist *.egg-info rust/target .mypy_cache .ruff_cache .pytest_cache tlstool/_native*.so
	find tlstool commands tests tools -name __pycache__ -prune -exec rm -rf {} +

$(TOOLS): pyproject.toml
	@echo "== setting up $(VENV)"
	@[ -x $(PY) ] && [ -x $(VENV)/bin/pip ] || { python=$$(tools/toolchain python) && "$$python" -m venv --clear $(VENV); }
	@$(PY) -m pip install --quiet 'pip>=25.1'
	@$(PY) -m pip install --quiet --group build
	@touch $@

$(DEV_TOOLS): $(TOOLS)
	@$(PY) -m pip install --quiet --group dev
	@touch $@

$(INSTALLED): $(TOOLS) setup.py $(RUST_SOURCES)
	@echo "== installing tlstool$(if $(filter off,$(TLSTOOL_NATIVE)),, with its Rust extension; the first time takes a minute or two)"
	@rm -rf build tlstool/_native*.so $(VENV)/.installed-*
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --no-build-isolation --editable .
	@touch $@
