# Every target does its own set-up: a virtual environment in .venv, then the job.
# A stamp file makes the second run need no network.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PANDAS2 := .venv-pandas2

.PHONY: demo test test-pandas2 lint bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(BIN)/td-notebooks demo

test: lint
	$(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --cov --cov-report=term

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-pandas2: $(PANDAS2)/dev.stamp
	$(PANDAS2)/bin/python -m pytest tests/frames tests/core

bench: $(VENV)/bench.stamp
	$(BIN)/python benchmarks/frames.py

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/demo.stamp: $(VENV)/pip.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

$(PANDAS2)/dev.stamp: $(VENV)/dev.stamp pyproject.toml
	$(BIN)/python -m venv $(PANDAS2)
	$(PANDAS2)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(PANDAS2)/bin/python -m pip install --quiet --editable . --group test 'pandas<3'
	touch $@

clean:
	rm -rf $(VENV) $(PANDAS2) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage dist
