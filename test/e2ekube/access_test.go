//go:build e2ekube

package e2ekube

import (
	"fmt"
	"net/http"
	"testing"
)

// tokenOf has the API server make a token of a service account, as it does for a pod.
func (c *cluster) tokenOf(t *testing.T, namespace, name string) string {
	t.Helper()
	var answer struct {
		Status struct{ Token string }
	}
	body := `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":7200}}`
	if err := c.do(http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name+"/token", []byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
}

// roleLacksKinds runs another quell as somebody who may see workloads, but neither nodes nor events. It watches what it may, and
// names what it may not.
func (w *world) roleLacksKinds(t *testing.T) {
	const rules = `[
  {apiGroups: [""], resources: [pods, services, namespaces], verbs: [get, list, watch]},
  {apiGroups: [apps], resources: [deployments, replicasets], verbs: [get, list, watch]}]`
	w.create(t, fmt.Sprintf(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: halfblind, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: halfblind}
rules: %s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: halfblind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: halfblind}
subjects: [{kind: ServiceAccount, name: halfblind, namespace: default}]
`, rules))
	q := newQuell(t, w.kubeconfig(w.tokenOf(t, "default", "halfblind")))
	eventually(t, budget, "what is allowed is watched, and what is not is named", func() (bool, any) {
		states := make(map[string]string)
		for _, k := range q.watch(t).Kinds {
			states[k.Resource] = k.State
		}
		for _, name := range []string{"pods", "services", "namespaces", "deployments", "replicasets"} {
			if states[name] != "synced" {
				return false, states
			}
		}
		for _, name := range []string{"nodes", "events", "statefulsets", "persistentvolumeclaims"} {
			if states[name] != "forbidden" {
				return false, states
			}
		}
		return true, nil
	})
	if n := len(q.pd.Incidents()); n > 0 {
		t.Errorf("got %d pages, want none: %v", n, q.pd.Incidents())
	}
}
