# Every target sets up what it needs; run it again and again.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# On Linux plain torch brings CUDA. For a machine without an NVIDIA GPU:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP_FLAGS := -q -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: demo demo-search demo-role test check slow bench fuzz serve setup setup-train setup-bench setup-fuzz help-pages clean

demo: setup-train
	$(BIN)/huohou demo

# Both stages of a search on the standard library's own text, without any other data.
demo-search: setup-train
	$(BIN)/huohou demo search

# A character: trained, handed over with a proof, scored beside the untuned model.
demo-role: setup-train
	$(BIN)/huohou demo role

test: setup check
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

slow: setup
	$(BIN)/python -m pytest -m "slow and not alone" -n 2 --dist loadfile --durations 15
	$(BIN)/python -m pytest -m "slow and alone"

bench: setup-bench
	$(BIN)/python bench/run_all.py

# Every reader of logs on hostile files. What breaks one is kept in build/fuzz/crashes.
FUZZ_SECONDS ?= 600
fuzz: setup-fuzz
	$(BIN)/python tests/fuzz/large.py
	$(BIN)/python tests/fuzz/fuzz_readers.py build/fuzz $(FUZZ_SECONDS)

# The page on this machine: make serve PORT=8080
PORT ?= 3000
serve: setup-train
	$(BIN)/huohou serve --port $(PORT) --open

help-pages: setup
	$(BIN)/python docs/make_pages.py

setup-train: $(VENV)/train.stamp
setup: $(VENV)/dev.stamp
setup-bench: $(VENV)/bench.stamp
setup-fuzz: $(VENV)/fuzz.stamp

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

WEB_LOCK := src/huohou/web/package-lock.json

$(VENV)/train.stamp: $(VENV)/bin/python pyproject.toml constraints.txt $(WEB_LOCK)
	$(PIP) install $(PIP_FLAGS) -e '.[train,serve]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml constraints.txt $(WEB_LOCK)
	$(PIP) install $(PIP_FLAGS) -e '.[train,serve,dev]'
	touch $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(PIP) install $(PIP_FLAGS) -e '.[train,serve,dev,bench]'
	touch $@

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp
	$(PIP) install $(PIP_FLAGS) -e '.[train,serve,dev,fuzz]'
	touch $@
