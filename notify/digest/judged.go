package digest

import (
	"cmp"
	"slices"
	"time"

	"quell/correlate/honesty"
)

// Judged is a page of which it is known now whether waiting was right.
type Judged struct {
	Reference
	// Opened is when the trouble began, Paged when the page was decided.
	Opened time.Time `json:"opened"`
	Paged  time.Time `json:"paged"`
	// DelaySeconds is by how much the hold put the page off, AfterSeconds how long after the page all had recovered; zero if it did not.
	DelaySeconds float64 `json:"delay_seconds"`
	AfterSeconds float64 `json:"after_seconds"`
	// Fate is what became of the page: needed, unneeded, open, lost or merged.
	Fate string `json:"fate"`
}

var pageFates = map[honesty.PageFate]string{
	honesty.PageNeeded: "needed", honesty.PageUnneeded: "unneeded", honesty.PageOpen: "open", honesty.PageLost: "lost", honesty.PageMerged: "merged",
}

// addJudged lists the pages of the period that nobody needed, and the holds that only put needed pages off.
func (d *Digest) addJudged(now *stretch, externalURL string) {
	location := d.Until.Location()
	for _, i := range now.spells {
		for k := range i.Generations {
			g := &i.Generations[k]
			fate := g.PageFate()
			if pageFates[fate] == "" || g.Paged.Before(d.Since) || !g.Paged.Before(d.Until) {
				continue
			}
			j := Judged{
				Reference: reference(i.Incident, externalURL), Opened: g.Opened.In(location), Paged: g.Paged.In(location),
				DelaySeconds: g.Delay().Seconds(), Fate: pageFates[fate],
			}
			if !g.Recovered.IsZero() {
				j.AfterSeconds = max(0, g.Recovered.Sub(g.Paged).Seconds())
			}
			switch {
			case fate == honesty.PageUnneeded:
				d.Unneeded = append(d.Unneeded, j)
			case fate != honesty.PageMerged && g.HoldFate() == honesty.HoldPaged:
				d.HeldInVain = append(d.HeldInVain, j)
			}
		}
	}
	order := func(a, b Judged) int {
		return cmp.Or(b.Paged.Compare(a.Paged), cmp.Compare(b.ID, a.ID), b.Opened.Compare(a.Opened))
	}
	slices.SortFunc(d.Unneeded, order)
	slices.SortFunc(d.HeldInVain, order)
	d.Unneeded, d.MoreUnneeded = cut(d.Unneeded)
	d.HeldInVain, d.MoreHeldInVain = cut(d.HeldInVain)
}

// Chronic is trouble that self-healing must not mask.
type Chronic struct {
	// Reference is the last incident that it was seen on.
	Reference
	// Kind is over-budget, flapping, recurring, more-frequent or slower.
	Kind string `json:"kind"`
	// Subject is the class of the trouble and the entity, or its workload, that it is counted for.
	Subject string    `json:"subject"`
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason"`
}

// addChronic lists what the incidents are marked with, each kind of each subject once.
func (d *Digest) addChronic(now *stretch, externalURL string) {
	type key struct{ kind, subject string }
	last := make(map[key]Chronic)
	for _, i := range now.spells { // by ids, so the last one stays
		for _, c := range i.Chronic {
			if c.Since.Before(d.Until) {
				last[key{c.Kind.String(), c.Subject}] = Chronic{
					Reference: reference(i.Incident, externalURL), Kind: c.Kind.String(), Subject: cmp.Or(line(c.Subject, maxTitleRunes), "?"),
					Since: c.Since.In(d.Until.Location()), Reason: line(c.Reason, maxReasonRunes),
				}
			}
		}
	}
	for _, c := range last {
		d.Chronic = append(d.Chronic, c)
	}
	slices.SortFunc(d.Chronic, func(a, b Chronic) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.ID, a.ID))
	})
	d.Chronic, d.MoreChronic = cut(d.Chronic)
}
