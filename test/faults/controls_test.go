package faults

import (
	"strings"
	"testing"
	"time"

	"quell/internal/fake"
)

// TestOracleNoticesWhatItIsFor is the control of all cases: histories that are wrong in one way each.
func TestOracleNoticesWhatItIsFor(t *testing.T) {
	const hold = 10 * time.Second
	zero := time.Now()
	at := func(seconds int) time.Time { return zero.Add(time.Duration(seconds) * time.Second) }
	page := func(entity string, opened int) fake.PDIncident {
		e := fake.PDEvent{Payload: &fake.PDPayload{Source: entity}}
		return fake.PDIncident{Key: "key of " + entity, Opened: at(opened), Last: e, Summary: entity}
	}
	resolvedAt := func(p fake.PDIncident, seconds int) fake.PDIncident {
		p.Resolved = at(seconds)
		return p
	}
	event := func(action string) fake.PDEvent { return fake.PDEvent{Action: action, DedupKey: "k"} }
	lasting := fault{entity: "pod/a/x", told: at(0), began: at(0), hold: hold}
	healed, repaired := lasting, lasting
	healed.ending, healed.recovered, repaired.ending, repaired.recovered = at(5), at(5), at(60), at(60)
	slow, unlucky := repaired, healed // answers took so long that nobody can say on which side of the hold's end it recovered
	slow.ending, unlucky.told = at(9), at(-9)
	for _, c := range []struct {
		name, want string
		fault      fault
		history    history
	}{
		{"well paged", "", lasting, history{incidents: []fake.PDIncident{page("pod/a/x", 11)}}},
		{"well resolved", "", repaired, history{incidents: []fake.PDIncident{resolvedAt(page("pod/a/x", 11), 62)}}},
		{"well held", "", healed, history{}},
		{"healed in time, its sender heard late of it", "", slow, history{}},
		{"began long before its sender heard of it", "", unlucky, history{incidents: []fake.PDIncident{resolvedAt(page("pod/a/x", 4), 6)}}},
		{"late after a restart", "", lasting, history{incidents: []fake.PDIncident{page("pod/a/x", 100)}, restarted: at(95)}},
		{"never paged", "I2", lasting, history{}},
		{"paged too late", "I2", lasting, history{incidents: []fake.PDIncident{page("pod/a/x", 35)}}},
		{"paged twice", "I3", lasting, history{incidents: []fake.PDIncident{page("pod/a/x", 11), page("pod/a/x", 12)}}},
		{"paged though it healed", "I4", healed, history{incidents: []fake.PDIncident{resolvedAt(page("pod/a/x", 11), 12)}}},
		{"paged for nothing", "I4", healed, history{incidents: []fake.PDIncident{page("pod/a/y", 11)}}},
		{"triggered after the resolve", "I4", healed, history{events: []fake.PDEvent{event("trigger"), event("resolve"), event("trigger")}}},
		{"never resolved", "I5", repaired, history{incidents: []fake.PDIncident{page("pod/a/x", 11)}}},
		{"resolved too early", "I5", lasting, history{incidents: []fake.PDIncident{resolvedAt(page("pod/a/x", 11), 12)}}},
	} {
		f := c.fault
		got := judge(truth{f.entity: &f}, c.history)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) == 0 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	a, b := ill("pod/a/x").report(), ill("pod/a/y").report()
	if got := missing(map[report]bool{a: true, b: true}, map[report]int{a: 1, b: 1}); len(got) > 0 {
		t.Errorf("complete journal: got %q, want nothing", got)
	}
	if got := missing(map[report]bool{a: true, b: true}, map[report]int{b: 2}); len(got) != 2 {
		t.Errorf("journal with a lost report and one stored twice: got %q, want both", got)
	}
}
