# `make help` lists the targets. Everything runs in a virtual environment of its own, .venv.
PYTHON ?= python3.11
VENV ?= .venv
DATA ?= filiere-data
SHARED ?= ../shared/data
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: help demo test lint serve bench bench-large bench-sparql ablations crash conformance random-queries attacks encoder calibrate identity language docs constraints clean bench-federation
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.installed-models: $(VENV)/.installed-test
	$(PIP) --editable '.[models,test]'
	@touch $@

demo: $(VENV)/.installed ## install, load the sample, answer three needs, say how to go on
	$(BIN)/filiere demo --data $(DATA)
	@echo "The command is $(BIN)/filiere; '. $(BIN)/activate' makes it plain 'filiere'."

serve: $(VENV)/.installed ## serve the search page on http://127.0.0.1:8000/
	$(BIN)/filiere serve --data $(DATA)

test: $(VENV)/.installed-test ## run every test that a laptop can run, without network, two files at a time
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-test ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-models ## print ratios against the simple stack, run side by side
	$(BIN)/python -m tests.benchmarks

bench-large: $(VENV)/.installed-models ## the same, and how cost grows up to 1,000,000 actors; takes an hour and 35 GB of disk
	$(BIN)/python -m tests.benchmarks --large 1000000

bench-sparql: $(VENV)/.installed-test ## a researcher's queries side by side with Virtuoso and rdflib
	$(BIN)/python -m tests.benchmarks.sparql

bench-federation: $(VENV)/.installed-test ## 112,000 firms in 13 sources, harvested at first and from day to day
	$(BIN)/python -m tests.benchmarks.federation

ablations: $(VENV)/.installed-test ## what each part of the matching is worth, on judged needs
	$(BIN)/python -m tests.benchmarks.ablations --shared $(SHARED)

crash: $(VENV)/.installed-test ## 500 crash cycles; the seed is printed
	$(BIN)/python -m tests.api.crash --cycles 500

conformance: $(VENV)/.installed-test ## every SPARQL 1.1 test of the W3C's over HTTP
	$(BIN)/python -m pytest tests/conformance/test_sparql11.py --whole

random-queries: $(VENV)/.installed-test ## 10,000 random queries beside rdflib; the seed is printed
	$(BIN)/python -m tests.conformance.random_queries --count 10000

attacks: $(VENV)/.installed-test ## every hostile query, update and request, with 10 seconds each
	$(BIN)/python -m pytest tests/doors/test_attacks.py --whole -s

encoder: $(VENV)/.installed-models ## train search/models/static again from labels and texts in $(SHARED)
	$(BIN)/python -m search.training --data $(SHARED) --out search/models/static

calibrate: $(VENV)/.installed-models ## fit search/models/calibrations.json on judged needs in tests/ and $(SHARED)
	rm -rf build/calibrate
	$(BIN)/filiere demo --data build/calibrate/sample
	$(BIN)/filiere vocabulary add $(SHARED)/vocabularies/cpv_23lang.tsv --scheme cpv --data build/calibrate/ted
	$(BIN)/filiere import $(SHARED)/ted/actors.jsonl --source ted --data build/calibrate/ted
	$(BIN)/python -m search.training.calibrate \
	  --judged build/calibrate/sample/index tests/search/judged/needs.json tests/search/judged/qrels.trec \
	  --judged build/calibrate/ted/index $(SHARED)/ted/needs.dev.json $(SHARED)/ted/qrels.dev.trec \
	  --coded build/calibrate/ted/index $(SHARED)/ted/train_texts.json

identity: $(VENV)/.installed-test ## how well actors of several sources are told to be one, beside simple baselines
	$(BIN)/python -m tests.kg.identity --shared $(SHARED)

language: $(VENV)/.installed ## learn search/models/language.npz again from labels in $(SHARED)
	$(BIN)/python -m search.training.languages --data $(SHARED)

docs: $(VENV)/.installed ## write ontology/README.md from the ontology
	$(BIN)/python -m kg.reference

constraints: ## write constraints.txt from a fresh install of everything
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip --disable-pip-version-check install --quiet '.[models,test]'
	( head -1 constraints.txt; build/constraints/bin/python -m pip freeze --exclude filiere | sed 's/+cpu$$//' | grep '==' ) > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove the virtual environment and build folders
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
