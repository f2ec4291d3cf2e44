# Each target sets up .venv by itself. A fresh machine needs only Python 3.11+ and make.
PYTHON ?= python3
# Recorded answers of real models, for the benchmark that replays them.
REPLAY ?= ../shared/replay
BENCHMARKS := overhead store store_postgres report gateway replay routing calibration signal_errors soak
CLIENT_TESTS := $(addprefix tests/test_,openai_client.py streams.py hearing.py ladder.py history.py cooldown.py faults.py)
NODE_PACKAGES := openai@6.49.0 tsx@4.23.15
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
# Where this is set, each of the many processes that the tests start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage test-sdk2 check bench format clean

demo: .venv/ready
	@$(BIN)/qualityroute demo

test: .venv/dev .venv/node/ready
	$(BIN)/python -m pytest -n auto

# The same, counting which lines were run; takes nearly twice as long.
coverage: .venv/dev .venv/node/ready
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered --cov-fail-under=90

# The tests of the client once more, on the OpenAI SDK before version 3.
test-sdk2: .venv/sdk2/ready
	.venv/sdk2/bin/python -m pytest -n auto -p no:cacheprovider $(CLIENT_TESTS)

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .venv/lint-imports

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The quick form of each; the whole one, and where it writes its figures, is in docs/benchmarks.md.
bench: .venv/dev
	@for benchmark in $(BENCHMARKS); do echo "== benchmarks/$$benchmark.py"; \
	    QUALITYROUTE_REPLAY=$(REPLAY) $(BIN)/python benchmarks/$$benchmark.py --quick || exit 1; done

.venv/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

.venv/ready: .venv/uv pyproject.toml constraints.txt
	$(UV) -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/ready
	$(UV) -c constraints.txt -e '.[fast,html,otel,postgres,server]' --group dev
	@touch $@

.venv/sdk2/ready: .venv/dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/sdk2
	grep -v '^openai==' constraints.txt > .venv/sdk2/constraints.txt
	$(BIN)/uv pip install --quiet --python .venv/sdk2/bin/python -c .venv/sdk2/constraints.txt \
	    -e . 'openai<3' hypothesis pytest pytest-xdist trio
	@touch $@

# Node's clients of the gateway; without npm the tests that need them are skipped.
.venv/node/ready: Makefile | .venv/uv
	@if command -v npm >/dev/null; then \
	    npm install --silent --no-audit --no-fund --no-package-lock --prefix .venv/node $(NODE_PACKAGES) && touch $@; \
	    else echo "no npm here: Node's clients are not tested"; fi

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* qualityroute-demo
