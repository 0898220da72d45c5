package digest

import (
	"cmp"
	"math"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
)

// stretch is what happened in a period, before it is put into words.
type stretch struct {
	since, until time.Time // in the readers' time zone
	// at is as of when it is told: the end of the digest's period, also for the one before.
	at time.Time
	// spells are the incidents that the period is about, in order of their ids.
	spells  []spell
	figures Figures
	waiting honesty.Figures
	sleep   Sleep
	// classes are the names of what any of the incidents was, with what was seen of it.
	classes map[string]*kind
}

// gather finds out what happened from since to until. It returns x.
func (x *stretch) gather(incidents []*correlate.Incident, night Night) *stretch {
	x.classes = make(map[string]*kind)
	records := make([]honesty.Record, 0, len(incidents))
	for _, i := range incidents {
		s, ok := x.spell(i)
		if ok {
			x.spells = append(x.spells, s)
		}
		if i.Opened.Before(x.until) {
			records = append(records, i.Record())
		}
	}
	slices.SortFunc(x.spells, func(a, b spell) int { return cmp.Compare(a.ID, b.ID) })
	for _, s := range x.spells {
		x.figures.count(x, s)
		x.kind(s.Class).add(x, s)
	}
	x.waiting = honesty.Count(records, honesty.Period{Since: x.since, Until: x.until, At: x.at})
	x.figures.PagesAvoided = x.waiting.Holds.Healed
	x.sleep = sleepOf(incidents, x.since, x.until, night.orDefault())
	return x
}

// PastSince is when the previous period another one began, both in the time zone of the readers: as many days ago by the calendar, whatever the clocks did meanwhile, if it lasted whole
// days; else as long ago as it lasted.
func PastSince(since, until time.Time) time.Time {
	const day = 24 * time.Hour
	days := int(math.Round(float64(until.Sub(since)) / float64(day)))
	if from := since.AddDate(0, 0, -days); days > 0 && until.Equal(since.AddDate(0, 0, days)) {
		return from
	}
	return since.Add(-until.Sub(since))
}

// happened reports whether something happened at all, and before t.
func happened(at *time.Time, t time.Time) bool { return at != nil && at.Before(t) }

// spell is an incident as the period saw it.
type spell struct {
	*correlate.Incident
	ending Ending
	// lasted is the time to heal of what healed.
	lasted time.Duration
}

// spell judges an incident as of the end of the period; ok is false if the digest is not about it.
func (x *stretch) spell(i *correlate.Incident) (s spell, ok bool) {
	s = spell{Incident: i, ending: ByHand}
	if i.State == correlate.Merged || !i.Opened.Before(x.until) || happened(i.Closed, x.since) {
		return s, false
	}
	switch {
	case !happened(i.Closed, x.until):
		s.ending = Open
	case i.State == correlate.SelfHealed && i.Lost == 0:
		s.ending = SelfHealed
	case i.ByHand:
		s.ending = ByHand
	case i.Lost > 0 && i.Active == 0:
		s.ending = Lost
	case i.Paged && i.Recovered != nil:
		s.ending = Cleared
	}
	end := x.until
	if s.ending != Open {
		end = *i.Closed
	}
	// Recovered leaves out the settle time; without it the settle time is not known, and the figure is an upper bound.
	if happened(i.Recovered, end) {
		end = *i.Recovered
	}
	s.lasted = max(0, end.Sub(i.Opened))
	return s, true
}

// count adds an incident of x.
func (f *Figures) count(x *stretch, s spell) {
	f.Incidents++
	f.Alerts += s.Alerts
	if !s.Opened.Before(x.since) {
		f.Opened++
	}
	switch {
	case happened(s.Escalated, x.since):
		f.PagedBefore++
	case happened(s.Escalated, x.until):
		f.Paged++
	}
	switch s.ending {
	case Open:
		f.StillOpen++
	case SelfHealed:
		f.SelfHealed++
	case Cleared:
		f.ClearedAfterPage++
	case ByHand:
		f.ResolvedByHand++
	case Lost:
		f.Lost++
	}
}
