package topology

import (
	"maps"
	"slices"
	"time"
)

// deadline is when what is told now ends: after ttl, rounded up by at most an eighth of it.
func deadline(now int64, ttl time.Duration) Moment {
	if ttl == 0 {
		return 0
	}
	step := int64(time.Second)
	for 2*step <= int64(ttl)/8 {
		step *= 2
	}
	end := (now + int64(ttl) + step - 1) / step * step
	return Moment((end + int64(time.Second) - 1) / int64(time.Second))
}

// fading names a claim that ends: on the edge from one node to another, on the entity from if to is declaration, or all of a
// source's if from is wholeSource.
type fading struct {
	from, to Node
	typ      TypeID
	source   SourceID
}

const (
	declaration Node = -1
	wholeSource Node = -1
)

// fades holds claims by when to look whether they ended. A claim is under a moment no later than its end: when it is told again before
// then, only its end moves. So a repeat costs nothing here, and a claim that comes and goes is under few moments, since ends are rounded.
// What is under a moment need not be there any more.
type fades struct {
	at  map[Moment]map[fading]struct{}
	due []Moment // the keys, ascending
}

func newFades() fades { return fades{at: make(map[Moment]map[fading]struct{})} }

// add puts a claim under a moment; none is never.
func (f *fades) add(at Moment, key fading) {
	if at == 0 {
		return
	}
	if f.at[at] == nil {
		f.at[at] = make(map[fading]struct{})
		i, _ := slices.BinarySearch(f.due, at)
		f.due = slices.Insert(f.due, i, at)
	}
	f.at[at][key] = struct{}{}
}

// move gives a claim another end.
func (f *fades) move(until *Moment, to Moment, key fading) {
	if *until == 0 || to < *until {
		f.add(to, key)
	}
	*until = to
}

// take returns what is under the first moment if that is not after now; ok is false if there is nothing.
func (f *fades) take(now Moment) (keys map[fading]struct{}, ok bool) {
	if len(f.due) == 0 || f.due[0] > now {
		return nil, false
	}
	keys = f.at[f.due[0]]
	delete(f.at, f.due[0])
	f.due = slices.Delete(f.due, 0, 1)
	return keys, true
}

// Deadline reports in Unix nanoseconds when [Graph.Expire] is due next; ok is false if never.
func (g *Graph) Deadline() (at int64, ok bool) {
	if len(g.fades.due) == 0 {
		return 0, false
	}
	return int64(g.fades.due[0]) * int64(time.Second), true
}

// until returns the end of a claim, or none if the claim is not there.
func (g *Graph) until(k fading) *Moment {
	switch {
	case k.from == wholeSource:
		return &g.sources.list[k.source].until
	case int(k.from) >= len(g.nodes) || int(k.to) >= len(g.nodes):
	case k.to == declaration:
		if c := g.claimOf(k.from, k.source); c != nil {
			return &c.until
		}
	case g.nodes[k.to].entity != "":
		if a := g.edge(k.from, k.to, k.typ, k.source); a != nil {
			return &a.until
		}
	}
	return new(Moment)
}

// Expire takes back the claims that ended by now, which is in Unix nanoseconds. What goes is only what its source said: the edges
// that others told stay.
func (g *Graph) Expire(now int64) Change {
	var c Change
	at := momentOf(now)
	faded := make(map[Node]struct{})
	for keys, ok := g.fades.take(at); ok; keys, ok = g.fades.take(at) {
		for k := range keys {
			switch until := g.until(k); {
			case *until == 0:
			case *until > at:
				g.fades.add(*until, k)
			case k.from == wholeSource:
				*until = 0
				g.endSource(&c, k.source)
			case k.to == declaration:
				g.undeclare(&c, k.from, k.source)
			default:
				faded[k.from] = struct{}{}
			}
		}
	}
	for n := range faded {
		g.prune(&c, n, func(a *Arc) bool { return a.until != 0 && a.until <= at })
	}
	return g.finish(&c)
}

// endSource takes back all claims of a source that have no end of their own.
func (g *Graph) endSource(c *Change, src SourceID) {
	s := &g.sources.list[src]
	c.Sources = append(c.Sources, s.name)
	for n := range s.told {
		stays := false
		if own := g.claimOf(n, src); own != nil && own.until == 0 {
			g.undeclare(c, n, src)
		} else if own != nil {
			stays = true
		}
		g.prune(c, n, func(a *Arc) bool {
			stays = stays || a.Source == src && a.until != 0
			return a.Source == src && a.until == 0 && a.refs == 0
		})
		if !stays {
			delete(s.told, n)
		}
	}
}

// Postpone moves all ends by a time span in which nobody could be heard, and to floor at least; both are in nanoseconds, floor since
// 1970.
func (g *Graph) Postpone(by time.Duration, floor int64) Change {
	var c Change
	keys := make(map[fading]struct{})
	for _, under := range g.fades.at {
		maps.Copy(keys, under)
	}
	g.fades = newFades()
	for k := range keys {
		until := g.until(k)
		if *until == 0 {
			continue
		}
		*until = max(*until+Moment((by+time.Second-1)/time.Second), momentOf(floor+int64(time.Second)-1))
		g.fades.add(*until, k)
		if k.from == wholeSource {
			c.Sources = append(c.Sources, g.sourceName(k.source))
		} else {
			g.note(&c.Told, k.from, markTold)
		}
	}
	return g.finish(&c)
}
