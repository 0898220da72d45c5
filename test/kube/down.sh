#!/usr/bin/env bash
# down.sh [DIR]: stops what up.sh and part.sh started on DIR (default: DATA_DIR) and removes their files.
# Signals only recorded pids whose command line still names DIR. KEEP=1 keeps logs, keys and the store.
set -uo pipefail
D=${1:-${DATA_DIR:-}}
[ -n "$D" ] || { echo "down.sh: no folder given and DATA_DIR is not set" >&2; exit 2; }
D=$(cd "$D" 2>/dev/null && pwd -P) && [ -d "$D/run" ] || { echo "down.sh: nothing runs here" >&2; exit 0; }

ours() { # PID: is it alive and started on D?
	case "$({ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null)" in *"$D"/*) return 0 ;; *) return 1 ;; esac
}
pids=()
stop() { # NAME SECONDS: ask it to end and wait that long
	local p i
	[ -f "$D/run/$1.pid" ] || return 0
	p=$(cat "$D/run/$1.pid")
	ours "$p" || return 0
	kill "$p" 2>/dev/null
	pids+=("$p")
	for ((i = 0; i < $2 * 10; i++)); do
		ours "$p" || return 0
		sleep 0.1
	done
}
for f in "$D"/run/*.pid; do # kubelets, and what else was started on D
	n=$(basename "$f" .pid)
	case $n in kwok | scheduler | kcm | apiserver | etcd | '*') ;; *) stop "$n" 0 ;; esac
done
for n in kwok scheduler kcm; do stop "$n" 0; done
stop apiserver 5
stop etcd 0
for ((i = 0; i < 100; i++)); do
	left=0
	for p in ${pids[@]+"${pids[@]}"}; do ours "$p" && left=1; done
	[ $left = 0 ] && break
	sleep 0.1
done
for p in ${pids[@]+"${pids[@]}"}; do ours "$p" && kill -9 "$p" 2>/dev/null; done
# Kubelet's test code puts its root folder into /tmp, whatever TMPDIR says.
sed -n 's,.*Using \(/tmp/hollow-kubelet\.[0-9][0-9]*\) as root dir.*,\1,p' "$D"/log/hollow-*.log 2>/dev/null | sort -u |
	while read -r h; do rm -rf -- "$h"; done
rm -rf -- "$D/run"
if [ "${KEEP:-0}" != 1 ]; then
	rm -rf -- "$D"/{etcd,pki,log,hollow,kubeconfig}
	rmdir "$D" 2>/dev/null
fi
echo "down.sh: stopped ${#pids[@]} processes" >&2
