package rules

import (
	"testing"

	"quell/correlate"
)

// TestAChangeAtFirstHandNeedsNoRule: webhooks tell of changes where no pack is in force that knows their reasons.
func TestAChangeAtFirstHandNeedsNoRule(t *testing.T) {
	s, err := compile(&correlate.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for component, want := range map[string]bool{correlate.ChangeComponent: true, "deployment-controller": false} {
		if m := s.Event(&correlate.Event{Reason: "Deployed", Component: component}); m.Change != want || m.Symptom {
			t.Errorf("%s: got %+v, want change %v", component, m, want)
		}
	}
}

// TestTheSourceOfAnAlertIsNoPartOfWhatItIsAbout: what comes by a webhook and names nothing is one entity for each name.
func TestTheSourceOfAnAlertIsNoPartOfWhatItIsAbout(t *testing.T) {
	s, err := compile(&correlate.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Entity(correlate.LabelsOf("alertname", "Slow", "severity", "error", "webhook", "shop")); got != "alert/Slow" {
		t.Errorf("got %s, want alert/Slow", got)
	}
}
