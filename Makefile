# The commands of a developer's day; `make` lists them. Everything is built under build/<preset>/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PROMPT ?= Why is the sky blue? Answer in two sentences.
MODEL ?=
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

# Read from the environment by the recipes, so that a prompt with quotes reaches chitu as it is.
export PROMPT MODEL

BENCH_ARGS ?=
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: help
help: ## List the targets
	@echo "usage: make TARGET [NAME=value ...]"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
	@echo
	@echo 'for example: make run PROMPT="Write a haiku about winter."'
	@echo "             PROMPT='Is \$$5 much?' make run         (behind make run, write \$$\$$ for \$$)"
	@echo '             make test STAGES="unit lint"    (scripts/test.py --help lists the stages)'

# --- Build ------------------------------------------------------------------------------------------

# Ninja runs CMake again by itself when a CMakeLists.txt has changed.
build/%/build.ninja: CMakePresets.json
	@cmake --preset $* $(CMAKE_ARGS)
	@touch $@

# Configures and builds a preset; silent when there is nothing to do.
define build_preset
$(MAKE) --silent build/$(1)/build.ninja
if ! ninja -C build/$(1) -n | grep -q "no work to do"; then
	cmake --build build/$(1) -j $(JOBS)
fi
endef

.PHONY: deps
deps:
	@scripts/deps.sh build

.PHONY: build
build: deps ## Build the release: build/release/bin/chitu
	@$(call build_preset,release)

.PHONY: dev
dev: ## Build for debugging with address and undefined-behaviour sanitizers: build/dev
	@scripts/deps.sh build test
	@$(call build_preset,dev)

.PHONY: tsan
tsan: ## Build with the thread sanitizer: build/tsan
	@scripts/deps.sh build test
	@$(call build_preset,tsan)

.PHONY: cuda
cuda: deps ## Build with CUDA (needs the CUDA toolkit): build/cuda/bin/chitu
	@$(call build_preset,cuda)

.PHONY: install
install: build ## Install the program, the library and its CMake package under PREFIX=/usr/local
	@cmake --install build/release --prefix "$(PREFIX)"

# --- Use --------------------------------------------------------------------------------------------

.PHONY: run
run: build ## Answer PROMPT="..." with the default model, or with MODEL=file-or-directory
	@build/release/bin/chitu run $${MODEL:+models="$$MODEL"} -- "$$PROMPT"

.PHONY: bench
bench: build ## Measure prompt and decode speed of the default model, or MODEL=...
	@build/release/bin/chitu bench $${MODEL:+models="$$MODEL"} $(BENCH_ARGS)

# --- Test -------------------------------------------------------------------------------------------

$(VENV)/.installed: tests/requirements.txt
	@scripts/deps.sh test
	@test -x $(PYTHON) || python3 -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

.PHONY: test
test: ## Build and run all tests, the linters and the sanitizers, or only STAGES="unit ..."
	@scripts/deps.sh build test lint fuzz arm64
	@$(MAKE) --silent $(VENV)/.installed
	@$(PYTHON) scripts/test.py --jobs $(JOBS) $(STAGES)

.PHONY: lint
lint: ## Check format, layers, sizes, scripts, links, and clang-tidy on changed files
	@scripts/deps.sh build test lint
	@$(MAKE) --silent build/test/build.ninja
	@python3 scripts/lint.py --jobs $(JOBS)

.PHONY: format
format: ## Format all sources in place
	@scripts/deps.sh lint
	@git ls-files '*.h' '*.cc' '*.cu' '*.cuh' | xargs -r clang-format-14 -i

.PHONY: fuzz
fuzz: ## Fuzz every target for SECONDS=60
	@scripts/deps.sh build fuzz
	@$(call build_preset,fuzz)
	@scripts/fuzz.sh build/fuzz $(or $(SECONDS),60)

.PHONY: clean
clean: ## Remove everything that was built
	@rm -rf build $(VENV)
