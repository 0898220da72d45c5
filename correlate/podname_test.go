package correlate

import (
	"testing"

	"quell/correlate/topology"
)

// Names of pods tell of their workload where controllers of Kubernetes made them, and of none where somebody else did.
func TestNamesOfPodsTellTheirWorkload(t *testing.T) {
	for name, want := range map[topology.Entity]topology.Entity{
		"pod/shop/cart-7d9f8c6b5-x2v9k":         "deployment/shop/cart",
		"pod/shop/cart-api-6bbf9b66c4-zzk4t@eu": "deployment/shop/cart-api@eu",
		"replicaset/shop/cart-7d9f8c6b5":        "deployment/shop/cart",
		"pod/ops/backup-29384756-x2v9k":         "cronjob/ops/backup",
		"pod/shop/cart-7d9f8c6b5":               "", // no suffix
		"pod/kube-system/kube-proxy-x2v9k":      "", // a daemon set's or a job's
		"pod/shop/db-0":                         "", // a stateful set's keep their names
		"pod/shop/cart-backend-other":           "",
		"pod/shop/cart-7d9f8c6b5-aaaaa":         "",
		"pod/shop/7d9f8c6b5-x2v9k":              "",
		"pod/shop/-7d9f8c6b5-x2v9k":             "",
		"replicaset/shop/29384756":              "",
		"job/ops/backup-29384756":               "cronjob/ops/backup",
		"job/ops/backup-7d9f8c6b5":              "",
		"replicaset/ops/backup-29384756":        "",
		"service/shop/cart-7d9f8c6b5-x2v9k":     "",
	} {
		if got := namedWorkload(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
