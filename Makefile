# make help lists the targets.

GO       ?= go
BIN      := bin
TOOLS    := $(BIN)/tools
WORKERD  := $(TOOLS)/workerd/node_modules/.bin
LINT     := v2.15.0
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X main.version=$(VERSION)
WASIP1   := GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0
PLATFORMS := linux/amd64 linux/arm64 darwin/arm64 windows/amd64
CLANG    := $(shell command -v clang 2>/dev/null)

.PHONY: help demo build examples test bench lint fmt cross clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: build examples ## fetch CPython, deploy the examples, call them, measure cold starts
	$(BIN)/mayfly demo

build: ## build bin/mayfly
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/mayfly ./cmd/mayfly

examples: ## build the examples: those in Go always, those in C where clang and wasi-libc are there
	$(WASIP1) $(GO) build -trimpath -o examples/go/hello/hello.wasm ./examples/go/hello
	$(WASIP1) $(GO) build -trimpath -o examples/go/cgi/cgi.wasm ./examples/go/cgi
	@if [ -n "$(CLANG)" ] && echo 'int main(void){return 0;}' | $(CLANG) --target=wasm32-wasi --sysroot=/usr -x c -o /dev/null - 2>/dev/null; then \
		$(CLANG) --target=wasm32-wasi --sysroot=/usr -Os -o examples/c/hello/hello.wasm examples/c/hello/hello.c; \
	else echo "examples/c is left out: it needs clang, lld and wasi-libc (see examples/c/hello/README.md)"; fi

test: build examples ## run all tests, with the race detector
	$(GO) vet ./...
	$(GO) test -race -timeout 14m ./...
	$(GO) test -timeout 14m -run 'TestGoStandardLibrary|TestGuest|TestStartsFromNothing|TestFrameworks' ./host/wasi ./gateway # what leaves itself out with the race detector

bench: examples ## run the benchmarks, beside workerd where npm can fetch it and gunicorn where it is installed
	@command -v workerd >/dev/null || [ -x $(WORKERD)/workerd ] || ! command -v npm >/dev/null || \
		npm install --silent --no-audit --no-fund --prefix $(TOOLS)/workerd workerd || echo "workerd is left out: npm did not fetch it"
	PATH="$$PATH:$(abspath $(WORKERD))" $(GO) test -run '^$$' -bench . -benchmem -timeout 1h ./...

lint: $(TOOLS)/golangci-lint ## run golangci-lint
	$(TOOLS)/golangci-lint run

$(TOOLS)/golangci-lint:
	GOBIN=$(abspath $(TOOLS)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)

fmt: ## format all Go code
	gofmt -w $(shell git ls-files '*.go')

cross: ## build and vet for every platform the server runs on
	@set -e; for p in $(PLATFORMS); do echo "$$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/mayfly; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./...; done

clean: ## remove what was built
	rm -rf $(BIN) examples/*/*/*.wasm
