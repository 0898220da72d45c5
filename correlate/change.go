package correlate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Most outages follow a change, so one on or just below a candidate speaks for it: a rollout, another configuration, scaling,
// maintenance of a node. The bonus fades within changeFor. What changed after all of the trouble had begun did not cause it: it is what
// somebody, or an autoscaler, did about it.
const (
	changeFor = int64(30 * time.Minute)
	// changeParts bounds the parts of a candidate that are looked at.
	changeParts = 32
	// changesEarlier bounds the changes that are kept beside the last one: what is done about trouble must not hide what caused it.
	changesEarlier = 3
	// changeSlack is by how much a change may be heard of after its effect: they come by different ways.
	changeSlack = int64(5 * time.Second)
)

// change is the last change of an entity: when quell heard of it, and what it was.
type change struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
	// Was is when it was, by the clock of whoever told, and not after At; zero in rows that were written before there was this field.
	Was int64 `json:"was,omitempty"`
	// ID tells it from others of the entity, if its event has one.
	ID string `json:"id,omitempty"`
	// Own is true if the entity itself shows the change; what others say of it does not take its place for a while.
	Own bool `json:"own,omitempty"`
	// Earlier are those that quell heard of before it, within changeFor, the newest first. They have none themselves.
	Earlier []change `json:"earlier,omitempty"`
}

// heardAt is when quell heard of it, or of one before it, last: what others say of it is heard of later.
func (c change) heardAt() int64 {
	at := c.At
	for _, o := range c.Earlier {
		at = max(at, o.At)
	}
	return at
}

// was is when it was.
func (c change) was() int64 { return cmp0(c.Was, c.At) }

// ChangeComponent is the component of events that tell a change at first hand: how an object differs from what it was, what was deployed.
const ChangeComponent = "quell/change"

// ownChangeFor is how long a change that an object shows stays the last one, whatever controllers say of what they do about it.
const ownChangeFor = int64(5 * time.Minute)

// noteChange remembers a change of an entity. One that is told again is not news.
func (e *Engine) noteChange(n topology.Node, ev *Event, at int64) {
	entity := e.graph.Entity(n)
	c := change{At: e.now, Was: at, Text: changeSays(ev), ID: ev.ID, Own: ev.Component == ChangeComponent}
	last, known := e.changes.of[entity]
	switch {
	case known && c.ID != "" && c.ID == last.ID && (c.Text == last.Text || c.Own && last.Own):
		return
	case known && slices.ContainsFunc(last.Earlier, func(o change) bool { return c.ID != "" && o.ID == c.ID && o.Text == c.Text && o.was() == at }):
		return
	case known && last.Own && !c.Own && at < last.was()+ownChangeFor:
		e.changes.keep(entity, last.beside(c))
	case !e.changes.keep(entity, c.after(last)):
		return
	}
	e.showChange(n, entity, c)
	if st := e.local(n).site; st != nil {
		if i := e.incidents[st.incident]; i != nil && i.state.Open() {
			e.rerank(i)
		}
	}
}

// after is c, which remembers the changes before it.
func (c change) after(last change) change {
	for _, o := range slices.Concat([]change{last}, last.Earlier) {
		if o.At != 0 && c.At-o.At < changeFor && len(c.Earlier) < changesEarlier {
			o.Earlier = nil
			c.Earlier = append(c.Earlier, o)
		}
	}
	return c
}

// beside is c, with o among those before it although quell heard of o since.
func (c change) beside(o change) change {
	c.Earlier = slices.Concat([]change{o}, c.Earlier)
	c.Earlier = c.Earlier[:min(len(c.Earlier), changesEarlier)]
	return c
}

// until is the last of c and those before it that was not after a time; its At is zero if there is none.
func (c change) until(t int64) change {
	if c.was() <= t {
		return c
	}
	for _, o := range c.Earlier {
		if o.was() <= t {
			return o
		}
	}
	return change{}
}

// suspect is a change that may have caused what a candidate explains. Its zero value is none.
type suspect struct {
	change
	where topology.Entity
	// lead is how long it was before the first trouble after it.
	lead time.Duration
	// share is how much of the bonus it is worth.
	share float64
}

// suspect finds the change that speaks most for c: its own or of a part of it, else one of what it is part of, which counts half.
func (d *diagnosis) suspect(c *candidate) (s suspect) {
	e := d.engine
	if len(e.changes.of) == 0 {
		return s
	}
	until := d.latest(c) + changeSlack
	look := func(n topology.Node) {
		if o := e.changes.of[e.graph.Entity(n)].until(until); o.At > s.At {
			s.change, s.where = o, e.graph.Entity(n)
		}
	}
	s.share = 1
	look(c.node)
	parts := e.graph.Parts(c.node)
	for _, a := range parts[:min(len(parts), changeParts)] {
		look(a.Node)
	}
	if s.At == 0 {
		s.share = 0.5
		for _, a := range e.graph.Owners(c.node) {
			look(a.Node) // a rollout is told of the deployment, and its trouble shows below its replica set
		}
	}
	if s.At == 0 || e.now-s.At >= changeFor {
		return suspect{}
	}
	s.lead = time.Duration(d.firstAfter(c, s.was()) - s.was())
	return s
}

// latest is when the last trouble that c explains began.
func (d *diagnosis) latest(c *candidate) (at int64) {
	if c.own != nil {
		at = c.own.last
	}
	for _, h := range c.hits {
		at = max(at, d.members[d.voters[h.voter]].last)
	}
	return at
}

// firstAfter is when the first trouble that c explains began of that which is not from before a time; the time itself if there is none.
func (d *diagnosis) firstAfter(c *candidate, t int64) int64 {
	first := int64(math.MaxInt64)
	look := func(m *member) {
		for _, at := range [...]int64{m.span.began, m.last} {
			if at >= t {
				first = min(first, at)
			}
		}
	}
	if c.own != nil {
		look(c.own)
	}
	for _, h := range c.hits {
		look(&d.members[d.voters[h.voter]])
	}
	if first == math.MaxInt64 {
		return t
	}
	return first
}

// bonus is what a change multiplies a candidate's score by; 1 if there is none.
func (s *suspect) bonus(e *Engine) float64 {
	if s.At == 0 {
		return 1
	}
	return 1 + (e.tuning.ChangeBonus-1)*s.share*(1-float64(e.now-s.At)/float64(changeFor))
}

// String says what changed, and when: before the trouble, or just as it began.
func (s *suspect) String() string {
	if s.lead < time.Second {
		return fmt.Sprintf("%s changed as it began: %s", s.where, s.Text)
	}
	return fmt.Sprintf("%s changed %s before: %s", s.where, round(s.lead), s.Text)
}

// changeSays puts an event about a change in words.
func changeSays(ev *Event) string {
	if ev.Message == "" {
		return ev.Reason
	}
	return ev.Reason + ", " + shorten(ev.Message, changeTextMax)
}

// changeTextMax bounds what is kept of a change's message, in bytes.
const changeTextMax = 160

// shorten cuts a text at a rune's end.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
