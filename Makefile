# The commands that developers and CI run. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where cargo builds; cargo reads the same variable.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Seconds that each fuzz target and the soak run.
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 3600
# Seconds for which a live channel is watched, and length of what is recorded.
LIVE_SOAK_SECONDS ?= 600
RECORD_SECONDS ?= 3600
# What is measured: load, startup, players, live, transcode, relay; all unless set.
BENCH ?=
# Seconds for which clients of a relay come and go, and how often what is promised of it is done.
RELAY_SOAK_SECONDS ?= 600
RELAY_ROUNDS ?= 100
# How often it kills the encoder of a channel, and headend, while players play.
OUTAGE_ROUNDS ?= 10
# How often the soak kills a job with all its processes.
KILL_ROUNDS ?= 100
# Address of the demo; port 0 takes a free one.
LISTEN ?= 127.0.0.1:8080

FUZZ_TARGETS := boxes init mpd packager playlists sniff url_options

.PHONY: help setup build demo test check bench fuzz fuzz-seeds soak demo-check readme-check

help: ## lists the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

setup: ## installs what is missing to run, test and measure (Debian packages)
	scripts/setup.sh test
	scripts/setup.sh bench

build:
	cargo build --release --package headend

demo: ## installs ffmpeg if missing, builds, makes a sample and serves it; prints the page's URL
	scripts/setup.sh run
	$(MAKE) --no-print-directory build
	exec $(TARGET)/release/headend demo --listen $(LISTEN)

test: ## runs all tests: units, end to end over the binary, browser, documentation
	scripts/setup.sh test
	cargo build --package headend
	if cargo nextest --version >/dev/null 2>&1; then \
		HEADEND_BIN="$$(realpath $(TARGET)/debug/headend)" cargo nextest run --workspace; \
	else \
		HEADEND_BIN="$$(realpath $(TARGET)/debug/headend)" cargo test --workspace --all-targets; \
	fi
	cargo test --workspace --doc

check: ## checks format, lints, documentation, the walls between crates, and that fuzz targets build
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo test --package headend-tests --test floors
	cargo check --manifest-path fuzz/Cargo.toml --target-dir $(TARGET) --no-default-features

bench: ## measures on this machine, writes a table and bench/results.json; BENCH=relay or BENCH=relay-hop for a part
	scripts/setup.sh bench
	$(MAKE) --no-print-directory build
	PATH="$$PATH:/usr/sbin" HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" \
		cargo run --release --package headend-bench -- $(BENCH)

fuzz-seeds:
	scripts/setup.sh run
	cargo run --package headend-tests --bin fuzz-seeds -- fuzz/corpus

fuzz: fuzz-seeds ## runs each fuzz target for FUZZ_SECONDS (needs nightly Rust and cargo-fuzz)
	@cargo +nightly fuzz --version >/dev/null || \
		{ echo "fuzz: needs rustup toolchain install nightly, and cargo install cargo-fuzz" >&2; exit 3; }
	for target in $(FUZZ_TARGETS); do \
		cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10; \
	done

soak: ## plays a simulated channel for SOAK_SECONDS, watches a live one, records an hour, crowds a relay, kills encoders and jobs
	scripts/setup.sh test
	$(MAKE) --no-print-directory build
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" SOAK_SECONDS=$(SOAK_SECONDS) \
		LIVE_SOAK_SECONDS=$(LIVE_SOAK_SECONDS) RECORD_SECONDS=$(RECORD_SECONDS) \
		cargo test --package headend-tests --test soak --test recording -- --nocapture --test-threads 1
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" RELAY_SOAK_SECONDS=$(RELAY_SOAK_SECONDS) \
		RELAY_ROUNDS=$(RELAY_ROUNDS) \
		cargo test --package headend-tests --test relay -- --nocapture --test-threads 1 \
		restless_clients finite_output exclusive_clients
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" OUTAGE_ROUNDS=$(OUTAGE_ROUNDS) \
		cargo test --package headend-tests --test outages -- --nocapture --test-threads 1
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" KILL_ROUNDS=$(KILL_ROUNDS) \
		cargo test --package headend-tests --test transcode killing_everything -- --nocapture

demo-check: ## starts the demo, fetches the page and a segment of each way out, stops it
	scripts/setup.sh run
	$(MAKE) --no-print-directory build
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" \
		cargo test --package headend-tests --test demo -- --nocapture

readme-check: ## runs the commands of README.md that are marked as runnable
	scripts/setup.sh run
	$(MAKE) --no-print-directory build
	HEADEND_BIN="$$(realpath $(TARGET)/release/headend)" \
		cargo test --package headend-tests --test readme -- --nocapture
