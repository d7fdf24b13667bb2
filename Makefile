# Custody ledger. `make demo FILE=path` runs the main job, `make test` everything that is tested, `make` alone says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
UV ?= uv
VENV := .venv
SLIM := .venv-slim
SLITHER := .venv-slither
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FILE ?= docs/example.jpg
HOME_DIR ?= run-home
KILLS ?= 200
SEED ?= 20261121
export CI := true
export HARDHAT_DISABLE_TELEMETRY := true
export HARDHAT_DISABLE_TELEMETRY_PROMPT := true

.PHONY: help slim demo story first-session screens picture run test nightly lint format docs bench soak campaigns artifacts contracts coverage slither python python-alone python-outside python-inside python-nightly node kubo geth fsck ewfacquire install install-dev images locks release clean

help:
	@echo "make demo FILE=path   run the main job on a file of yours, and explain every step"
	@echo "make install          set up .venv, with everything: .venv/bin/custody"
	@echo "make slim             set up $(SLIM), with what verifies: $(SLIM)/bin/custody verify"
	@echo "make run              make a home in $(HOME_DIR), and serve it"
	@echo "make story            tell the story of several agencies, and leave its folders for a court"
	@echo "make test             run everything that is tested; make lint and make nightly besides"
	@echo "make release          build, compare and sign a release: see docs/install.md"
	@echo "make clean            remove what the others set up"

# With a command, even one that does nothing, make does not say "Nothing to be done".
install: $(VENV)/.installed
	@:
install-dev: $(VENV)/.installed-dev
	@:
slim: $(SLIM)/.installed
	@:
images: $(VENV)/.installed-images
	@:
node: node_modules/.installed

# Compiled now: on a disk that is full later, Python would write compiled modules in part, and load them no more.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("custody needs Python 3.11 or newer, found %d.%d" % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	@echo "Setting up, once: a Python environment of its own in $(VENV), which changes nothing outside this folder but caches of pip"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up: libraries, each compared with its digest in requirements.lock (the longest part, up to some minutes)"
	@$(PIP) --require-hashes -r requirements.lock
	@echo "Setting up: custody itself"
	@$(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q ledger api cli
	@touch $@

# The builder comes by its digest too: pip would otherwise fetch one of its own choice.
$(SLIM)/.installed: requirements-base.lock requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("custody needs Python 3.11 or newer, found %d.%d" % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	@echo "Setting up, once: what verifies, in $(SLIM), each library compared with its digest in requirements-base.lock"
	@test -x $(SLIM)/bin/python || $(PYTHON) -m venv $(SLIM)
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock > $(SLIM)/builder.lock
	@$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-base.lock -r $(SLIM)/builder.lock
	@$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "What verifies, and does nothing else, is set up: $(SLIM)/bin/custody verify --help"
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Setting up: what the tests need besides, by requirements-dev.lock"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.installed-images: requirements-images.lock $(VENV)/.installed
	@echo "Setting up: what reads disk images, by requirements-images.lock"
	@$(PIP) --require-hashes -r requirements-images.lock
	@touch $@

# What is pinned and fits stays as it is. uv is a program of its own, needed for this alone.
LOCK := $(UV) pip compile pyproject.toml --universal --generate-hashes --no-header --quiet
locks:
	$(LOCK) --extra all --extra build -o requirements.lock
	$(LOCK) --extra all --extra build --extra images --extra dev -o requirements-dev.lock
	$(LOCK) -c requirements.lock -o requirements-base.lock
	$(LOCK) -c requirements.lock --extra client -o requirements-client.lock
	$(LOCK) -c requirements.lock --extra client --extra images -o requirements-images.lock

# Not `npm ci`: it wants entries for the optional binaries of every other platform, which a lock made on one does not have.
node_modules/.installed: package-lock.json
	@command -v node >/dev/null || { echo "make test needs Node 20 or newer: install it from nodejs.org or your distribution"; exit 1; }
	@node -e 'if (+process.versions.node.split(".")[0] < 20) { console.error("make test needs Node 20 or newer, found " + process.version); process.exit(1) }'
	@echo "Setting up, once: what runs and tests the contracts, in node_modules"
	@npm install --no-save --silent --no-progress
	@touch $@

kubo: .build/kubo/ipfs

.build/kubo/ipfs: tools/kubo/go.mod tools/kubo/build.sh tools/go_program.sh
	tools/kubo/build.sh
	touch -h $@

geth: .build/geth/geth

.build/geth/geth: tools/geth/go.mod tools/geth/build.sh tools/go_program.sh
	@echo "Setting up, once: what seals the chain of several agencies, in .build/geth (two minutes or more)"
	@tools/geth/build.sh
	@touch -h $@

# Tests make disk images with it, to have them from another program than the one that reads them.
ewfacquire:
	@command -v ewfacquire >/dev/null || { echo "make test needs ewfacquire, which makes disk images: apt-get install ewf-tools, or libewf's tools of your distribution"; exit 1; }

fsck: .build/fsck/fsck

.build/fsck/fsck: tools/fsck/go.mod tools/fsck/build.sh
	tools/fsck/build.sh

demo: install
	@$(BIN)/custody demo "$(FILE)" --output demo-out

story: install geth
	@$(BIN)/python -m tools.scenarios.story --output story-out

# Both write a page of docs/ anew, from what people typed and saw in this run.
first-session: install
	@$(BIN)/python -m tools.scenarios.first_session

# What people see at 80 columns, which a test compares with what they saw when it was written.
screens: install
	@$(BIN)/python -m tools.scenarios.screens

picture: install
	@$(BIN)/python -m tools.picture

run: install
	@test -f $(HOME_DIR)/passphrase || { mkdir -p $(HOME_DIR) && (umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24))' > $(HOME_DIR)/passphrase); }
	@test -d $(HOME_DIR)/home || $(BIN)/custody --home $(HOME_DIR)/home --passphrase-file $(HOME_DIR)/passphrase init --agency NL-POL --person 4711 --here
	@test -e .custody || $(BIN)/custody --passphrase-file $(HOME_DIR)/passphrase home use $(HOME_DIR)/home
	@exec $(BIN)/custody --home $(HOME_DIR)/home --passphrase-file $(HOME_DIR)/passphrase serve --port 8000

# The longest first, the short ones beside their ends: two processes are at work from the first minute to the last.
test: lint
	$(MAKE) --jobs=2 --output-sync=target ewfacquire kubo geth fsck python-inside python-outside contracts python-alone

# What takes long: commands and nodes killed at random moments, stories told whole, mutations and fuzzing by the thousand, the coverage of the contracts.
nightly: install-dev kubo geth fsck
	$(MAKE) --jobs=2 --output-sync=target python-nightly coverage soak campaigns slither

contracts: node
	npx --no-install hardhat compile --quiet
	node tools/export_artifacts.js --check
	npx --no-install hardhat test

coverage: node
	npx --no-install hardhat coverage > .build/coverage.txt || { cat .build/coverage.txt; exit 1; }
	tail -n 14 .build/coverage.txt

# An environment of its own: it wants an older web3 than we do.
$(SLITHER)/.installed: tools/slither/requirements.lock
	@test -x $(SLITHER)/bin/python || $(PYTHON) -m venv $(SLITHER)
	@$(SLITHER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/slither/requirements.lock
	@touch $@

# --fail-none: the findings are judged by their answers.
slither: node install-dev $(SLITHER)/.installed
	npx --no-install hardhat compile --force --quiet
	rm -f .build/slither.json
	$(SLITHER)/bin/slither . --ignore-compile --hardhat-artifacts-directory .build/hardhat/artifacts --hardhat-cache-directory .build/hardhat/cache --filter-paths node_modules --fail-none --json .build/slither.json 2> .build/slither.txt || { cat .build/slither.txt; exit 1; }
	$(BIN)/python tools/slither/check.py .build/slither.json

# In processes of their own: tests that need no other program; commands, nodes and adapters, with their programs; and all the rest.
ALONE := tests/property tests/unit tests/vectors
OUTSIDE := tests/cli tests/adapters
python: install-dev ewfacquire kubo geth fsck
	$(MAKE) --jobs=2 --output-sync=target python-inside python-outside python-alone

python-alone: install-dev
	$(BIN)/python -m pytest $(ALONE)

python-outside: install-dev ewfacquire node kubo
	$(BIN)/python -m pytest $(OUTSIDE)

python-inside: install-dev ewfacquire node kubo geth fsck
	$(BIN)/python -m pytest $(addprefix --ignore=,$(OUTSIDE) $(ALONE))

python-nightly: install-dev node kubo geth fsck
	$(BIN)/python -m pytest -m nightly

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 -p ledger -p api -p cli
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin -p ledger -p api -p cli
	$(BIN)/lint-imports --no-cache
	$(BIN)/vulture
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python -m tools.cli_docs --check
	$(BIN)/python -m tools.role_docs --check

docs: install-dev
	$(BIN)/python -m tools.cli_docs
	$(BIN)/python -m tools.role_docs

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-dev kubo fsck
	$(BIN)/python -m benchmarks

soak: install-dev
	$(BIN)/python -m tests.campaigns.soak --kills $(KILLS) --seed $(SEED)

campaigns: install-dev node
	FUZZ_STEPS=6000 FUZZ_SEED=$(SEED) npx --no-install hardhat test tests/contracts/invariants.test.js
	$(BIN)/python -m tests.campaigns.mutations --count 100000 --seed $(SEED)
	CUSTODY_FUZZ_ROUNDS=20000 CUSTODY_TEST_SEED=$(SEED) $(BIN)/python -m pytest tests/property/test_parsers.py

artifacts: node
	npx --no-install hardhat compile --force --quiet
	node tools/export_artifacts.js

# RELEASE_KEY: the file of an SSH key, private or, with an agent, public. docs/install.md says how a release is checked.
RELEASE_KEY ?=
RELEASE_DIR ?= release-out
release: install-dev
	@$(BIN)/python -m tools.release --key "$(RELEASE_KEY)" --output "$(RELEASE_DIR)"

clean:
	rm -rf $(VENV) $(SLIM) $(SLITHER) node_modules .build demo-out release-out coverage coverage.json
