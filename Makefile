# What there is to do here. Each target is a few lines around a script or cargo; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CLUSTER := cargo run --quiet --package kivi-cluster --

.PHONY: help demo down test lint unit chart-test images cluster cluster-test bench-server bench-sidecar bench-operator generate generate-check preflight soak

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: preflight images ## Start a local Kubernetes, install Kivi, and take a tour of a store
	@scripts/cluster.sh
	@cargo run --quiet --package kivi-tests --bin kivi-demo

down: ## Stop the local Kubernetes and remove all of it
	@$(CLUSTER) down

test: ## Run everything that CI runs
	@scripts/test.sh

lint: ## Check format, lints and shell scripts
	@scripts/lint.sh

unit: ## Run the tests that need no cluster
	@cargo test --workspace

chart-test: ## Render the Helm chart and check what comes out
	@cargo test --package kivi-tests --test chart

images: preflight ## Build the images into dist/images [REGISTRY=localhost/kivi] [TAG=version] [PUSH=1]
	@scripts/images.sh

cluster: preflight ## Start the local Kubernetes and leave it running
	@$(CLUSTER) up

cluster-test: images ## Run the tests on a cluster, which stays up
	@scripts/cluster.sh
	@cargo build --quiet --package kubectl-kivi
	@cargo test --package kivi-tests --features cluster --test cluster
	@scripts/faults.sh

bench-server: ## Measure the server beside nginx, Redis, etcd and a plain Go server [ARGS=--quick]
	@scripts/bench-server.sh $(ARGS)

bench-sidecar: ## Measure the sidecar beside nginx, HAProxy and Varnish [ARGS=--quick]
	@scripts/bench-sidecar.sh $(ARGS)

bench-operator: images ## Measure the operator on the local cluster, with one store and with a thousand [ARGS=--quick]
	@scripts/bench-operator.sh $(ARGS)

soak: images ## Kill, cut, break and compact a store, race the cache, and lose nothing; 5,000 stores on a cluster; long [KIVI_SOAK=90 times the usual]
	@KIVI_SOAK=$${KIVI_SOAK:-90} cargo test --package kivi-store --test crashes --test compaction --test faults --test damage
	@KIVI_SOAK=$${KIVI_SOAK:-90} cargo test --package kivi-layers --test model
	@scripts/bench-operator.sh --case stores-1000 --stores 5000 --figures target/bench/operator-5000.jsonl

generate: ## Write the generated files: CRD, chart
	@scripts/generate.sh

generate-check: ## Fail if a generated file is stale
	@scripts/generate.sh --check

preflight: ## Check what this machine lacks, and install its packages
	@scripts/preflight.sh
	@scripts/packages.sh
