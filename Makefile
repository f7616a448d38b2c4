# What people do with Highwater. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PACKAGES := models detectors changes correlation simulator streams service config highwater
C_SOURCES := detectors/compiled/window.c streams/decode/compiled/fields.c
PIP := $(RUN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=
PREFIX ?=
EXTRAS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check dev wheel install bench kafka bench-kafka soak golden dashboards dashboards-preview screenshots format clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 27

# The distribution was called `highwater` before; it owned the same files, so it has to go before the new one comes.
OLD := $(VENV)/lib/python3*/site-packages/highwater-[0-9]*.dist-info

define environment
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(RUN)/uv || $(PIP) install 'uv>=0.9,<1'
	@! compgen -G '$(OLD)' >/dev/null || $(RUN)/uv pip uninstall --quiet --python $(RUN)/python highwater highwater-monitor
endef

$(VENV)/.base: pyproject.toml uv.lock $(C_SOURCES)
	$(environment)
	@$(RUN)/uv sync --frozen --inexact --no-dev --compile-bytecode --quiet
	@$(RUN)/python -m models.c_source $(C_SOURCES)
	@$(RUN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock $(C_SOURCES)
	$(environment)
	@$(RUN)/uv sync --frozen --inexact --all-extras --group bench --compile-bytecode --quiet
	@$(RUN)/python -m models.c_source $(C_SOURCES)
	@$(RUN)/python -m compileall -q $(PACKAGES)
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base ## watch Highwater find both incidents of a simulated day (ARGS=--exit-when-done for scripts)
	@$(RUN)/highwater demo $(ARGS)

# Tests start the program some hundred times: without byte code each start would compile all of it, and each process all tests.
test: $(VENV)/.dev ## run every test that this machine can run, on all cores (ARGS="-n 0" for one process)
	@$(RUN)/python -m compileall -q $(PACKAGES)
	@env -u PYTHONDONTWRITEBYTECODE $(RUN)/pytest -n auto -m 'not soak' --durations=20 $(ARGS)

check: $(VENV)/.dev ## formatting, lint, types, layers, documents against code
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/pytest -q tests/layout $(ARGS)

dev: $(VENV)/.dev ## set up a development environment in .venv
	@echo "ready: source $(RUN)/activate"

wheel: $(VENV)/.base ## build dist/: the program and the list of what it needs (EXTRAS="--extra kafka" adds extras)
	@rm -rf dist
	@$(RUN)/uv build --wheel --quiet
	@$(RUN)/uv export --frozen --no-dev --no-emit-project --no-header --quiet --output-file dist/requirements.txt $(EXTRAS)
	@ls dist/*

install: $(VENV)/.base ## install into PREFIX, such as PREFIX=/opt/highwater-0.1.0 (EXTRAS="--extra kafka" adds extras)
	@test -n '$(PREFIX)' || { echo 'name the folder: make install PREFIX=/opt/highwater-0.1.0' >&2; exit 2; }
	@UV_PROJECT_ENVIRONMENT='$(PREFIX)' $(RUN)/uv sync --frozen --no-dev --no-editable --compile-bytecode --quiet --python $(PYTHON) $(EXTRAS)

format: $(VENV)/.dev ## format the code and mend what lint can mend
	@$(RUN)/ruff format .
	@$(RUN)/ruff check --fix .

bench: $(VENV)/.dev ## measure detection and correlation (ARGS=--quick for minutes instead of hours)
	@$(RUN)/python -m benchmarks.windows $(ARGS)
	@$(RUN)/python -m benchmarks.detection $(ARGS)
	@$(RUN)/python -m benchmarks.correlation $(ARGS)

kafka: $(VENV)/.dev ## start a real Apache Kafka on free ports (Java 17 and Maven needed), until Ctrl-C
	@$(RUN)/python -m tests.kafka.broker $(ARGS)

bench-kafka: $(VENV)/.dev ## measure the Kafka workers against a stock agent, as ratios within one run
	@$(RUN)/python -m benchmarks.kafka $(ARGS)

soak: $(VENV)/.dev ## the long campaigns: hundreds of kills and faults, from seeds
	@$(RUN)/pytest -m soak $(ARGS)

golden: $(VENV)/.dev ## write the expected output of the golden cases anew: read the difference before you commit it
	@$(RUN)/python -m tests.golden.accept $(ARGS)

dashboards: $(VENV)/.dev ## write the dashboards' JSON anew from config/grafana/boards
	@$(RUN)/python -m config.grafana.build

dashboards-preview: $(VENV)/.dev ## draw every dashboard into docs/images (Prometheus and Chromium needed; some ten minutes)
	@$(RUN)/python -m config.grafana.preview $(ARGS)

screenshots: $(VENV)/.dev ## draw the page's pictures into docs/images (Chromium needed; some minutes)
	@$(RUN)/python -m tests.service.page.screenshots $(ARGS)

clean: ## remove the environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
