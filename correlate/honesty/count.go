package honesty

import (
	"slices"
	"time"
)

// Record is what figures have to know of one incident.
type Record struct {
	// ID names it.
	ID string
	// Class is what its figures can be asked for by.
	Class string
	// Generations are in order. Earlier counts those before the first one, of which no more is known.
	Generations []Generation
	Earlier     int
}

// Period says what to count.
type Period struct {
	// Since belongs to it, Until does not. A zero time is no bound.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// At is when it is counted: what healed less than the reopen window before may still come back. Zero means that nothing will.
	At time.Time `json:"at,omitzero"`
	// Class restricts it to incidents of that class. Empty means all.
	Class string `json:"class,omitempty"`
}

// Figures are what waiting did in a period. A page belongs to the period in which it was decided, what never paged to that in which it
// ended, and what is held now to the one that has no end yet. How each turned out is as it is known now, so figures of a period that
// is over may still change.
type Figures struct {
	Period
	Pages Pages `json:"pages"`
	Holds Holds `json:"holds"`
	// Delay is what holds cost where they did not help: from when a page would have been sent without a hold until it was.
	Delay Delay `json:"delay"`
	// Suppression estimates how often quell kept quiet about what needed a human.
	Suppression Suppression `json:"false_suppression"`
	// Review is what operators said of a sample.
	Review Review `json:"review"`
	// LeftOut counts generations of which no more is known than that there were some.
	LeftOut int `json:"generations_left_out,omitempty"`
}

// Pages tells what became of pages. Sent is the sum of all but Withdrawn. A generation of an incident counts as one page, however
// many people and receivers got it.
type Pages struct {
	Sent      int `json:"sent"`
	Needed    int `json:"needed"`
	Unneeded  int `json:"unneeded"`
	Open      int `json:"open"`
	Lost      int `json:"lost"`
	Merged    int `json:"merged"`
	Withdrawn int `json:"withdrawn"`
	// UnneededShare is that of Unneeded in Needed and Unneeded: of those of which it is known. It is nil if there are none.
	UnneededShare *Estimate `json:"unneeded_share"`
}

// Holds tells what became of holds. Each held generation is in one of them.
type Holds struct {
	Healed  int `json:"healed"`
	Paged   int `json:"paged"`
	Handled int `json:"handled"`
	Lost    int `json:"lost"`
	// Silenced healed after their hold, while a silence kept them from paging.
	Silenced int `json:"silenced"`
	// Muted healed after their hold, while a rule kept them from paging.
	Muted   int `json:"muted"`
	Waiting int `json:"waiting"`
}

// Delay sums up times, in seconds. All are zero if Pages is.
type Delay struct {
	// Pages counts those that a hold put off.
	Pages int `json:"pages"`
	Spread
}

// Count makes the figures of a period.
func Count(records []Record, p Period) Figures {
	f := Figures{Period: p, Review: Review{Open: []string{}}}
	var delays []time.Duration
	for k := range records {
		r := &records[k]
		if p.Class != "" && r.Class != p.Class {
			continue
		}
		for n := range r.Generations {
			g := &r.Generations[n]
			if !p.covers(g.moment()) {
				continue
			}
			f.Pages.add(g.PageFate())
			f.Holds.add(g.HoldFate())
			if g.HoldFate() == HoldPaged {
				delays = append(delays, g.Delay())
			}
		}
		for run := range runs(r.Generations) {
			if p.covers(run.last().Closed) {
				verdict := run.verdict(p.At)
				f.Suppression.add(verdict, run.critical())
				f.Review.add(r.ID, &run, verdict)
			}
		}
		f.LeftOut += r.Earlier
	}
	f.Delay = Delay{len(delays), SpreadOf(delays)}
	f.Pages.UnneededShare = Wilson(f.Pages.Unneeded, f.Pages.Needed+f.Pages.Unneeded)
	f.Suppression.estimate()
	f.Review.finish()
	return f
}

// covers reports whether something at t belongs to the period. What did not happen yet belongs to one without an end.
func (p *Period) covers(t time.Time) bool {
	if t.IsZero() {
		return p.Until.IsZero() || p.At.Before(p.Until) || p.At.Equal(p.Until)
	}
	return !t.Before(p.Since) && (p.Until.IsZero() || t.Before(p.Until))
}

func (p *Pages) add(f PageFate) {
	switch f {
	case NoPage:
		return
	case PageWithdrawn:
		p.Withdrawn++
		return
	case PageOpen:
		p.Open++
	case PageNeeded:
		p.Needed++
	case PageUnneeded:
		p.Unneeded++
	case PageLost:
		p.Lost++
	case PageMerged:
		p.Merged++
	}
	p.Sent++
}

func (h *Holds) add(f HoldFate) {
	switch f {
	case NoHold:
	case HoldWaits:
		h.Waiting++
	case HoldHealed:
		h.Healed++
	case HoldHandled:
		h.Handled++
	case HoldLost:
		h.Lost++
	case HoldPaged:
		h.Paged++
	case HoldSilenced:
		h.Silenced++
	case HoldMuted:
		h.Muted++
	}
}

// Spread describes a set of times, in seconds.
type Spread struct {
	TotalSeconds float64 `json:"total_seconds"`
	// MedianSeconds is the one in the middle, or the mean of the two there.
	MedianSeconds float64 `json:"median_seconds"`
	// P90Seconds is the smallest that at least nine of ten do not exceed (the nearest rank), so it is one that really happened.
	P90Seconds     float64 `json:"p90_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
}

// SpreadOf sorts times and describes them. Of none all is zero.
func SpreadOf(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times)
	var total time.Duration
	for _, t := range times {
		total += t
	}
	low, high := times[(len(times)-1)/2], times[len(times)/2]
	return Spread{
		TotalSeconds: total.Seconds(), MedianSeconds: (low + (high-low)/2).Seconds(),
		P90Seconds: times[(len(times)*9+9)/10-1].Seconds(), LongestSeconds: times[len(times)-1].Seconds(),
	}
}
