#!/usr/bin/env bash
# render.sh HELM ROOT: write what the chart renders to below ROOT, a copy of the repository's tree or the tree itself.
#
# That is deploy/manifests, and rendered.yaml beside each values.yaml of test/deploy/testdata, which the Go tests read.
set -euo pipefail
if [ $# -ne 2 ]; then
	sed -n '2s/^# //p' "$0" >&2
	exit 2
fi
helm=$1 root=$2
cd "$(dirname "$0")/../.."
render() { "$helm" template quell deploy/helm/quell --namespace quell "$@"; }

for values in test/deploy/testdata/*/values.yaml; do
	to=$root/$(dirname "$values")
	mkdir -p "$to"
	render -f "$values" >"$to/rendered.yaml"
done

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
render -f deploy/manifests/values.yaml --skip-tests --output-dir "$temporary" >/dev/null
mkdir -p "$root/deploy/manifests/monitoring"
for file in "$temporary"/quell/templates/*.yaml; do
	name=$(basename "$file")
	case $name in
	prometheusrule.yaml | servicemonitor.yaml) to=$root/deploy/manifests/monitoring/$name ;;
	*) to=$root/deploy/manifests/$name ;;
	esac
	# What only Helm knows what to do with goes; so does the checksum, which nobody would keep right by hand.
	sed -e '1,2d' -e '/helm.sh\/chart:/d' -e '/managed-by: Helm/d' -e '/^      annotations:$/{N;N;/checksum\/restart:/d}' \
		-e '3i# Made by `make manifests` of deploy/helm/quell and values.yaml. Do not edit.' "$file" >"$to"
done
