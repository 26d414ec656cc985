.DEFAULT_GOAL := help
.PHONY: help demo serve test test-ray check bench bench-peers clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run ## Load the example help centre, answer a question, open the chat page.
	@$(BIN)/answerable demo $(ARGS)

serve: $(VENV)/.run ## Serve the chat API and page over what has been ingested.
	@$(BIN)/answerable serve $(ARGS)

test: $(VENV)/.dev ## Set up everything and run the tests.
	@$(BIN)/python -m pytest $(ARGS)

test-ray: $(VENV)/.ray ## Test ingestion on a Ray of two workers, which this installs.
	@$(BIN)/python -m pytest tests/ingestion/test_ray_engine.py $(ARGS)

check: $(VENV)/.dev ## Lint, format, types and import rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure speed, as ratios to one encode of a question.
	@$(BIN)/answerable eval speed $(ARGS)

bench-peers: $(VENV)/.dev $(PEERS)/.ready ## Measure retrieval beside LangChain, Haystack and LlamaIndex.
	@$(BIN)/python -m eval.peers $(ARGS)

clean: ## Remove the environments and everything stored.
	rm -rf $(VENV) $(PEERS) var

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	@touch $@

$(PEERS)/.ready: eval/peers/requirements.txt eval/peers/requirements-no-deps.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c eval/peers/requirements.txt -r eval/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r eval/peers/requirements-no-deps.txt
	@touch $@
