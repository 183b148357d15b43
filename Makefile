# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

STEP := scripts/step.sh
GO := cd go-host && CGO_ENABLED=0 go
# Go gives a test's last result again while nothing in its module changed; vectors and scripts lie outside of it.
ANEW := -count=1
GO_BENCH := cd tests/bench/go && CGO_ENABLED=0 go
RUST_BENCH := cd tests/bench/rust &&
# In the repository's folder of what is built, so that what the main workspace has is not built once more.
RUST_BENCH_IN := --locked --target-dir ../../../target
# For Miri and cargo-careful only: nothing that is shipped or needed by `make test` is built by it.
NIGHTLY := nightly-2026-05-20
SECONDS_EACH ?= 60

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup-rust ## Show both hosts at work against a server of their own
	@$(STEP) "Building the Rust host's example (the first time takes minutes)" cargo build --quiet --locked --workspace --example demo_agent
	@$(STEP) "Building the Go host's command" bash -c '$(GO) build -o ../target/tools/coracle ./cmd/coracle'
	@$(STEP) "Running the demo" target/tools/coracle demo --rust-agent target/debug/examples/demo_agent

.PHONY: test
test: setup check-generated check-component lint test-rust simulate-mutants test-go test-go-race test-bench faults-quick faults-events-quick demo perturb cross-build ## Test everything, as CI does
	@echo "==> All of it passed"

.PHONY: setup
setup: ## Install what the tests need: Rust targets, redis-server, valkey-server
	@$(STEP) "Installing the Rust toolchain and its WebAssembly targets" scripts/setup-rust.sh wasm32-wasip2
	@$(STEP) "Installing the servers that tests run against" scripts/install-servers.sh
	@$(STEP) "Fetching a newer Redis" scripts/newer-redis.sh
	@$(STEP) "Fetching a newer Valkey" scripts/newer-valkey.sh

.PHONY: setup-rust
setup-rust:
	@$(STEP) "Installing the Rust toolchain and its WebAssembly target" scripts/setup-rust.sh

.PHONY: test-rust
test-rust: ## Test the core, the Rust host and xtask
	@$(STEP) "Testing the core, the Rust host and xtask" scripts/with-miniredis.sh cargo test --quiet --workspace --locked

.PHONY: test-go
test-go: ## Test the Go host without cgo
	@$(STEP) "Testing the Go host" bash -c '$(GO) test $(ANEW) ./...'

.PHONY: test-go-race
test-go-race: ## Test the Go host with the race detector
	@$(STEP) "Testing the Go host with the race detector" bash -c 'cd go-host && CGO_ENABLED=1 go test $(ANEW) -race ./...'

.PHONY: test-bench
test-bench: ## Vet and test the benchmark's programs
	@$(STEP) "Linting the benchmark of Rust clients" bash -c '$(RUST_BENCH) cargo clippy --quiet --workspace --all-targets $(RUST_BENCH_IN) -- --deny warnings'
	@$(STEP) "Linting the Rust host as the benchmark has it" cargo clippy --quiet --package coracle --features foreign-core --locked -- --deny warnings
	@$(STEP) "Testing what the benchmark of Rust clients counts" bash -c '$(RUST_BENCH) cargo test --quiet --package bench-measure $(RUST_BENCH_IN)'
	@$(STEP) "Testing the benchmark's programs" bash -c 'cd tests/bench/go && CGO_ENABLED=0 go vet ./... && CGO_ENABLED=0 go test ./...'

.PHONY: test-vectors
test-vectors: ## Run only the vectors, in the core and in both hosts
	@$(STEP) "Running the vectors in the core and in the Rust host" cargo test --quiet --locked --workspace --test vectors
	@$(STEP) "Running the vectors in the Go host" bash -c '$(GO) test $(ANEW) -run ^TestVectors .'

# The examples are built with it since cargo then takes the features, and so what it has built, of the tests.
FAULTS_BUILD = cargo build --quiet --locked --workspace --examples --bin faults
SEED ?= 1
MINUTES ?= 10

.PHONY: faults
faults: setup faults-build ## Break real servers under load from both hosts (QUICK=1: for half a minute)
	@$(STEP) "Breaking servers under load; the table goes to target/faults/report.md" target/debug/faults run --seed $(SEED) $(if $(QUICK),--quick)

.PHONY: faults-build
faults-build:
	@$(STEP) "Building the load of the Rust host, and the runner" $(FAULTS_BUILD)
	@$(STEP) "Building the load of the Go host" bash -c '$(GO) build -o ../target/tools/faultload ./internal/faultload'

.PHONY: faults-quick
faults-quick:
	@$(MAKE) faults QUICK=1

.PHONY: faults-events
faults-events: setup faults-events-build ## Break servers under the event store, both hosts on one store (QUICK=1: for half a minute)
	@$(STEP) "Breaking servers under the event store; the table goes to target/faults/events.md" target/debug/faults events --seed $(SEED) $(if $(QUICK),--quick)

.PHONY: faults-events-build
faults-events-build:
	@$(STEP) "Building the Rust agent of the event store, and the runner" $(FAULTS_BUILD)
	@$(STEP) "Building the Go agent of the event store" bash -c '$(GO) build -o ../target/tools/eventload ./internal/eventload'

.PHONY: faults-events-quick
faults-events-quick:
	@$(MAKE) faults-events QUICK=1

.PHONY: soak
soak: setup faults-build ## Load both hosts for MINUTES=10 under faults; fail if memory or tasks grow
	@$(STEP) "Soaking for $(MINUTES) minutes" target/debug/faults soak --seed $(SEED) --minutes $(MINUTES)

.PHONY: simulate
simulate: SEEDS ?= 0..100000
simulate: ## Run the core in a simulated world: make simulate SEEDS=0..100000
	@cargo run --release --quiet --locked --package simulation -- --seeds $(SEEDS)

.PHONY: simulate-mutants
simulate-mutants: ## See the simulation find each deliberate bug of the core
	@$(STEP) "Looking for deliberate bugs of the core" cargo run --quiet --locked --package simulation --features mutants -- --mutants --seeds 0..2000

.PHONY: drivers
drivers: SEEDS ?= 0..5000
drivers: ## Run both hosts over a scripted transport: make drivers SEEDS=0..5000
	@$(STEP) "Building the Rust host's driver tests" cargo build --quiet --locked --workspace --bin drivers
	@target/debug/drivers --seeds $(SEEDS)
	@$(GO) test -count=1 -timeout 2h -run '^TestSeeds$$' -v ./internal/drivers -args -seeds $(SEEDS)

.PHONY: component
component: setup-rust ## Build the component and write it where both hosts embed it
	@$(STEP) "Building the component" cargo xtask component

.PHONY: generate
generate: component ## Write the generated files, but for the table of commands
	@$(STEP) "Writing the Go host's constants" cargo xtask wire
	@$(STEP) "Writing the Go linker's test components" cargo xtask fixtures

.PHONY: commands
commands: setup ## Ask a Redis and a Valkey for their commands and write the core's table of them
	@$(STEP) "Writing the core's table of commands" cargo xtask commands

.PHONY: check-component
check-component: ## Rebuild the component and compare every byte
	@$(STEP) "Rebuilding the component and comparing every byte" cargo xtask component --check

.PHONY: check-generated
check-generated: ## Compare the generated files with what would be written
	@$(STEP) "Checking the Go host's constants" cargo xtask wire --check
	@$(STEP) "Checking the Go linker's test components" cargo xtask fixtures --check
	@$(STEP) "Checking the core's table of commands" cargo xtask commands --check

.PHONY: perturb
perturb: ## See both hosts' tests fail on a component with one changed letter
	@$(STEP) "Running both hosts' vectors on perturbed components" cargo xtask perturb

.PHONY: cross-build
cross-build: ## Build the Go host for every promised platform
	@$(STEP) "Building the Go host for every promised platform" scripts/cross-build.sh

.PHONY: lint
lint: ## Check format, lints, licences and dependencies
	@$(STEP) "Checking the format" scripts/check-format.sh
	@$(STEP) "Checking who depends on whom" cargo xtask check-deps
	@$(STEP) "Checking that the fuzz targets' lock file is current" bash -c 'cargo metadata --quiet --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null'
	@$(STEP) "Checking licences and sources of dependencies" scripts/cargo-deny.sh --log-level error check licenses bans sources
	@$(STEP) "Linting the Rust parts" cargo clippy --quiet --workspace --all-targets --locked -- --deny warnings
	@$(STEP) "Linting the component shell" cargo clippy --quiet --package coracle-core --all-features --locked --target wasm32-unknown-unknown -- --deny warnings
	@$(STEP) "Vetting the Go host" bash -c '$(GO) vet ./...'
	@$(STEP) "Building staticcheck" bash -c 'cd go-host/tools && go build -o ../../target/tools/staticcheck honnef.co/go/tools/cmd/staticcheck'
	@$(STEP) "Linting the Go host" bash -c 'cd go-host && CGO_ENABLED=0 ../target/tools/staticcheck ./...'

.PHONY: format
format: ## Format every source file
	@cargo fmt --all
	@cd tests/bench/rust && cargo fmt --package bench-rust --package bench-measure --package bench-events-rust
	@cd tests/fixtures && cargo fmt --all
	@cd fuzz && cargo fmt --package coracle-fuzz
	@gofmt -w go-host tests/bench/go

.PHONY: bench-boundary
bench-boundary: ## Measure what a command costs at the border of the sandbox
	@$(STEP) "Measuring the boundary in the Rust host" cargo run --release --quiet --locked --package bench-boundary
	@$(STEP) "Measuring the boundary in the Go host" bash -c '$(GO) run ./internal/benchboundary'

.PHONY: bench
bench: bench-build ## Measure the clients side by side, in under 20 minutes (QUICK=1: under 3; ARGS="--server valkey-server")
	@$(STEP) "Installing the servers to measure with" scripts/install-servers.sh --any-version
	@$(STEP) "Measuring; the report goes to target/bench/report.md" target/bench/bench $(if $(QUICK),--quick) $(ARGS)

.PHONY: bench-build
bench-build: setup-rust ## Build the benchmark programs and their runner into target/bench
	@$(STEP) "Building the benchmark of Rust clients (the first time takes minutes)" bash -c '$(RUST_BENCH) cargo build --quiet --release $(RUST_BENCH_IN)'
	@install -D target/release/bench-rust target/bench/bench-rust
	@$(STEP) "Building the benchmark of Go clients" bash -c '$(GO_BENCH) build -o ../../../target/bench/bench-go .'
	@$(STEP) "Building the benchmarks' runner" bash -c '$(GO_BENCH) build -o ../../../target/bench/bench ./cmd/bench'

.PHONY: bench-events
bench-events: setup-rust ## Measure the event store through both hosts, beside one on PostgreSQL, at up to 1,000,000 events
	@$(STEP) "Installing the servers to measure with" scripts/install-servers.sh --any-version
	@$(STEP) "Installing PostgreSQL to measure beside" scripts/install-postgres.sh
	@$(STEP) "Building the Rust host's part of it (the first time takes minutes)" bash -c '$(RUST_BENCH) cargo build --quiet --release --package bench-events-rust $(RUST_BENCH_IN)'
	@install -D target/release/bench-events-rust target/bench/bench-events-rust
	@$(STEP) "Building the benchmark of event stores" bash -c '$(GO_BENCH) build -o ../../../target/bench/bench-events ./cmd/bench-events'
	@$(STEP) "Measuring; the report goes to target/bench-events/report.md" target/bench/bench-events $(ARGS)

.PHONY: fuzz
fuzz: ## Fuzz each target for SECONDS_EACH=60
	@$(STEP) "Fuzzing the core" scripts/cargo-tool.sh cargo-fuzz 0.13.2 scripts/fuzz.sh $(SECONDS_EACH) decode encode calls
	@$(STEP) "Fuzzing the Go linker" bash -c '$(GO) test -run ^$$ -fuzz ^FuzzDecode$$ -fuzztime $(SECONDS_EACH)s -fuzzminimizetime 10x ./component'
	@$(STEP) "Fuzzing how the Go linker links" bash -c '$(GO) test -run ^$$ -fuzz ^FuzzLink$$ -fuzztime $(SECONDS_EACH)s -fuzzminimizetime 10x ./component'
	@$(STEP) "Fuzzing the Go linker's types" bash -c '$(GO) test -run ^$$ -fuzz ^FuzzParse$$ -fuzztime $(SECONDS_EACH)s -fuzzminimizetime 10x ./component/wit'

.PHONY: setup-nightly
setup-nightly:
	@$(STEP) "Installing $(NIGHTLY) with Miri" scripts/setup-nightly.sh $(NIGHTLY)

.PHONY: miri
miri: setup-nightly ## Run the core's unit tests in Miri
	@$(STEP) "Running the core's unit tests in Miri" cargo +$(NIGHTLY) miri test --quiet --locked --package coracle-core --lib

.PHONY: careful
careful: setup-nightly ## Run the core's tests on a standard library with assertions
	@$(STEP) "Running the core's tests by cargo-careful" scripts/cargo-tool.sh cargo-careful 0.4.10 cargo +$(NIGHTLY) careful test --quiet --locked --package coracle-core

.PHONY: clean
clean: ## Remove what was built
	@cargo clean --quiet
