PYTHON ?= python3
BIN := .venv/bin

.PHONY: run dev drill test soak lint bench docs lock clean

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

run: .venv/installed  ## Run the daily pipeline on recorded data and print the report
	$(BIN)/ballast run

dev: .venv/installed  ## Open the Dagster UI on the same data
	$(BIN)/ballast dev

drill: .venv/installed  ## Rehearse orders and repairs with a broker that fails and a process that is killed
	$(BIN)/ballast drill --runs $(or $(RUNS),25) --seed $(or $(SEED),1)

test: .venv/installed  ## Run the tests that finish in minutes
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadgroup

soak: .venv/installed  ## Run the slow tests: concurrent writers, kills, long simulations
	$(BIN)/python -m pytest -m slow

lint: .venv/installed  ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed  ## Run every benchmark beside its peers, which are installed for it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ".[bench]"
	$(BIN)/python -m benchmarks

docs: .venv/installed  ## Regenerate the settings reference
	$(BIN)/python -m pipelines.settings_reference > docs/settings.md

lock:  ## Renew the lock file
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-header --no-annotate --upgrade --output-file requirements.lock

clean:
	rm -rf .venv data
