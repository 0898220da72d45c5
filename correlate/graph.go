package correlate

import (
	"encoding/binary"
	"time"

	"quell/correlate/topology"
)

// refusal is an update that the graph had no room for.
type refusal struct {
	update *Topology
	err    error
}

// Refused returns why the last step did not take an update, or nil if it did. The error is a [*topology.FullError]: as a whole it
// would have made the graph larger than the policy allows.
func (e *Engine) Refused(in *Topology) error {
	for _, r := range e.refused {
		if r.update == in {
			return r.err
		}
	}
	return nil
}

// topology applies what a source says and looks again at what that may explain.
func (e *Engine) topology(in *Topology) {
	change, err := e.graph.Apply(&in.Update, topology.Origin{Source: in.Source, Now: e.now})
	if err != nil {
		e.refused = append(e.refused, refusal{in, err})
		return
	}
	e.regraph(&change)
}

// regraph takes over what changed in the graph: rows to write, ill entities to explain anew, entities to forget.
func (e *Engine) regraph(c *topology.Change) {
	if len(c.Told) > dirtyKept && len(e.dirty.nodes) == 0 {
		e.dirty.nodes = make(map[topology.Entity]struct{}, len(c.Told)) // to grow it bit by bit would take twice the memory
	}
	for _, n := range c.Told {
		e.dirty.nodes[e.graph.Entity(n)] = struct{}{}
	}
	for _, s := range c.Sources {
		e.dirty.fades[s] = struct{}{}
	}
	ill := c.Departures[:0]
	for _, n := range c.Departures {
		// Nothing is ill around most of what a large update tells.
		if at := e.local(n); len(at.watch)+len(at.parts) > 0 || at.site != nil && at.site.active > 0 {
			ill = append(ill, n)
		}
	}
	e.reconsider(ill)
	for _, n := range c.Losers {
		e.release(n)
	}
	e.watchFades()
}

// watchFades sets a timer for the next end of what sources told. Those set before it come too, and are ignored.
func (e *Engine) watchFades() {
	if at, ok := e.graph.Deadline(); ok && (e.fadeAt == 0 || at < e.fadeAt) {
		e.fadeAt = at
		e.timer(timerFade, at, 0)
	}
}

// fade forgets what was not told again in time.
func (e *Engine) fade(t timer) {
	if t.at != e.fadeAt {
		return
	}
	e.fadeAt = 0
	change := e.graph.Expire(e.now)
	e.regraph(&change)
}

// postpone gives sources the time back in which nobody listened to them, and grace to tell again what they know.
func (e *Engine) postpone(missed time.Duration, grace int64) {
	change := e.graph.Postpone(missed, e.now+grace)
	e.fadeAt = 0
	e.regraph(&change)
}

// traits are what the rules in force, or else the graph's own table, say about a type of dependency.
func (e *Engine) traits(typ string) topology.Traits {
	if t, ok := e.rules.EdgeType(typ); ok {
		return t
	}
	return topology.TraitsOf(typ)
}

// reobserveAll renews all cones, without moving symptoms between incidents: dependencies mean something else than before.
func (e *Engine) reobserveAll(symptoms []uint64) {
	for _, num := range symptoms {
		n := e.symptoms.get(num).node
		if st := e.local(n).site; st.active > 0 && st.symptoms[0] == num {
			e.overlook(n, st)
			e.observe(n, st)
		}
	}
}

// nodeRow is nil when no source says anything. It does not depend on which types own: the policy says that.
func (e *Engine) nodeRow(b []byte, entity topology.Entity) []byte {
	n, ok := e.graph.Find(entity)
	if !ok {
		return nil
	}
	claims := e.graph.Claims(n)
	b = binary.AppendUvarint(b, uint64(len(claims)))
	for _, c := range claims {
		b = appendString(b, c.Source)
		b = binary.AppendUvarint(b, uint64(c.Since))
		b = binary.AppendUvarint(b, uint64(c.Until))
	}
	edges, last := 0, ""
	for edge := range e.graph.Edges(n) {
		edges++
		b = appendString(b, string(edge.To))
		b = appendString(b, edge.Type)
		b = appendBool(b, edge.Source != last)
		if edge.Source != last {
			b = appendString(b, edge.Source)
			last = edge.Source
		}
		b = binary.AppendUvarint(b, uint64(edge.Since))
		b = binary.AppendUvarint(b, uint64(edge.Until))
	}
	if len(claims)+edges == 0 {
		return nil
	}
	return b
}

func (e *Engine) loadNode(entity topology.Entity, v []byte) error {
	r := &wireReader{b: v}
	var claimsOnStack [4]topology.Claim
	var edgesOnStack [8]topology.SourcedEdge
	claims, edges, last := claimsOnStack[:0], edgesOnStack[:0], ""
	for range r.count() {
		c := topology.Claim{Source: e.strings.bytes(r.bytes()), Since: r.moment(), Until: r.moment()}
		claims = append(claims, c)
	}
	for len(r.b) > 0 && r.err == nil {
		edge := topology.SourcedEdge{To: e.graph.Name(r.bytes()), Type: e.strings.bytes(r.bytes())}
		if r.bool() {
			last = e.strings.bytes(r.bytes())
		}
		edge.Claim = topology.Claim{Source: last, Since: r.moment(), Until: r.moment()}
		edges = append(edges, edge)
	}
	if r.err != nil {
		return r.err
	}
	e.graph.Restore(entity, claims, edges)
	return nil
}

func (r *wireReader) moment() topology.Moment {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail()
	}
	return topology.Moment(v)
}

// fadeRow says when all that a source told ends; it is nil if never.
func (e *Engine) fadeRow(source string) []byte {
	until := e.graph.Fades(source)
	if until == 0 {
		return nil
	}
	return binary.AppendUvarint(nil, uint64(until))
}

func (e *Engine) loadFade(source string, v []byte) error {
	r := &wireReader{b: v}
	if until := r.moment(); r.err == nil {
		e.graph.RestoreFades(source, until)
	}
	return r.err
}
