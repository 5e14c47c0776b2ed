# Every target does its own set-up: a virtual environment in .venv, then the job.
# A stamp file makes the second run need no network.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PANDAS2 := .venv-pandas2
CHROMES := chromium chromium-browser google-chrome google-chrome-stable

.PHONY: demo test nightly test-pandas2 lint bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(BIN)/td-notebooks demo

test: lint $(VENV)/chromium.stamp
	$(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder --cov --cov-report=term

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The long runs: thousands of drawn files, hundreds of drawn histories. It takes hours.
nightly: $(VENV)/dev.stamp
	TD_NIGHTLY=1 $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile tests/frames tests/unattended

test-pandas2: $(PANDAS2)/dev.stamp
	$(PANDAS2)/bin/python -m pytest tests --ignore=tests/browser --numprocesses=4 --dist=loadfile

bench: $(VENV)/bench.stamp
	$(BIN)/python benchmarks/frames.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/lake.py

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

# The browser tests use an installed Chromium or Chrome. Where there is none, Debian's is installed if
# that may be done; if not, the tests say how to get one.
$(VENV)/chromium.stamp: $(VENV)/dev.stamp
	@found() { \
		[ -n "$$CHROME" ] && return; \
		for name in $(CHROMES); do command -v $$name >/dev/null && return; done; \
		return 1; \
	}; \
	if ! found && [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update && apt-get install --yes --no-install-recommends chromium; } \
			>$(VENV)/chromium.log 2>&1 || echo "Chromium could not be installed: $(VENV)/chromium.log"; \
	fi; \
	if found; then touch $@; fi

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
