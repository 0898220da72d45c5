package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// changesOf are the changes among inputs, as "entity reason: message".
func changesOf(k Kubernetes) (list []string) {
	for _, in := range k.Inputs {
		if e, ok := in.(*correlate.Event); ok && e.Component == "quell/change" {
			list = append(list, fmt.Sprintf("%s %s: %s", e.Entity, e.Reason, e.Message))
		}
	}
	return list
}

// cart is a deployment of one container at some revision.
func cart(image string, replicas, revision int) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"cart","namespace":"shop","uid":"d-1","resourceVersion":"%d%d",
		"annotations":{"deployment.kubernetes.io/revision":"%d"},"managedFields":[
		{"manager":"kube-controller-manager","operation":"Update","time":"2026-11-21T11:00:00Z","fieldsV1":{"f:spec":{"f:replicas":{}}},"subresource":"scale"},
		{"manager":"kubectl-client-side-apply","operation":"Update","time":"2026-11-21T10:00:00Z","fieldsV1":{"f:spec":{"f:replicas":{},"f:template":{}}}},
		{"manager":"kube-controller-manager","operation":"Update","time":"2026-11-21T11:30:00Z","fieldsV1":{"f:status":{"f:replicas":{}}},"subresource":"status"}]},
		"spec":{"replicas":%d,"template":{"metadata":{"creationTimestamp":null,"labels":{"app":"cart"}},"spec":{"containers":[{"name":"app","image":%q}]}}}}`,
		revision, replicas, revision, replicas, image)
}

// cartSet is the replica set of a revision of cart.
func cartSet(image string, revision int, created time.Duration) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"cart-%d","namespace":"shop","uid":"r-%d","creationTimestamp":%q,
		"annotations":{"deployment.kubernetes.io/revision":"%d"},"ownerReferences":[{"kind":"Deployment","name":"cart","uid":"d-1","controller":true}]},
		"spec":{"template":{"metadata":{"creationTimestamp":null,"labels":{"app":"cart","pod-template-hash":"x"}},"spec":{"containers":[{"name":"app","image":%q}]}}}}`,
		revision, revision, at(created), revision, image)
}

func node(spec string) string {
	return `{"kind":"Node","metadata":{"name":"n1","uid":"n","resourceVersion":"5"},"spec":{` + spec + `}}`
}

func configMap(version int, data string) string {
	return fmt.Sprintf(`{"kind":"ConfigMap","metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"%d","managedFields":[
		{"manager":"argocd-controller","time":"2026-11-21T10:00:00Z","fieldsV1":{"f:data":{"f:password":{}}}}]},"data":{%s}}`, version, data)
}

func secret(version int, written string) string {
	return fmt.Sprintf(`{"kind":"Secret","metadata":{"name":"a","namespace":"b","uid":"s","resourceVersion":"%d","managedFields":[
		{"manager":"kubectl","time":%q,"fieldsV1":{"f:data":{"f:password":{}}}},
		{"manager":"annotator","time":"2026-11-21T11:59:59Z","fieldsV1":{"f:metadata":{"f:annotations":{}}}}]}}`, version, written)
}

func TestChangesAreTold(t *testing.T) {
	set := func(images string) string {
		return fmt.Sprintf(`{"kind":"StatefulSet","metadata":{"name":"db","namespace":"b","uid":"s","resourceVersion":"1"},"spec":{"template":{"spec":{"containers":[%s]}}}}`, images)
	}
	quota := func(hard string) string {
		return `{"kind":"ResourceQuota","metadata":{"name":"q","namespace":"b","uid":"q"},"spec":{"hard":{` + hard + `}}}`
	}
	autoscaler := func(spec string) string {
		return `{"kind":"HorizontalPodAutoscaler","metadata":{"name":"a","namespace":"b"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},` + spec + `}}`
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"rollout":               {cart("shop/cart:1.4", 3, 6), cart("shop/cart:1.5", 3, 6), "deployment/shop/cart Rollout: image shop/cart:1.4 → 1.5, revision 7"},
		"rollout, seen at once": {cart("shop/cart:1.4", 3, 6), cart("shop/cart:1.5", 3, 7), "deployment/shop/cart Rollout: image shop/cart:1.4 → 1.5, revision 7"},
		"of another image":      {cart("shop/cart:1.4", 3, 6), cart("reg:5000/x", 3, 6), "deployment/shop/cart Rollout: image shop/cart:1.4 → reg:5000/x, revision 7"},
		"revision is written":   {cart("shop/cart:1.5", 3, 6), cart("shop/cart:1.5", 3, 7), ""},
		"scaled":                {cart("shop/cart:1.4", 3, 6), cart("shop/cart:1.4", 5, 6), "deployment/shop/cart Scaled: 3 → 5 replicas by the autoscaler"},
		"two images": {
			set(`{"name":"a","image":"x:1"},{"name":"b","image":"y:1"}`), set(`{"name":"a","image":"x:2"},{"name":"b","image":"y:2"}`),
			"statefulset/b/db Rollout: images a x:1 → 2, b y:1 → 2",
		},
		"same images": {
			set(`{"name":"a","image":"x:1"}`), set(`{"name":"a","image":"x:1","args":["-v"]}`), "statefulset/b/db Rollout: pod template",
		},
		"cordoned":                 {node(``), node(`"unschedulable":true`), "node/n1 Cordoned: no new pods are scheduled there"},
		"the taint follows":        {node(`"unschedulable":true`), node(`"unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable","timeAdded":"2026-11-21T11:00:00Z"}]`), ""},
		"uncordoned":               {node(`"unschedulable":true`), node(``), "node/n1 Uncordoned: pods may be scheduled there again"},
		"quota":                    {quota(`"pods":"3","cpu":"2"`), quota(`"pods":"5","memory":"1Gi"`), "resourcequota/b/q QuotaChanged: cpu 2 (gone), memory 1Gi (new), pods 3 → 5"},
		"autoscaler":               {autoscaler(`"maxReplicas":3`), autoscaler(`"minReplicas":1,"maxReplicas":6`), "horizontalpodautoscaler/b/a AutoscalerChanged: maximum 3 → 6"},
		"config map":               {configMap(1, `"password":"tiger"`), configMap(2, `"password":"lion"`), "configmap/b/a ConfigChanged: content changed, now 17cb6dc23e0b2b86 by argocd-controller"},
		"config map, labels only":  {configMap(1, `"a":"b"`), configMap(2, `"a":"b"`), ""},
		"secret":                   {secret(1, "2026-11-21T10:00:00Z"), secret(2, "2026-11-21T11:00:00Z"), "secret/b/a SecretChanged: content changed by kubectl"},
		"secret, annotations only": {secret(1, "2026-11-21T10:00:00Z"), secret(2, "2026-11-21T10:00:00Z"), ""},
		"other object, same name":  {strings.Replace(cart("a", 1, 1), "d-1", "d-2", 1), cart("b", 5, 9), ""},
		"nothing":                  {cart("a", 1, 1), cart("a", 1, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := changesOf(newLens().Observe(mustRead(t, test.old), mustRead(t, test.new), received))
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if first := changesOf(newLens().Observe(nil, mustRead(t, test.new), received)); len(first) > 0 {
				t.Errorf("told on first sight: %v", first)
			}
		})
	}
}

// What is in settings must not be told, nor be kept: not even in a form that can be guessed at.
func TestSecretsAreNeverRead(t *testing.T) {
	full := strings.Replace(secret(1, "2026-11-21T10:00:00Z"), `"kind"`, `"data":{"password":"dGlnZXI="},"kind"`, 1)
	if o, want := mustRead(t, full), mustRead(t, secret(1, "2026-11-21T10:00:00Z")); !o.same(want) {
		t.Errorf("content of a secret shows: %+v", o.setup)
	}
}

// A rollout may be seen from the deployment, and from its replica set, and again after a restart. It has one id.
func TestARolloutHasOneID(t *testing.T) {
	id := func(k Kubernetes) (string, time.Time) {
		for _, in := range k.Inputs {
			if e, ok := in.(*correlate.Event); ok && e.Reason == "Rollout" {
				return e.ID, e.At
			}
		}
		return "", time.Time{}
	}
	l, set := newLens(), mustRead(t, cartSet("shop/cart:1.5", 7, 10*time.Minute))
	first, _ := id(l.Observe(mustRead(t, cart("shop/cart:1.4", 3, 6)), mustRead(t, cart("shop/cart:1.5", 3, 6)), received))
	if again, _ := id(l.Observe(nil, set, received)); again != "" {
		t.Errorf("told again by its replica set: %s", again)
	}
	restarted, when := id(newLens().Observe(nil, set, received))
	if first != "d-1/7" || restarted != first || !when.Equal(received.Add(-10*time.Minute)) {
		t.Errorf("got %s, and %s of %v, want d-1/7, ten minutes old", first, restarted, when)
	}
	if old, _ := id(newLens().Observe(nil, mustRead(t, cartSet("shop/cart:1.5", 7, time.Hour)), received)); old != "" {
		t.Errorf("told an hour later: %s", old)
	}
}

func TestARollbackNamesTheRevisionThatItGoesBackTo(t *testing.T) {
	l := newLens()
	for revision, image := range []string{"shop/cart:1.4", "shop/cart:1.5"} {
		l.Observe(nil, mustRead(t, cartSet(image, revision+1, time.Hour)), received)
	}
	got := changesOf(l.Observe(mustRead(t, cart("shop/cart:1.5", 3, 2)), mustRead(t, cart("shop/cart:1.4", 3, 2)), received))
	want := []string{"deployment/shop/cart Rollout: image shop/cart:1.5 → 1.4, back to revision 1, revision 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
