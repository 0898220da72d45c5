package correlate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// eventAt is an event that quell hears of at once.
func eventAt(at time.Duration, component, reason string, entity topology.Entity, id, message string) *Event {
	return &Event{ID: id, Entity: entity, Reason: reason, Component: component, Message: message, Count: 1, At: start.Add(at), Source: "kubernetes/k"}
}

// TestChangesStandOnTheTimelineAtTheirTime tells of changes before the trouble, in its course, late, twice, far away and long ago. Those
// near the root stand on the timeline once, in order of the times that they were made.
func TestChangesStandOnTheTimelineAtTheirTime(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	play := func(at time.Duration, inputs ...Input) { e.Step(start.Add(at), inputs) }
	change := func(at time.Duration, entity topology.Entity, message string) *Event {
		return eventAt(at, ChangeComponent, "Rollout", entity, "id of "+message, message)
	}
	play(0, &Topology{Source: "api", Update: topology.Update{Edges: []topology.Edge{
		{From: "deployment/s/cart", To: "pod/s/cart-a", Type: "owns"},
		{From: "pod/s/cart-a", To: "configmap/s/settings", Type: "references"},
	}}}, change(-40*time.Minute, "deployment/s/cart", "long ago"))
	play(time.Minute, change(time.Minute, "deployment/s/cart", "before"), change(time.Minute, "deployment/s/web", "of another"))
	play(2*time.Minute, eventAt(2*time.Minute, "quell/state", "PodNotReady", "pod/s/cart-a", "", ""))
	play(3*time.Minute, change(3*time.Minute, "pod/s/cart-a", "meanwhile"))
	play(4*time.Minute, change(4*time.Minute, "configmap/s/settings", "below"), change(3*time.Minute, "pod/s/cart-a", "meanwhile"))
	play(5*time.Minute, change(90*time.Second, "deployment/s/cart", "told late"))

	inc, _ := e.Incident(1, 0)
	var got []string
	for _, x := range inc.Timeline {
		if x.Decision == Changed {
			got = append(got, x.At.Sub(start).String()+" "+x.Reason)
		}
	}
	want := []string{
		"1m0s deployment/s/cart: Rollout, before", "1m30s deployment/s/cart: Rollout, told late", "3m0s pod/s/cart-a: Rollout, meanwhile",
		"4m0s configmap/s/settings: Rollout, below",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes on the timeline (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(inc.Timeline, func(a, b TimelineEntry) int { return a.At.Compare(b.At) }) {
		t.Errorf("the timeline is not in order of time: %v", inc.Timeline)
	}
}

// TestMemoryIsBoundedAndForgets fills a memory beyond its bound, and lets time pass.
func TestMemoryIsBoundedAndForgets(t *testing.T) {
	m := newMemory[change]()
	for k := range memoryMax + 10 {
		if kept := m.keep(topology.Entity(fmt.Sprintf("pod/s/p%d", k)), change{At: int64(k)}); kept != (k < memoryMax) {
			t.Fatalf("the memory took entity %d: %v", k, kept)
		}
	}
	if !m.keep("pod/s/p0", change{At: memoryMax}) {
		t.Error("there is no room for news of an entity that is known")
	}
	if m.keep(topology.Entity("pod/s/"+strings.Repeat("x", topology.MaxEntityBytes)), change{}) {
		t.Error("the memory took a name that is too long for a row")
	}
	m.forget(memoryMax - 2)
	if diff := cmp.Diff([]topology.Entity{"pod/s/p0", "pod/s/p49999"}, slices.Sorted(maps.Keys(m.of))); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	rows := make(map[string][]byte)
	m.changed(rowChange, nil, func(k, v []byte) { rows[string(k[1:])] = bytes.Clone(v) })
	if len(rows) != memoryMax || rows["pod/s/p1"] != nil {
		t.Errorf("%d rows, of which that of one that is forgotten is %q", len(rows), rows["pod/s/p1"])
	}
	loaded := newMemory[change]()
	for _, entity := range []string{"pod/s/p0", "pod/s/p49999"} {
		if err := loaded.load(entity, rows[entity]); err != nil {
			t.Fatal(err)
		}
	}
	loaded.loaded()
	if want := []hearing{{memoryMax - 1, "pod/s/p49999"}, {memoryMax, "pod/s/p0"}}; !slices.Equal(loaded.order, want) {
		t.Errorf("order after loading: %v, want %v", loaded.order, want)
	}
}

func TestHealingNamesItsEntityOnce(t *testing.T) {
	for _, c := range []struct {
		healing Healing
		want    string
	}{
		{Healing{What: "kubelet reports again", Entity: "node/n1"}, "node/n1: kubelet reports again"},
		{Healing{What: "rescheduled: pod/s/b is ready in place of pod/s/a", Entity: "pod/s/b"}, "rescheduled: pod/s/b is ready in place of pod/s/a"},
		{Healing{What: Unexplained, Entity: "node/n1"}, "unexplained"},
	} {
		if got := c.healing.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestSignsThatAreToldAgainHoldNothingLonger tells the same progress over and over, and late: each holds until two minutes from when it
// was so first.
func TestSignsThatAreToldAgainHoldNothingLonger(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(at, was time.Duration, id, message string) {
		e.Step(start.Add(at), []Input{eventAt(was, "quell/state", "BackoffProgress", "pod/s/a", id, message)})
	}
	until := func() time.Duration { return fromNano(e.signs.of["pod/s/a"].Progress.Until).Sub(start) }
	for _, c := range []struct {
		at, was     time.Duration
		id, message string
		want        time.Duration
	}{
		{time.Second, time.Second, "", "restart 1", 2*time.Minute + time.Second},
		{time.Minute, time.Minute, "", "restart 1", 2*time.Minute + time.Second}, // listed again
		{time.Minute, time.Minute, "", "restart 2", 3 * time.Minute},
		{90 * time.Second, 30 * time.Second, "", "restart 3", 3 * time.Minute}, // older than what is known
		{2 * time.Minute, 2 * time.Minute, "x", "restart 2", 4 * time.Minute},  // another event
		{3 * time.Minute, 2 * time.Minute, "x", "restart 2", 4 * time.Minute},  // a duplicate
	} {
		if tell(c.at, c.was, c.id, c.message); until() != c.want {
			t.Errorf("after %q of %v at %v: healing until %v, want %v", c.message, c.was, c.at, until(), c.want)
		}
	}
}
