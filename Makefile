# The front door of tael. `make` alone lists the targets.

# Versions of the tools are pinned in .ci/tools; binaries are shared between checkouts.
export TAEL_TOOLS ?= $(HOME)/.cache/tael/tools

GO        ?= go
COLD      ?= folder
TESTFLAGS ?=
FUZZTIME  ?= 10s
BASE      ?= HEAD~1
COUNT     ?= 6
# Packages that start goroutines; the race detector costs five times the run time, so only these.
RACE_DIRS := engine ingest api access bench/loadgen cmd test/conformance
# What starts no goroutine of ours, or does the same again on another store, is left out under the race detector, where it would take most of the time.
RACE_SKIP := TestConformance/versitygw|TestDamageIsNamedOrHarmless|TestDuckDB|TestBytesPerSpan|TestParquetGoReads|TestArrowReads
RACE_PKGS  = $(foreach d,$(RACE_DIRS),$(if $(wildcard $d),./$d/...))

.DEFAULT_GOAL := help
.PHONY: help build run demo test test-race test-interop test-disk test-load test-long \
	bench bench-steps bench-compare fuzz lint fmt docs-index tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/taeld
	@mkdir -p bin
	$(GO) build -o bin/taeld ./cmd/taeld

run: build ## start taeld on loopback, data in ./data
	./bin/taeld serve --data-dir ./data

demo: build ## send, find, flush, kill and find again; COLD=minio for an object store
	@if [ "$(COLD)" = minio ]; then .ci/tools minio; fi
	$(GO) build -o bin/demo ./demo
	./bin/demo --taeld ./bin/taeld --cold $(COLD)

test: ## vet and every test, also against real S3 servers (installed when missing)
	@start=$$(date +%s); \
	.ci/tools versitygw minio && \
	$(GO) vet ./... && \
	$(GO) test -timeout 900s $(TESTFLAGS) ./...; code=$$?; \
	echo "make test: $$(( $$(date +%s) - start )) s, exit status $$code"; exit $$code

test-race: ## the packages with goroutines under the race detector
	@.ci/tools versitygw minio
	$(GO) test -race -timeout 1200s -skip '$(RACE_SKIP)' $(TESTFLAGS) $(RACE_PKGS)

test-interop: ## PyIceberg opens the tables, and the Python SDK sends spans (needs python3)
	@.ci/tools pyiceberg otelpython versitygw
	TAEL_PYICEBERG="$(TAEL_TOOLS)/pyiceberg-0.12.0/bin/python" TAEL_OTELPYTHON="$(TAEL_TOOLS)/otelpython-1.45.2/bin/python" \
		$(GO) test -tags interop -count=1 -timeout 600s $(TESTFLAGS) ./test/interop/...

test-disk: ## full disks, failing disks and power cuts on a file system of our own (needs FUSE)
	timeout -k 10 300 $(GO) test -tags disk -count=1 -timeout 200s $(TESTFLAGS) ./test/disk/...

test-load: ## ten minutes of more load than it can take
	$(GO) test -tags load -count=1 -timeout 40m -v $(TESTFLAGS) ./test/load/...

test-long: ## the random tests with new seeds, for hours
	@.ci/tools versitygw minio
	TAEL_TEST_LONG=1 $(GO) test -count=1 -timeout 12h $(TESTFLAGS) ./...

bench: build ## end-to-end numbers of a real taeld into bench/RESULTS.md
	@.ci/tools minio
	$(GO) build -o bin/bench ./bench/run
	./bin/bench --taeld ./bin/taeld --results bench/RESULTS.md

bench-steps: ## go test -bench for each step of a span's way
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m $(TESTFLAGS) ./...

bench-compare: ## benchmarks of the work tree against BASE=<rev>, with benchstat
	@.ci/bench-compare "$(BASE)" "$(COUNT)"

fuzz: ## every fuzz target for FUZZTIME (10s)
	@.ci/fuzz "$(FUZZTIME)"

lint: ## golangci-lint with .golangci.yml
	@.ci/tools golangci-lint
	"$(TAEL_TOOLS)/golangci-lint-v2.15.0" run --allow-parallel-runners ./...

fmt: ## gofmt every file
	gofmt -w $$(git ls-files '*.go')

docs-index: ## write the lists of pages in docs/adr, docs/formats and docs/gaps again
	$(GO) run ./internal/house/docsindex

tools: ## install every tool, pinned, into $TAEL_TOOLS
	@.ci/tools

clean: ## remove what was built, not ./data
	rm -rf bin bench/out
