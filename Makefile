# make audit              what this machine lacks, by the example policy in pillar/; changes nothing
# make demo               a master, a minion and an offline guest: drift, highstate, no drift, drift found
# make test               all tests but those that boot a virtual machine
# make guest              the tests that boot virtual machines, emulated by QEMU
# make bench-fleet        the store of a large fleet:  BENCH_ARGS='--hosts 10000 --days 90'
# make lint bench docs    what the names say
#
# Each environment lies in .venv/, one for each series of Salt:  make test SALT=3006
# More arguments:  make test PYTEST_ARGS='-k dns'   make audit AUDIT_ARGS=--all   PYTHON=python3.12

SALT ?= 3008
VENV := .venv/$(SALT)
BIN := $(VENV)/bin
REQUIREMENTS := requirements

PYTEST_ARGS ?=
AUDIT_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=

.PHONY: help audit demo test guest lint bench bench-fleet docs clean rig
help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# The tree itself is not installed there: synced and installed in one Python is what it refuses.
$(VENV)/salt: $(REQUIREMENTS)/salt-$(SALT).txt tools/venv
	@echo "preparing $(VENV) with Salt $(SALT) (minutes, once)"
	@tools/venv $(VENV) -r $(REQUIREMENTS)/salt-$(SALT).txt
	@touch $@

$(VENV)/tests: $(VENV)/salt $(REQUIREMENTS)/tests.txt
	@tools/venv $(VENV) -r $(REQUIREMENTS)/tests.txt -r $(REQUIREMENTS)/salt-$(SALT).txt
	@touch $@

.venv/lint/done: $(REQUIREMENTS)/lint.txt tools/venv
	@tools/venv .venv/lint -r $(REQUIREMENTS)/lint.txt
	@touch $@

.venv/docs/done: $(REQUIREMENTS)/docs.txt tools/venv
	@tools/venv .venv/docs -r $(REQUIREMENTS)/docs.txt
	@touch $@

audit: $(VENV)/salt
	@$(BIN)/python tools/audit.py $(AUDIT_ARGS)

demo: $(VENV)/salt
	@$(BIN)/python tools/demo.py $(DEMO_ARGS)

rig:
	@sh tests/support/install-rig.sh

test: $(VENV)/tests rig
	$(BIN)/python -m pytest $(PYTEST_ARGS)

guest: $(VENV)/tests
	@sh tests/support/install-guest-rig.sh
	$(BIN)/python -m pytest tests/guest $(PYTEST_ARGS)

lint: .venv/lint/done
	.venv/lint/bin/ruff check .
	.venv/lint/bin/ruff format --check .
	find states -name '*.sls' -exec .venv/lint/bin/salt-lint {} +
	.venv/lint/bin/yamllint --strict .yamllint pillar states

bench: $(VENV)/tests
	$(BIN)/python bench/audit.py $(BENCH_ARGS)
	$(BIN)/python bench/beacon.py

bench-fleet: $(VENV)/tests rig
	$(BIN)/python bench/fleet/run.py $(BENCH_ARGS)

docs: .venv/docs/done
	.venv/docs/bin/python -m sphinx -W -b html docs docs/_build/html

clean:
	rm -rf .venv build dist docs/_build .pytest_cache .ruff_cache
