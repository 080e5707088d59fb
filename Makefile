# `make demo` and `make test` set up a virtual environment in the checkout on their own; a second call is fast.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo test check lint bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,browser,scrapyd]'
	touch $(READY)

demo: $(READY)            ## crawl both sites of the embedded replica
	$(BIN)/python -m tests.replica.demo

test: $(READY)            ## the fast tests, under three minutes
	$(BIN)/python -m pytest -m "not slow"

check: $(READY)           ## the slow tests: kills, truth of the whole replica, Scrapyd, peers
	REAL_PAGES=$(or $(REAL_PAGES),) $(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)           ## compare with plain Scrapy; prints ratios
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) build *.egg-info .cache .pytest_cache .mypy_cache .ruff_cache
