package notify

import (
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/routing"
)

// Nobody knows whether an incident healed of which nobody reports any more, so no receiver may hear that it was resolved.
func TestLostIsNotResolved(t *testing.T) {
	i := &correlate.Incident{State: correlate.Escalated, Generations: []honesty.Generation{{End: honesty.LostReport}}}
	d := &routing.Delivery{Action: routing.Resolve, Incident: i}
	if got := Standing(d); got != "Lost" {
		t.Errorf("lost: %q", got)
	}
	i.Generations = nil
	if got := Standing(d); got != "Resolved" {
		t.Errorf("resolved: %q", got)
	}
}

// An incident that came back after days did not last for days, and the time in which it had to stay well was no trouble.
func TestOnlyThePresentLifeLasts(t *testing.T) {
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	again := first.Add(72 * time.Hour)
	recovered, closed := again.Add(4*time.Minute), again.Add(5*time.Minute)
	i := &correlate.Incident{
		State: correlate.SelfHealed, Opened: first, Generation: 2, Generations: []honesty.Generation{{Opened: first}, {Opened: again}}, Recovered: &recovered, Closed: &closed,
	}
	if got, over := Lasted(i); got != 4*time.Minute || !over || !Began(i).Equal(again) {
		t.Errorf("began %v, lasted %v (over %v)", Began(i), got, over)
	}
	i.Recovered, i.Closed = nil, nil
	if _, over := Lasted(i); over {
		t.Error("it is over while it lasts")
	}
}
