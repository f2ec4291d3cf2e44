# Each target sets up .venv by itself. A fresh machine needs only Python 3.11+ and make.
PYTHON ?= python3
# Recorded answers of real models, for the benchmark that replays them.
REPLAY ?= ../shared/replay
BENCHMARKS := overhead store store_postgres history memory report gateway replay routing calibration signal_errors cache semantic soak
CLIENT_TESTS := $(addprefix tests/test_,openai_client.py streams.py hearing.py ladder.py history.py cooldown.py faults.py)
NODE_PACKAGES := openai@6.49.0 tsx@4.23.15
BIN := .venv/bin
# One more than there are processors: a third of the time a test waits for a program that it has started. A worker that
# has nothing left takes from another's end, so a file's servers and browsers start once.
WORKERS := -n $(shell expr `getconf _NPROCESSORS_ONLN` + 1) --dist worksteal
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
# Where this is set, each of the many processes that the tests start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage test-sdk2 check style types packages licences reference docs audit fuzz mutants bench format clean

demo: .venv/ready
	@$(BIN)/qualityroute demo

test: .venv/dev .venv/node/ready
	$(BIN)/python -m pytest $(WORKERS)

# The same, counting which lines were run; takes nearly twice as long.
coverage: .venv/dev .venv/node/ready
	$(BIN)/python -m pytest $(WORKERS) --cov --cov-report=term:skip-covered --cov-fail-under=90

# The tests of the client once more, on the OpenAI SDK before version 3.
test-sdk2: .venv/sdk2/ready
	.venv/sdk2/bin/python -m pytest $(WORKERS) -p no:cacheprovider $(CLIENT_TESTS)

# With --jobs=2 the types have one core, and all else the other.
check: types style docs

types: .venv/dev
	$(BIN)/mypy

style: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --cache-dir .venv/lint-imports

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Wheel and sdist, and each extra installed alone; takes minutes, and a registry.
packages: .venv/dev
	$(BIN)/python tests/packages.py
	$(BIN)/python tests/image.py

licences: .venv/dev
	$(BIN)/python tests/licences.py > docs/licences.md.new && mv docs/licences.md.new docs/licences.md

# Pages of docs/reference/ that are made of the code.
reference: .venv/dev
	$(BIN)/python tests/reference.py

# The documents as a site, in .venv/site; a link that leads nowhere is an error.
docs: .venv/docs/ready
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --strict --quiet --site-dir .venv/site

# Known weaknesses of what we bring (needs a service that knows them: an unreachable one is a failure), and of our code.
audit: .venv/dev
	$(BIN)/uv tool run --quiet bandit --quiet --configfile pyproject.toml --recursive qualityroute
	$(BIN)/uv pip freeze --quiet --exclude-editable --python $(BIN)/python > .venv/installed.txt
	$(BIN)/uv tool run --quiet pip-audit --strict --no-deps --disable-pip --requirement .venv/installed.txt

# Each reader of what strangers send, ten minutes long; what a run finds lies beside this file as crash-….
FUZZ_MINUTES ?= 10
FUZZED := json verdict stream config rubric body headers head
fuzz: .venv/fuzz/ready
	@for name in $(FUZZED); do echo "== $$name"; \
	    nice .venv/fuzz/bin/python -m tests.fuzz $$name --minutes $(FUZZ_MINUTES) || exit 1; done

# Which changed lines of the pure modules no test sees: PARTS="pins routing", or all of them in half an hour.
mutants: .venv/mutants/ready
	nice .venv/mutants/bin/python tests/mutants.py $(PARTS)

# The quick form of each; the whole one, and where it writes its figures, is in docs/benchmarks.md.
bench: .venv/dev
	@for benchmark in $(BENCHMARKS); do echo "== benchmarks/$$benchmark.py"; \
	    QUALITYROUTE_REPLAY=$(REPLAY) $(BIN)/python benchmarks/$$benchmark.py --quick || exit 1; done

# An older Python is told of before its environment is there, which later runs would go on with.
.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name it: PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

.venv/ready: .venv/uv pyproject.toml constraints.txt
	$(UV) -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/ready
	$(UV) -c constraints.txt -e '.[fast,html,otel,postgres,semantic,server]' --group dev
	@touch $@

.venv/sdk2/ready: .venv/dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/sdk2
	grep -v '^openai==' constraints.txt > .venv/sdk2/constraints.txt
	$(BIN)/uv pip install --quiet --python .venv/sdk2/bin/python -c .venv/sdk2/constraints.txt \
	    -e . 'openai<3' hypothesis pytest pytest-xdist trio
	@touch $@

.venv/fuzz/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/fuzz
	$(BIN)/uv pip install --quiet --python .venv/fuzz/bin/python -c constraints.txt -e '.[server]' --group fuzz
	@touch $@

.venv/docs/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/docs
	$(BIN)/uv pip install --quiet --python .venv/docs/bin/python -c constraints.txt -e . --group docs
	@touch $@

# The package comes from the copy that is changed, and from nowhere else.
.venv/mutants/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/mutants
	$(BIN)/uv pip install --quiet --python .venv/mutants/bin/python -c constraints.txt \
	    -e '.[fast,server]' --group dev --group mutants
	$(BIN)/uv pip uninstall --quiet --python .venv/mutants/bin/python qualityroute
	@touch $@

# Node's clients of the gateway; without npm the tests that need them are skipped.
.venv/node/ready: Makefile | .venv/uv
	@if command -v npm >/dev/null; then \
	    npm install --silent --no-audit --no-fund --no-package-lock --prefix .venv/node $(NODE_PACKAGES) && touch $@; \
	    else echo "no npm here: Node's clients are not tested"; fi

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* qualityroute-demo
