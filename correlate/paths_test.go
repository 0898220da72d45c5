package correlate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quell/correlate/topology"
)

// TestPathsLeadOverMembersWhereConesEnd tells of a cascade that is longer than a cone: a node takes its pod down, that its service,
// which is silent, and that those who call it, one over the other. It asks twice, for all and for few.
func TestPathsLeadOverMembersWhereConesEnd(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	u := topology.Update{Edges: []topology.Edge{
		{From: "pod/s/db-0", To: "node/n", Type: "runs_on"},
		{From: "service/s/db", To: "pod/s/db-0", Type: "selects"},
		{From: "service/s/c1", To: "service/s/db", Type: "calls"},
	}}
	ill := []topology.Entity{"node/n", "pod/s/db-0", "service/s/c1"}
	for k := 2; k <= 5; k++ {
		from, to := topology.Entity(fmt.Sprintf("service/s/c%d", k)), topology.Entity(fmt.Sprintf("service/s/c%d", k-1))
		u.Edges = append(u.Edges, topology.Edge{From: from, To: to, Type: "calls"})
		ill = append(ill, from)
	}
	inputs := []Input{&Topology{Update: u, Source: "api"}}
	for _, entity := range ill {
		l := LabelsOf("alertname", "Ill", "quell_entity", string(entity))
		inputs = append(inputs, &Alert{Labels: l, Fingerprint: l.Fingerprint(), StartsAt: start})
	}
	e.Step(start.Add(time.Second), inputs)
	inc, _ := e.Incident(1, 0)
	if len(inc.Symptoms) != len(ill) {
		t.Fatalf("%d symptoms in %s, want all %d", len(inc.Symptoms), inc.Title, len(ill))
	}
	last := inc.Symptoms[len(ill)-1].Path
	var got []string
	for _, s := range last {
		got = append(got, strings.TrimSpace(s.Type+" "+string(s.Entity)))
	}
	want := "service/s/c5, calls service/s/c4, calls service/s/c3, calls service/s/c2, calls service/s/c1, calls service/s/db, selects pod/s/db-0, runs_on node/n"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got path %s\nwant     %s", s, want)
	}
	for _, s := range last[1:] {
		if len(s.Sources) != 1 || s.Sources[0] != "api" {
			t.Errorf("%s is told by %q, want api", s.Entity, s.Sources)
		}
	}
	few, _ := e.Incident(1, 2)
	if len(few.Symptoms) != 2 || len(few.Symptoms[1].Path) != 2 {
		t.Errorf("of two symptoms, got %+v", few.Symptoms)
	}
}
