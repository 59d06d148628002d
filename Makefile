# The two commands of a newcomer are `make demo` and `make test`; both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

PROJECTS := . plugins/splicenet plugins/spliceai[weights] plugins/openspliceai plugins/consensus
SOURCES := core plugins tests benchmarks examples

.PHONY: help demo test lint types bench format clean

help:
	@echo "make demo    install into $(VENV) and run splicecore end to end; prints the path of a report"
	@echo "make test    install into $(VENV) and run every test"
	@echo "make lint    ruff"
	@echo "make types   mypy"
	@echo "make bench   the measurements of benchmarks/README.md that need no peer"

$(READY): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "splicecore needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=... to another one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(foreach project,$(PROJECTS),--editable "./$(project)") \
		--group test --group lint --group types
	@touch $@

demo: $(READY)
	@$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/simulated_sites.py

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf $(VENV) build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
