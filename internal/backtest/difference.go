package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// Kind says how two runs differ. Its words are those of reports and of gates.
type Kind string

// Kinds of differences, what matters most first.
const (
	// Missed: trouble that people took on paged, and does not any more.
	Missed Kind = "missed"
	// Added, Removed, Earlier and Later are pages.
	Added   Kind = "added"
	Removed Kind = "removed"
	Later   Kind = "later"
	Earlier Kind = "earlier"
	// Readdressed pages go to others.
	Readdressed Kind = "readdressed"
	// Rerooted incidents that page have another root.
	Rerooted Kind = "rerooted"
	// NoticeAdded and NoticeRemoved tell without waking anybody.
	NoticeAdded   Kind = "notice_added"
	NoticeRemoved Kind = "notice_removed"
)

// Kinds lists all of them in the order of reports.
func Kinds() []Kind {
	return []Kind{Missed, Added, Removed, Later, Earlier, Readdressed, Rerooted, NoticeAdded, NoticeRemoved}
}

// Truth is what is known of whether trouble needed a human.
type Truth string

// Truths.
const (
	// Real: somebody took it on, closed it, or said that it should have paged.
	Real Truth = "real"
	// Healed by itself: nobody touched it, or somebody said that it needed nobody.
	Healed Truth = "healed"
	// Unknown: it is not over, or nobody knows how it ended.
	Unknown Truth = "unknown"
)

// tolerance is how much two times may differ and still be one.
const tolerance = 15 * time.Second

// Difference is one thing that the two runs decide differently.
type Difference struct {
	Kind Kind `json:"kind"`
	// At is when: of the page, if there is one.
	At time.Time `json:"t"`
	// Entity is the root.
	Entity topology.Entity `json:"entity"`
	Truth  Truth           `json:"truth"`
	// Old and New are the trouble in both runs; nil where a run has no incident for it.
	Old *Case `json:"old,omitempty"`
	New *Case `json:"new,omitempty"`
	// Part is the incident that it was, or is, a part of in the other run.
	Part *Case `json:"part_of,omitempty"`
	// Seconds is by how much a page is earlier or later.
	Seconds float64 `json:"seconds,omitempty"`
}

// differences lists what pairs differ in since a time, by kinds, and within these by time.
func differences(pairs []pair, since time.Time) []Difference {
	var list []Difference
	for _, p := range pairs {
		for _, d := range p.compare() {
			if !d.At.Before(since) {
				list = append(list, d)
			}
		}
	}
	order := Kinds()
	slices.SortStableFunc(list, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), a.At.Compare(b.At))
	})
	return list
}

// compare says what a pair differs in.
func (p *pair) compare() (list []Difference) {
	before, after := p.old.page(), p.new.page()
	d := Difference{Old: p.old, New: p.new, Part: p.part, Truth: p.truth(), Entity: p.entity()}
	add := func(k Kind, at time.Time) {
		d.Kind, d.At = k, at
		list = append(list, d)
	}
	switch {
	case before.IsZero() && after.IsZero():
		if n, o := noticed(p.new), noticed(p.old); n.IsZero() != o.IsZero() {
			if o.IsZero() {
				add(NoticeAdded, n)
			} else {
				add(NoticeRemoved, o)
			}
		}
		return list
	case before.IsZero():
		add(Added, after)
		return list
	case after.IsZero():
		if d.Truth == Real && p.part.page().IsZero() {
			add(Missed, before)
		} else {
			add(Removed, before)
		}
		return list
	}
	if by := after.Sub(before); by >= tolerance {
		d.Seconds = by.Seconds()
		add(Later, before)
	} else if -by >= tolerance {
		d.Seconds = by.Seconds()
		add(Earlier, after)
	}
	d.Seconds = 0
	if !sameSet(p.old.Told, p.new.Told) {
		add(Readdressed, after)
	}
	if p.old.Root != p.new.Root || p.old.PagedRoot != p.new.PagedRoot {
		add(Rerooted, after)
	}
	return list
}

func noticed(c *Case) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Noticed
}

func sameSet(a, b []string) bool {
	x, y := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(x, y)
}

// entity is the root, as the new run has it if it knows one.
func (p *pair) entity() topology.Entity {
	for _, c := range [...]*Case{p.new, p.old} {
		if c != nil && cmp.Or(c.PagedRoot, c.Root) != "" {
			return cmp.Or(c.PagedRoot, c.Root)
		}
	}
	return ""
}

// truth is what both runs know together: people act in the one in which they were paged.
func (p *pair) truth() Truth {
	best := Unknown
	for _, c := range [...]*Case{p.old, p.new} {
		switch t := c.truth(); t {
		case Real:
			return Real
		case Healed:
			best = Healed
		}
	}
	return best
}

func (c *Case) truth() Truth {
	switch {
	case c == nil:
		return Unknown
	case c.Needed != nil && *c.Needed:
		return Real
	case c.Needed != nil:
		return Healed
	case !c.Acknowledged.IsZero(), c.End == honesty.ByHand:
		return Real
	case c.End == honesty.Cleared:
		return Healed
	}
	return Unknown
}

// receivers are the integrations that were paged, for people.
func (c *Case) receivers() string {
	if len(c.Told) == 0 {
		return "nobody"
	}
	return strings.Join(c.Told, ", ")
}
