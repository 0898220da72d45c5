package correlate

import (
	"fmt"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Most outages follow a change, so one on or just below a candidate speaks for it: a rollout, another configuration, scaling,
// maintenance of a node. The bonus fades within changeFor.
const (
	changeFor = int64(30 * time.Minute)
	// changeParts bounds the parts of a candidate that are looked at.
	changeParts = 32
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
}

func (c change) heardAt() int64 { return c.At }

// was is when it was.
func (c change) was() int64 { return cmp0(c.Was, c.At) }

// ownChange is the component of events that tell how an object differs from what it was.
const ownChange = "quell/change"

// ownChangeFor is how long a change that an object shows stays the last one, whatever controllers say of what they do about it.
const ownChangeFor = int64(5 * time.Minute)

// noteChange remembers a change of an entity. One that is told again is not news.
func (e *Engine) noteChange(n topology.Node, ev *Event, at int64) {
	entity := e.graph.Entity(n)
	c := change{At: e.now, Was: at, Text: changeSays(ev), ID: ev.ID, Own: ev.Component == ownChange}
	last, known := e.changes.of[entity]
	switch {
	case known && c.ID != "" && c.ID == last.ID && (c.Text == last.Text || c.Own && last.Own):
		return
	case known && last.Own && !c.Own && at < last.was()+ownChangeFor:
	case !e.changes.keep(entity, c):
		return
	}
	e.showChange(n, entity, c)
	if st := e.local(n).site; st != nil {
		if i := e.incidents[st.incident]; i != nil && i.state.Open() {
			e.rerank(i)
		}
	}
}

// changeAt finds the change that speaks most for n: its own or of a part of it, else one of what it is part of, which counts half.
func (e *Engine) changeAt(n topology.Node) (last change, where topology.Entity, share float64) {
	look := func(n topology.Node) {
		if c, ok := e.changes.of[e.graph.Entity(n)]; ok && c.At > last.At {
			last, where = c, e.graph.Entity(n)
		}
	}
	look(n)
	parts := e.graph.Parts(n)
	for _, a := range parts[:min(len(parts), changeParts)] {
		look(a.Node)
	}
	if last.At != 0 {
		return last, where, 1
	}
	for _, a := range e.graph.Owners(n) {
		look(a.Node) // a rollout is told of the deployment, and its trouble shows below its replica set
	}
	return last, where, 0.5
}

// changeBonus is what a recent change multiplies a candidate's score by.
func (e *Engine) changeBonus(n topology.Node) float64 {
	if len(e.changes.of) == 0 {
		return 1
	}
	c, _, share := e.changeAt(n)
	age := e.now - c.At
	if c.At == 0 || age >= changeFor {
		return 1
	}
	return 1 + (e.tuning.ChangeBonus-1)*share*(1-float64(age)/float64(changeFor))
}

// changeText says what changed and when.
func (e *Engine) changeText(n topology.Node) string {
	c, where, _ := e.changeAt(n)
	return fmt.Sprintf("%s changed %s before: %s", where, round(time.Duration(e.now-c.At)), c.Text)
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
