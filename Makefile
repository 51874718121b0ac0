# Everything a person types. `make help` lists it.
NODE_VERSION := 26.10.0
NODE_PACKAGE := node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
NODE_MAJOR := $(shell node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
LOCAL_NODE := $(CURDIR)/.node/node_modules/$(NODE_PACKAGE)
BUILT := node_modules/.kube-vrrp-built

# Node 26: the machine's own, else npm's package of it, which carries the headers that native add-ons are built against.
ifneq ($(NODE_MAJOR),26)
NODE_READY := $(LOCAL_NODE)/bin/node
export PATH := $(LOCAL_NODE)/bin:$(PATH)
HEADERS := npm_config_nodedir=$(LOCAL_NODE)
endif
LAB := test/lab/in-namespaces

.PHONY: help build demo lab test test-cluster cluster cluster-ready root tools test-tools demo-packages test-packages soak fuzz generate format bench clean bundle image release outages chaos simulate failures late outage-long mutants interop

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | column -t -s '	'

build: $(BUILT) ## all that bin/kube-vrrp needs

$(LOCAL_NODE)/bin/node:
	@echo "Fetching Node $(NODE_VERSION) into .node (about 60 MB, once) …"
	@npm install --silent --prefix .node --no-save --no-package-lock --ignore-scripts $(NODE_PACKAGE)@$(NODE_VERSION)

$(BUILT): package.json package-lock.json $(NODE_READY)
	@command -v c++ >/dev/null || { echo "A C++ compiler is needed to build raw-socket (Debian: apt-get install g++)" >&2; exit 2; }
	@echo "Installing the dependencies (once) …"
	@$(HEADERS) npm ci --silent
	@touch $@

tools: $(BUILT) ## etcd, kube-apiserver and kubectl, built once with Go
	@test/tools/build

test-tools: $(BUILT)
	@test/tools/build etcd kube-apiserver kubectl helm

demo-packages:
	@test/lab/packages ip unshare

test-packages:
	@test/lab/packages ip unshare nft keepalived pgrep /usr/lib/frr/vrrpd

demo: build tools demo-packages ## three nodes, one VirtualIP, one failover you watch
	@$(LAB) node test/lab/demo.ts

lab: build tools demo-packages ## the demo's machines, left up, with a shell
	@$(LAB) node test/lab/demo.ts --shell

test: build test-tools test-packages ## types, lint, format and every test (ONLY=vrrp: those with vrrp in their path)
	@node test/run.ts $(ONLY)

root:
	@test "$$(id -u)" = 0 || { echo "Kubelets need real root (sudo make …)" >&2; exit 2; }

cluster-ready: root build
	@test/tools/build etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy helm
	@test/lab/packages ip unshare nft containerd runc buildah debootstrap cc chrt /usr/lib/cni/ptp
	@node test/cluster/lab/images.ts

test-cluster: cluster-ready ## real kubelets that fail, as root (ONLY=upgrade: test files with upgrade in their path)
	@node test/cluster/run.ts $(ONLY)

outages: cluster-ready ## docs/outages.md: what a client sees of each operation, as root
	@node test/cluster/run.ts --record operations failures install

cluster: cluster-ready ## three real kubelets, left up, with a shell where kubectl and helm work, as root
	@node test/cluster/shell.ts

bundle: build ## the program without its sources, in dist/bundle
	@node bundle/bundle.ts dist/bundle

image: ## the container image, by docker, podman or buildah (BUILD_FLAGS='--platform linux/arm64': for another machine)
	@bundle/image

release: build ## what a release consists of, in dist
	@command -v helm >/dev/null || test/tools/build helm
	@node bundle/release.ts

outage-long: build tools test-packages ## ten minutes without an API server (MINUTES=2), recorded in docs/runs
	@$(LAB) node test/apiserver/outage-long.ts $(MINUTES)

soak: build ## property tests with ten new seeds
	@for i in 1 2 3 4 5 6 7 8 9 10; do seed=$$(od -An -N3 -tu4 /dev/urandom | tr -d ' '); echo "SEED=$$seed"; SEED=$$seed node test/run.ts property simulation router-set || exit 1; done

fuzz: build ## a part of the long run of packets and texts, in docs/fuzzing.md (MINUTES=15, at most 30; SEED=…)
	@MINUTES=$(or $(MINUTES),15) node test/fuzz/fuzz.ts

generate: build ## the CRDs, docs/virtual-ip.md, docs/conformance.md, the chart's README and schema, deploy/install.yaml
	@test/tools/build helm
	@node crds/generate.ts
	@node charts/generate.ts
	@node test/conformance/page.ts

format: build ## what the linter can mend, mended
	@node_modules/.bin/biome check --write .

bench: build tools test-packages ## ours beside keepalived's, in one run
	@$(LAB) node test/bench/bench.ts

mutants: build ## the simulation against agents that have a fault each (ONLY=fence: those with fence in their name)
	@node test/simulation/mutants.ts "$(ONLY)"

simulate: build ## whole agents in simulated worlds, one after the other (MINUTES=10; SEED=…: that one alone, told)
	@node test/simulation/simulate.ts

failures: build tools test-packages ## docs/failures.md: what breaks, ours beside keepalived's (MINUTES=25, at most 30, adds a part; ONLY=kill,freeze)
	@$(LAB) node test/failures/failures.ts

chaos: build tools test-packages ## faults by chance, ours beside keepalived's (MINUTES=5, at most 30; SEED=…: the same again)
	@$(LAB) node test/chaos/run.ts

late: build tools test-packages ## how late adverts are under loads, ours beside keepalived's (MINUTES=2 of each; LOADS='busy;storm, pinned': these; adds up)
	@$(LAB) node --disable-warning=ExperimentalWarning test/bench/late.ts $(if $(MINUTES),--minutes $(MINUTES)) $(if $(LOADS),--loads '$(LOADS)')

interop: build test-packages ## docs/interop.md: ours beside keepalived and FRR, cell by cell (ONLY='FRR, version 2': those; adds up)
	@$(LAB) node --disable-warning=ExperimentalWarning test/interop/interop.ts '$(ONLY)'

clean: ## what make built here (not the test tools)
	rm -rf node_modules .node dist
