# Everything runs in .venv, which the first target that needs it sets up.
#   make train                                   one run: a transformer on handwritten digits
#   make train ARGS="model=lstm data=reviews"    any other; -m … sweeps
#   make test                                    the whole suite, in under 15 minutes on two cores
#   make inductor                                every architecture through torch.compile as it is used: C++, 6 minutes
#   make torture                                 runs of every sort, interrupted in every way: do they end exact?
#   make lint                                    format, lint, types, direction of imports

ARGS ?= model=transformer optimizer=adamw
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test inductor survive torture lint format clean

train: .venv/installed
	$(BIN)/python train.py $(ARGS)

# Tests run one process per core with one thread each: two torch processes that share two cores are many times slower.
test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -q $(TESTS)

# Needs a C++ compiler. The suite has the same test with a compiler that writes no code.
inductor: .venv/installed
	OMP_NUM_THREADS=1 IOLAUS_COMPILER=inductor $(BIN)/python -m pytest -n auto -q -W ignore::DeprecationWarning tests/models -k compiles

# A sweep of 200 trials and its trials are killed at random, and it is resumed until it is whole: half an hour and more.
survive: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.sweep.survival $(ARGS_SURVIVE)

# Half an hour of a core and more. It can be stopped, and goes on; TORTURE="--minutes 20" does those that tell the most.
torture: .venv/installed
	OMP_NUM_THREADS=1 nice $(BIN)/python -m tests.faults.torture $(TORTURE)

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The CPU build of torch comes first where the index has one under this version; see constraints.txt.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
