# The operator's front door. Every target sets up what it needs; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules

# A knob's value is data: it reaches the programs through the environment as it was typed, and no recipe mentions it (the
# end of this file sees to that). `<target>.knobs` lists the knobs of a target; every target takes PYTHON.
## ENV       local, the embedded AWS of this machine (default), or a folder of terraform/environments
## DATA      folder of landing data; ENV=local takes a generated sample if it is not given
## PROFILE   policies of the jobs: published (default), consent_date or strict
## PORT      port of the embedded AWS; a free one if it is not given
## PLAN      file of a saved Terraform plan
## EMAIL     address of a person
## EMAILS    file of the addresses of several people, one a line
## ACCEPT    names of objects, with commas between, that `make forget` need not look into
## NUMBER    number of a file, as a message gives it
## DRY_RUN   1: look, and change nothing
## YES       1: do not ask
## KILLS     number of jobs that chaos kills (50)
## EXAMPLES  number of hostile landing files per table (1000)
## SEED      of the random choices, to repeat them
## PYTHON    the Python 3.11 to set up with (python3.11)

VENV := .venv

# A command on AWS needs neither moto nor Spark nor Java. Its own environment holds requirements-aws.txt only, and is made
# only where the full one does not exist. All other targets, and ENV=local, need the full one.
on-aws := apply plan run-pipeline landing counts forget export name destroy
full := $(filter-out $(on-aws),$(or $(MAKECMDGOALS),help)) $(filter local,$(or $(value ENV),local)) $(wildcard $(VENV)/.ready)
suffix := $(if $(strip $(full)),,-aws)
BIN := $(VENV)$(suffix)/bin
READY := $(VENV)$(suffix)/.ready
CHECKOV := $(VENV)-checkov/.ready
GLUE_CATALOG := $(VENV)-glue-catalog/.ready
# Behind everything else: the terraform that set-up puts there where there is no other.
export PATH := $(value PATH):$(CURDIR)/$(BIN)
python := "$${PYTHON:-python3.11}"
define set-up
@command -v $(python) >/dev/null || { printf 'error: %s is not on the PATH; install Python 3.11 or name one: PYTHON=/path/to/python3.11\n' $(python) >&2; exit 1; }
@$(python) -m lakehouse.set_up $@ $^
endef

.PHONY: help
help: ## List the targets and their knobs
	@awk 'BEGIN { FS = ":.*## "; print "usage: make <target> [KNOB=value ...]\n" } \
	  /^[a-z-]+\.knobs :?=/ { split($$0, part, /\.knobs :?= */); knobs[part[1]] = "\n" sprintf("%17s", "") part[2] } \
	  /^## / { about = about "\n  " substr($$0, 4) } \
	  /^[a-z-]+:.*## / { printf "  %-14s %s%s\n", $$1, $$2, knobs[$$1] } \
	  END { print "\nKnobs, also taken from the environment:" about }' Makefile

.PHONY: setup
setup: $(READY) ## Create the virtual environment (.venv) with everything pinned in requirements.txt

# An interrupted set-up leaves no .ready behind and starts anew.
$(READY): requirements$(suffix).txt requirements-terraform.txt
	$(set-up)

.PHONY: apply
apply.knobs := ENV PROFILE PLAN PORT YES
apply: setup ## Provision the lakehouse with Terraform (ENV=local: on the embedded AWS, started if need be)
	@$(BIN)/lakehouse apply

.PHONY: run-pipeline
run-pipeline.knobs := ENV DATA PROFILE PORT
run-pipeline: setup ## Run the five jobs and print the row counts (ENV=local: apply and upload DATA first)
	@$(BIN)/lakehouse run

.PHONY: plan
plan.knobs := ENV PROFILE PLAN PORT
plan: setup ## Show what `make apply` would change; save it in PLAN, for `make apply PLAN=file`
	@$(BIN)/lakehouse plan

.PHONY: landing
landing.knobs := ENV DATA YES
landing: setup ## Make the landing zone of ENV hold exactly DATA
	@$(BIN)/lakehouse landing

.PHONY: counts
counts.knobs := ENV
counts: setup ## Print the row counts of the tables as they are
	@$(BIN)/lakehouse counts

.PHONY: forget
forget.knobs := ENV EMAIL EMAILS ACCEPT DRY_RUN YES
forget: setup ## Erase the person EMAIL, or those of EMAILS, everywhere and verify it; asks first, unless YES=1
	@$(BIN)/lakehouse forget

.PHONY: export
export.knobs := ENV EMAIL
export: setup ## Write everything that is held about the person EMAIL to a file
	@$(BIN)/lakehouse export

.PHONY: name
name.knobs := ENV NUMBER
name: setup ## Tell the name of a file that a message gives by its number
	@$(BIN)/lakehouse name

.PHONY: destroy
destroy.knobs := ENV YES
destroy: setup ## Destroy everything that Terraform made in ENV (asks on AWS, unless YES=1)
	@$(BIN)/lakehouse destroy

.PHONY: down
down.knobs := ENV
down: setup ## Stop the embedded AWS and remove all data that it held
	@$(BIN)/lakehouse down

# The longest files first, so that both processes end at the same time.
pytest = $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/e2e tests/integration tests/unit

.PHONY: test
test: setup ## Run the tests, but for the slow ones
	@$(pytest) -m 'not slow'

.PHONY: test-slow
test-slow: setup ## Run the slow tests: IAM enforced, hostile input, somebody forgotten, failures of every job
	@$(pytest) -m slow

.PHONY: chaos
chaos.knobs := KILLS SEED
chaos: setup ## Kill jobs, break writes, damage files on an embedded AWS of its own
	@$(BIN)/python -m tests.chaos

.PHONY: hostile
hostile.knobs := EXAMPLES SEED
hostile: setup ## Try hostile landing files of each table, and a line of 100 MB
	@$(BIN)/python -m tests.try_hostile

.PHONY: test-glue-catalog
test-glue-catalog: setup $(GLUE_CATALOG) ## Run the jobs on GlueCatalog and S3FileIO, as on AWS (fetches 361 MB once)
	@$(BIN)/pytest tests/glue_catalog

# In an environment of its own: nothing of it is imported, one jar is used.
$(GLUE_CATALOG): requirements-glue-catalog.txt
	$(set-up)

.PHONY: try-docs
try-docs: setup ## Run the commands of docs/operating.md and docs/ci.md, as they stand, on an embedded AWS
	@$(BIN)/python tools/try_docs.py

.PHONY: lint
lint: setup ## Check format, style and types; change nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python tools/generate_reference.py --check
	@terraform fmt -check -recursive terraform
	@$(BIN)/zizmor --offline --pedantic --quiet .github
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: checkov
checkov: $(CHECKOV) ## Scan the Terraform code for insecure settings
	@CKV_PARSE_ERROR_FAIL=true $(VENV)-checkov/bin/checkov --directory terraform --framework terraform --skip-download --compact --quiet --skip-path '/tests/'

# In an environment of its own: it pins other versions of what the lakehouse needs.
$(CHECKOV): requirements-checkov.txt
	$(set-up)

.PHONY: docs
docs: setup ## Write docs/reference.md and the READMEs of the modules from the Terraform code
	@$(BIN)/python tools/generate_reference.py

.PHONY: format
format: setup ## Format Python and Terraform in place
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@terraform fmt -recursive terraform

compile = $(BIN)/uv pip compile pyproject.toml --quiet --universal --no-header --python-version 3.11

.PHONY: lock
lock: setup ## Pin the dependency tree of pyproject.toml again: requirements.txt, and its subset requirements-aws.txt
	@$(BIN)/pip install -qq --disable-pip-version-check uv
	@$(compile) --all-extras --output-file requirements.txt
	@$(compile) --no-annotate --constraints requirements.txt --output-file requirements-aws.txt

.PHONY: clean
clean: ## Stop the embedded AWS and remove everything that these targets made
	@if [ -x $(BIN)/lakehouse ]; then $(BIN)/lakehouse down; fi
	@find terraform -type d -name .terraform -prune -exec rm -rf {} +
	@rm -rf build $(VENV) $(VENV)-aws $(VENV)-checkov $(VENV)-glue-catalog .mypy_cache .pytest_cache .ruff_cache *.egg-info

# Here the knobs of a command are checked, before anything runs. A knob that none of its targets takes is refused when it
# was typed, and withheld when it came from the environment. make expands a command-line value when it exports it, so each
# is redefined as its literal text; MAKEOVERRIDES would hand it to a make within a recipe once more.
goals := $(or $(MAKECMDGOALS),help)
tables := $(filter %.knobs,$(.VARIABLES))
known := $(sort PYTHON $(foreach table,$(tables),$(value $(table))))
taken := PYTHON $(foreach goal,$(goals),$(value $(goal).knobs))
typed := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))

unknown := $(firstword $(filter-out $(known),$(typed)))
ifneq ($(unknown),)
nearest := $(shell $(python) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1))' \
  '$(subst ','\'',$(unknown))' $(known) 2>/dev/null)
$(error $(unknown) is not a knob$(if $(nearest), (did you mean $(nearest)?)). Nothing was run. The knobs are: $(known))
endif

misplaced := $(firstword $(filter-out $(taken),$(typed)))
ifneq ($(misplaced),)
takers := $(sort $(foreach table,$(tables),$(if $(filter $(misplaced),$(value $(table))),$(table:.knobs=))))
$(error `make $(goals)` does not take $(misplaced), only these do: $(takers). Nothing was run)
endif

MAKEOVERRIDES :=
$(foreach knob,$(typed),$(eval override $(knob) := $$(value $(knob))))
$(foreach knob,$(typed),$(eval export $(knob)))
$(foreach knob,$(filter-out $(taken),$(known)),$(eval unexport $(knob)))
