# All commands for operators and developers. Each target sets up what it needs; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules

# A knob's value is data: it reaches the programs through the environment exactly as typed, and no recipe mentions it. The
# end of this file enforces that. `<target>.knobs` lists the knobs of a target; every target takes PYTHON.
## ENV       local (default): the embedded AWS on this machine; or a folder in terraform/environments
## DATA      folder of landing data, or s3://bucket/prefix; by default a generated sample (ENV=local only)
## PROFILE   consent policies of the jobs: a profile of glue_jobs/policies.json
## PORT      port of the embedded AWS; by default a free one
## PLAN      file of a saved Terraform plan
## EMAIL     e-mail address of a person
## EMAILS    file of e-mail addresses of several people, one per line
## ACCEPT    keys of objects that `make forget` need not search, separated by commas
## SQL       query in Athena's SQL
## TABLE     table of the lakehouse
## LIMIT     number of rows or runs to show (20)
## NUMBER    number of a file, as in a message: file-...
## RUN       id of a run, the beginning of one, or latest (logs: or of one job, jr_...; rerun-job: of a local job run)
## WITH      id of the run to compare RUN with; by default the latest
## PROFILES  two profiles to compare, separated by a comma: published,strict
## CRON      schedule in UTC: '0 3 * * ? *', or none
## JOB       job, such as customer_landing_to_trusted
## FOLLOW    1: go on until the run has ended
## DRY_RUN   1: search, and change nothing
## REBUILD   1: parse all landing files anew, not only those that are new
## OUTPUT    json: one event per line, for machines (text)
## YES       1: answer every question with yes
## TESTS     files or folders of tests; by default all
## ARGS      more options for pytest: ARGS='-k name'
## KILLS     number of jobs that chaos kills (50)
## EXAMPLES  number of hostile landing files per table (1000)
## SEED      seed of the random choices, to repeat them
## ORCHESTRATION  jobs that chaos and hostile try: workflow (default), or single_job
## SIZES     sizes of the landing data in a bench: '1 10 100' times the original
## ROUNDS    rounds of a bench, for sizes up to 10 (3); larger sizes run once
## INCREMENTAL  1: a bench also measures, at its largest size, runs that follow a full one: nothing or 1 % new, 1 % withdrawn
## PROFILE_JOB  job of which a bench tells where the time goes, instead of comparing
## PYTHON    Python 3.11 for the set-up (python3.11)

VENV := .venv

# A command on AWS needs neither moto nor Spark nor Java. Its own environment holds requirements-aws.txt only, and is made
# only where the full one does not exist. All other targets, and ENV=local, need the full one.
on-aws := apply plan schedule run-pipeline logs runs rerun rollback compare landing counts report query show analyst forget export name destroy
full := $(filter-out $(on-aws),$(or $(MAKECMDGOALS),help)) $(filter local,$(or $(value ENV),local)) $(wildcard $(VENV)/.ready)
suffix := $(if $(strip $(full)),,-aws)
BIN := $(VENV)$(suffix)/bin
READY := $(VENV)$(suffix)/.ready
CHECKOV := $(VENV)-checkov/.ready
GLUE_CATALOG := $(VENV)-glue-catalog/.ready
CHART := $(VENV)-bench/.ready
REPORT := $(VENV)-report/.ready
TRAINING := $(VENV)-training/.ready
ATHENA_CLIENTS := $(VENV)-athena-clients/.ready
SPARK4 := $(VENV)-spark4/.ready
DOCS := $(VENV)-docs/.ready
LINKS := $(VENV)-links/.ready
# Last on the PATH: the terraform that set-up installs if there is no other.
export PATH := $(value PATH):$(CURDIR)/$(BIN)
python := "$${PYTHON:-python3.11}"
define set-up
@command -v $(python) >/dev/null || { printf 'error: %s is not on the PATH; install Python 3.11 or name one: PYTHON=/path/to/python3.11\n' $(python) >&2; exit 1; }
@$(python) -m lakehouse.set_up $@ $^
endef

.PHONY: help
help: ## List the targets and their knobs
	@awk 'BEGIN { FS = ":.*## "; print "usage: make <target> [KNOB=value ...]" } \
	  /^##@ / { print "\n" substr($$0, 5) } \
	  /^[a-z-]+\.knobs :?=/ { split($$0, part, /\.knobs :?= */); knobs[part[1]] = "\n" sprintf("%20s", "") part[2] } \
	  /^## / { about = about "\n  " substr($$0, 4) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-17s %s%s\n", $$1, $$2, knobs[$$1] } \
	  END { print "\nKnobs, also read from the environment:" about }' Makefile

targets = $(shell sed -n 's/^[.]PHONY: //p' Makefile)

.DEFAULT:
	@near="$$($(python) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1))' \
	  '$(subst ','\'',$@)' $(targets) 2>/dev/null || true)"; \
	  printf 'error: there is no target %s%s. Nothing was run. Run: make %s\n' '$(subst ','\'',$@)' \
	    "$${near:+ (did you mean $$near?)}" "$${near:-help}" >&2; exit 2

##@ Set up

.PHONY: setup
setup: $(READY) ## Create the virtual environment (.venv) with everything pinned in requirements.txt

# An interrupted set-up leaves no .ready, so the next one starts again.
$(READY): requirements$(suffix).txt requirements-terraform.txt
	$(set-up)

.PHONY: clean
clean: ## Stop the embedded AWS and remove everything that these targets created
	@if [ -x $(BIN)/lakehouse ]; then $(BIN)/lakehouse down; fi
	@find terraform -type d -name .terraform -prune -exec rm -rf {} +
	@rm -rf build $(VENV) $(VENV)-aws $(VENV)-checkov $(VENV)-glue-catalog $(VENV)-bench $(VENV)-report $(VENV)-spark4 $(VENV)-athena-clients $(VENV)-training $(VENV)-docs $(VENV)-links .mypy_cache .pytest_cache .ruff_cache *.egg-info

##@ Run

.PHONY: run-pipeline
run-pipeline.knobs := ENV DATA PROFILE PORT OUTPUT REBUILD
run-pipeline: setup ## Run the five jobs and print the row counts (ENV=local: apply and upload DATA first)
	@$(BIN)/lakehouse run

.PHONY: logs
logs.knobs := ENV JOB RUN FOLLOW OUTPUT
logs: setup ## Print the logs of the last run, or of RUN; of JOB alone; FOLLOW=1 to the end of the run
	@$(BIN)/lakehouse logs

.PHONY: runs
runs.knobs := ENV RUN LIMIT
runs: setup ## List the last runs: when, by whom, profile, data, commit, rows, cost, state (RUN: one, with its drop reasons)
	@$(BIN)/lakehouse runs

.PHONY: rerun
rerun.knobs := ENV RUN
rerun: setup ## Continue the failed run RUN, by default the latest, from its failed job on (refused if its inputs have changed)
	@$(BIN)/lakehouse resume

.PHONY: rollback
rollback.knobs := ENV RUN YES
rollback: setup ## Put all five tables back to the run RUN (asks on AWS, unless YES=1; never past an erasure or a withdrawal)
	@$(BIN)/lakehouse rollback

.PHONY: compare
compare.knobs := ENV RUN WITH PROFILES
compare: setup ## Compare the run RUN with WITH, or run two PROFILES without publishing: rows by reason, customers, pairs of two people
	@$(BIN)/lakehouse compare

##@ Data

.PHONY: landing
landing.knobs := ENV DATA OUTPUT YES
landing: setup ## Make the landing zone hold exactly DATA (asks on AWS, unless YES=1)
	@$(BIN)/lakehouse landing

.PHONY: counts
counts.knobs := ENV OUTPUT
counts: setup ## Print the row counts of the tables
	@$(BIN)/lakehouse counts

.PHONY: report
report.knobs := ENV RUN
report: setup $(REPORT) ## Write the report of the run RUN, by default the latest, as one HTML file, and open it
	@$(BIN)/lakehouse report

# In an environment of its own: plotly is larger than all else that an operator installs.
$(REPORT): requirements-report.txt
	$(set-up)

.PHONY: query
query.knobs := ENV SQL
query: setup ## Run SQL through Athena and print its rows (without SQL: a prompt, or queries from standard input)
	@$(BIN)/lakehouse query

.PHONY: show
show.knobs := ENV TABLE LIMIT
show: setup ## Print the first rows of TABLE, through Athena
	@$(BIN)/lakehouse show

.PHONY: analyst
analyst.knobs := ENV
analyst: setup ## Write build/<env>/analyst.env: credentials that read the training table and nothing else
	@$(BIN)/lakehouse analyst

.PHONY: train
train: analyst $(TRAINING) ## Train a step detector on the training table as an analyst; scores and plots go to build/training
	@source build/local/analyst.env && $(VENV)-training/bin/python examples/train_step_detector/train.py

# In an environment of its own: awswrangler needs an older pyarrow.
$(TRAINING): requirements-training.txt
	$(set-up)

.PHONY: name
name.knobs := ENV NUMBER
name: setup ## Print the name of the file that a message refers to as NUMBER
	@$(BIN)/lakehouse name

##@ Privacy

.PHONY: forget
forget.knobs := ENV EMAIL EMAILS ACCEPT DRY_RUN YES
forget: setup ## Erase the person EMAIL, or those in EMAILS, everywhere and verify it (asks, unless YES=1)
	@$(BIN)/lakehouse forget

.PHONY: export
export.knobs := ENV EMAIL
export: setup ## Write all data about the person EMAIL to a file
	@$(BIN)/lakehouse export

##@ Operate

.PHONY: plan
plan.knobs := ENV PROFILE PLAN PORT
plan: setup ## Show what `make apply` would change; save it to PLAN, for `make apply PLAN=file`
	@$(BIN)/lakehouse plan

.PHONY: apply
apply.knobs := ENV PROFILE PLAN PORT OUTPUT YES
apply: setup ## Provision the lakehouse with Terraform (ENV=local: start the embedded AWS first; asks on AWS, unless YES=1)
	@$(BIN)/lakehouse apply

.PHONY: schedule
schedule.knobs := ENV CRON
schedule: setup ## Write the schedule CRON of the pipeline into terraform/environments/<ENV>/main.tf (CRON=none: no schedule)
	@$(BIN)/lakehouse schedule

.PHONY: destroy
destroy.knobs := ENV YES
destroy: setup ## Destroy everything that Terraform created in ENV (asks on AWS, unless YES=1)
	@$(BIN)/lakehouse destroy

.PHONY: down
down.knobs := ENV
down: setup ## Stop the embedded AWS and remove all its data
	@$(BIN)/lakehouse down

##@ Develop

.PHONY: test
test.knobs := TESTS ARGS
test: setup ## Run the tests except the slow ones; TESTS and ARGS select some of them
	@$(BIN)/python -m tests.run 'not slow' tests/e2e tests/integration tests/unit

.PHONY: test-unit
test-unit.knobs := ARGS
test-unit: setup ## Run the unit tests except the slow ones
	@$(BIN)/python -m tests.run 'not slow' tests/unit

.PHONY: test-slow
test-slow.knobs := TESTS ARGS
test-slow: setup ## Run the slow tests: enforced IAM, hostile input, an erasure, a failure of each job
	@$(BIN)/python -m tests.run slow tests/e2e tests/integration tests/unit

.PHONY: rerun-job
rerun-job.knobs := ENV RUN
rerun-job: setup ## Run the job run RUN again from its folder in build/local/jobs, output on the terminal (ENV=local only)
	@$(BIN)/lakehouse rerun

.PHONY: lint
lint: setup ## Check format, style and types; change nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python tools/generate_reference.py --check
	@$(BIN)/python -m bench.documents --check
	@terraform fmt -check -recursive terraform
	@$(BIN)/zizmor --offline --pedantic --quiet .github
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: format
format: setup ## Format Python and Terraform in place
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@terraform fmt -recursive terraform

compile = $(BIN)/uv pip compile pyproject.toml --quiet --universal --no-header --python-version 3.11

.PHONY: docs
docs: setup ## Write what docs/ and the modules' READMEs have from Terraform code, DDL, Makefile and the published bench
	@$(BIN)/python tools/generate_reference.py
	@$(BIN)/python -m bench.documents

.PHONY: site
site: $(DOCS) ## Build the site of the documents into build/site; fail on a broken link
	@$(VENV)-docs/bin/python tools/build_site.py

.PHONY: site-serve
site-serve: site ## Show the site of the documents on http://127.0.0.1:8000, until Ctrl-C
	@$(VENV)-docs/bin/python -m http.server --bind 127.0.0.1 --directory build/site

# In an environment of its own: nothing else needs it.
$(DOCS): requirements-docs.txt
	$(set-up)

.PHONY: links
links: $(LINKS) ## Fetch every web page that the documents link to; fail if one is gone (needs the internet)
	@git ls-files -z '*.md' | xargs -0 $(VENV)-links/bin/lychee --no-progress --exclude-loopback --accept '200..=299,429'

# In an environment of its own: its one program is larger than the rest of the documents' tools.
$(LINKS): requirements-links.txt
	$(set-up)

.PHONY: lock
lock: setup ## Pin the dependency tree of pyproject.toml again: requirements.txt, and its subset requirements-aws.txt
	@$(BIN)/pip install -qq --disable-pip-version-check uv
	@$(compile) --all-extras --output-file requirements.txt
	@$(compile) --no-annotate --constraints requirements.txt --output-file requirements-aws.txt

.PHONY: checkov
checkov: $(CHECKOV) ## Scan the Terraform code for insecure settings
	@CKV_PARSE_ERROR_FAIL=true $(VENV)-checkov/bin/checkov --directory terraform --framework terraform --skip-download --compact --quiet --skip-path '/tests/'

# In an environment of its own: it pins other versions of the lakehouse's dependencies.
$(CHECKOV): requirements-checkov.txt
	$(set-up)

.PHONY: chaos
chaos.knobs := KILLS SEED ORCHESTRATION
chaos: setup ## Kill jobs, break writes and damage files on an embedded AWS of its own
	@$(BIN)/python -m tests.chaos

.PHONY: hostile
hostile.knobs := EXAMPLES SEED ORCHESTRATION
hostile: setup ## Run jobs on hostile landing files of each table, and on a line of 100 MB
	@$(BIN)/python -m tests.try_hostile

.PHONY: bench
bench.knobs := SIZES ROUNDS INCREMENTAL DATA PROFILE_JOB
bench: setup $(CHART) ## Measure the pipeline against naive Spark scripts and DuckDB, side by side (an hour)
	@$(BIN)/python -m bench

# In an environment of its own: only the chart needs it.
$(CHART): requirements-bench.txt
	$(set-up)

.PHONY: test-glue-catalog
test-glue-catalog: setup $(GLUE_CATALOG) ## Run the jobs on GlueCatalog and S3FileIO, as on AWS (downloads 361 MB once)
	@$(BIN)/pytest tests/glue_catalog

# In an environment of its own: only one jar of it is used, and nothing is imported.
$(GLUE_CATALOG): requirements-glue-catalog.txt
	$(set-up)

.PHONY: test-athena-clients
test-athena-clients: setup $(ATHENA_CLIENTS) ## Query Athena of the embedded AWS with awswrangler and the AWS CLI
	@$(BIN)/pytest tests/athena_clients

# In an environment of its own: awswrangler needs an older pyarrow.
$(ATHENA_CLIENTS): requirements-athena-clients.txt
	$(set-up)

.PHONY: test-report
test-report: setup $(REPORT) ## Open a report in Chromium: in light, dark, narrow and printed (needs Debian's chromium)
	@$(BIN)/pytest tests/report

.PHONY: screenshots
screenshots: report ## Take the screenshots of the README, from the report of the last local run (needs chromium)
	@$(BIN)/python tools/take_screenshots.py

.PHONY: test-site
test-site: setup site ## Open the site of the documents in Chromium: navigation, search, light, dark, narrow (needs chromium)
	@$(BIN)/pytest tests/site

.PHONY: test-training
test-training: setup $(TRAINING) ## Run the training example, its notebook and the reading snippets as an analyst (downloads 300 MB once)
	@$(BIN)/pytest tests/training

.PHONY: test-spark4
test-spark4: setup $(SPARK4) ## Run the tests of transforms and rules on the Spark of Glue 6.0 (downloads 450 MB once)
	@PYTHONPATH="$$PWD/$(VENV)-spark4/lib/python3.11/site-packages" $(BIN)/pytest tests/unit/jobs tests/unit/glue_jobs

# In an environment of its own, which holds Spark alone and takes the place of the other one on Python's path.
$(SPARK4): requirements-spark4.txt
	$(set-up)

.PHONY: try-docs
try-docs: setup ## Run the commands in README.md, docs/ and the examples on an embedded AWS
	@$(BIN)/python tools/try_docs.py

# Here the knobs of a command are checked before anything runs. A knob that none of the command's targets takes is refused
# if it was typed, and removed if it came from the environment. make expands a command-line value when it exports it, so
# each is redefined as its literal text; MAKEOVERRIDES would pass it to a make within a recipe again.
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
