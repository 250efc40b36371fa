# Two commands for newcomers: `make demo` and `make test`. Each sets up all that it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-system coverage lint chaos mutants bench serve golden preview locks clean

demo: $(READY)
	@$(BIN)/slashjob demo --folder build/demo

test: $(READY) test-system
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# What only tests need of the operating system: a browser. Installed where that is allowed, named where not.
SYSTEM := chromium fonts-noto-color-emoji
test-system:
	@for one in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$one >/dev/null && exit 0; done; \
	as=; test "$$(id -u)" = 0 || as="sudo -n"; \
	if command -v apt-get >/dev/null && $$as true 2>/dev/null; then \
		echo "Installing $(SYSTEM) (once)"; \
		$$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(SYSTEM) >/dev/null; \
	else echo "The tests need a Chromium: install $(SYSTEM), for example as root: make test-system"; exit 1; fi

coverage: $(READY)
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q tests/unit tests/store tests/channels
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under=95 --skip-covered --sort=cover

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is played is printed; CHAOS="--minutes 10 --nodes 3 --database postgresql --seed 7" chooses.
chaos: $(READY)
	@$(BIN)/python -m tests.chaos $(CHAOS)

mutants: $(READY)
	@$(BIN)/python -m tests.chaos.mutants

bench: $(READY)
	@$(BIN)/python -m tests.benchmarks

serve: $(READY)
	@$(BIN)/slashjob serve

preview: $(READY)
	@$(BIN)/python -m tests.channels.preview build/preview
	@$(BIN)/python -m tests.acceptance.teams_preview build/preview

golden: $(READY)
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/channels tests/unit/test_readme.py

# What is installed is what the lock files say, by hash; pip itself needs nothing else.
$(READY): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; PYTHON=python3.12 make $(MAKECMDGOALS) chooses one"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Resolve again: one universal resolution for Python 3.11 to 3.14, no index and no host in it (needs uv).
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--python-version 3.11 --no-header --quiet
locks:
	$(LOCK) pyproject.toml --extra postgres --extra duckdb -o requirements.lock
	$(LOCK) pyproject.toml --extra postgres --extra duckdb --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
