#!/usr/bin/env bash
# with.sh COMMAND...: starts a cluster as up.sh does, runs a command with DATA_DIR, KUBECONFIG and BIN_DIR set, and stops the
# cluster, however the command ends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
exports=$("$here/up.sh")
eval "$exports"
trap '"$here/down.sh"' EXIT
"$@"
