#!/usr/bin/env bash
# compare.sh [AMLOAD-FLAG...]: load the real Alertmanager and quell one after the other with equal parameters and print
# one table with ratios. Both take alerts, group or correlate them, and have nobody to notify. `make bench-compare` builds
# what this needs. Mind what is not equal: quell has every alert on disk when it answers, Alertmanager none.
set -euo pipefail
cd "$(dirname "$0")/../.."
alertmanager=$(test/alertmanager/build.sh bin/tools | head -n 1)
quell=${QUELL:-bin/quell}
[ -x "$quell" ] || { echo "no $quell: run make build" >&2; exit 1; }

dir=$(mktemp -d)
pid=
stop() {
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	pid=
}
trap 'stop; rm -rf "$dir"' EXIT
go build -o "$dir/amload" ./test/amload

cat >"$dir/alertmanager.yml" <<-'YML'
	route: {receiver: nobody, group_by: [alertname, cluster, service], group_wait: 1s, group_interval: 10s, repeat_interval: 4h}
	receivers: [{name: nobody}]
YML
cat >"$dir/quell.yml" <<-YML
	server: {listen: 127.0.0.1:19195}
	storage: {path: $dir/quell.db}
	hold: {default: 1h}
	route: {receiver: nobody}
	receivers: [{name: nobody}]
YML

# load NAME PORT COMMAND...: start a fresh server, load it, stop it.
load() {
	local name=$1 port=$2 ready=
	shift 2
	"$@" >"$dir/$name.log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		if curl -sf -o "$dir/answer" "http://127.0.0.1:$port/-/ready"; then ready=1 && break; fi
		sleep 0.1
	done
	[ -n "$ready" ] || { echo "$name did not become ready:" >&2; tail -n 20 "$dir/$name.log" >&2; exit 1; }
	"$dir/amload" -name "$name" -url "http://127.0.0.1:$port/api/v2/alerts" -pid "$pid" -out "$dir/results" "${flags[@]}"
	stop
}

flags=("$@")
load alertmanager 19193 "$alertmanager" --config.file="$dir/alertmanager.yml" --storage.path="$dir/alertmanager" \
	--web.listen-address=127.0.0.1:19193 --cluster.listen-address= --log.level=warn
load quell 19195 "$quell" serve -c "$dir/quell.yml"
echo
"$dir/amload" -compare "$dir/results"
