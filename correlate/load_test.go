package correlate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// TestLoadSurvivesEachMissingRow leaves out one row after the other, as a store with damaged rows does: the engine loads all the
// same, every firing alert still has an incident after the next step, and no id is given out twice.
func TestLoadSurvivesEachMissingRow(t *testing.T) {
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	fire := func(name, entity string) *Alert {
		a := &Alert{Labels: LabelsOf("alertname", name, "quell_entity", entity), StartsAt: start, Expires: start.Add(time.Hour), Source: "prometheus/x"}
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	e.Step(start, []Input{fire("A", "pod/a"), fire("B", "pod/b"), fire("C", "service/c")})
	rows := newRowStore()
	rows.take(e)
	for _, gone := range sortedKeys(rows) {
		left := newRowStore()
		for k, v := range rows {
			if k != gone {
				left[k] = v
			}
		}
		f, err := Load(compileTest, left.all())
		if err != nil {
			t.Errorf("without row %q: %v", gone, err)
			continue
		}
		before := len(f.incidents)
		f.Step(start.Add(time.Second), []Input{fire("D", "pod/d")})
		for _, num := range f.symptoms.numbers() {
			s := f.symptoms.get(num)
			if i := f.incidents[s.incident]; i == nil || !i.state.Open() {
				t.Errorf("without row %q: symptom %d has no open incident", gone, num)
			}
		}
		if len(f.incidents) <= before {
			t.Errorf("without row %q: a new incident took an id that was in use", gone)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	inputs := []Input{
		&Alert{Fingerprint: 7, Labels: LabelsOf("a", "b"), Annotations: LabelsOf("c", ""), GeneratorURL: "u", StartsAt: start, EndsAt: start, Expires: start, Source: "s"},
		&Event{ID: "1", Entity: "pod/a", Reason: "R", Component: "c", Message: "m", Warning: true, Count: 3, At: start, Source: "s"},
		&Refresh{Alerts: []uint64{1, 2, 3, 9, 11, 12}, Expires: start, Source: "s"},
		&Command{Action: ActionAck, Incident: 3, By: "ada"},
		&Delivery{Incident: 3, Generation: 1, Receiver: "r", Integration: "i", Action: "trigger", Error: "e"},
		&Delivery{Incident: 3, Generation: 1, Receiver: "r", Integration: "i", Action: "trigger", Error: "e", Deferred: true, Superseded: true, Retried: "ada"},
		&Gap{From: start, To: start, Why: "restart"},
		&Policy{Hold: time.Minute},
		&Topology{Source: "api", Update: topology.Update{
			Entities:       []topology.Labeled{{ID: "pod/a", Labels: map[string]string{"b": "c", "d": ""}}, {ID: "pod/b"}},
			Edges:          []topology.Edge{{From: "pod/a", To: "pod/b", Type: "calls"}, {From: "pod/b", To: "pod/a"}},
			RemoveEntities: []topology.Entity{"pod/c", "pod/a"},
			RemoveEdges:    []topology.Edge{{From: "pod/c", To: "pod/b", Type: "owns"}},
			Replace:        true, TTL: model.Duration(time.Minute),
		}},
		&Topology{Source: "config"},
	}
	got, err := ParseRecord(AppendRecord(nil, inputs))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inputs, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzParseRecord: no panic, and what decodes encodes to something that decodes to the same.
func FuzzParseRecord(f *testing.F) {
	f.Add(AppendRecord(nil, []Input{&Topology{Source: "a", Update: topology.Update{
		Entities: []topology.Labeled{{ID: "pod/a", Labels: map[string]string{"b": "c"}}}, Edges: []topology.Edge{{From: "pod/a", To: "pod/b"}},
	}}}))
	f.Add(AppendRecord(nil, []Input{&Alert{Labels: LabelsOf("a", "b")}, &Refresh{Alerts: []uint64{1, 2, 5}}, &Gap{Why: "x"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		inputs, err := ParseRecord(b)
		if err != nil {
			return
		}
		again, err := ParseRecord(AppendRecord(nil, inputs))
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if diff := cmp.Diff(inputs, again); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

func TestCommonLabels(t *testing.T) {
	a := LabelsOf("alertname", "X", "namespace", "shop", "pod", "a", "severity", "warning")
	for _, c := range []struct{ b, want Labels }{
		{a, a},
		{LabelsOf("alertname", "X", "namespace", "shop", "pod", "b", "severity", "warning", "z", "1"), LabelsOf("alertname", "X", "namespace", "shop", "severity", "warning")},
		{LabelsOf("a", "1", "namespace", "shop"), LabelsOf("namespace", "shop")},
		{LabelsOf("zzz", "1"), ""},
		{"", ""},
	} {
		if got := common(a, c.b); got != c.want {
			t.Errorf("common with %s: got %s, want %s", c.b, got, c.want)
		}
	}
}
