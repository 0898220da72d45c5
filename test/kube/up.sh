#!/usr/bin/env bash
# up.sh [DIR]: starts a real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager,
# kube-scheduler, kwok and, if asked, hollow kubelets. Prints what to export. Stop: down.sh. For one command: with.sh.
#
# Env: BIN_DIR     programs (default: what build.sh built)
#      DATA_DIR    state, keys, logs, kubeconfig (or DIR; default: a new temporary folder)
#      CM=0        etcd and kube-apiserver only         KWOK=0        no kwok
#      HOLLOW=N    N hollow kubelets, hollow-0 ...      KWOK_STAGES   stage file (default: kwok's own fast stages)
#      EVENT_TTL   default 1h                           TOLERATION    seconds before eviction, default 300
#      API_PORT, ETCD_PORT (and the next), KCM_PORT, SCHED_PORT    default: free ones
#      EXTRA_API, EXTRA_KCM, EXTRA_SCHED, EXTRA_KWOK    more flags, split at blanks
# Needs bash, curl, openssl.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
die() { echo "up.sh: $*" >&2; exit 1; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free() { # PORT: the first from there on that is free, and the next too
	local p=$1
	while taken "$p" || taken $((p + 1)); do p=$((p + 2)); done
	echo "$p"
}
BIN_DIR=${BIN_DIR:-$("$here/build.sh" -p)}
API_PORT=${API_PORT:-$(free 16443)} ETCD_PORT=${ETCD_PORT:-$(free 23790)}
KCM_PORT=${KCM_PORT:-$(free 20257)} SCHED_PORT=${SCHED_PORT:-$(free 20357)}
CM=${CM:-1} KWOK=${KWOK:-1} HOLLOW=${HOLLOW:-0} EVENT_TTL=${EVENT_TTL:-1h} TOLERATION=${TOLERATION:-300}
need=(etcd kube-apiserver) ports=("$ETCD_PORT" $((ETCD_PORT + 1)) "$API_PORT")
if [ "$CM" != 0 ]; then
	need+=(kube-controller-manager kube-scheduler) ports+=("$KCM_PORT" "$SCHED_PORT")
	[ "$KWOK" = 0 ] || need+=(kwok)
	[ "$HOLLOW" = 0 ] || need+=(hollow)
fi
[ -d "$BIN_DIR" ] || die "no folder $BIN_DIR (run build.sh)"
BIN_DIR=$(cd "$BIN_DIR" && pwd -P)
for n in "${need[@]}"; do [ -x "$BIN_DIR/$n" ] || die "no $n in $BIN_DIR (run build.sh $n)"; done
for p in "${ports[@]}"; do if taken "$p"; then die "port $p is in use"; fi; done

D=${1:-${DATA_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/quell-kube.XXXXXX")}}
mkdir -p "$D"
D=$(cd "$D" && pwd -P)
export DATA_DIR=$D
[ ! -d "$D/run" ] || die "$D holds a cluster (run down.sh $D first)"
chmod 700 "$D"
mkdir "$D"/{etcd,pki,log,run}
trap 'KEEP=1 "$here/down.sh" "$D" >&2; echo "up.sh: failed, logs in $D/log" >&2' EXIT
begin=$(date +%s%N)
say() { echo "up.sh: $((($(date +%s%N) - begin) / 1000000)) ms: $*" >&2; }
start() { # NAME COMMAND...
	printf '%s\0' "${@:2}" >"$D/run/$1.cmd"
	"$here/part.sh" start "$1"
}
alive() { kill -0 "$(cat "$D/run/$1.pid")" 2>/dev/null || { tail -n 5 "$D/log/$1.log" >&2; die "$1 died"; }; }

# Keys: a throw-away CA, a serving certificate for loopback, a service account key, an admin token.
cd "$D/pki"
token=$(openssl rand -hex 16)
printf '%s' "$token" >token
printf '%s,admin,admin,"system:masters"\n' "$token" >tokens.csv
openssl genrsa -out sa.key 2048 2>/dev/null
openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=loopback-ca -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout api.key -out api.csr 2>/dev/null
openssl x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out api.crt \
	-extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc') 2>/dev/null
cd "$D"
export KUBECONFIG=$D/kubeconfig
server=https://127.0.0.1:$API_PORT
cat >"$KUBECONFIG" <<K
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$server", certificate-authority: "$D/pki/ca.crt"}}]
users: [{name: u, user: {token: "$token"}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
K
get() { curl -fsS --cacert "$D/pki/ca.crt" -H "Authorization: Bearer $token" "$server$1" >/dev/null 2>&1; }

peer=http://127.0.0.1:$((ETCD_PORT + 1))
start etcd "$BIN_DIR/etcd" --name e0 --data-dir "$D/etcd" --unsafe-no-fsync --log-level warn \
	--listen-client-urls "http://127.0.0.1:$ETCD_PORT" --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
	--listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "e0=$peer"
# shellcheck disable=SC2086 # EXTRA_* are split on purpose
start apiserver "$BIN_DIR/kube-apiserver" --etcd-servers="http://127.0.0.1:$ETCD_PORT" \
	--bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$API_PORT" --endpoint-reconciler-type=none \
	--tls-cert-file="$D/pki/api.crt" --tls-private-key-file="$D/pki/api.key" --token-auth-file="$D/pki/tokens.csv" \
	--authorization-mode=Node,RBAC --allow-privileged=true --service-cluster-ip-range=10.96.0.0/16 \
	--service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file="$D/pki/sa.key" \
	--service-account-key-file="$D/pki/sa.pub" --event-ttl="$EVENT_TTL" \
	--default-not-ready-toleration-seconds="$TOLERATION" --default-unreachable-toleration-seconds="$TOLERATION" ${EXTRA_API-}
for i in $(seq 600); do
	if get /readyz; then break; fi
	alive etcd
	alive apiserver
	[ "$i" -lt 600 ] || die "kube-apiserver is not ready after a minute"
	sleep 0.1
done
say "kube-apiserver is ready"

if [ "$CM" != 0 ]; then
	# Leaders that cannot renew their lease end, which is nothing to do when the API server is stopped for a while.
	# shellcheck disable=SC2086
	start kcm "$BIN_DIR/kube-controller-manager" --kubeconfig="$KUBECONFIG" --bind-address=127.0.0.1 --secure-port="$KCM_PORT" \
		--service-account-private-key-file="$D/pki/sa.key" --root-ca-file="$D/pki/ca.crt" --leader-elect=false \
		--use-service-account-credentials=true --controllers='*' ${EXTRA_KCM-}
	# shellcheck disable=SC2086
	start scheduler "$BIN_DIR/kube-scheduler" --kubeconfig="$KUBECONFIG" --bind-address=127.0.0.1 --secure-port="$SCHED_PORT" \
		--leader-elect=false ${EXTRA_SCHED-}
	if [ "$KWOK" != 0 ]; then
		# shellcheck disable=SC2086
		start kwok "$BIN_DIR/kwok" --config="${KWOK_STAGES:-$BIN_DIR/kwok.yaml}" --kubeconfig="$KUBECONFIG" --server-address="" \
			--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-lease-duration-seconds=40 ${EXTRA_KWOK-}
	fi
	for i in $(seq 300); do
		if get /api/v1/namespaces/default/serviceaccounts/default; then break; fi
		alive kcm
		[ "$i" -lt 300 ] || die "kube-controller-manager made no default ServiceAccount within a minute"
		sleep 0.2
	done
	alive scheduler
	[ "$KWOK" = 0 ] || alive kwok
	say "kube-controller-manager works"
	for i in $(seq 0 $((HOLLOW - 1))); do
		mkdir -p "$D/hollow/faults" "$D/hollow/hollow-$i"
		start "hollow-$i" env TMPDIR="$D/hollow/hollow-$i" "$BIN_DIR/hollow" -v=1 --kubeconfig="$KUBECONFIG" --name="hollow-$i" \
			--dir="$D/hollow/faults"
	done
fi
trap - EXIT
printf 'export DATA_DIR=%q KUBECONFIG=%q BIN_DIR=%q\n' "$D" "$KUBECONFIG" "$BIN_DIR"
