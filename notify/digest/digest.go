// Package digest writes the periodic report of what happened and healed by itself: what it was, how often, how long it took, what was behind it,
// and which pages nobody had to get for it.
//
// [Build] computes the report, and its methods write it for a terminal, as Markdown, as JSON and for Slack. All of it is pure: no clock, no
// I/O but the caller's writer, and the same incidents in any order give the same bytes. Everything may be called concurrently, as long as
// nobody changes the incidents or the digest meanwhile.
//
// Names, titles and reasons come from outside and may be hostile. Build turns them into single lines of bounded length, and each rendering
// escapes them for its own markup.
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
	"quell/correlate/honesty"
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
	// Unseen are the alerts of the period that never reached quell by a webhook, the most frequent first.
	Unseen []correlate.UnseenView
	// Title stands above the digest instead of the usual one. Matchers say which incidents it is about, in Alertmanager's words: they
	// are shown, the caller picks the incidents. Both may be empty.
	Title, Matchers string
	// KnownSince is from when on the caller knows of all incidents. If that is later than the previous period began, or zero, nothing is compared.
	KnownSince time.Time
	// Missed is how many digests before this one could not be made. It covers their periods.
	Missed int
	// Night is when people sleep. Its zero value is [DefaultNight].
	Night Night
}

// Digest is the report on one period. Its JSON names are stable: names may be added, not changed. Texts in it are single lines of bounded
// length, not escaped for any markup.
type Digest struct {
	Store    string `json:"store,omitempty"`
	Title    string `json:"title,omitempty"`
	Matchers string `json:"matchers,omitempty"`
	// Since belongs to the period, Until does not. All times are in Timezone.
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Timezone string    `json:"timezone"`
	Late     bool      `json:"late"`
	Missed   int       `json:"missed,omitempty"`
	// Highlights are a few sentences: all that somebody in a hurry has to read.
	Highlights []string `json:"highlights"`
	Figures    Figures  `json:"figures"`
	// Waiting is what waiting did in the period, by the definitions that API and metrics use. Here each generation of an incident counts.
	Waiting honesty.Figures `json:"waiting"`
	Sleep   Sleep           `json:"sleep"`
	// Past is the previous period, of the same length; nil if not all of it is known.
	Past *Past `json:"past,omitempty"`
	// Worse are the classes of trouble that got more frequent, or slower to heal, beyond chance.
	Worse     []Worse `json:"worse,omitempty"`
	MoreWorse int     `json:"more_worse,omitempty"`
	// Classes are what healed by itself, the most frequent first, then the one that once took longest. Others sums up what
	// is beyond the list's end.
	Classes []Class `json:"classes"`
	Others  Others  `json:"others"`
	// Unneeded were paged though they healed, HeldInVain were held though they did not heal, both the newest first.
	Unneeded       []Judged `json:"unneeded,omitempty"`
	MoreUnneeded   int      `json:"more_unneeded,omitempty"`
	HeldInVain     []Judged `json:"held_in_vain,omitempty"`
	MoreHeldInVain int      `json:"more_held_in_vain,omitempty"`
	// Chronic is what flaps, recurs or is over its budget, the newest first.
	Chronic     []Chronic `json:"chronic,omitempty"`
	MoreChronic int       `json:"more_chronic,omitempty"`
	// Noisy are the alerts that came back most often, with what to do about it.
	Noisy     []Noise `json:"noisy,omitempty"`
	MoreNoisy int     `json:"more_noisy,omitempty"`
	// Paged are the incidents that paged somebody, in the period or before: open ones first, then by their page, newest first.
	Paged     []Page `json:"paged"`
	MorePaged int    `json:"more_paged"`
	// Lost are incidents of which nobody knows whether they healed, the newest first.
	Lost     []Loss `json:"lost"`
	MoreLost int    `json:"more_lost"`
	// Unseen are alerts that Alertmanager did not send here; UnseenCount is how many in all. They are no part of the figures.
	Unseen      []Unseen `json:"unseen,omitempty"`
	MoreUnseen  int      `json:"more_unseen,omitempty"`
	UnseenCount uint64   `json:"unseen_count,omitempty"`
	// New are the classes that began in this period and had no incident in the one before; Gone are those of the one before that had none
	// in this one. Both are empty if nothing is compared.
	New      []ClassCount `json:"new,omitempty"`
	MoreNew  int          `json:"more_new,omitempty"`
	Gone     []ClassCount `json:"gone,omitempty"`
	MoreGone int          `json:"more_gone,omitempty"`
	// Charts is what the charts are drawn from.
	Charts ChartData `json:"charts"`
}

// Past is what the previous period was like.
type Past struct {
	Since   time.Time       `json:"since"`
	Until   time.Time       `json:"until"`
	Figures Figures         `json:"figures"`
	Waiting honesty.Figures `json:"waiting"`
	Sleep   Sleep           `json:"sleep"`
}

// Figures are the headline. Each incident has exactly one ending: SelfHealed, ClearedAfterPage, ResolvedByHand, Lost and
// StillOpen add up to Incidents.
type Figures struct {
	// Alerts counts what came in with all Incidents of the digest: those that closed in the period, and those open at its end.
	Alerts    int `json:"alerts"`
	Incidents int `json:"incidents"`
	// Opened of the incidents began in the period; the others are older.
	Opened int `json:"opened"`
	// PagesAvoided counts the holds in which things healed, as [honesty.Holds] does: each would have paged somebody without one.
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
// closed before the period, opened after it, or was merged into another incident is left out, so callers may pass more. They have to
// pass those of the previous period, too, if it is to be compared. Build keeps nothing of them.
//
// An incident that was reopened counts by its last life, with the time to heal from its first opening.
func Build(incidents []*correlate.Incident, since, until time.Time, opts Options) *Digest {
	location := cmp.Or(opts.Location, time.UTC)
	d := &Digest{
		Store: line(opts.StoreName, maxNameRunes), Title: line(opts.Title, maxTitleRunes), Matchers: line(opts.Matchers, maxReasonRunes),
		Since: since.In(location), Until: until.In(location), Timezone: location.String(), Late: opts.Late, Missed: opts.Missed,
	}
	now := (&stretch{since: d.Since, until: d.Until, at: d.Until}).gather(incidents, opts.Night)
	d.Figures, d.Waiting, d.Sleep = now.figures, now.waiting, now.sleep
	var past *stretch
	if from := PastSince(d.Since, d.Until); !opts.KnownSince.IsZero() && !opts.KnownSince.After(from) {
		past = (&stretch{since: from, until: d.Since, at: d.Until}).gather(incidents, opts.Night)
		d.Past = &Past{from, d.Since, past.figures, past.waiting, past.sleep}
	}
	d.addClasses(now, past, opts.ExternalURL)
	d.addPages(now, opts.ExternalURL)
	d.addJudged(now, opts.ExternalURL)
	d.addChronic(now, opts.ExternalURL)
	d.addUnseen(opts.Unseen)
	if past != nil {
		d.addWorse(now, past)
		d.addNovel(now, past)
	}
	d.addNoise(now) // knows what gets worse
	d.Charts = chartData(now, past)
	d.Highlights = d.highlights()
	return d
}

// addPages lists what paged, and what was lost.
func (d *Digest) addPages(now *stretch, externalURL string) {
	d.Paged, d.Lost = []Page{}, []Loss{}
	location := d.Until.Location()
	for _, s := range now.spells {
		if happened(s.Escalated, d.Until) {
			d.Paged = append(d.Paged, Page{reference(s.Incident, externalURL), s.Escalated.In(location), s.lasted.Seconds(), s.ending})
		}
		if s.ending == Lost {
			d.Lost = append(d.Lost, Loss{reference(s.Incident, externalURL), s.Opened.In(location), s.Closed.In(location), s.Lost})
		}
	}
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
}

// Empty reports whether the period had no incident at all, nor an alert that was not sent here.
func (d *Digest) Empty() bool { return d.Figures.Incidents == 0 && d.UnseenCount == 0 }

// JSON writes the digest as one indented object and a line break.
func (d *Digest) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("write digest as JSON: %w", err)
	}
	return nil
}

func reference(i *correlate.Incident, externalURL string) Reference {
	r := Reference{ID: i.ID, Title: line(i.Title, maxTitleRunes)}
	// Links checks and encodes the address. Of an incident without symptoms it has no other.
	if links := notify.Links(&correlate.Incident{ID: i.ID}, externalURL); len(links) > 0 && len(links[0].Href) <= maxURLBytes {
		r.URL = links[0].Href
	}
	return r
}

// cut ends a list where a digest ends it and tells how many are left out.
func cut[T any](list []T) (shown []T, left int) {
	n := min(len(list), maxListed)
	return slices.Clip(list[:n]), len(list) - n
}

// line is what a digest keeps of a text from outside. Nothing is left of one that is all blank.
func line(s string, maxRunes int) string { return strings.TrimSpace(notify.Line(s, maxRunes)) }
