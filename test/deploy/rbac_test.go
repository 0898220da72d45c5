package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	// clusterwide and namespaced are what the watch lists and watches, as group/resource.
	clusterwide = []string{"/namespaces", "/nodes", "/persistentvolumes", "storage.k8s.io/storageclasses"}
	namespaced  = []string{
		"/configmaps", "/events", "/persistentvolumeclaims", "/pods", "/resourcequotas", "/services",
		"apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets",
		"autoscaling/horizontalpodautoscalers",
		"batch/cronjobs", "batch/jobs",
		"discovery.k8s.io/endpointslices",
		"events.k8s.io/events",
		"gateway.networking.k8s.io/grpcroutes", "gateway.networking.k8s.io/httproutes",
		"networking.k8s.io/ingresses",
		"policy/poddisruptionbudgets",
	}
	withSecrets = sorted(namespaced, "/secrets")
)

func sorted(list []string, more ...string) []string {
	return slices.Sorted(slices.Values(slices.Concat(list, more)))
}

// granted returns what a role grants, as group/resource, sorted. Whatever is no list or watch of plain resources is an error.
func granted(t *testing.T, role object) (list []string) {
	t.Helper()
	for _, rule := range role.Rules {
		if got := fmt.Sprint(rule.Verbs); got != "[list watch]" {
			t.Errorf("%s %s grants %s on %s, want list and watch", role.Kind, role.Metadata.Name, got, rule.Resources)
		}
		if len(rule.NonResourceURLs) > 0 || len(rule.ResourceNames) > 0 {
			t.Errorf("%s grants paths %s and single objects %s", role.Metadata.Name, rule.NonResourceURLs, rule.ResourceNames)
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if strings.ContainsAny(group+resource, "*/") {
					t.Errorf("%s grants %s/%s: no wildcards, and nothing below a resource", role.Metadata.Name, group, resource)
				}
				list = append(list, group+"/"+resource)
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestRolesGrantExactlyWhatIsWatched: less would leave quell blind for a kind, more would be a gift to whoever takes it over.
func TestRolesGrantExactlyWhatIsWatched(t *testing.T) {
	sets := renderings(t)
	cases := map[string]map[string][]string{
		"default":    {"": sorted(namespaced, clusterwide...)},
		"guide":      {"": sorted(namespaced, clusterwide...)},
		"manifests":  {"": sorted(namespaced, clusterwide...)},
		"full":       {"": sorted(withSecrets, clusterwide...)},
		"namespaced": {"": clusterwide, "pay": withSecrets, "shop": withSecrets},
		"bare":       {},
	}
	if got, want := slices.Sorted(maps.Keys(sets)), slices.Sorted(maps.Keys(cases)); !slices.Equal(got, want) {
		t.Fatalf("got renderings %s, want %s", got, want)
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			got := make(map[string][]string)
			for _, role := range append(of(sets[name], "ClusterRole"), of(sets[name], "Role")...) {
				got[role.Metadata.Namespace] = append(got[role.Metadata.Namespace], granted(t, role)...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("granted, by namespace (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRolesAreBoundToThePodsAccount: each role once, where it is, and to nobody else.
func TestRolesAreBoundToThePodsAccount(t *testing.T) {
	for name, list := range renderings(t) {
		t.Run(name, func(t *testing.T) {
			pod, _ := quellPod(t, list)
			var want, got []string
			for _, role := range append(of(list, "ClusterRole"), of(list, "Role")...) {
				want = append(want, fmt.Sprintf("%s %s in %q to [{ServiceAccount %s quell}]", role.Kind, role.Metadata.Name, role.Metadata.Namespace, pod.ServiceAccountName))
			}
			for _, b := range append(of(list, "ClusterRoleBinding"), of(list, "RoleBinding")...) {
				got = append(got, fmt.Sprintf("%s %s in %q to %v", b.RoleRef.Kind, b.RoleRef.Name, b.Metadata.Namespace, b.Subjects))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
			for _, account := range of(list, "ServiceAccount") {
				if account.Metadata.Name != pod.ServiceAccountName || account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken {
					t.Errorf("account %s gives its token unasked, or is not that of the pod, %s", account.Metadata.Name, pod.ServiceAccountName)
				}
			}
			if watches := name != "bare"; pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken != watches {
				t.Errorf("the pod has a token: want %t", watches)
			}
		})
	}
}

// TestEveryPermissionIsExplained: the guide names each resource, and whoever binds the account by hand has the list.
func TestEveryPermissionIsExplained(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/install-kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, permission := range sorted(withSecrets, clusterwide...) {
		_, resource, _ := strings.Cut(permission, "/")
		if !strings.Contains(string(text), "`"+resource+"`") {
			t.Errorf("docs/install-kubernetes.md does not say what `%s` is for", resource)
		}
	}
}

// TestWatchAsksForWhatIsGrantedAndNothingElse runs quell with an API server that serves nothing, so that it looks everywhere.
func TestWatchAsksForWhatIsGrantedAndNothingElse(t *testing.T) {
	api, asked := emptyCluster(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kubeconfig"), kubeconfig(api))
	write(t, filepath.Join(dir, "quell.yml"), `storage: {path: quell.db}
kubernetes: {clusters: [{name: prod, kubeconfig: kubeconfig, secrets: true}]}
route: {receiver: nobody}
receivers: [{name: nobody}]
`)
	start(t, filepath.Join(dir, "quell.yml"))
	want := sorted(withSecrets, clusterwide...)
	var got []string
	for deadline := time.Now().Add(time.Minute); len(got) < len(want) && time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		got = nil
		for _, request := range asked() {
			m := collections.FindStringSubmatch(request)
			if m == nil {
				t.Fatalf("quell asks for more than lists: %s", request)
			}
			got = append(got, m[1]+"/"+m[2])
		}
		slices.Sort(got)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-granted +asked for):\n%s", diff)
	}
}

// collections matches a list of a kind in all namespaces, or a watch of it.
var collections = regexp.MustCompile(`^GET /(?:api/v1|apis/([a-z0-9.]+)/v[0-9a-z]+)/([a-z]+)$`)
