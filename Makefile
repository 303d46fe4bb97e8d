# `make help` lists the targets. Everything here works on a fresh Debian 12 with
# Go: scripts/setup installs what a target needs and says why.
SHELL := /bin/bash
export PATH := $(PATH):/usr/local/go/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# The version comes from git describe; under sudo git may refuse to be asked by go.
# grpc's traces bring html/template, for whose sake the linker keeps all methods: 4 MB.
export GOFLAGS := $(GOFLAGS) -buildvcs=false -tags=grpcnotrace
PREFIX ?= /usr/local
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BIN := bin/reusewatch

.DEFAULT_GOAL := help
.PHONY: help build demo test race fuzz chaos havoc havoc-clock soak mutations vm-test systemd-test package package-test image image-test lint generate check-generated picture bench bench-compare bench-publish install clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/reusewatch, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/reusewatch

demo: build ## see a stuck listener found and removed (root; about 20 s; leaves nothing behind)
	$(BIN) demo

test: ## all tests on this machine's kernel (root; real servers in their own network namespaces)
	scripts/setup test
	go vet ./...
	scripts/test

race: ## tests that need no kernel to watch, under the race detector
	scripts/setup race
	scripts/race

fuzz: ## every fuzz target in turn (FUZZTIME=10m PARALLEL=1 TARGET="FuzzFrame …"); test runs their corpora
	FUZZTIME=$(or $(FUZZTIME),10m) PARALLEL=$(or $(PARALLEL),1) scripts/fuzz $(TARGET)

chaos: ## scenes that a seed draws beside an armed reusewatch (root; CYCLES=300 SEED=… JOBS=6; test plays 20)
	scripts/setup test
	CYCLES=$(or $(CYCLES),300) SEED=$(or $(SEED),$(shell date +%s)) JOBS=$(JOBS) BINARY=$(BINARY) CGO_ENABLED=0 \
		go test -count=1 -timeout 0 -v -run TestChaos ./internal/e2etest/chaos

havoc: ## an armed reusewatch killed, stopped, signalled, out of disk in its acts (root; ACTS=200 SEED=… JOBS=6; test plays 16)
	scripts/setup test
	ACTS=$(or $(ACTS),200) SEED=$(or $(SEED),$(shell date +%s)) JOBS=$(JOBS) BINARY=$(BINARY) LONGEST=$(or $(LONGEST),60) CGO_ENABLED=0 \
		go test -count=1 -timeout 0 -v -run TestHavoc ./internal/e2etest/havoc

havoc-clock: ## the same with steps of the clock, in a VM (root; ACTS=30 SEED=… KERNEL=6.12)
	scripts/havoc-clock $(or $(KERNEL),6.12) $(or $(ACTS),30) $(or $(SEED),$(shell date +%s))

soak: ## an armed reusewatch on a busy host, measured each second: no tick late, nothing grows (root; MINUTES=60; BINARY=…)
	scripts/setup test
	MINUTES=$(or $(MINUTES),60) BINARY=$(BINARY) CGO_ENABLED=0 \
		go test -count=1 -timeout 0 -v -run TestSoak ./internal/e2etest/soak

vm-test: ## what any kernel can run, in VMs with Debian's (KERNEL="6.1 6.12" ARCH=arm64; FULL=1: all scenarios; WRITE=1: into the docs)
	scripts/vm-matrix $(if $(KERNEL),-k "$(KERNEL)") $(if $(ARCH),-A "$(ARCH)") $(if $(FULL),-f) $(if $(WRITE),-w)

systemd-test: ## the unit under a real systemd, in a VM (root; 60 s)
	scripts/systemd-test

package: ## deb and rpm for amd64 and arm64, SBOM and checksums, in dist/
	scripts/package

package-test: ## two builds are equal; install, upgrade, remove and purge in a small Debian (root; 60 s)
	scripts/package-test

image: ## the container image for amd64 and arm64, in dist/
	scripts/image

image-test: ## build the image and look at what is in it (root)
	scripts/image-test

lint: ## golangci-lint, with the walls between the packages; clang-format for the C of the kernel side
	scripts/setup lint
	clang-format-19 --dry-run -Werror bpf/*.c bpf/*.h headers/*.h
	$(GOLANGCI) run ./...
	$(GOLANGCI) fmt --diff ./...

generate: ## compile bpf/ anew (clang-19, libbpf-dev)
	scripts/setup generate
	BPF2GO_CFLAGS="-I/usr/include/$$(uname -m)-linux-gnu" go generate ./bpf

check-generated: ## fail if the committed BPF object is not what bpf/ compiles to
	scripts/check-generated

picture: ## docs/top.png, from a real run (root; 90 s)
	scripts/picture

mutations: ## take each rule of the proof that somebody is dead out of a copy, and see a test miss it
	scripts/mutations

bench: ## measure all that reusewatch costs against what one would run instead, into bench.json (root; 7 min)
	scripts/bench $(if $(KERNEL),-k $(KERNEL)) bench.json

bench-compare: ## fail if more is counted (instructions, runs, allocations) than in the baseline (root; 2 min)
	scripts/bench -c $(if $(KERNEL),-k $(KERNEL)) bench-counted.json
	go run ./internal/bench compare docs/bench/baseline.json bench-counted.json

bench-publish: ## bench.json becomes the baseline and the tables of README and docs/performance.md
	cp bench.json docs/bench/baseline.json
	go run ./internal/bench publish docs/bench/baseline.json README.md docs/performance.md

install: build ## into $(PREFIX)/bin
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/reusewatch

clean: ## remove what build leaves
	rm -rf bin dist bench.json bench-counted.json
