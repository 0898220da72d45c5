package backtest

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/routing"
)

// Case is one life of an incident in one run: from when it was opened, or reopened, until it was over. Zero times are what did not happen.
type Case struct {
	Incident   correlate.IncidentID `json:"incident"`
	Generation int                  `json:"generation"`
	Title      string               `json:"title"`
	Severity   correlate.Severity   `json:"severity"`
	// Root is the first of its roots at the end, and PagedRoot when it paged.
	Root      topology.Entity `json:"root"`
	PagedRoot topology.Entity `json:"paged_root,omitempty"`
	// Alerts counts the symptoms that ever belonged to it.
	Alerts int `json:"alerts"`

	Opened time.Time `json:"opened"`
	Paged  time.Time `json:"paged,omitzero"`
	// Noticed is when it was told without waking anybody, before any page.
	Noticed      time.Time `json:"noticed,omitzero"`
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	By           string    `json:"acknowledged_by,omitempty"`
	Recovered    time.Time `json:"recovered,omitzero"`
	Closed       time.Time `json:"closed,omitzero"`
	// End says what Closed means; empty while it lasts.
	End honesty.End `json:"end,omitempty"`
	// Hold is the last reason to wait, with the rule that said so, and Why the reason to page.
	Hold string `json:"hold,omitempty"`
	Why  string `json:"why,omitempty"`
	// Told are the integrations that were paged, in order.
	Told []string `json:"told,omitempty"`
	// Needed is what an operator said of the page, or of its absence; nil if nobody did.
	Needed *bool `json:"should_have_paged,omitempty"`

	withdrawn bool
	// symptoms are its own, hashed, ascending: by what it is found in the other run.
	symptoms []uint64
}

// until is when the case was over; end if it is not.
func (c *Case) until(end time.Time) time.Time {
	if c.Closed.IsZero() {
		return end
	}
	return c.Closed
}

// page is when it paged, zero if never, or if the page was taken back before it left.
func (c *Case) page() time.Time {
	if c == nil || c.withdrawn {
		return time.Time{}
	}
	return c.Paged
}

// book keeps the cases of a run, and what figures need of its incidents.
type book struct {
	histories map[correlate.IncidentID]*history
	// paged and over are the incidents that a step paged, or ended.
	paged, over []correlate.IncidentID
}

// history is what a run has of one incident.
type history struct {
	// cases are its lives, in order.
	cases []*Case
	// record is what figures need.
	record honesty.Record
}

func newBook() *book { return &book{histories: make(map[correlate.IncidentID]*history)} }

// life returns the case of a generation, nil if there is none. It is one of the last, or a new one.
func (h *history) life(generation int) *Case {
	for k := len(h.cases) - 1; k >= 0 && h.cases[k].Generation >= generation; k-- {
		if c := h.cases[k]; c.Generation == generation {
			return c
		}
	}
	return nil
}

// enter books what a step decided and sent, after it.
func (b *book) enter(e *correlate.Engine, effects []correlate.Effect, sent []routing.Delivery) {
	b.paged, b.over = b.paged[:0], b.over[:0]
	for i := range effects {
		b.effect(e, &effects[i])
	}
	for i := range sent {
		b.delivery(&sent[i])
	}
	for _, id := range b.over {
		b.look(e, id)
	}
}

// of returns the case that an effect is about.
func (b *book) of(f *correlate.Effect) *Case {
	h := b.history(f.Incident)
	c := h.life(f.Generation)
	if c == nil {
		c = &Case{Incident: f.Incident, Generation: f.Generation, Opened: f.At}
		h.cases = append(h.cases, c)
	}
	return c
}

// history returns what there is of an incident, which may be nothing.
func (b *book) history(id correlate.IncidentID) *history {
	h := b.histories[id]
	if h == nil {
		h = &history{record: honesty.Record{ID: id.String()}}
		b.histories[id] = h
	}
	return h
}

func (b *book) effect(e *correlate.Engine, f *correlate.Effect) {
	switch f.Decision {
	case correlate.Join, correlate.Leave, correlate.Update, correlate.Lost:
		return // they are many, and begin no case
	}
	c := b.of(f)
	switch f.Decision {
	case correlate.Hold:
		c.Hold = f.Reason
	case correlate.Escalate:
		if c.Paged.IsZero() {
			c.Paged, c.Why = f.At, f.Reason
			if len(f.Roots) > 0 {
				c.PagedRoot = f.Roots[0].Entity
			}
			b.paged = append(b.paged, f.Incident)
			c.add(e.SymptomsOf(f.Incident))
		}
	case correlate.Withdraw:
		c.withdrawn = true
	case correlate.Acknowledge:
		if c.Acknowledged.IsZero() {
			c.Acknowledged = f.At
			if inc, ok := e.Brief(f.Incident); ok {
				c.By = inc.AckedBy
			}
		}
	case correlate.SelfHeal, correlate.Resolve, correlate.Merge:
		b.over = append(b.over, f.Incident)
	}
}

func (b *book) delivery(d *routing.Delivery) {
	if d.Incident == nil || d.Action != routing.Trigger && d.Action != routing.Notice {
		return
	}
	c := b.history(d.Incident.ID).life(d.Incident.Generation)
	switch {
	case c == nil:
	case d.Action == routing.Notice:
		if c.Noticed.IsZero() && c.Paged.IsZero() {
			c.Noticed = d.Created
		}
	default:
		if t := d.Target.String(); !slices.Contains(c.Told, t) {
			c.Told = append(c.Told, t)
		}
	}
}

// look takes over what is known of an incident now.
func (b *book) look(e *correlate.Engine, id correlate.IncidentID) {
	inc, ok := e.Brief(id)
	if !ok {
		return
	}
	h := b.history(id)
	h.record.Class = inc.Class
	h.hear(e.Generations(id))
	if len(h.cases) == 0 {
		return
	}
	c := h.cases[len(h.cases)-1]
	c.Title, c.Severity, c.Alerts = inc.Title, inc.Severity, inc.Alerts
	if len(inc.Roots) > 0 {
		c.Root = inc.Roots[0].Entity
	}
	if c.Why == "" {
		c.Why = inc.CloseReason
	}
	c.add(e.SymptomsOf(id))
}

// hear takes over what the engine says of the lives of the incident. Only the last one that was heard of may have changed since, and others may have
// followed: of an incident that comes back often, all hundred were most of what a step of the book cost.
func (h *history) hear(list []honesty.Generation, earlier int) {
	r := &h.record
	r.Generations = r.Generations[min(earlier-r.Earlier, len(r.Generations)):]
	r.Earlier = earlier
	same := max(len(r.Generations)-1, 0)
	r.Generations = append(r.Generations[:same], list[same:]...)
	for k := same; k < len(list); k++ {
		g := &list[k]
		if c := h.life(g.Number); c != nil {
			c.Opened, c.Recovered, c.Closed, c.End, c.Needed = g.Opened, g.Recovered, g.Closed, g.End, g.ShouldHavePaged
		}
	}
}

// finish books how all stands at the end.
func (b *book) finish(e *correlate.Engine) {
	for _, inc := range e.Incidents(nil) {
		b.look(e, inc.ID)
	}
}

// list returns all cases in order of their beginnings, without those that went into others before anybody was told.
func (b *book) list() []*Case {
	var list []*Case
	for _, h := range b.histories {
		for _, c := range h.cases {
			if c.End != honesty.MergedAway || !c.page().IsZero() {
				list = append(list, c)
			}
		}
	}
	slices.SortFunc(list, func(x, y *Case) int {
		return cmp.Or(x.Opened.Compare(y.Opened), cmp.Compare(x.Incident, y.Incident), cmp.Compare(x.Generation, y.Generation))
	})
	return list
}

// allRecords returns what figures need, in order of the incidents.
func (b *book) allRecords() []honesty.Record {
	list := make([]honesty.Record, 0, len(b.histories))
	for _, id := range slices.Sorted(maps.Keys(b.histories)) {
		list = append(list, b.histories[id].record)
	}
	return list
}

// add notes symptoms that belong to the case. They are mostly those of its page, so room is made only for others: all cases are kept to the end.
func (c *Case) add(symptoms []correlate.SymptomID) {
	var fresh []uint64
	for _, s := range symptoms {
		h := hashOf(s)
		if _, has := slices.BinarySearch(c.symptoms, h); !has {
			fresh = append(fresh, h)
		}
	}
	if len(fresh) == 0 {
		return
	}
	c.symptoms = slices.Concat(c.symptoms, fresh)
	slices.Sort(c.symptoms)
	c.symptoms = slices.Compact(c.symptoms)
}

// hashOf is a number for a symptom, the same in every run.
func hashOf(s correlate.SymptomID) uint64 {
	if s.Alert != 0 {
		return uint64(s.Alert)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Entity)) // it cannot fail
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(s.Name))
	return h.Sum64()
}
