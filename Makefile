PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

.PHONY: install demo test test-slow test-all check docs

install: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("nightshift needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	touch $@

demo: install
	$(BIN)/nightshift run examples/reviews/settings.yaml

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tests/readability.py --check

# What a contributor runs before a commit. The tests marked slow take about as long again; .ci/run runs them after it.
test: check
	$(PYTEST) -n 2 -m "not slow"

# Most of their time is spent waiting for servers and schedules, so twice as many run at once.
test-slow: install
	$(PYTEST) -n 4 -m slow

test-all: check
	$(PYTEST) -n 2 --cov

docs: install
	$(BIN)/python docs/make_settings.py
	$(BIN)/python -m mkdocs build --strict
