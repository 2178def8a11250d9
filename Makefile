# The work is in scripts/; this is the table of contents.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help build install demo test test-all race lint cross bench faults fuzz docs dist clean

help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/docker-userns, static
	@scripts/build

install: ## Install the plugin: for you, or with sudo for every user of this machine
	@scripts/install

demo: ## Install the plugin, and audit an image made on the spot (no engine needed)
	@scripts/demo

test: ## Run all tests; as root on Debian, install first what they need
	@scripts/test

test-all: ## Run all tests, and those of which make test tries a sample on every engine and Dockerfile
	@TEST_ALL=1 scripts/test

race: ## Run the tests of all packages under the race detector, but for those that boot hosts
	@scripts/race

lint: ## Run golangci-lint and the checks of the project's own rules
	@scripts/lint

cross: ## Build and vet for linux, darwin and windows on amd64 and arm64
	@scripts/cross

bench: ## Compare the audit, check, verify and the copy of enable --carry with what others take
	@scripts/bench && scripts/bench-check && scripts/bench-store && scripts/bench-verify && scripts/bench-carry && scripts/bench-outage

faults: ## Break off enable and disable at every step, in every way; takes hours. FAULTS=N tries N, RESUME=1 goes on
	@scripts/faults

fuzz: ## Fuzz every parser, for an hour in total or FUZZTIME each
	@scripts/fuzz

docs: ## Write the reference, and the parts of README.md that are generated
	@scripts/docs

dist: ## Make a release in dist: archives, packages, bills of materials, checksums
	@scripts/dist

clean: ## Remove what was built
	rm -rf bin dist
