# `make demo` and `make test` set up a virtual environment in the checkout on their own; a second call is fast.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt
READY  := $(VENV)/.ready

# The tests start hundreds of processes: without bytecode each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check lint bench scrapyd deploy clean

setup: $(READY)

# pip and setuptools first, pinned like all others: those that come with Python 3.11 cannot resolve or build this.
$(READY): pyproject.toml constraints.txt setup.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer: make PYTHON=python3.11")'
	@echo "Setting up $(VENV), about a minute …"
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip setuptools
	$(PIP) --no-build-isolation -e '.[dev,browser,scrapyd,export]'
	@touch $(READY)

demo: $(READY)            ## crawl both sites of the embedded replica
	@$(BIN)/python -m tests.replica.demo

test: $(READY)            ## the fast tests, under three minutes
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

check: $(READY)           ## the slow tests: kills, the hostile web, truth of the whole replica, Scrapyd, peers
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)            ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)           ## compare with plain Scrapy; prints ratios
	$(BIN)/python -m tests.bench

SERVICE     ?= service
ARCHIVE_DIR ?= archive

scrapyd: $(READY)         ## Scrapyd on 127.0.0.1:6800 (docs/scrapyd.md)
	@ARCHIVE_DIR='$(ARCHIVE_DIR)' $(BIN)/python -m crawler.scrapyd_start '$(SERVICE)'

deploy: $(READY)          ## build the egg and give it to the Scrapyd of `make scrapyd`
	@SCRAPYD_PASSWORD="$$(sed -n 's/^password *= *//p' '$(SERVICE)/scrapyd.conf')" $(BIN)/scrapyd-deploy

clean:                    ## what can be made again; archives are left alone
	rm -rf $(VENV) build *.egg-info .cache .pytest_cache .mypy_cache .ruff_cache
