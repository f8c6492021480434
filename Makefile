# Two commands: `make run` starts Sextant, `make test` checks it. Both set the machine up first.
SHELL := /bin/bash
CACHE := $(HOME)/.cache/sextant
# Builds of a CI clone share one target directory, so that only the first is cold.
ifdef CI
export CARGO_TARGET_DIR := $(CACHE)/target
# What helps one who edits only fills the disk there.
export CARGO_INCREMENTAL := 0
endif
export DUCKDB_LIB_DIR := $(CACHE)/duckdb-1.5.6
export LD_LIBRARY_PATH := $(DUCKDB_LIB_DIR):$(LD_LIBRARY_PATH)
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)

.PHONY: run test setup fuzz verapdf bench clean

run: ## set up, build and start
	@xtask/setup.sh run
	@xtask/timed.sh "building the page" cargo xtask wasm
	@xtask/timed.sh "building the programs" cargo build --quiet --profile quick --package sextant-cli --package sextant-desktop
	@xtask/run.sh $(TARGET)/quick

# Programs and tests are built by one command: one set of features, so that nothing is compiled twice.
test: ## set up, then every check
	@xtask/setup.sh test
	@xtask/timed.sh "format" cargo fmt --all --check
	@xtask/timed.sh "lint" cargo clippy --quiet --workspace --all-targets -- -D warnings
	@xtask/timed.sh "tidy" cargo xtask tidy
	@xtask/timed.sh "page" cargo xtask wasm
	@xtask/timed.sh "build" cargo build --quiet --workspace --bins --tests
	@xtask/timed.sh "tests" cargo nextest run --workspace --no-fail-fast

setup: ## only set the machine up
	@xtask/setup.sh test

fuzz: ## every fuzz target for 60 s
	@xtask/setup.sh test
	@cargo run --quiet --profile quick --package sextant-tests --bin fuzz -- 60

# Needs veraPDF (https://verapdf.org) on the path, which no package registry has.
verapdf: ## hold reports of the demo against PDF/A-3a and PDF/UA-1 by veraPDF
	@command -v verapdf >/dev/null || { echo "sextant: veraPDF is not on the path; get it at https://verapdf.org" >&2; exit 1; }
	@cargo build --quiet --workspace --bins --tests
	@xtask/verapdf.sh $(TARGET)/debug/sextant

bench: ## print the figures of docs/BENCHMARKS.md
	@xtask/setup.sh test
	@cargo build --quiet --profile quick --workspace
	@cargo bench --quiet --profile quick --workspace --bench decode --bench frames --bench serving

clean:
	cargo clean
