# What there is to do with quell's sources. `make` alone says what each target does.
# Tools are run by version with `go run`, so that nobody installs anything and all get the same answers.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
OUT      ?= bin/quell
SEEDS    ?= 200
# The first seed of the simulations: another each time, and one for the whole run.
BASE     := $(or $(BASE),$(shell date +%s))
FUZZTIME ?= 5s
FUZZERS  ?= all
COUNT    ?= 10
EVAL_DIR ?= ../shared/eval
SAMPLES  ?= 100

GOFUMPT   := go run mvdan.cc/gofumpt@v0.12.0
GOLANGCI  := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT := go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# The power-loss test is a module of its own, so that its file system stays out of quell's go.mod.
POWERLOSS := test/powerloss
# So is the control plane that quell is tested against.
KUBE := test/kube
# Absolute, since go test runs every package in its own folder.
TOOLS := $(CURDIR)/bin/tools
CORES := $(shell nproc)

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build quell and serve quell.yml
	$(OUT) serve -c quell.yml

.PHONY: build
build: ## build the static binary bin/quell
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(OUT) ./cmd/quell

# What runs where:
#
#   make check   before a commit: vet and lint of what was edited, all tests with -short, with the race detector what was edited where goroutines meet,
#                FUZZERS targets drawn by lot, a few new worlds. Whoever edits a package of the core compiles and links most tests anew
#   make test    every test in full, without the race detector
#   make race    every test in full, with it, and of the simulations a few worlds
#   .ci/run      all of that for each change: lint of everything, the short tests of every package with the race detector, every test without it, every fuzz
#                target, more worlds, and what takes a real Alertmanager, control plane, chart or disk
.PHONY: test
test: ## run all tests
	go test ./...

# What check leaves to CI, to `make test`, or to the lot. A value on the command line wins: make check SEEDS=200 FUZZERS=all
.PHONY: check
check: SHORT := -short
check: SEEDS := 8
check: FUZZERS := 2
check: FUZZTIME := 2s
check: format vet-edited lint-edited short race-edited fuzz seeds ## all that must hold before a commit; under two minutes once the tools are built

.PHONY: fmt
fmt: ## format all code
	$(GOFUMPT) -w .

.PHONY: format
format:
	@echo '--- format'
	@unformatted=$$($(GOFUMPT) -l .); [ -z "$$unformatted" ] || { echo "$$unformatted"; echo 'not formatted: run make fmt'; exit 1; }

# Without the receivers of Alertmanager's packages, only who sees them is another program.
SLIM := ./notify/alertmanager ./internal/config ./cmd/quell

.PHONY: vet
vet:
	@echo '--- vet'
	go vet -tags e2e,e2ekube ./...
	go vet -tags slim $(SLIM)
	go -C $(POWERLOSS) vet ./...

# What vet, lint and the race detector say of a package hardly depends on those that it imports, and looking at all that import an edited one costs
# more than all their tests. So check has them look at folders that are not as they were when they passed last: $(call edited,KEY) makes a list
# of them, and $(passed) remembers how all are now. Another KEY looks at all anew.
edited = mkdir -p bin/passed; touch bin/passed/$@; \
	for folder in $$(go list -tags e2e,e2ekube ./... | sed 's|^quell|.|') ./$(POWERLOSS); do \
		echo "$$({ echo '$(1)'; cat .golangci.yml go.mod $$folder/*.go; } | sha1sum | cut -d' ' -f1) $$folder"; done >bin/passed/$@.now; \
	edited=$$({ grep -vxFf bin/passed/$@ bin/passed/$@.now || true; } | cut -d' ' -f2); \
	ours=$$(grep -vxF ./$(POWERLOSS) <<<"$$edited" || true)
passed = mv bin/passed/$@.now bin/passed/$@

# What stands behind a tag is compiled by nothing else, so it is looked at each time.
.PHONY: vet-edited
vet-edited:
	@echo '--- vet of what was edited since it passed'
	@$(call edited,1); \
	go vet -tags e2e,e2ekube $$ours ./test/e2e ./test/e2ekube; \
	if grep -qxF $(SLIM:%=-e %) <<<"$$edited"; then go vet -tags slim $(SLIM); fi; \
	if grep -qxF ./$(POWERLOSS) <<<"$$edited"; then go -C $(POWERLOSS) vet ./...; fi; \
	$(passed)

.PHONY: lint
lint:
	@echo '--- lint'
	$(GOLANGCI) run
	cd $(POWERLOSS) && $(GOLANGCI) run --config ../../.golangci.yml

.PHONY: lint-edited
lint-edited:
	@echo '--- lint of what was edited since it passed'
	@$(call edited,$(GOLANGCI)); \
	if [ -n "$$ours" ]; then $(GOLANGCI) run $$ours; fi; \
	if grep -qxF ./$(POWERLOSS) <<<"$$edited"; then (cd $(POWERLOSS); $(GOLANGCI) run --config ../../.golangci.yml); fi; \
	$(passed)

# A world is one goroutine, whatever happens in it: a few that are played at once show whether they share what they should not, and `seeds` plays all.
.PHONY: race
race:
	@echo '--- tests with the race detector'
	go test -race -vet=off $(SHORT) $$(go list ./... | grep -vxF quell/correlate)
	go test -race -vet=off $(SHORT) -skip Simulat ./correlate
	go test -race -vet=off $(SHORT) -run 'SimulationOfWorlds/worlds/^[0-9]$$' ./correlate

# Where goroutines meet: what starts some, as internal/tidy knows, and what serves those of others in memory. Below them are decoders,
# texts and files, which know of no goroutine; CI looks at these with the race detector, too, which costs them four times the time.
CONCURRENT := ./ingest/callback ./ingest/kubewatch ./internal/app ./internal/backtest ./internal/demo ./internal/fake \
	./internal/rulebook ./internal/ruletest ./notify ./storage/mem ./web

# The simulations of the engine are played by `seeds`; what vet says of tests is said by `vet`; and tests are linked a quarter faster without
# what only debuggers read.
#
# The garbage collector runs at five times the memory that is in use instead of twice: tests, like the linker, live for seconds, and spend up to half
# of them on it. In CI it runs as it does for users.
SHORT_TEST := GOGC=400 go test -short -vet=off -ldflags='-s -w'

.PHONY: short
short:
	@echo '--- short tests'
	$(SHORT_TEST) $$(go list ./... | grep -vxF quell/correlate)
	$(SHORT_TEST) -skip Simulat ./correlate

.PHONY: race-edited
race-edited:
	@echo '--- short tests with the race detector, of what was edited since they passed and where goroutines meet'
	@$(call edited,1); \
	raced=$$(grep -xF $(CONCURRENT:%=-e %) <<<"$$edited" || true); \
	if [ -n "$$raced" ]; then $(SHORT_TEST) -race $$raced; fi; \
	$(passed)

# Every function FuzzX of the tree runs on one core, as many at a time as there are cores; FUZZERS says how many of them, drawn by
# lot. A busy machine may not end a worker in time, which go test reports as a failure without an input that fails; that is none. What once
# failed is in testdata/fuzz, and every test run plays it.
.PHONY: fuzz
fuzz: ## fuzz every decoder and parser for FUZZTIME
	@echo '--- fuzz targets ($(FUZZERS)), $(FUZZTIME) each'
	@{ grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . || true; } | \
		sed -E 's|^(.*)/[^/]*:[0-9]+:func (.*)|\1 \2|' | $(if $(filter all,$(FUZZERS)),sort,shuf -n $(FUZZERS)) | \
		xargs -r -P $(CORES) -L 1 bash -c 'log=$$(go test -vet=off "$$0" -run "^$$" -fuzz "^$$1$$" -fuzztime $(FUZZTIME) -parallel 1 2>&1) \
			&& echo "ok  $$0 $$1" || { grep -q "context deadline exceeded" <<<"$$log" && ! grep -q "Failing input" <<<"$$log" && echo "ok  $$0 $$1 (cut off)"; } \
			|| { echo "$$log"; echo "FAIL $$0 $$1"; exit 1; }'

# Every run plays other worlds; BASE=… plays the same again.
.PHONY: seeds
seeds: ## play SEEDS new simulations, and those that failed once (check: a third of them)
	@echo '--- simulations, $(SEEDS) seeds from BASE=$(BASE)'
	$(if $(SHORT),$(SHORT_TEST),go test -vet=off) ./correlate -run Simulat -count=1 -seeds $(SEEDS) -base $(BASE)

.PHONY: sim
sim: ## play the world of SEED and tell its story
	@[ -n '$(SEED)' ] || { echo 'which world? make sim SEED=7'; exit 2; }
	go test ./correlate -run SimulationOfWorlds -count=1 -v -seed $(SEED) -story

.PHONY: bench
bench: ## run the benchmarks COUNT times; compared with bin/bench-old.txt if that is there
	mkdir -p bin
	go test -run '^$$' -bench . -skip 'Shop|Hub' -benchmem -count=$(COUNT) -timeout 30m ./... | tee bin/bench-new.txt
	go test -run '^$$' -bench 'Shop|Hub' -benchtime 2000x -count=$(COUNT) -timeout 30m ./correlate | tee -a bin/bench-new.txt
	$(BENCHSTAT) $(wildcard bin/bench-old.txt) bin/bench-new.txt

.PHONY: bench-backtest
bench-backtest: ## replay DAYS of 1,000 alerts an hour under two configurations (DAYS=30)
	GOGC=300 go test -run '^$$' -bench Backtest -benchtime 1x -timeout 30m ./internal/backtest -days $(or $(DAYS),30)

# What people get, made of two weeks of the demo's shop with commands that every user has. A test holds the folder to it.
SAMPLE := --report docs/sample --until 2026-10-19T09:00:00+02:00 --timezone Europe/Berlin

.PHONY: sample
sample: build ## write docs/sample anew: a digest with its charts, a cascade, a page
	$(OUT) demo --fortnight | $(OUT) replay $(SAMPLE) -

.PHONY: schema
schema: ## write the JSON Schemas of rule files and of the configuration anew
	go run ./cmd/quell schema rules > docs/schema/rules.schema.json
	go run ./cmd/quell schema config > docs/schema/config.schema.json

.PHONY: tools-alertmanager
tools-alertmanager:
	@test/alertmanager/build.sh bin/tools

.PHONY: bench-compare
bench-compare: build tools-alertmanager ## load quell and the real Alertmanager alike (ARGS="-conns 8") and print both
	test/amload/compare.sh $(ARGS)

.PHONY: e2e
e2e: build tools-alertmanager ## test bin/quell together with the real Alertmanager
	version=$$(go list -m -f '{{.Version}}' github.com/prometheus/alertmanager); \
	QUELL=$(abspath $(OUT)) ALERTMANAGER=$(TOOLS)/alertmanager-$$version AMTOOL=$(TOOLS)/amtool-$$version \
		go test -tags e2e -count=1 -timeout 15m ./test/e2e/...

.PHONY: kube-bin
kube-bin: ## build the programs of a real Kubernetes control plane into a cached folder (6 to 16 minutes the first time)
	@$(KUBE)/build.sh

# Pods leave a dead node after 20 s instead of 5 minutes.
.PHONY: e2e-k8s
e2e-k8s: build kube-bin ## test bin/quell against a real Kubernetes control plane with 50 nodes and 1,000 pods
	QUELL=$(abspath $(OUT)) HOLLOW=3 TOLERATION=20 $(KUBE)/with.sh go test -tags e2ekube -count=1 -parallel 4 -timeout 15m -v ./test/e2ekube/...

.PHONY: kill
kill: ## kill quell at random moments, over and over
	QUELL_LONG=1 go test -run Kill -count=1 -timeout 60m -v ./...

.PHONY: powerloss
powerloss: build ## cut the power under bin/quell (needs root and /dev/fuse)
	QUELL=$(abspath $(OUT)) go -C $(POWERLOSS) test -count=1 -timeout 15m -v ./...

# Data sets and scorers are no part of the sources. Their script scores quell and the reference methods alike.
REPORT = go run ./test/evaluation/report --eval $(EVAL_DIR) --quell $(OUT) --reference bin/reference
# Whether waiting pays is asked of streams of alarms, without the rest of quell.
TRADEOFF = go run ./test/evaluation/tradeoff --eval $(EVAL_DIR)

.PHONY: eval
eval: ## score quell and the reference methods on labelled incidents, and its holds on alarm streams, in EVAL_DIR
	@if [ ! -f $(EVAL_DIR)/score.py ]; then echo 'SKIP eval: no score.py in EVAL_DIR=$(EVAL_DIR)'; else \
		$(MAKE) -s bin/reference build; $(REPORT); $(TRADEOFF) --picture bin/tradeoff.svg; fi

.PHONY: eval-docs
eval-docs: build bin/reference ## write the generated part of docs/evaluation.md
	$(REPORT) --docs docs/evaluation.md
	$(TRADEOFF) --docs docs/evaluation.md --picture docs/pictures/tradeoff.svg

.PHONY: eval-leaveout
eval-leaveout: ## tune on all systems but one, score on that one; SAMPLES random tunings
	go run ./test/evaluation/leaveout --eval $(EVAL_DIR) --samples $(SAMPLES)

.PHONY: eval-test
eval-test: ## test that what stands in for the published scripts agrees with them
	EVAL_DIR=$(abspath $(EVAL_DIR)) go test -count=1 ./test/evaluation/...

.PHONY: bin/reference
bin/reference:
	@go build -o $@ ./test/evaluation/reference

# helm and promtool are built once, into bin/tools: 3 to 10 minutes.
.PHONY: manifests
manifests: ## render deploy/manifests, and what the tests of the chart read, anew
	tools=($$(test/deploy/tools.sh bin/tools)); test/deploy/render.sh "$${tools[0]}" .

.PHONY: deploy-check
deploy-check: ## check the chart with helm, its alerts with promtool, and what is rendered of it
	tools=($$(test/deploy/tools.sh bin/tools)); test/deploy/check.sh "$${tools[@]}"
	go test -count=1 ./test/deploy

.PHONY: image
image: ## build the container image
	docker build --build-arg VERSION=$(VERSION) -t quell:$(VERSION) .
