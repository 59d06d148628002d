# The two commands of a newcomer are `make demo` and `make test`; both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

PROJECTS := .[bigwig,report] plugins/splicenet plugins/spliceai[weights] plugins/openspliceai plugins/consensus \
	plugins/xgb_meta[xgboost,lightgbm] examples/plugins/splicecore-pangolin examples/plugins/splicecore-http
# TensorFlow has an environment of its own; its build for the CPU alone, 0.6 GB smaller, exists for x86-64 Linux.
TF_VENV ?= .venv-tf
TF_BIN := $(TF_VENV)/bin
TF_READY := $(TF_VENV)/.ready
TF_PROJECTS := . plugins/splicenet plugins/spliceai[weights]
TENSORFLOW := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)

SOURCES := core plugins tests benchmarks examples docs/conf.py docs/tools

.PHONY: help demo test test-tensorflow lint types docs docs-write bench format clean

help:
	@echo "make demo    install into $(VENV) and run splicecore end to end; prints the path of a report"
	@echo "make test    install into $(VENV) and run every test"
	@echo "make test-tensorflow    install into $(TF_VENV), with TensorFlow, and run the tests that need it"
	@echo "make lint    ruff"
	@echo "make types   mypy"
	@echo "make docs    the documentation site, into docs/_build; warnings are errors"
	@echo "make docs-write    write the tables, the notebook and the outputs of examples in docs anew"
	@echo "make bench   the measurements of benchmarks/README.md that need no peer"

$(READY): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml examples/plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "splicecore needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=... to another one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(foreach project,$(PROJECTS),--editable "./$(project)") \
		--group test --group browser --group workflow --group lint --group types --group docs
	@touch $@

$(TF_READY): pyproject.toml constraints.txt constraints-tensorflow.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(TF_VENV)
	$(TF_BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(TF_BIN)/python -m pip install --quiet --constraint constraints.txt --constraint constraints-tensorflow.txt \
		$(TENSORFLOW) $(foreach project,$(TF_PROJECTS),--editable "./$(project)") --group test
	@touch $@

demo: $(READY)
	@$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-tensorflow: $(TF_READY)
	$(TF_BIN)/python -m pytest tests/plugins/spliceai/test_tensorflow.py

lint: $(READY)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going --quiet --builder html docs docs/_build/html
	@echo "docs/_build/html/index.html"

docs-write: $(READY)
	$(BIN)/python docs/tools/tables.py
	$(BIN)/python docs/tools/examples.py
	$(BIN)/python docs/tools/notebook.py

bench: $(READY)
	$(BIN)/python benchmarks/simulated_sites.py

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf $(VENV) $(TF_VENV) build dist demo-output docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
