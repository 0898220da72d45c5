package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

// An object that is seen again tells nothing, and one that moved tells where from and where to.
func TestTheLensTellsDifferences(t *testing.T) {
	on := func(node, ready string) *KubernetesObject {
		return mustRead(t, fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]},
			"spec":{"nodeName":%q},"status":{"phase":"Running","startTime":%q,"conditions":[{"type":"Ready","status":%q,"lastTransitionTime":%q}]}}`,
			node, at(time.Hour), ready, at(time.Minute)))
	}
	if got := newLens().Observe(on("n1", "True"), on("n1", "True"), received); len(got.Inputs) != 0 || got.Ignored != 1 {
		t.Errorf("got %+v of an object that did not change", got)
	}
	got := newLens().Observe(on("n1", "True"), on("n2", "True"), received)
	told, over := edgesOf(got)
	if want := []topology.Edge{{From: "pod/b/a", To: "node/n2", Type: "runs_on"}}; !cmp.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if want := []topology.Edge{{From: "pod/b/a", To: "node/n1", Type: "runs_on"}}; !cmp.Equal(over, want) {
		t.Errorf("took back %v, want %v", over, want)
	}
	got = newLens().Observe(on("n1", "True"), on("n1", "False"), received)
	if diff := cmp.Diff([]string{"pod/b/a PodNotReady"}, statesOf(t, got)); diff != "" || len(got.Inputs) != 1 {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestRepeatsOfAnEventAreTold(t *testing.T) {
	first, second := mustRead(t, coreEvent), mustRead(t, strings.Replace(coreEvent, `"count":14`, `"count":15`, 1))
	if got := newLens().Observe(first, mustRead(t, coreEvent), received); len(got.Inputs) != 0 {
		t.Errorf("got %+v of an event that did not change", got.Inputs)
	}
	got := newLens().Observe(first, second, received)
	if len(got.Inputs) != 1 || got.Inputs[0].(*correlate.Event).Count != 15 {
		t.Errorf("got %+v, want the fifteenth", got.Inputs)
	}
}

func TestTheClusterStandsBehindEveryEntity(t *testing.T) {
	eu := KubernetesLens{Cluster: "eu", Source: "kubernetes/eu"}
	cronJob := fmt.Sprintf(cronRun, condition("Failed", "True", "BackoffLimitExceeded", time.Minute))
	for _, object := range []string{coreEvent, podObject, cronJob, endpoints(time.Hour, `{"targetRef":{"kind":"Pod","name":"p"}}`)} {
		o := mustRead(t, object)
		told := append(eu.Observe(nil, o, received).Inputs, eu.Observe(o, nil, received).Inputs...)
		for _, in := range told {
			switch in := in.(type) {
			case *correlate.Event:
				if in.Entity.Cluster() != "eu" || in.Source != "kubernetes/eu" {
					t.Errorf("got %+v, want it of eu", in)
				}
			case *correlate.Topology:
				for _, e := range append(in.Edges, in.RemoveEdges...) {
					if e.From.Cluster() != "eu" || e.To.Cluster() != "eu" || in.Source != "kubernetes/eu" {
						t.Errorf("got %v of %s, want it of eu", e, in.Source)
					}
				}
			}
		}
		if len(told) < 1 {
			t.Errorf("%s tells nothing", object)
		}
	}
}

// A pod that starts is given time. When it is over, and nothing was heard, it is not ready.
func TestWhatIsLateIsToldWhenItIsDue(t *testing.T) {
	started := received.Add(-time.Minute)
	pod := mustRead(t, fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"status":{"phase":"Pending","startTime":%q,
		"conditions":[{"type":"Ready","status":"False","lastTransitionTime":%q}]}}`, at(time.Minute), at(time.Minute)))
	if diff := cmp.Diff([]string{"pod/b/a PodStarting"}, statesOf(t, newLens().Observe(nil, pod, received))); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	due := pod.Due(received)
	if want := started.Add(startGrace); !due.Equal(want) {
		t.Fatalf("due at %v, want %v", due, want)
	}
	if diff := cmp.Diff([]string{"pod/b/a PodNotReady"}, statesOf(t, newLens().Again(pod, due))); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if again := pod.Due(due); !again.IsZero() {
		t.Errorf("due again at %v", again)
	}
}

// API servers leave the kind out in the items of a list, and of secrets only the metadata is read.
func TestAKindThatIsNotToldIsGiven(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{`{"metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7"}}`, "secret/b/a"},
		{`{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7"}}`, "secret/b/a"},
		{`{"kind":"Pod","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7"}}`, "pod/b/a"},
	} {
		o, err := ReadKubernetesObjectAs("Secret", []byte(test.raw), Limits{})
		if err != nil || o.Entity() != topology.Entity(test.want) || o.UID() != "u" || o.ResourceVersion() != "7" {
			t.Errorf("%s: got %+v, %v, want %s", test.raw, o, err, test.want)
		}
	}
	o, err := ReadKubernetesObjectAs("Event", []byte(`{"metadata":{"name":"x"},"involvedObject":{"kind":"Pod","name":"p"}}`), Limits{})
	if err != nil || !o.IsEvent() {
		t.Errorf("got %+v, %v, want an event", o, err)
	}
}
