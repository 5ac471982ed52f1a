.DEFAULT_GOAL := help
.PHONY: setup run quick test coverage test-current chromium proof lint format compile image gpu-lock data-fashion-mnist clean help

BIN := .venv/bin
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --no-loadscope-reorder
ARGS ?=
TARGET ?= cpu
IMAGE ?= mobilenet-pipeline:$(TARGET)
SOURCES := trainer components pipeline tests data

setup: ## make .venv from requirements.lock (does nothing when it is there and whole)
	@./setup.sh

run: setup ## the whole pipeline on the bundled pictures; ARGS="--variant 0.25_128" passes options on
	$(BIN)/mobilenet run $(ARGS)

quick: setup ## before each commit: the tests that train nothing and start no pipeline
	$(PYTEST) -m "not slow and not proof" $(ARGS)

test: setup chromium ## the tests that CI runs, on up to four cores; ARGS=tests/pipeline runs a part
	$(PYTEST) $(ARGS)

coverage: setup chromium ## the same, measured: lines and branches, with the floor that pyproject.toml sets (twice the time)
	$(PYTEST) --cov --cov-report=term:skip-covered $(ARGS)

test-current: ## the same on the current stack: here where this machine's C library allows, else in a Debian 13 (as root)
	@tests/current.sh

chromium: ## install Debian's Chromium for the tests of pages, where there is none and root may
	@tests/chromium.sh

proof: setup ## the long drills: kills, full data sets, many seeds
	$(BIN)/pytest -m proof $(wildcard proof) tests $(ARGS)

lint: setup ## ruff, basedpyright and hadolint; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/hadolint Dockerfile

format: setup ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compile: setup ## write pipeline.yaml, which Kubeflow Pipelines and Vertex AI take
	$(BIN)/mobilenet compile $(ARGS)

image: ## build the image of every node with docker, podman or buildah; TARGET=cpu|gpu|beam, IMAGE=name:tag, BASE_IMAGE=... optional
	@if docker info >/dev/null 2>&1; then engine=docker; \
	elif podman info >/dev/null 2>&1; then engine=podman; \
	elif buildah --version >/dev/null 2>&1; then engine=buildah; \
	else echo "image: found no docker, podman or buildah that works here: install one, or start docker's daemon." >&2; exit 1; fi; \
	revision=$$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown); \
	set -x; $$engine build --target $(TARGET) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
		--build-arg REVISION="$$revision" $(ARGS) -t $(IMAGE) .

gpu-lock: setup ## write requirements-gpu.lock: the CUDA libraries that the image's TensorFlow names, by hash
	{ echo "# What TensorFlow's extra and-cuda names, for the image's target gpu. Made by: make gpu-lock"; \
	sed -n "s/^tensorflow==\([0-9.]*\) ; python_full_version >= '3.11'.*/tensorflow[and-cuda]==\1/p" requirements.lock \
	| PATH=.venv/uv/bin:$$PATH uv pip compile - --quiet --python-version 3.13 --python-platform x86_64-manylinux_2_40 \
		--constraint requirements.lock --no-annotate --no-header --generate-hashes --no-emit-index-url --no-emit-find-links \
	| awk '/^[^ ]/ { wanted = /^nvidia-/ } wanted'; } >.gpu-lock
	mv .gpu-lock requirements-gpu.lock

data-fashion-mnist: data/fashion-mnist ## lay all 70,000 pictures of Fashion-MNIST out under data/fashion-mnist/

data/fashion-mnist: | setup # The script makes it whole or not at all.
	$(BIN)/python data/make_fashion_mnist.py --output $@

clean: ## remove caches and build outputs; .venv, runs/ and data/ stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage mutants
	find $(SOURCES) proof benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '%-20s %s\n' "$$name" "$$what"; done
