// Package digest makes the periodic report of what happened and healed by itself: what it was, how often, how long it took,
// what was behind it, and which pages nobody had to get for it.
//
// [Build] computes the report, and its methods write it for a terminal, as Markdown, as JSON and for Slack. All of it is
// pure: no clock, no I/O but the writer that the caller gives, and the same incidents in any order make the same bytes.
// Everything may be called concurrently, as long as nobody changes the incidents or the digest meanwhile.
//
// Names, titles and reasons come from outside and may be hostile. Build makes single lines of bounded length of them, and
// each rendering escapes them for its own markup.
package digest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/notify"
)

// Bounds of lists and of single texts in runes. What a list leaves out is counted beside it.
const (
	maxListed      = 20
	maxRoots       = 3
	maxNameRunes   = 120
	maxTitleRunes  = 200
	maxReasonRunes = 300
	// maxURLBytes keeps a line with a link within a section of a Slack message. A longer address is left out.
	maxURLBytes = 500
)

// Options are what a digest says beside the incidents.
type Options struct {
	// Late is true if the digest leaves after its time, and it says so.
	Late bool
	// StoreName tells the reader whose digest it is, such as a cluster. Empty leaves it out.
	StoreName string
	// Location is where the readers are. Nil means UTC.
	Location *time.Location
	// ExternalURL is how people reach quell, for links. Empty means no links.
	ExternalURL string
}

// Digest is the report on one period. Its JSON names are stable: names may be added, not changed.
type Digest struct {
	Store string `json:"store,omitempty"`
	// Since belongs to the period, Until does not. All times are in Timezone.
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Timezone string    `json:"timezone"`
	Late     bool      `json:"late"`
	Figures  Figures   `json:"figures"`
	// Classes are what healed by itself, the most frequent first, then the one that once took longest. Others sums up what
	// is beyond the list's end.
	Classes []Class `json:"classes"`
	Others  Others  `json:"others"`
	// Paged are the incidents that paged somebody, in the period or before: open ones first, then by their page, newest first.
	Paged     []Page `json:"paged"`
	MorePaged int    `json:"more_paged"`
	// Lost are incidents of which nobody knows whether they healed, the newest first.
	Lost     []Loss `json:"lost"`
	MoreLost int    `json:"more_lost"`
}

// Figures are the headline. Each incident has exactly one ending: SelfHealed, ClearedAfterPage, ResolvedByHand, Lost and
// StillOpen add up to Incidents.
type Figures struct {
	// Alerts counts what came in with all Incidents of the digest: those that closed in the period, and those open at its end.
	Alerts    int `json:"alerts"`
	Incidents int `json:"incidents"`
	// Opened of the incidents began in the period; the others are older.
	Opened int `json:"opened"`
	// PagesAvoided counts what healed by itself while quell held it, and never paged anybody.
	PagesAvoided int `json:"pages_avoided"`
	// Paged counts those that were escalated for the first time in the period, PagedBefore those escalated earlier.
	Paged       int `json:"paged"`
	PagedBefore int `json:"paged_before"`

	SelfHealed int `json:"self_healed"`
	// ClearedAfterPage counts paged ones whose symptoms cleared: whether somebody repaired them is not known.
	ClearedAfterPage int `json:"cleared_after_page"`
	ResolvedByHand   int `json:"resolved_by_hand"`
	Lost             int `json:"lost"`
	StillOpen        int `json:"still_open"`
}

// Ending is what became of an incident by the end of the period. Its value is the word that people read.
type Ending string

// Endings. Lost ends an incident whose symptoms nobody reported on any more: its state is unknown, so it never counts as healed.
const (
	Open       Ending = "open"
	SelfHealed Ending = "self-healed"
	Cleared    Ending = "cleared"
	ByHand     Ending = "by hand"
	Lost       Ending = "lost"
)

// Reference names an incident.
type Reference struct {
	ID    correlate.IncidentID `json:"id"`
	Title string               `json:"title"`
	// URL leads to the incident. It is empty if the digest has no links.
	URL string `json:"url,omitempty"`
}

// Page is an incident that paged somebody.
type Page struct {
	Reference
	Paged time.Time `json:"paged"`
	// LastedSeconds is from its beginning until it cleared, was closed, or the period was over.
	LastedSeconds float64 `json:"lasted_seconds"`
	Ending        Ending  `json:"ending"`
}

// Loss is an incident that quell gave up because nobody reported on it any more.
type Loss struct {
	Reference
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed"`
	// Alerts of its alerts were lost.
	Alerts int `json:"alerts"`
}

// Build makes the digest of the period from since to until, which does not belong to it. Incidents are those from history
// and the open ones, each at most once and in any order. Build picks those that it is about, as they were at until: what
// closed before the period, opened after it, or was merged into another incident is left out, so callers may pass more. It
// keeps nothing of them.
//
// An incident that was reopened counts by its last life, with the time to heal from its first opening.
func Build(incidents []*correlate.Incident, since, until time.Time, opts Options) *Digest {
	location := cmp.Or(opts.Location, time.UTC)
	d := &Digest{
		Store: line(opts.StoreName, maxNameRunes), Since: since.In(location), Until: until.In(location), Timezone: location.String(),
		Late: opts.Late, Paged: []Page{}, Lost: []Loss{},
	}
	healed := make(map[string][]spell)
	for _, i := range incidents {
		s, ok := d.spell(i)
		if !ok {
			continue
		}
		d.Figures.count(d, s)
		if s.ending == SelfHealed {
			healed[i.Class] = append(healed[i.Class], s)
		}
		if before(i.Escalated, until) {
			d.Paged = append(d.Paged, Page{reference(i, opts.ExternalURL), i.Escalated.In(location), s.lasted.Seconds(), s.ending})
		}
		if s.ending == Lost {
			d.Lost = append(d.Lost, Loss{reference(i, opts.ExternalURL), i.Opened.In(location), i.Closed.In(location), i.Lost})
		}
	}
	d.Classes, d.Others = classes(healed, opts.ExternalURL)
	slices.SortFunc(d.Paged, func(a, b Page) int {
		switch {
		case a.Ending == Open && b.Ending != Open:
			return -1
		case a.Ending != Open && b.Ending == Open:
			return 1
		}
		return cmp.Or(b.Paged.Compare(a.Paged), cmp.Compare(b.ID, a.ID))
	})
	slices.SortFunc(d.Lost, func(a, b Loss) int { return cmp.Or(b.Closed.Compare(a.Closed), cmp.Compare(b.ID, a.ID)) })
	d.Paged, d.MorePaged = cut(d.Paged)
	d.Lost, d.MoreLost = cut(d.Lost)
	return d
}

// Empty reports whether the period had no incident at all.
func (d *Digest) Empty() bool { return d.Figures.Incidents == 0 }

// JSON writes the digest as one indented object and a line break.
func (d *Digest) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("write digest as JSON: %w", err)
	}
	return nil
}

// spell is an incident as the period saw it.
type spell struct {
	*correlate.Incident
	ending Ending
	// lasted is the time to heal of what healed.
	lasted time.Duration
}

// spell judges an incident as of the end of the period; ok is false if the digest is not about it.
func (d *Digest) spell(i *correlate.Incident) (s spell, ok bool) {
	s = spell{Incident: i, ending: ByHand}
	if i.State == correlate.Merged || !i.Opened.Before(d.Until) || before(i.Closed, d.Since) {
		return s, false
	}
	switch {
	case !before(i.Closed, d.Until):
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
	end := d.Until
	if s.ending != Open {
		end = *i.Closed
	}
	// Recovered leaves out the settle time; without it the settle time is not known, and the figure is an upper bound.
	if before(i.Recovered, end) {
		end = *i.Recovered
	}
	s.lasted = max(0, end.Sub(i.Opened))
	return s, true
}

// count adds an incident of d's period.
func (f *Figures) count(d *Digest, s spell) {
	f.Incidents++
	f.Alerts += s.Alerts
	if !s.Opened.Before(d.Since) {
		f.Opened++
	}
	switch {
	case before(s.Escalated, d.Since):
		f.PagedBefore++
	case before(s.Escalated, d.Until):
		f.Paged++
	}
	switch s.ending {
	case Open:
		f.StillOpen++
	case SelfHealed:
		f.SelfHealed++
		if s.Escalated == nil && s.HoldReason != "" {
			f.PagesAvoided++
		}
	case Cleared:
		f.ClearedAfterPage++
	case ByHand:
		f.ResolvedByHand++
	case Lost:
		f.Lost++
	}
}

func reference(i *correlate.Incident, externalURL string) Reference {
	r := Reference{ID: i.ID, Title: line(i.Title, maxTitleRunes)}
	// Links checks and encodes the address. Of an incident without symptoms it has no other.
	if links := notify.Links(&correlate.Incident{ID: i.ID}, externalURL); len(links) > 0 && len(links[0].Href) <= maxURLBytes {
		r.URL = links[0].Href
	}
	return r
}

// before reports whether something happened at all, and before t.
func before(at *time.Time, t time.Time) bool { return at != nil && at.Before(t) }

// cut ends a list where a digest ends it and tells how many are left out.
func cut[T any](list []T) (shown []T, left int) {
	n := min(len(list), maxListed)
	return slices.Clip(list[:n]), len(list) - n
}

// line is what a digest keeps of a text from outside. Nothing is left of one that is all blank.
func line(s string, maxRunes int) string { return strings.TrimSpace(notify.Line(s, maxRunes)) }
