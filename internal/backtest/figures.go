package backtest

import (
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
)

// Figures are what one run comes to.
type Figures struct {
	// Incidents that were open at some time since the period began.
	Incidents int `json:"incidents"`
	// Pages counts generations that paged; Needed of them were about real trouble, and Unneeded about what healed by itself.
	Pages    int `json:"pages"`
	Needed   int `json:"needed"`
	Unneeded int `json:"unneeded"`
	// Missed counts real trouble that paged nobody, by what people did in either run.
	Missed int `json:"missed"`
	// Notices counts what was told without waking anybody, and never paged.
	Notices int `json:"notices"`
	// DelaySeconds is the mean time from the beginning of real trouble to its page.
	DelaySeconds float64 `json:"mean_delay_of_needed_seconds"`
	// Held and Healed count holds that are over, and those in which the trouble healed.
	Held   int `json:"held"`
	Healed int `json:"healed"`
	// Suppression is how often quell kept quiet about what needed a human, as honesty figures count it.
	Suppression honesty.Suppression `json:"false_suppression"`
}

// count makes the figures of one run; of is which case of a pair is its.
func count(r *run, pairs []pair, of func(*pair) *Case, since, end time.Time) Figures {
	var f Figures
	var delay time.Duration
	incidents := make(map[correlate.IncidentID]bool)
	for k := range pairs {
		p := &pairs[k]
		c, truth := of(p), p.truth()
		at := caseTime(p, c)
		if at.Before(since) {
			continue
		}
		switch {
		case c.page().IsZero() && truth == Real && p.part.page().IsZero():
			f.Missed++
		case c == nil:
		case c.page().IsZero():
			if !c.Noticed.IsZero() {
				f.Notices++
			}
		default:
			f.Pages++
			switch truth {
			case Real:
				f.Needed++
				delay += c.Paged.Sub(c.Opened)
			case Healed:
				f.Unneeded++
			}
		}
		if c != nil {
			incidents[c.Incident] = true
		}
	}
	f.Incidents = len(incidents)
	if f.Needed > 0 {
		f.DelaySeconds = delay.Seconds() / float64(f.Needed)
	}
	h := honesty.Count(r.book.allRecords(), honesty.Period{Since: since, At: end})
	f.Held = h.Holds.Healed + h.Holds.Paged + h.Holds.Handled + h.Holds.Lost + h.Holds.Silenced
	f.Healed, f.Suppression = h.Holds.Healed, h.Suppression
	return f
}

// caseTime is the moment by which a pair belongs to a period: that of the case's page, else of its end, else now.
func caseTime(p *pair, c *Case) time.Time {
	if c == nil {
		if c = p.old; c == nil {
			c = p.new
		}
	}
	switch {
	case !c.page().IsZero():
		return c.page()
	case !c.Closed.IsZero():
		return c.Closed
	}
	return latest
}

// latest is later than every time that an engine can count.
var latest = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
