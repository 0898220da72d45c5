#!/usr/bin/env bash
# check.sh HELM PROMTOOL: check the chart, what is rendered of it, and the alerts.
#
# Goes on after a failure so that one run shows them all.
set -euo pipefail
if [ $# -ne 2 ]; then
	sed -n '2s/^# //p' "$0" >&2
	exit 2
fi
helm=$1 promtool=$2
cd "$(dirname "$0")/../.."
chart=deploy/helm/quell
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
failed=0
fail() {
	echo "FAIL $*" >&2
	failed=1
}

for values in test/deploy/testdata/*/values.yaml deploy/manifests/values.yaml; do
	"$helm" lint --strict --quiet "$chart" -f "$values" || fail "helm lint with $values"
done

# What the values must not say is said in cases.txt, with the complaint that is due.
while IFS= read -r line; do
	case $line in '#'* | '') continue ;; esac
	read -ra arguments <<<"${line%%::*}"
	complaint=${line##*:: }
	if said=$("$helm" template quell "$chart" "${arguments[@]}" 2>&1); then
		fail "helm takes ${arguments[*]}"
	elif ! grep -qF -- "$complaint" <<<"$said"; then
		fail "helm refuses ${arguments[*]}, but does not say '$complaint': $said"
	fi
done <test/deploy/testdata/refused/cases.txt

test/deploy/render.sh "$helm" "$temporary"
(cd "$temporary" && find . -type f) | while IFS= read -r file; do
	diff -u "$file" "$temporary/$file" || exit 1
done || fail 'what is rendered is out of step with the chart: run make manifests'

"$promtool" check rules --lint=all --lint-fatal "$chart/alerts.yml" || fail 'promtool check rules'
"$promtool" test rules test/deploy/testdata/alerts.test.yml || fail 'promtool test rules'
exit $failed
