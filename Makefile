# Two commands matter: `make demo` and `make test`. Both set up what they need in .venv and need no root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
PYTEST := $(BIN)/python -m pytest -n auto --dist loadscope
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
NATIVE := $(wildcard native/src/*/*/* native/src/*/* native/src/*.* native/include/*/* bindings/* CMakeLists.txt native/CMakeLists.txt)

.PHONY: demo test fast lint fuzz bench bench-codec clean

demo: $(VENV)/core  ## compress two trained networks on real images (three minutes at most, set-up included)
	@sh examples/demo.sh $(BIN)/attar

test: $(VENV)/dev lint  ## everything: lint, structure, all tests
	$(PYTEST)

fast: $(VENV)/dev  ## the tests that take no more than a few seconds each
	$(PYTEST) -m "not slow"

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

fuzz: $(VENV)/core  ## search for what breaks the C decoders: FUZZ_SECONDS for each target, crashes in build/fuzz/crashes
	@sh native/fuzz/run.sh $(BIN) $(FUZZ_SECONDS)

bench: $(VENV)/dev  ## the size table of docs/results.md
	$(BIN)/python benches/sizes.py

bench-codec: $(VENV)/dev  ## the tables of docs/codec.md, beside NNCodec in an environment of its own (15 minutes)
	$(BIN)/python benches/codec.py --write

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: $(VENV)/bin/python pyproject.toml constraints.txt $(NATIVE)
	$(PIP) install -c constraints.txt scikit-build-core nanobind cmake ninja
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist
