package backtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"quell/correlate"
	"quell/internal/journal"
)

// caveats says what is uncertain about the result.
func (b *bench) caveats() error {
	res := b.result
	add := func(format string, args ...any) { res.Caveats = append(res.Caveats, fmt.Sprintf(format, args...)) }
	switch {
	case b.head.Recording:
		add("A recording tells what came in. It has no restarts, no refused deliveries, and no silences or time-outs that it does not name.")
	case b.head.Cut() && len(b.head.Seed) == 0:
		add("The journal begins with record %d: what fired, what was held and which rules were in force before is not known. "+
			"Ask the store or the running quell itself: they tell policy and topology, too.", b.head.First)
	case b.head.Cut():
		add("The journal begins with record %d, at %s: what fired and what was held before is not known, the rules and the topology of now stand in "+
			"for those of then, and alerts do not time out. What holds learn starts anew, so the first days are uncertain.", b.head.First, moment(res.Begin))
	}
	if b.Since > 0 && res.End.Add(-b.Since).Before(res.Begin) {
		add("The journal does not reach back %s: it begins at %s.", span(b.Since), moment(res.Begin))
	}
	if b.gaps > 0 {
		add("Records are missing in %d places (damaged ones are left out): what they told is not known.", b.gaps)
	}
	s, whole := b.Journal.(*journal.Store)
	if whole && b.recorded != nil && !b.head.Cut() && b.gaps == 0 {
		different, err := verify(b.recorded.engine, s)
		if err != nil {
			return fmt.Errorf("compare with the store: %w", err)
		}
		if different != "" {
			add("Replaying the journal does not give what the store holds: %s. Another version of quell decided then, so what was in force is told "+
				"as this version decides.", different)
		}
	}
	return nil
}

// verify compares the incidents of the replay with those of the store, and tells the first that differs; empty if none does.
func verify(replayed *correlate.Engine, s *journal.Store) (string, error) {
	wants := make(map[correlate.IncidentID]*correlate.Incident)
	for _, inc := range s.Engine.Incidents(nil) {
		wants[inc.ID] = inc
	}
	gots := make(map[correlate.IncidentID]*correlate.Incident)
	for _, inc := range replayed.Incidents(nil) {
		gots[inc.ID] = inc
	}
	count, first := 0, ""
	for _, id := range slices.Sorted(maps.Keys(wants)) {
		what := compareIncidents(wants[id], gots[id])
		if what != "" {
			count++
			first = cmp.Or(first, fmt.Sprintf("%s %s", id, what))
		}
		delete(gots, id)
	}
	for _, id := range slices.Sorted(maps.Keys(gots)) {
		count++
		first = cmp.Or(first, fmt.Sprintf("the store does not know %s", id))
	}
	switch {
	case count == 0:
		return "", nil
	case count == 1:
		return first, nil
	}
	return fmt.Sprintf("%d incidents differ; the first: %s", count, first), nil
}

// compareIncidents says how a replayed incident differs from the stored one; empty if not at all.
func compareIncidents(want, got *correlate.Incident) string {
	switch {
	case got == nil:
		return "is not in the replay"
	case want.State != got.State:
		return fmt.Sprintf("is %s in the store and %s in the replay", want.State, got.State)
	case !sameTime(want.Escalated, got.Escalated):
		return fmt.Sprintf("paged at %s in the store and at %s in the replay", momentOf(want.Escalated), momentOf(got.Escalated))
	case !sameTime(want.Closed, got.Closed):
		return fmt.Sprintf("ended at %s in the store and at %s in the replay", momentOf(want.Closed), momentOf(got.Closed))
	}
	a, errA := json.Marshal(want)
	b, errB := json.Marshal(got)
	if errA == nil && errB == nil && string(a) != string(b) {
		return "has other details in the replay"
	}
	return ""
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func momentOf(t *time.Time) string {
	if t == nil {
		return "no time"
	}
	return moment(*t)
}
