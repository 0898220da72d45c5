package correlate

import (
	"iter"

	"quell/correlate/topology"
)

// desk is memory for a ranking. The engine keeps one for its own rankings, since in a storm each input asks for one; what is on it is good
// until the next. The zero value is empty.
type desk struct {
	roll       roll
	candidates map[topology.Node]*candidate
	ill        map[topology.Node]*member
	below      map[topology.Node]int32
	parts      []part
	voters     []int
	steps      []hit
	// pool holds candidates of this and earlier rankings; used of them are taken.
	pool   []*candidate
	used   int
	ranked []*candidate
	text   []byte // the reason for a root
}

const (
	// deskKept is up to how many members and candidates of a ranking a desk is kept: what a storm needed at its height must not stay for good.
	deskKept = 4096
	// deskChunk is how many candidates are made at a time.
	deskChunk = 32
)

// cleared returns the desk without what the last ranking left on it, or another if it has grown too large.
func (k *desk) cleared() *desk {
	if k == nil || len(k.pool) > deskKept || len(k.roll.list) > deskKept {
		return new(desk)
	}
	clear(k.roll.at)
	k.roll.list = k.roll.list[:0]
	return k
}

// lay makes room for the run of a ranking. Members stay, since they are what it is about.
func (k *desk) lay() {
	k.used = 0
	k.candidates, k.ill, k.below = emptied(k.candidates), emptied(k.ill), emptied(k.below)
	k.parts, k.voters, k.steps = k.parts[:0], k.voters[:0], k.steps[:0]
}

// emptied returns a map without entries, the same one if there is one.
func emptied[V any](m map[topology.Node]V) map[topology.Node]V {
	if m == nil {
		return make(map[topology.Node]V)
	}
	clear(m)
	return m
}

// candidate returns one that explains nothing yet.
func (k *desk) candidate(n topology.Node, own *member) *candidate {
	if k.used == len(k.pool) {
		chunk := make([]candidate, deskChunk)
		for i := range chunk {
			k.pool = append(k.pool, &chunk[i])
		}
	}
	c := k.pool[k.used]
	k.used++
	*c = candidate{node: n, revision: noNode, own: own, hits: c.hits[:0], via: c.via[:0]}
	return c
}

// partsOf yields the members that are parts of an owner.
func (k *desk) partsOf(owner topology.Node) iter.Seq[*part] {
	return func(yield func(*part) bool) {
		at, owns := k.below[owner]
		for ; owns && at >= 0; at = k.parts[at].next {
			if !yield(&k.parts[at]) {
				return
			}
		}
	}
}
