package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Most outages follow a change, so one on or just below a candidate speaks for it: a rollout, another configuration, scaling,
// maintenance of a node. The bonus fades within changeFor.
const (
	changeFor = int64(30 * time.Minute)
	// changesMax bounds the changes that are remembered: where more than that change at once, a change is no news.
	changesMax = 50_000
	// changeParts bounds the parts of a candidate that are looked at.
	changeParts = 32
)

// change is the last change of an entity: when quell heard of it, and what it was.
type change struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// noteChange remembers a change of an entity.
func (e *Engine) noteChange(n topology.Node, text string) {
	entity := e.graph.Entity(n)
	if _, known := e.changes[entity]; !known && len(e.changes) >= changesMax || len(entity) > topology.MaxEntityBytes {
		return
	}
	e.changes[entity] = change{At: e.now, Text: text}
	e.changeOrder = append(e.changeOrder, heardChange{e.now, entity})
	e.dirty.changes[entity] = struct{}{}
	if st := e.local(n).site; st != nil {
		if i := e.incidents[st.incident]; i != nil && i.state.Open() {
			e.rerank(i)
		}
	}
}

// forgetChanges drops the changes that count no more, in the order in which they were heard of. An entity that changed again stands in
// the order once more, later.
func (e *Engine) forgetChanges() {
	k := 0
	for ; k < len(e.changeOrder) && e.changeOrder[k].at+changeFor <= e.now; k++ {
		entity := e.changeOrder[k].entity
		if c, known := e.changes[entity]; known && c.At+changeFor <= e.now {
			delete(e.changes, entity)
			e.dirty.changes[entity] = struct{}{}
		}
	}
	e.changeOrder = e.changeOrder[k:]
}

// heardChange is a change in the order of hearing.
type heardChange struct {
	at     int64
	entity topology.Entity
}

// orderChanges rebuilds the order after loading.
func (e *Engine) orderChanges() {
	for entity, c := range e.changes {
		e.changeOrder = append(e.changeOrder, heardChange{c.At, entity})
	}
	slices.SortFunc(e.changeOrder, func(a, b heardChange) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.entity, b.entity))
	})
}

// changeAt finds the change that speaks most for n: its own or of a part of it, else one of what it is part of, which counts half.
func (e *Engine) changeAt(n topology.Node) (last change, where topology.Entity, share float64) {
	look := func(n topology.Node) {
		if c, ok := e.changes[e.graph.Entity(n)]; ok && c.At > last.At {
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
	if len(e.changes) == 0 {
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
