# The only list of commands. `make` alone prints it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

NPM_DIR := crates/ostia-testkit/npm
PYTHON_DIR := crates/ostia-testkit/python
# Programs that come as Python packages, each apart from the system's Python and from the others. The tests run another
# OpenID provider, a scanner of TLS, and two proxies that no distribution has; the load bench runs one of those.
PYTHON_PROGRAMS := canaille sslyze traefik envoy
BENCH_PYTHON_PROGRAMS := envoy
# What installs the named ones where what is there is not what is wanted.
install_python = for program in $(1); do wanted=$(PYTHON_DIR)/$$program.txt; home=.tools/$$program; \
	  if ! cmp -s $$wanted $$home/requirements.txt; then \
	    python3 -m venv --clear $$home; \
	    $$home/bin/pip install --quiet --disable-pip-version-check -r $$wanted; \
	    cp $$wanted $$home/requirements.txt; fi; done
# Node.js for the tests where the system's is too old for the provider they run (Debian 12 has 18).
NODE_AT_LEAST := 20
NODE_PACKAGE := node-linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)
NODE_VERSION := 22.23.3
export PATH := $(CURDIR)/.tools/node_modules/$(NODE_PACKAGE)/bin:$(PATH)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# nextest where it is installed, cargo's own runner everywhere else.
RUNNER := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo "test")

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: demo
demo: build-deps ## build Ostia and run the demo: provider, two upstreams, proxy, a URL to open
	cargo run --profile quick --bin ostia -- demo $(DEMO_ARGS)

.PHONY: build
build: build-deps ## build the release binary (fat LTO: what the published figures are measured with)
	cargo build --release --bin ostia

.PHONY: check
check: build-deps test-deps format-check lint test ## what CI runs: formatting, lints, every test

.PHONY: test
test: build-deps test-deps ## set up what is missing and run every test
	cargo build --workspace --examples
	cargo $(RUNNER) --workspace --lib --bins --tests --benches

.PHONY: format
format: ## format the code
	cargo fmt --all

.PHONY: format-check
format-check: ## fail when the code is not formatted
	cargo fmt --all --check

.PHONY: lint
lint: build-deps ## clippy, warnings are errors
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: reference
reference: build-deps ## write docs/reference from the code
	OSTIA_BLESS=1 cargo test -p ostia --test house

.PHONY: bench
bench: build-deps ## criterion benches of the hot parts
	cargo bench --workspace --benches

.PHONY: bench-load
bench-load: build-deps bench-deps ## CPU time per request beside bare Pingora, HAProxy, NGINX and Envoy
	benches/load/run

.PHONY: bench-memory
bench-memory: build ## memory of the release binary: idle, by idle connection
	benches/memory/run

.PHONY: soak
soak: build bench-deps ## an hour of reloads and upgrades under load with WebSockets open; the release binary
	benches/life/run --only soak --seconds 3600

.PHONY: fuzz
fuzz: build-deps ## fuzz the readers of what strangers send: make fuzz TARGET=host SECONDS=60; no TARGET: all of them
	fuzz/run "$(TARGET)" "$(or $(SECONDS),60)"

.PHONY: corpus
corpus: build bench-deps ## the corpus of ambiguous requests against Ostia, NGINX and HAProxy; writes docs/reference
	benches/corpus/run

.PHONY: build-deps
build-deps: ## install what the build needs when it is absent (cmake, a C compiler)
	@need=""; for tool in cmake cc; do command -v $$tool >/dev/null || need="$$need $$tool"; done; \
	if [ -n "$$need" ]; then $(SUDO) apt-get update -qq; \
	  $(SUDO) apt-get install -y -qq --no-install-recommends cmake gcc g++ make libc6-dev >/dev/null; fi

.PHONY: test-deps
test-deps: ## install what the tests need when it is absent (Node.js, Chromium, promtool, openssl, pebble, Redis, NGINX, Caddy, Traefik, Envoy, clients, npm and Python packages)
	@need=""; \
	command -v node >/dev/null || need="$$need nodejs"; \
	command -v npm >/dev/null || need="$$need npm"; \
	command -v chromium >/dev/null || need="$$need chromium"; \
	command -v promtool >/dev/null || need="$$need prometheus"; \
	command -v openssl >/dev/null || need="$$need openssl"; \
	command -v pebble >/dev/null || need="$$need pebble"; \
	command -v redis-server >/dev/null || need="$$need redis-server"; \
	[ -x /usr/sbin/nginx ] || need="$$need nginx"; \
	command -v caddy >/dev/null || need="$$need caddy"; \
	command -v curl >/dev/null || need="$$need curl"; \
	command -v wrk >/dev/null || need="$$need wrk"; \
	command -v h2load >/dev/null || need="$$need nghttp2-client"; \
	/usr/bin/python3 -c 'import websockets' 2>/dev/null || need="$$need python3 python3-websockets"; \
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || need="$$need python3-grpcio"; \
	python3 -c 'import ensurepip' 2>/dev/null || need="$$need python3-venv"; \
	if [ -n "$$need" ]; then $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$need >/dev/null; fi
	@if [ "$$(node -p 'process.versions.node.split(".")[0]')" -lt $(NODE_AT_LEAST) ]; then \
	  npm install --prefix .tools --no-save --no-audit --no-fund --loglevel=error $(NODE_PACKAGE)@$(NODE_VERSION); fi
	@if [ ! -e $(NPM_DIR)/node_modules/.package-lock.json ] || \
	  [ $(NPM_DIR)/package-lock.json -nt $(NPM_DIR)/node_modules/.package-lock.json ]; then \
	  cd $(NPM_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; fi
	@$(call install_python,$(PYTHON_PROGRAMS))

.PHONY: bench-deps
bench-deps: ## install the peers of the load bench when they are absent (haproxy, nginx, envoy, wrk, openssl, Node.js)
	@need=""; for tool in haproxy nginx wrk openssl; do command -v $$tool >/dev/null || need="$$need $$tool"; done; \
	command -v node >/dev/null || need="$$need nodejs"; \
	python3 -c 'import ensurepip' 2>/dev/null || need="$$need python3-venv"; \
	if [ -n "$$need" ]; then $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$need >/dev/null; fi
	@$(call install_python,$(BENCH_PYTHON_PROGRAMS))
