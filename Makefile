# On a fresh machine with Python 3.11+, git and make, `make demo` and `make test` set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= auto
EXTRAS ?= all
# one stamp for each set of extras, because the demo's installation is not enough for the tests
INSTALLED := $(VENV)/.installed-$(EXTRAS)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# The tests that run on every supported Python: facts, grading, the command line, and a few competitions from mock data to score
# that together cover csv, json, images, archives, masks and parquet.
CORE := tests/registry tests/grading tests/cli tests/test_public_names.py tests/test_existing_clients.py
CORE_COMPETITIONS := spaceship-titanic or aerial-cactus or jigsaw-toxic or nomad2018 or tgs-salt or icecube or whale-redux

.PHONY: demo test agents podman core lint bench docs dist smoke clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[$(EXTRAS)]" --group test --group lint --group docs --group dist
	touch $@

demo: $(INSTALLED)
	$(BIN)/mlebench demo

test: $(INSTALLED)
	$(PYTEST) -m "not agents and not podman_whole"

# builds the images of all packaged agents, from PyPI and npm, and runs each in a container
agents: $(INSTALLED)
	$(PYTEST) -m agents tests/agents/packaged

# all container tests again, on the Podman whose socket is in MLEBENCH_PODMAN
podman: $(INSTALLED)
	$(PYTEST) -m podman tests/sandbox/podman

# another interpreter needs a separate folder: `make core PYTHON=python3.13 VENV=.venv-3.13`
core: $(INSTALLED)
	$(PYTEST) -q $(CORE)
	$(PYTEST) -q tests/competitions/test_contract.py tests/competitions/test_golden.py -k "$(CORE_COMPETITIONS)"

# the libraries that agents call exist only in their images
lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/mypy --ignore-missing-imports --allow-subclassing-any --no-warn-return-any --no-warn-unused-ignores agents/*/*.py

docs: $(INSTALLED)
	$(BIN)/mkdocs build --quiet
	$(PYTEST) -q tests/docs/test_links.py

# sdist and wheel, in dist/
dist: $(INSTALLED)
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

# installs each into an empty environment and runs the demo and more there
smoke: dist
	PYTHON=$(PYTHON) .ci/smoke.sh dist/*.whl dist/*.tar.gz

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venv-* build dist site
