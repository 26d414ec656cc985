.DEFAULT_GOAL := help
.PHONY: help demo serve test check bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run ## Load the example help centre, answer a question, open the chat page.
	@$(BIN)/answerable demo $(ARGS)

serve: $(VENV)/.run ## Serve the chat API and page over what has been ingested.
	@$(BIN)/answerable serve $(ARGS)

test: $(VENV)/.dev ## Set up everything and run the tests.
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## Lint, format, types and import rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure speed, as ratios to one encode of a question.
	@$(BIN)/answerable eval speed $(ARGS)

clean: ## Remove the environment and everything stored.
	rm -rf $(VENV) var

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run
