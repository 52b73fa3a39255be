# SPDX-License-Identifier: MIT
# Each target does its own set-up; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
CODE := $(wildcard ondemand ondemand_web ondemand_consumer plugins/ondemand_plugins demo tests)
# Unit tests of different files run side by side; the others look at what a whole machine is left with.
JOBS ?= 2
UNITS := $(wildcard tests/unit)
# Tests of faults mostly wait, so they run beside those that build and boot. Crashes do both themselves: of two machines that are
# emulated at once on two processors one may stand still.
WAITING := $(filter-out tests/faults/test_crashes.py,$(wildcard tests/faults/test_*.py))
TESTS := $(wildcard tests/unit tests/integration tests/acceptance tests/faults docs/example_backend)

.PHONY: help setup setup-test check docs test test-slow demo bench rpm lock clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do \
		printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: ## install system packages and .venv (every target does it by itself)
	@config/setup/prepare

setup-test:
	@config/setup/prepare --test

check: setup ## lint and types
	$(PY) -m ruff check .
	$(PY) -m mypy $(CODE)

docs: setup-test ## write the documents that are made from code
	@$(PY) -m tests.tools.documents

test: setup-test ## lint, types and every test that takes seconds
	$(PY) -m ruff check .
	$(PY) -m mypy $(CODE)
	$(PY) -m pytest -m "not slow" -n $(JOBS) --dist loadfile $(UNITS)
	$(PY) -m pytest -m "not slow" $(filter-out $(UNITS),$(TESTS))

test-slow: setup-test ## every test that takes minutes
	@mkdir -p build; $(PY) -m pytest -m "slow" $(WAITING) >build/waiting.log 2>&1 & waiting=$$!; status=0; \
	$(PY) -m pytest -m "slow" $(addprefix --ignore=,$(WAITING)) $(TESTS) || status=1; \
	wait $$waiting || status=1; cat build/waiting.log; exit $$status

demo: setup ## build and boot a live image on this machine; RELEASE=demo|f44 BUILDS="UPDATE NVR"
	@$(PY) -m demo.run $(if $(RELEASE),--release $(RELEASE)) $(BUILDS)

bench: setup-test ## measure the service; ONLY=core runs one group
	@$(PY) -m tests.bench $(if $(ONLY),--only $(ONLY))

rpm: setup ## the four RPMs, in build/rpm/RPMS
	@config/setup/rpm

lock: setup ## renew requirements.lock from setup.py
	@config/setup/lock

clean: ## remove .venv and everything built
	rm -rf --one-file-system .venv build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
