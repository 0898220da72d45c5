#!/usr/bin/env bash
# tools.sh OUTDIR: build helm and promtool, and print their paths.
#
# They are kept in OUTDIR with the version in their names, so that a second call costs nothing. `go install` of promtool does not
# work, since its module has replacements: so the module is copied out of the module cache and built there. It needs none of the
# service discoveries.
set -euo pipefail
if [ $# -ne 1 ]; then
	sed -n '2s/^# //p' "$0" >&2
	exit 2
fi
helm_version=v4.3.1
prometheus=github.com/prometheus/prometheus prometheus_version=v0.315.0
mkdir -p "$1"
out=$(cd "$1" && pwd)
export CGO_ENABLED=0 GOWORK=off GOFLAGS=-buildvcs=false

helm=$out/helm-$helm_version promtool=$out/promtool-$prometheus_version
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
# A build that is cut short must not leave a program under its final name: build elsewhere, then move.
if [ ! -x "$helm" ]; then
	GOBIN=$temporary go install -trimpath -ldflags '-s -w' "helm.sh/helm/v4/cmd/helm@$helm_version"
	mv "$temporary/helm" "$helm"
fi
if [ ! -x "$promtool" ]; then
	source=$(cd "$temporary" && go mod download -json "$prometheus@$prometheus_version" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
	cp -R "$source/." "$temporary/prometheus"
	chmod -R u+w "$temporary/prometheus"
	go -C "$temporary/prometheus" build -tags remove_all_sd -trimpath -ldflags '-s -w' -o "$temporary/promtool" ./cmd/promtool
	mv "$temporary/promtool" "$promtool"
fi
echo "$helm"
echo "$promtool"
