#!/usr/bin/env bash
# build.sh [-p] [NAME...]: builds what up.sh starts, unless it is there already. -p only prints the folder.
# NAME: etcd kube-apiserver kube-controller-manager kube-scheduler kwok hollow (these by default), kubectl (for people).
# Env: BIN_DIR, the folder; by default one in KUBE_CACHE (~/.cache/quell-kube) named after the recipe: go.mod, go.sum, this
# file and the version of Go. So whoever keeps that folder never builds twice, and an old one can be thrown away.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-buildvcs=false -trimpath"

digest() { cat "$@" | { cat; go version; } | sha256sum | cut -c1-16; }
cache=${KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quell-kube}
BIN_DIR=${BIN_DIR:-$cache/$(digest "$here"/{go.mod,go.sum,build.sh})}
if [ "${1-}" = -p ]; then echo "$BIN_DIR"; exit 0; fi
[ $# -gt 0 ] || set -- etcd kube-apiserver kube-controller-manager kube-scheduler kwok hollow
mkdir -p "$BIN_DIR"
BIN_DIR=$(cd "$BIN_DIR" && pwd -P)

k8s=$(cd "$here" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${k8s#v1.} ver=k8s.io/component-base/version # without these the API server calls itself v0.0.0-master
ld="-s -w -X $ver.gitVersion=$k8s -X $ver.gitMajor=1 -X $ver.gitMinor=${minor%%.*}"

build() { # NAME PACKAGE
	local begin=$SECONDS tmp
	tmp=$(mktemp "$BIN_DIR/.$1.XXXXXX")
	echo "build.sh: $1 ..." >&2
	if ! go -C "$here" build -ldflags "$ld" -o "$tmp" "$2"; then rm -f "$tmp"; exit 1; fi
	chmod 755 "$tmp" && mv "$tmp" "$BIN_DIR/$1"
	echo "build.sh: $1: $((SECONDS - begin)) s, $(($(stat -c %s "$BIN_DIR/$1") / 1000000)) MB" >&2
}

# kwok ends with "no stages found" unless it gets some. Its own lie in its module.
stages() {
	local from s
	from=$(go -C "$here" list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
	for s in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease node/chaos/node-not-ready \
		pod/fast/pod-{ready,complete,delete}; do
		cat "$from/$s.yaml" && printf '\n---\n'
	done >"$BIN_DIR/.stages"
	mv "$BIN_DIR/.stages" "$BIN_DIR/kwok.yaml"
}

for n; do
	case $n in
	etcd) package=go.etcd.io/etcd/server/v3 ;;
	kube-apiserver | kube-controller-manager | kube-scheduler | kubectl) package=k8s.io/kubernetes/cmd/$n ;;
	kwok) package=sigs.k8s.io/kwok/cmd/kwok ;;
	hollow)
		package=./hollow key=$(digest "$here"/hollow/*.go) # our own code: built anew when it changes
		[ "$(cat "$BIN_DIR/.hollow.key" 2>/dev/null)" = "$key" ] || rm -f "$BIN_DIR/hollow"
		;;
	*) echo "build.sh: $n: no such program" >&2; exit 2 ;;
	esac
	[ -x "$BIN_DIR/$n" ] || build "$n" "$package"
	[ "$n" != hollow ] || echo "$key" >"$BIN_DIR/.hollow.key"
	[ "$n" != kwok ] || [ -s "$BIN_DIR/kwok.yaml" ] || stages
done
echo "$BIN_DIR"
