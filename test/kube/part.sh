#!/usr/bin/env bash
# part.sh start|kill NAME: starts a program of a cluster again, as it was, or kills it (-9: nobody says goodbye).
# NAME: etcd apiserver kcm scheduler kwok hollow-0 ... Env: DATA_DIR, as up.sh prints it.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
D=$(cd "${DATA_DIR:?not set: eval what up.sh prints}" && pwd -P) name=$2
pid=$D/run/$name.pid cmd=$D/run/$name.cmd
running() { [ -f "$pid" ] && case "$({ tr '\0' ' ' <"/proc/$(cat "$pid")/cmdline"; } 2>/dev/null)" in *"$D"/*) ;; *) false ;; esac }
[ -f "$cmd" ] || { echo "part.sh: no program $name in $D" >&2; exit 1; }
case $1 in
start)
	! running || { echo "part.sh: $name runs already" >&2; exit 1; }
	mapfile -d '' -t words <"$cmd"
	"${words[@]}" </dev/null >>"$D/log/$name.log" 2>&1 &
	echo $! >"$pid"
	;;
kill)
	running || { echo "part.sh: $name does not run" >&2; exit 1; }
	kill -9 "$(cat "$pid")"
	rm "$pid"
	;;
*) echo "part.sh: $1? start or kill" >&2; exit 2 ;;
esac
