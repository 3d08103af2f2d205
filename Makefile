# Each target sets up what it needs in .venv, once, and touches nothing else on the machine.
# PYTHON=… chooses the interpreter; otherwise it is the first on the PATH that fits and really runs
# (a version manager's shim may stand there and fail).

FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell IFS=:; \
	for name in python3.13 python3.12 python3.11 python3; do \
		for folder in $$PATH; do \
			"$$folder/$$name" -c '$(FITS)' 2>/dev/null && echo "$$folder/$$name" && exit; \
		done; \
	done)

export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

INSTALLED := .venv/installed
FOR_TESTS := .venv/for-tests
CACHE := $(or $(NEDSVC_CACHE),.cache)
SAMPLE_INDEX := $(CACHE)/sample-index
VECTOR_INDEX := $(CACHE)/vector-index
SIZED_INDEXES := $(CACHE)/sized-indexes

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint bench quality system-deps

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

demo: $(INSTALLED) ## Link the example article with the starter index
	@.venv/bin/nedsvc annotate examples/article.txt

serve: $(INSTALLED) ## Serve the starter index, or NEDSVC_INDEX, on port 8000 (NEDSVC_REDIS_URL: where answers are kept)
	@.venv/bin/nedsvc serve

test: $(FOR_TESTS) ## Run the tests (NEDSVC_SHARED: the folder of the shared material, for the tests that read it)
	.venv/bin/python -m pytest -n auto --dist loadgroup

lint: $(FOR_TESTS) ## Check style and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

bench: $(SAMPLE_INDEX)/manifest.json ## Measure speed, and accuracy on the seed article (needs NEDSVC_SHARED)
	.venv/bin/python benchmarks/seed.py --starter
	.venv/bin/python benchmarks/seed.py --index $(SAMPLE_INDEX)
	.venv/bin/python benchmarks/open_time.py --index $(SAMPLE_INDEX)
	.venv/bin/python benchmarks/throughput.py --index $(SAMPLE_INDEX)
	for what in rates scaling memory; do .venv/bin/python benchmarks/build.py $$what || exit; done
	.venv/bin/python benchmarks/lookups.py build $(SIZED_INDEXES)
	.venv/bin/python benchmarks/lookups.py measure $(SIZED_INDEXES)
	.venv/bin/python benchmarks/fuzzy.py --index $(SAMPLE_INDEX)
	.venv/bin/python benchmarks/side_by_side.py --index $(SAMPLE_INDEX)
	.venv/bin/python benchmarks/service.py --starter
	.venv/bin/python benchmarks/batch_service.py --starter
	for what in kills scaling memory length; do .venv/bin/python benchmarks/bulk.py $$what --index $(SAMPLE_INDEX) || exit; done
	.venv/bin/python benchmarks/spark.py --starter
	.venv/bin/python benchmarks/live.py --index $(SAMPLE_INDEX)
	.venv/bin/python benchmarks/roles.py --index $(SAMPLE_INDEX)

quality: $(VECTOR_INDEX)/manifest.json ## Measure how right the links are, write docs/quality.md (needs NEDSVC_SHARED; an hour)
	.venv/bin/python benchmarks/quality.py --index $(VECTOR_INDEX)

# RUNLEVEL=1 keeps Debian's package from starting a server of its own; the tests start theirs.
INSTALL := env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes

system-deps: ## Install what must come from the system's package manager
	@packages="$(if $(PYTHON),,python3-venv)"; \
	command -v redis-server >/dev/null || packages="$$packages redis-server"; \
	command -v java >/dev/null || packages="$$packages default-jre-headless"; \
	packages="$${packages# }"; \
	if [ -z "$$packages" ]; then \
		echo "system-deps: nothing to install"; \
	elif ! command -v apt-get >/dev/null; then \
		echo "system-deps: no apt-get here; what Debian calls $$packages is missing"; \
	elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && $(INSTALL) $$packages; \
	elif command -v sudo >/dev/null; then \
		sudo apt-get update && sudo $(INSTALL) $$packages; \
	else \
		echo "system-deps: not root, and no sudo here; have $$packages installed"; \
	fi

$(INSTALLED): pyproject.toml
	@python="$(PYTHON)"; \
	if ! "$$python" -c '$(FITS)' 2>/dev/null; then \
		echo "nedsvc needs Python 3.11, 3.12 or 3.13 with its venv module (tried: $${python:-what is on the PATH})." >&2; \
		echo "Install one (make system-deps), or name one: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi; \
	echo "Setting up .venv with $$python" >&2; \
	"$$python" -m venv .venv
	@.venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@.venv/bin/python -m pip install --quiet --editable '.[en]'
	@touch $@

$(FOR_TESTS): $(INSTALLED)
	@echo "Adding what only tests and measurements need (Spark alone is 450 MB)" >&2
	@.venv/bin/python -m pip install --quiet --editable '.[en,accurate,bulk,html,spark]' --group dev
	@touch $@

$(SAMPLE_INDEX)/manifest.json: $(FOR_TESTS)
	@[ -n "$(NEDSVC_SHARED)" ] || { echo "make bench: set NEDSVC_SHARED to the folder of the shared material" >&2; exit 1; }
	.venv/bin/nedsvc index build "$(NEDSVC_SHARED)/wikidata-sample/sample.json.gz" -o $(SAMPLE_INDEX)

# Made aside, as the vectors take long: what is left of a run that was cut off is no index with vectors.
$(VECTOR_INDEX)/manifest.json: $(SAMPLE_INDEX)/manifest.json
	rm -rf $(VECTOR_INDEX).new && cp -r $(SAMPLE_INDEX) $(VECTOR_INDEX).new
	.venv/bin/nedsvc index vectors $(VECTOR_INDEX).new
	rm -rf $(VECTOR_INDEX) && mv $(VECTOR_INDEX).new $(VECTOR_INDEX)
