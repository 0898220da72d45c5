package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// told are the edges that an object tells on first sight, as "from type to".
func edgesTold(t *testing.T, object string) []string {
	t.Helper()
	edges, _ := edgesOf(newLens().Observe(nil, mustRead(t, object), received))
	return written(edges)
}

func written(edges []topology.Edge) (list []string) {
	for _, e := range edges {
		list = append(list, fmt.Sprintf("%s %s %s", e.From, e.Type, e.To))
	}
	slices.Sort(list)
	return list
}

// A pod with all the ways to need something.
const needyPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-0","namespace":"shop","labels":{"app":"cart"}},"spec":{
	"serviceAccountName":"cart","nodeName":"n1","imagePullSecrets":[{"name":"registry"}],
	"initContainers":[{"name":"migrate","env":[{"name":"A","value":"x"},{"name":"B","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}],
	"containers":[{"name":"app","image":"shop/cart:1","envFrom":[{"configMapRef":{"name":"settings"}},{"secretRef":{"name":"tokens"}}],
		"env":[{"name":"C","valueFrom":{"configMapKeyRef":{"name":"flags","key":"c"}}},{"name":"D","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}]}],
	"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data-cart-0"}},{"name":"scratch","ephemeral":{"volumeClaimTemplate":{}}},
		{"name":"conf","configMap":{"name":"settings"}},{"name":"cert","secret":{"secretName":"tls"}},{"name":"tmp","emptyDir":{}},
		{"name":"kube-api-access-x","projected":{"sources":[{"serviceAccountToken":{"path":"token"}},{"configMap":{"name":"kube-root-ca.crt"}},
			{"configMap":{"name":"extra"}},{"secret":{"name":"more"}},{"downwardAPI":{}}]}}]}}`

func TestPodsDependOnWhatTheyReference(t *testing.T) {
	want := strings.Fields(`serviceaccount/shop/cart secret/shop/registry secret/shop/db configmap/shop/settings secret/shop/tokens configmap/shop/flags
		secret/shop/tls configmap/shop/extra secret/shop/more`)
	for i := range want {
		want[i] = "pod/shop/cart-0 references " + want[i]
	}
	want = append(want, "pod/shop/cart-0 runs_on node/n1", "pod/shop/cart-0 in_namespace namespace/shop",
		"pod/shop/cart-0 mounts persistentvolumeclaim/shop/data-cart-0", "pod/shop/cart-0 mounts persistentvolumeclaim/shop/cart-0-scratch")
	slices.Sort(want)
	if kept := len(mustRead(t, needyPod).links); kept != len(want) {
		t.Errorf("%d links are kept, want %d: each once", kept, len(want))
	}
	if diff := cmp.Diff(want, edgesTold(t, needyPod)); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

func TestObjectsOfAllKindsTellWhatTheyDependOn(t *testing.T) {
	meta := func(kind, spec string) string {
		return fmt.Sprintf(`{"kind":%q,"metadata":{"name":"a","namespace":"b"},"spec":{%s}}`, kind, spec)
	}
	for name, test := range map[string]struct {
		object string
		want   []string
	}{
		"node": {
			`{"kind":"Node","metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"eu-1a","topology.kubernetes.io/region":"eu-1","x":"y"}}}`,
			[]string{"node/n1 in_region region/eu-1", "node/n1 in_zone zone/eu-1a"},
		},
		"volume": {
			`{"kind":"PersistentVolume","metadata":{"name":"pv"},"spec":{"storageClassName":"local","nodeAffinity":{"required":{"nodeSelectorTerms":[
				{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n1"]},{"key":"kubernetes.io/os","operator":"In","values":["linux"]}]}]}}}}`,
			[]string{"persistentvolume/pv provisioned_by storageclass/local", "persistentvolume/pv runs_on node/n1"},
		},
		"route": {
			meta("HTTPRoute", `"parentRefs":[{"name":"edge","namespace":"infra"}],"rules":[{"backendRefs":[{"name":"web","port":80},{"name":"other","namespace":"c"}]},{"backendRefs":[{"kind":"Bucket","name":"x"}]}]`),
			[]string{
				"httproute/b/a depends_on gateway/infra/edge", "httproute/b/a routes bucket/b/x",
				"httproute/b/a routes service/b/web", "httproute/b/a routes service/c/other",
			},
		},
		"gateway": {meta("Gateway", `"gatewayClassName":"envoy"`), []string{"gateway/b/a depends_on gatewayclass/envoy"}},
		"ingress with a certificate": {
			meta("Ingress", `"tls":[{"hosts":["x"],"secretName":"cert"}],"rules":[{"http":{"paths":[{"backend":{"service":{"name":"web"}}}]}}]`),
			[]string{"ingress/b/a references secret/b/cert", "ingress/b/a routes service/b/web"},
		},
		"service of another system": {meta("Service", `"type":"ExternalName","externalName":"db.example.com"`), []string{"service/b/a calls external/db.example.com"}},
		"service":                   {meta("Service", `"selector":{"app":"web"},"ports":[{"port":80}]`), nil},
		"autoscaler": {
			meta("HorizontalPodAutoscaler", `"scaleTargetRef":{"kind":"Deployment","name":"web"},"maxReplicas":3`),
			[]string{"deployment/b/web scaled_by horizontalpodautoscaler/b/a", "horizontalpodautoscaler/b/a depends_on deployment/b/web"},
		},
		"quota":      {meta("ResourceQuota", `"hard":{"pods":"3"}`), []string{"namespace/b limited_by resourcequota/b/a"}},
		"config map": {`{"kind":"ConfigMap","metadata":{"name":"a","namespace":"b"},"data":{"a":"b"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := edgesTold(t, test.object)
			o := mustRead(t, test.object)
			if in := string(o.Entity()) + " in_namespace namespace/b"; o.Namespace() != "" && !slices.Contains(got, in) {
				t.Errorf("got %v, want %s", got, in)
			}
			got = slices.DeleteFunc(got, func(e string) bool { return strings.Contains(e, "in_namespace") })
			if diff := cmp.Diff(test.want, got, equateNil); diff != "" {
				t.Errorf("got other than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

// equateNil takes an empty list for none.
var equateNil = cmp.Transformer("list", func(s []string) string { return strings.Join(s, "\n") })

func TestAnnotationsAddDependencies(t *testing.T) {
	object := `{"kind":"Widget","metadata":{"name":"a","namespace":"b","annotations":{"quell.dev/depends-on":"service/shop/db, external/stripe,, nonsense,node/n1@us"}}}`
	eu := KubernetesLens{Cluster: "eu", Source: "kubernetes/eu"}
	k := eu.Observe(nil, mustRead(t, object), received)
	edges, _ := edgesOf(k)
	want := []string{
		"widget/b/a@eu depends_on external/stripe", "widget/b/a@eu depends_on node/n1@us", "widget/b/a@eu depends_on service/shop/db@eu",
	}
	if diff := cmp.Diff(want, written(edges)); diff != "" || k.Malformed != 1 {
		t.Errorf("%d malformed, want 1 (-want +got):\n%s", k.Malformed, diff)
	}
	endless := strings.Replace(object, "nonsense", strings.Repeat("node/n1,", 10_000), 1)
	if k := eu.Observe(nil, mustRead(t, endless), received); len(k.Inputs) != 0 || k.Malformed != 1 {
		t.Errorf("got %d inputs of an endless annotation, %d malformed", len(k.Inputs), k.Malformed)
	}
}

// slice writes one of the slices of service b/a.
func slice(name, list string) string {
	return strings.Replace(endpoints(time.Hour, list), `"a-x"`, fmt.Sprintf("%q", name), 1)
}

// A service with many endpoints, or two families of addresses, has several slices. Together they say where it leads.
func TestSlicesOfAServiceAreJoined(t *testing.T) {
	pod := func(name string, ready bool) string {
		return fmt.Sprintf(`{"conditions":{"ready":%v},"targetRef":{"kind":"Pod","name":%q}}`, ready, name)
	}
	one, two := mustRead(t, slice("one", pod("p", true))), mustRead(t, slice("two", pod("p", true)+","+pod("q", false)))
	l := newLens()
	expect := func(what string, k Kubernetes, told, over, states []string) {
		t.Helper()
		edges, gone := edgesOf(k)
		if diff := cmp.Diff(told, written(edges), equateNil); diff != "" {
			t.Errorf("%s: told (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(over, written(gone), equateNil); diff != "" {
			t.Errorf("%s: took back (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(states, statesOf(t, k)); diff != "" {
			t.Errorf("%s: states (-want +got):\n%s", what, diff)
		}
	}
	p, q := "service/b/a selects pod/b/p", "service/b/a selects pod/b/q"
	ready, none := []string{"service/b/a EndpointsReady"}, []string{"service/b/a NoReadyEndpoints"}
	expect("the first", l.Observe(nil, one, received), []string{p}, nil, ready)
	expect("the second", l.Observe(nil, two, received), []string{q}, nil, ready)
	ill := mustRead(t, slice("one", pod("p", false)))
	expect("the other one is still ready", l.Observe(one, ill, received), nil, nil, ready)
	empty := mustRead(t, slice("two", pod("q", false)))
	expect("none is ready any more", l.Observe(two, empty, received), nil, nil, none)
	expect("one of two is gone", l.Observe(empty, nil, received), nil, []string{q}, none)
	expect("the last is gone", l.Observe(ill, nil, received), nil, []string{p}, ready)
}

// A budget says what it protects by labels, so it takes both to know.
func TestBudgetsDependOnWhatTheyProtect(t *testing.T) {
	deployment := func(app string) *KubernetesObject {
		return mustRead(t, object("Deployment", fmt.Sprintf(`"spec":{"template":{"metadata":{"labels":{"app":%q,"tier":"web"}}}}`, app)))
	}
	budget := mustRead(t, `{"kind":"PodDisruptionBudget","metadata":{"name":"p","namespace":"b"},"spec":{"selector":{"matchLabels":{"app":"cart"},
		"matchExpressions":[{"key":"tier","operator":"In","values":["web","api"]}]}}}`)
	edge := topology.Edge{From: "poddisruptionbudget/b/p", To: "deployment/b/a", Type: "depends_on"}
	l := newLens()
	tells := func(what string, old, latest *KubernetesObject, wantTold, wantOver bool) {
		t.Helper()
		told, over := edgesOf(l.Observe(old, latest, received))
		if slices.Contains(told, edge) != wantTold || slices.Contains(over, edge) != wantOver {
			t.Errorf("%s: told %v, took back %v", what, told, over)
		}
	}
	cart, other := deployment("cart"), deployment("other")
	tells("the deployment alone", nil, cart, false, false)
	tells("the budget", nil, budget, true, false)
	tells("labels change", cart, other, false, true)
	tells("labels change back", other, cart, true, false)
	tells("the budget goes", budget, nil, false, true)
	tells("the deployment goes", cart, nil, false, false)
	tells("the budget is first", nil, budget, false, false)
	tells("the deployment is second", nil, cart, true, false)
}
