package correlate

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// teller steps an engine through events about one pod.
type teller struct {
	t *testing.T
	e *Engine
	n int
}

func newTeller(t *testing.T) *teller {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return &teller{t: t, e: e}
}

func (p *teller) event(after time.Duration, reason, message string) {
	p.n++
	at := start.Add(after)
	p.e.Step(at, []Input{&Event{Entity: "pod/s/a", Reason: reason, Message: message, Warning: true, Count: p.n, At: at, Source: "kubernetes/k"}})
}

// wantKnown compares the entities of the graph.
func (p *teller) wantKnown(when string, want ...topology.Entity) {
	p.t.Helper()
	var got []topology.Entity
	for n := range p.e.graph.Nodes() {
		got = append(got, p.e.graph.Entity(n))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s, the graph knows (-want +got):\n%s", when, diff)
	}
}

func TestMessagesTellDependenciesWhileTheTroubleLasts(t *testing.T) {
	p := newTeller(t)
	p.event(0, "Failed", `Error: secret "one" not found`)
	p.wantKnown("after the first message", "pod/s/a", "secret/s/one")
	p.event(time.Second, "Failed", `Error: secret "two" not found`)
	p.wantKnown("after another one", "pod/s/a", "secret/s/two")
	p.event(2*time.Second, "Failed", "Error: CreateContainerConfigError")
	p.event(3*time.Second, "Failed", "Error: CreateContainerConfigError")
	p.wantKnown("after two that name nothing", "pod/s/a", "secret/s/two")
	notes := map[string]string{}
	for name, value := range p.e.events[eventKey{p.e.graph.Intern("pod/s/a"), "Failed"}].annotations.All() {
		notes[name] = value
	}
	want := map[string]string{"message": "Error: CreateContainerConfigError", "count": "4", "evidence": `Error: secret "two" not found`}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	p.event(4*time.Second, "Ready", "")
	p.event(5*time.Second, "Failed", "Error: CreateContainerConfigError")
	p.wantKnown("after the same trouble began anew and names nothing", "pod/s/a")
}

func TestGraphForgetsWhatOnlyMessagesTold(t *testing.T) {
	p := newTeller(t)
	p.event(0, "Failed", `Error: secret "one" not found`)
	p.event(time.Second, "FailedMount", `secret "one" not found`)
	for at, ok := p.e.Deadline(); ok; at, ok = p.e.Deadline() {
		p.e.Step(at, nil)
	}
	p.wantKnown("after all symptoms were dropped")
}

func TestMessagesOfNoSymptomTellNothing(t *testing.T) {
	p := newTeller(t)
	p.event(0, "Ready", `secret "one" not found`)
	p.wantKnown("after an event that heals")
}
