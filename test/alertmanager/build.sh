#!/usr/bin/env bash
# build.sh OUTDIR: build the real alertmanager and amtool, in the version that go.mod requires, and print their paths.
#
# They are kept in OUTDIR with the version in their names, so that a second call costs nothing and an upgrade of go.mod
# builds anew. `go install` of the server does not work: the module zip lacks the built web UI that it embeds. So the
# module is copied out of the module cache and gets an empty UI; the API and the notifications are the real ones.
set -euo pipefail
if [ $# -ne 1 ]; then
	sed -n '2s/^# //p' "$0" >&2
	exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

module=github.com/prometheus/alertmanager
version=$(go list -m -f '{{.Version}}' "$module")
server=$out/alertmanager-$version tool=$out/amtool-$version
if [ ! -x "$server" ] || [ ! -x "$tool" ]; then
	source=$(go mod download -json "$module@$version" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
	copy=$(mktemp -d)
	trap 'rm -rf "$copy"' EXIT
	cp -R "$source/." "$copy"
	chmod -R u+w "$copy"
	mkdir -p "$copy/ui/app/dist/assets"
	touch "$copy/ui/app/dist/index.html" "$copy/ui/app/dist/assets/x.js"
	gzip -nc "$copy/ui/app/dist/index.html" >"$copy/ui/app/dist/index.html.gz"
	stamp="-s -w -X github.com/prometheus/common/version.Version=${version#v}"
	# A build that is cut short must not leave a binary under its final name: build beside it, then rename.
	for name in alertmanager amtool; do
		(cd "$copy" && GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$stamp" -o "$out/.$name-$version.$$" "./cmd/$name")
		mv "$out/.$name-$version.$$" "$out/$name-$version"
	done
fi
echo "$server"
echo "$tool"
