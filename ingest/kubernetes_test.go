package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

func mustKubernetes(t *testing.T, body string) *Kubernetes {
	t.Helper()
	k, err := DecodeKubernetes([]byte(body), received, Limits{})
	if err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return k
}

const coreEvent = `{"apiVersion":"v1","kind":"Event","metadata":{"name":"cart.1","namespace":"shop","uid":"u-1","creationTimestamp":"2026-11-21T11:00:00Z","managedFields":[{"f":{}}]},
	"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-7d9f","uid":"u-2","fieldPath":"spec.containers{cart}"},"reason":"BackOff",
	"message":"Back-off restarting","source":{"component":"kubelet","host":"n1"},"firstTimestamp":"2026-11-21T11:01:00Z","lastTimestamp":"2026-11-21T11:30:00Z",
	"count":14,"type":"Warning","eventTime":null,"reportingComponent":"","reportingInstance":""}`

const newEvent = `{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"x","namespace":"shop","uid":"u-3","creationTimestamp":"2026-11-21T11:00:00Z"},
	"regarding":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reason":"FailedScheduling","note":"0/3 nodes","type":"Normal","action":"Scheduling",
	"reportingController":"default-scheduler","eventTime":"2026-11-21T11:10:00.123456Z","series":{"count":7,"lastObservedTime":"2026-11-21T11:20:00.5Z"},
	"deprecatedSource":{},"deprecatedFirstTimestamp":null,"deprecatedLastTimestamp":null}`

func wantCoreEvent() *correlate.Event {
	return &correlate.Event{
		ID: "u-1", Entity: "pod/shop/cart-7d9f", Reason: "BackOff", Component: "kubelet", Message: "Back-off restarting",
		Warning: true, Count: 14, At: received.Add(-30 * time.Minute), Source: "kubernetes",
	}
}

func wantNewEvent() *correlate.Event {
	return &correlate.Event{
		ID: "u-3", Entity: "pod/shop/cart-1", Reason: "FailedScheduling", Component: "default-scheduler", Message: "0/3 nodes",
		Count: 7, At: received.Add(-40*time.Minute + 500*time.Millisecond), Source: "kubernetes",
	}
}

func compact(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestKubernetesEventsAreNormalised(t *testing.T) {
	event := func(body string) string { return `{"kind":"Event",` + body + `}` }
	about := `"involvedObject":{"kind":"Pod","namespace":"a","name":"b"}`
	pod := func(change func(*correlate.Event)) []correlate.Input {
		e := &correlate.Event{Entity: "pod/a/b", Count: 1, At: received, Source: "kubernetes"}
		change(e)
		return []correlate.Input{e}
	}
	tests := map[string]struct {
		body string
		want []correlate.Input
	}{
		"core/v1":       {coreEvent, []correlate.Input{wantCoreEvent()}},
		"events.k8s.io": {newEvent, []correlate.Input{wantNewEvent()}},
		"list":          {`{"apiVersion":"v1","kind":"EventList","items":[` + coreEvent + `,` + newEvent + `]}`, []correlate.Input{wantNewEvent(), wantCoreEvent()}},
		"items without a kind, list's kind last": {
			`{"items":[{` + about + `}],"kind":"EventList","apiVersion":"v1"}`, pod(func(*correlate.Event) {}),
		},
		"JSON lines":   {compact(coreEvent) + "\n\n" + compact(newEvent) + "\n", []correlate.Input{wantCoreEvent(), wantNewEvent()}},
		"empty list":   {`{"kind":"EventList","items":[]}`, nil},
		"null items":   {`{"kind":"EventList","items":null}`, nil},
		"nothing else": {event(about), pod(func(*correlate.Event) {})},
		"a node has no namespace": {
			event(`"involvedObject":{"kind":"Node","namespace":"default","name":"n1"}`), pod(func(e *correlate.Event) { e.Entity = "node/n1" }),
		},
		"fields of wrong types": {
			event(about + `,"count":"x","reason":5,"type":[],"message":null,"series":7,"lastTimestamp":0,"source":"kubelet"`), pod(func(*correlate.Event) {}),
		},
		"count is a fraction":    {event(about + `,"count":1.5`), pod(func(*correlate.Event) {})},
		"count is negative":      {event(about + `,"count":-3`), pod(func(*correlate.Event) {})},
		"weird type":             {event(about + `,"type":"Weird"`), pod(func(*correlate.Event) {})},
		"source before reporter": {event(about + `,"reportingComponent":"r","source":{"component":"s"}`), pod(func(e *correlate.Event) { e.Component = "s" })},
		"series before the rest": {
			event(about + `,"lastTimestamp":"2026-11-21T11:59:00Z","count":3,"series":{"count":5,"lastObservedTime":"2026-11-21T11:58:00Z"}`),
			pod(func(e *correlate.Event) { e.At, e.Count = received.Add(-2*time.Minute), 5 }),
		},
		"eventTime before firstTimestamp": {
			event(about + `,"eventTime":"2026-11-21T11:59:00Z","firstTimestamp":"2026-11-21T11:58:00Z"`),
			pod(func(e *correlate.Event) { e.At = received.Add(-time.Minute) }),
		},
		"creation when all else is missing": {
			event(about + `,"metadata":{"creationTimestamp":"2026-11-21T11:59:00Z"}`), pod(func(e *correlate.Event) { e.At = received.Add(-time.Minute) }),
		},
		"long message": {
			event(about + `,"message":"` + strings.Repeat("é", 100_000) + `"`), pod(func(e *correlate.Event) { e.Message = strings.Repeat("é", 2048) }),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mustKubernetes(t, test.body)
			if diff := cmp.Diff(&Kubernetes{Inputs: test.want}, got); diff != "" {
				t.Errorf("got other than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKubernetesEventFromTheFutureIsClamped(t *testing.T) {
	got := mustKubernetes(t, `{"kind":"Event","involvedObject":{"kind":"Pod","name":"b"},"eventTime":"2099-01-01T00:00:00Z"}`)
	if e := got.Inputs[0].(*correlate.Event); !e.At.Equal(received) || got.Skewed != 1 {
		t.Errorf("got %v, %d skewed, want %v, 1", e.At, got.Skewed, received)
	}
}

func TestKubernetesRejectsOnlyWhatNamesNothing(t *testing.T) {
	good := `{"kind":"Event","involvedObject":{"kind":"Pod","name":"b"}}`
	tests := map[string]struct{ item, reason string }{
		"no object":        {`7`, `the item is not an object`},
		"no name":          {`{"kind":"Event","involvedObject":{"kind":"Pod"}}`, `kind "Pod", name "": nothing is named`},
		"no involved":      {`{"kind":"Event"}`, `kind "", name "": nothing is named`},
		"bad UTF-8":        {`{"kind":"Event","involvedObject":{"kind":"Pod","name":"` + "\xff" + `"}}`, `a string has invalid UTF-8`},
		"control in name":  {`{"kind":"Event","involvedObject":{"kind":"Pod","name":"a\u001b"}}`, `kind "Pod", name "a\x1b": entity id "pod/a\x1b" has a control character`},
		"endless name":     {`{"kind":"Event","involvedObject":{"kind":"Pod","name":"` + strings.Repeat("x", 5000) + `"}}`, `kind "Pod", name "` + strings.Repeat("x", 64) + `": entity id of 1005 bytes is longer than 1000`},
		"pod without name": {`{"kind":"Pod"}`, `kind "Pod", name "": nothing is named`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mustKubernetes(t, `{"kind":"EventList","items":[`+good+`,`+test.item+`,`+good+`]}`)
			if want := []Rejection{{1, test.reason}}; !cmp.Equal(want, got.Rejected) || len(got.Inputs) != 2 {
				t.Errorf("got %d inputs, rejected %+v, want 2 and %+v", len(got.Inputs), got.Rejected, want)
			}
		})
	}
}

func TestBadLineDoesNotSpoilItsNeighbours(t *testing.T) {
	line := `{"kind":"Event","involvedObject":{"kind":"Pod","name":"b"}}`
	for name, bad := range map[string]string{"cut off": `{"kind":"Ev`, "duplicate key": `{"kind":"Event","kind":"Event"}`, "garbage": `hello`, "two": line + line} {
		t.Run(name, func(t *testing.T) {
			got := mustKubernetes(t, line+"\n"+bad+"\n"+line)
			if len(got.Inputs) != 2 || len(got.Rejected) != 1 || got.Rejected[0].Index != 1 {
				t.Errorf("got %+v, want the first and third", got)
			}
		})
	}
}

func TestMalformedKubernetesBodyIsAnError(t *testing.T) {
	for _, body := range []string{"", "[]", `"x"`, `{"kind":"Event"`, `{"kind":"Event","kind":"Pod"}`, `{"kind":"EventList","items":[{}`, `{} x`} {
		if got, err := DecodeKubernetes([]byte(body), received, Limits{}); err == nil {
			t.Errorf("%s: got %+v, want an error", body, got)
		}
	}
	if got := mustKubernetes(t, `{}`); len(got.Rejected) != 1 {
		t.Errorf("got %+v of an empty object, want a rejection", got)
	}
	list := `{"items":[` + strings.Repeat(`{},`, 5) + `{}]}`
	if _, err := DecodeKubernetes([]byte(list), received, Limits{Items: 5}); err == nil {
		t.Error("got no error for six items of five")
	}
	if _, err := DecodeKubernetes([]byte(strings.Repeat("{}\n", 6)), received, Limits{Items: 5}); err == nil {
		t.Error("got no error for six lines of five")
	}
	if _, err := DecodeKubernetes([]byte(strings.Repeat("{x}\n", 6)), received, Limits{Items: 5}); err == nil {
		t.Error("got no error for six bad lines of five")
	}
}

const podObject = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-7d9f-x","namespace":"shop","ownerReferences":[
	{"apiVersion":"v1","kind":"Foo","name":"other","controller":false},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"cart-7d9f","controller":true,"blockOwnerDeletion":true}]},
	"spec":{"nodeName":"n1","containers":[]}}`

// newLens sees a cluster without a name.
func newLens() *KubernetesLens { return &KubernetesLens{Source: "kubernetes"} }

func mustRead(t *testing.T, object string) *KubernetesObject {
	t.Helper()
	o, err := ReadKubernetesObject([]byte(object), Limits{})
	if err != nil {
		t.Fatalf("read %s: %v", object, err)
	}
	return o
}

// deleted is what the deletion of an object tells that had these dependencies.
func deleted(id topology.Entity, edges ...topology.Edge) []correlate.Input {
	told := []correlate.Input{&correlate.Event{Entity: id, Reason: "Deleted", Component: "quell/state", Count: 1, At: received, Source: "kubernetes"}}
	if len(edges) > 0 {
		told = append(told, &correlate.Topology{Update: topology.Update{RemoveEdges: edges}, Source: "kubernetes"})
	}
	return told
}

var objectsWithDependencies = map[string]struct {
	object string
	want   []topology.Edge
}{
	"pod": {podObject, []topology.Edge{
		{From: "replicaset/shop/cart-7d9f", To: "pod/shop/cart-7d9f-x", Type: "owns"},
		{From: "pod/shop/cart-7d9f-x", To: "node/n1", Type: "runs_on"},
	}},
	"pod without node and owner": {`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{}}`, nil},
	"static pod": {
		`{"kind":"Pod","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"Node","name":"n1","controller":true}]},"spec":{"nodeName":"n1"}}`,
		[]topology.Edge{{From: "pod/b/a", To: "node/n1", Type: "runs_on"}},
	},
	"replica set": {
		`{"kind":"ReplicaSet","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"Deployment","name":"d","controller":true}]},"spec":{"replicas":3}}`,
		[]topology.Edge{{From: "deployment/b/d", To: "replicaset/b/a", Type: "owns"}},
	},
	"node": {`{"kind":"Node","metadata":{"name":"n1"}}`, nil},
	"claim that waits for its class": {
		`{"kind":"PersistentVolumeClaim","metadata":{"name":"a","namespace":"b"},"spec":{"storageClassName":"fast"}}`,
		[]topology.Edge{{From: "persistentvolumeclaim/b/a", To: "storageclass/fast", Type: "depends_on"}},
	},
	"claim with a volume": {
		`{"kind":"PersistentVolumeClaim","metadata":{"name":"a","namespace":"b"},"spec":{"storageClassName":"fast","volumeName":"pv-1"}}`,
		[]topology.Edge{{From: "persistentvolumeclaim/b/a", To: "persistentvolume/pv-1", Type: "bound_to"}},
	},
	"pod with a claim, and with volumes of no claim": {
		`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"volumes":[{"name":"x","emptyDir":{}},{"persistentVolumeClaim":{"claimName":"c"}},7]}}`,
		[]topology.Edge{{From: "pod/b/a", To: "persistentvolumeclaim/b/c", Type: "mounts"}},
	},
	"autoscaler": {
		`{"kind":"HorizontalPodAutoscaler","metadata":{"name":"a","namespace":"b"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"}}}`,
		[]topology.Edge{
			{From: "horizontalpodautoscaler/b/a", To: "deployment/b/d", Type: "depends_on"},
			{From: "deployment/b/d", To: "horizontalpodautoscaler/b/a", Type: "scaled_by"},
		},
	},
	"ingress": {
		`{"kind":"Ingress","metadata":{"name":"a","namespace":"b"},"spec":{"defaultBackend":{"service":{"name":"s"}},"rules":[{"http":{"paths":[{"backend":{"service":{"name":"t"}}},{"backend":{"service":{"name":"s"}}}]}}]}}`,
		[]topology.Edge{{From: "ingress/b/a", To: "service/b/s", Type: "routes"}, {From: "ingress/b/a", To: "service/b/t", Type: "routes"}},
	},
	"endpoint slice of nobody": {
		`{"kind":"EndpointSlice","metadata":{"name":"a","namespace":"b"},"endpoints":[{"targetRef":{"kind":"Pod","name":"p"}}]}`, nil,
	},
	"reference that cannot be named": {`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"nodeName":"n\u001b"}}`, nil},
	"event":                          {coreEvent, nil},
	"other Event":                    {`{"apiVersion":"calendar.example.com/v1","kind":"Event","metadata":{"name":"party"}}`, nil},
}

// edgesOf are the dependencies that inputs tell and take back.
func edgesOf(k Kubernetes) (told, over []topology.Edge) {
	for _, in := range k.Inputs {
		if u, ok := in.(*correlate.Topology); ok {
			told, over = append(told, u.Edges...), append(over, u.RemoveEdges...)
		}
	}
	return told, over
}

func TestKubernetesObjectsTellDependencies(t *testing.T) {
	for name, test := range objectsWithDependencies {
		t.Run(name, func(t *testing.T) {
			told, _ := edgesOf(newLens().Observe(nil, mustRead(t, test.object), received))
			told = slices.DeleteFunc(told, func(e topology.Edge) bool { return e.Type == "in_namespace" })
			if diff := cmp.Diff(test.want, told, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("got other than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeletedObjectsTakeBackTheirOwnDependencies(t *testing.T) {
	for name, test := range map[string]struct {
		object string
		want   []correlate.Input
	}{
		"pod": {podObject, deleted("pod/shop/cart-7d9f-x",
			topology.Edge{From: "pod/shop/cart-7d9f-x", To: "namespace/shop", Type: "in_namespace"},
			topology.Edge{From: "replicaset/shop/cart-7d9f", To: "pod/shop/cart-7d9f-x", Type: "owns"},
			topology.Edge{From: "pod/shop/cart-7d9f-x", To: "node/n1", Type: "runs_on"})},
		"node":  {`{"kind":"Node","metadata":{"name":"n1"}}`, deleted("node/n1")},
		"event": {coreEvent, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, newLens().Observe(mustRead(t, test.object), nil, received).Inputs); diff != "" {
				t.Errorf("got other than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

// A claim that has its volume waits for its class no more, whoever saw it wait.
func TestAClaimThatIsBoundTakesBackItsClass(t *testing.T) {
	claim := func(volume string) *KubernetesObject {
		return mustRead(t, `{"kind":"PersistentVolumeClaim","metadata":{"name":"a","namespace":"b"},"spec":{"storageClassName":"fast"`+volume+`}}`)
	}
	bound := claim(`,"volumeName":"pv-1"`)
	for _, old := range []*KubernetesObject{nil, claim("")} {
		told, over := edgesOf(newLens().Observe(old, bound, received))
		told = slices.DeleteFunc(told, func(e topology.Edge) bool { return e.Type == "in_namespace" })
		wantTold := []topology.Edge{{From: "persistentvolumeclaim/b/a", To: "persistentvolume/pv-1", Type: "bound_to"}}
		wantOver := []topology.Edge{{From: "persistentvolumeclaim/b/a", To: "storageclass/fast", Type: "depends_on"}}
		if !cmp.Equal(told, wantTold) || !cmp.Equal(over, wantOver) {
			t.Errorf("told %v, took back %v, want %v and %v", told, over, wantTold, wantOver)
		}
	}
}

func TestDecodedEventsDoNotAliasTheBody(t *testing.T) {
	body := []byte(coreEvent)
	got, err := DecodeKubernetes(body, received, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if diff := cmp.Diff([]correlate.Input{wantCoreEvent()}, got.Inputs); diff != "" {
		t.Errorf("changed with the body (-want +got):\n%s", diff)
	}
}

func TestDecodeTopologyReadsAllOfAnUpdate(t *testing.T) {
	body := `{"entities":[{"id":"node/n1","labels":{"zone":"a"}},{"id":"pod/a/b","labels":null}],
		"edges":[{"from":"pod/a/b","to":"node/n1","type":"runs_on"},{"from":"pod/a/c","to":"node/n1","type":"runs_on"},{"from":"pod/a/b","to":"service/a/d"}],
		"remove_entities":["pod/a/x"],"remove_edges":[{"to":"b/c","from":"a/b"}],"replace":true,"ttl":"1h30m"}`
	want := &topology.Update{
		Entities:       []topology.Labeled{{ID: "node/n1", Labels: map[string]string{"zone": "a"}}, {ID: "pod/a/b"}},
		Edges:          []topology.Edge{{From: "pod/a/b", To: "node/n1", Type: "runs_on"}, {From: "pod/a/c", To: "node/n1", Type: "runs_on"}, {From: "pod/a/b", To: "service/a/d"}},
		RemoveEntities: []topology.Entity{"pod/a/x"},
		RemoveEdges:    []topology.Edge{{From: "a/b", To: "b/c"}},
		Replace:        true,
		TTL:            model.Duration(90 * time.Minute),
	}
	raw := []byte(body)
	got, err := DecodeTopology(raw, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

func TestDecodeTopologyIsStrict(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"unknown key":            {`{"edge":[]}`, `malformed body at byte 8: unknown key "edge" (want entities, edges, remove_entities, remove_edges, replace, ttl)`},
		"ttl that is none":       {`{"ttl":"soon"}`, `ttl "soon" is no duration (want a text such as 90s or 15m)`},
		"ttl without a unit":     {`{"ttl":60}`, `"6" where a string was expected`},
		"short ttl":              {`{"ttl":"5ms"}`, `topology: ttl: 5ms is not between 1s and 8784h0m0s`},
		"replace that is none":   {`{"replace":1}`, `"1" where true or false was expected`},
		"unknown key of an edge": {`{"edges":[{"src":"a/b"}]}`, `unknown key "src" (want from, to, type)`},
		"unknown key of entity":  {`{"entities":[{"name":"a/b"}]}`, `unknown key "name" (want id, labels)`},
		"duplicate":              {`{"edges":[],"edges":[]}`, `second key "edges"`},
		"duplicate label":        {`{"entities":[{"id":"a/b","labels":{"x":"1","x":"2"}}]}`, `second key "x"`},
		"no string":              {`{"remove_entities":[5]}`, `"5" where a string was expected`},
		"bad UTF-8":              {`{"remove_entities":["a/` + "\xff" + `"]}`, `string has invalid UTF-8`},
		"bad id":                 {`{"entities":[{"id":"a/b"},{"id":"nope"}]}`, `topology: entities[1]: entity id "nope" has no kind and name`},
		"too many":               {`{"remove_entities":["a/b","a/c","a/d","a/e"]}`, `more entities and edges than one update may have`},
		"array":                  {`[]`, `an object was expected`},
		"trailing garbage":       {`{} {}`, `the end of the body was expected`},
		"empty":                  {``, `the body ends`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeTopology([]byte(test.body), Limits{TopologyItems: 3})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, error %v, want %s", got, err, test.want)
			}
		})
	}
}

func BenchmarkDecodeKubernetes(b *testing.B) {
	body := []byte(`{"kind":"EventList","items":[` + strings.Repeat(coreEvent+",", 99) + coreEvent + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeKubernetes(body, received, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleKubernetesLens_Observe() {
	pod, err := ReadKubernetesObject([]byte(`{"kind":"Pod","metadata":{"name":"cart","namespace":"shop"},"spec":{"nodeName":"n1"}}`), Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	eu := KubernetesLens{Cluster: "prod-eu", Source: "kubernetes/prod-eu"}
	for _, edge := range eu.Observe(nil, pod, time.Now()).Inputs[0].(*correlate.Topology).Edges {
		fmt.Println(edge.From, edge.Type, edge.To)
	}
	// Output:
	// pod/shop/cart@prod-eu in_namespace namespace/shop@prod-eu
	// pod/shop/cart@prod-eu runs_on node/n1@prod-eu
}
