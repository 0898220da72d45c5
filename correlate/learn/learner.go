package learn

import (
	"fmt"
	"time"

	"quell/correlate/topology"
)

// Limits of memory. What goes beyond one is left out and counted, see [Learner.Stats].
const (
	// maxNames bounds the types, and the entities, that are told apart.
	maxNames = 1_000_000
	// maxSites bounds the pairs of type and entity with a count of their own, at some 100 bytes each.
	maxSites = 1_000_000
	// maxPairs bounds the pairs of types, or of entities, that were seen together. When there are more, the rarest go.
	maxPairs = 1_000_000
	// maxHeard bounds what is remembered of one window, over all places.
	maxHeard = 200_000
	// maxPlace bounds how much of a window one start is compared with at one place: the newest.
	maxPlace = 256
	// maxNear bounds the dependencies of one entity that are followed.
	maxNear = 64
	// maxSupport bounds the entities that are told apart in a proposal's support.
	maxSupport = 256
)

// anyType is the type under which the starts of an entity count as a whole, for dependencies between entities.
const anyType = 0

// Options say what to count. Zero values take defaults.
type Options struct {
	// Window is how long after its cause an effect may start; 0 means 5 minutes, which is enough for rules that wait a few minutes
	// before they fire, and too short for most of what is not related.
	Window time.Duration
	// HalfLife is the age at which an observation counts half; 0 means that all count alike.
	HalfLife time.Duration
	// Graph tells what is near what: entities with a dependency, or one that owns the other. It may grow while the learner runs, and
	// should not shrink: what was near counts in what chance would give. Entities without dependencies are compared
	// with those of their namespace that have none either. Nil is an empty graph.
	Graph *topology.Graph
}

// DefaultWindow is the default of [Options.Window].
const DefaultWindow = 5 * time.Minute

// Learner counts. Memory is bounded; a start costs as much as there is near it within the window.
type Learner struct {
	window int64
	fade   fading
	graph  *topology.Graph

	types, entities names
	sites           map[siteKey]*site
	pairs           map[pairKey]*pair
	places          map[place][]start
	queue           []expiry // what is in places, oldest first
	batch           []start  // the starts of the present instant, not counted yet
	found           []finding

	first, now int64 // Unix nanoseconds of the first and the last start
	stats      Stats
}

// Stats tell what was counted.
type Stats struct {
	// Starts counts the starts that counted; Flaps those that did not, since the same had not been quiet for a window.
	Starts, Flaps int
	// Types are how many different ones began.
	Types int
	// Dropped counts starts that a limit left out, PrunedPairs rare pairs that made room for others. Both make evidence weaker, never
	// stronger.
	Dropped, PrunedPairs int
	// Storms counts starts at which so much began within the window that it tells nothing about who depends on whom.
	Storms int
	// From and To are the time span.
	From, To time.Time
}

// start is one start of a symptom; typ is anyType where an entity counts as a whole.
type start struct {
	at       int64
	typ, ent uint32
}

// siteKey is a type on an entity.
type siteKey struct{ typ, ent uint32 }

// site is what is known of a type on an entity. Times are Unix nanoseconds.
type site struct {
	count       float64 // of starts, faded to the last one
	first, last int64   // starts that counted
	touched     int64   // when it was last known to be active
}

// names numbers strings from 1, as long as there is room for new ones; 0 stands for all others.
type names struct {
	ids  map[string]uint32
	list []string
}

func newNames() names { return names{ids: make(map[string]uint32), list: []string{""}} }

func (n *names) id(s string) uint32 {
	if id, ok := n.ids[s]; ok {
		return id
	}
	if len(n.list) > maxNames {
		return 0
	}
	id := uint32(len(n.list))
	n.ids[s] = id
	n.list = append(n.list, s)
	return id
}

// New returns a learner that knows nothing.
func New(o Options) *Learner {
	if o.Window <= 0 {
		o.Window = DefaultWindow
	}
	if o.Graph == nil {
		o.Graph = topology.New()
	}
	return &Learner{
		window: int64(o.Window), fade: fading{halfLife: float64(o.HalfLife)}, graph: o.Graph,
		types: newNames(), entities: newNames(),
		sites: make(map[siteKey]*site), pairs: make(map[pairKey]*pair), places: make(map[place][]start),
	}
}

// Start tells that a symptom of a type (an alert's name, an event's reason) began on an entity. A start counts only if the same
// symptom was quiet for a window before: flapping is one start. It panics if time goes back.
func (l *Learner) Start(at time.Time, typ string, e topology.Entity) {
	t := l.advance(at)
	typeID, entityID, whole := l.types.id(typ), l.entities.id(string(e)), l.entities.id(string(l.whole(e)))
	if typeID == 0 || entityID == 0 || whole == 0 {
		l.stats.Dropped++
		return
	}
	if l.began(siteKey{typeID, entityID}, t) {
		l.batch = append(l.batch, start{t, typeID, entityID})
	}
	if l.began(siteKey{anyType, whole}, t) {
		l.batch = append(l.batch, start{t, anyType, whole})
	}
}

// Active tells that a symptom was active until now: it ended, or was seen again. What comes back within a window after that
// is flapping. It panics if time goes back.
func (l *Learner) Active(at time.Time, typ string, e topology.Entity) {
	t := l.advance(at)
	if s := l.sites[siteKey{l.types.id(typ), l.entities.id(string(e))}]; s != nil {
		s.touched = t
	}
	if s := l.sites[siteKey{anyType, l.entities.id(string(l.whole(e)))}]; s != nil {
		s.touched = t
	}
}

// Stats returns what was counted so far.
func (l *Learner) Stats() Stats {
	s := l.stats
	s.Types = len(l.types.list) - 1
	if l.first != 0 {
		s.From, s.To = time.Unix(0, l.first).UTC(), time.Unix(0, l.now).UTC()
	}
	return s
}

// began notes that a site is active and reports whether that counts as a start.
func (l *Learner) began(k siteKey, t int64) bool {
	s := l.sites[k]
	if s == nil {
		if len(l.sites) >= maxSites {
			l.stats.Dropped++
			return false
		}
		s = &site{first: t}
		l.sites[k] = s
	} else if t-s.touched < l.window {
		s.touched = t
		if k.typ != anyType {
			l.stats.Flaps++
		}
		return false
	}
	s.count = s.count*l.fade.factor(t-s.last) + 1
	s.last, s.touched = t, t
	if k.typ != anyType {
		l.stats.Starts++
	}
	return true
}

// advance moves time on: what began at the instant before is counted, and what left the window forgotten.
func (l *Learner) advance(at time.Time) int64 {
	t := at.UnixNano()
	if l.first == 0 {
		l.first, l.now = t, t
	}
	if t < l.now {
		panic(fmt.Sprintf("learn: time went back from %v to %v", time.Unix(0, l.now).UTC(), at))
	}
	if t > l.now {
		l.countBatch()
		l.now = t
		l.expire(t - l.window)
	}
	return t
}

// whole is what an entity is part of: the outermost owner, since pods come and go but their service stays.
func (l *Learner) whole(e topology.Entity) topology.Entity {
	const depth = 6 // pod, replica set, deployment, service, application; cycles end here
	for range depth {
		n, ok := l.graph.Find(e)
		if !ok || len(l.graph.Owners(n)) == 0 {
			break
		}
		e = l.graph.Entity(l.graph.Owners(n)[0].Node)
	}
	return e
}

// near returns what an entity depends on and what owns it. What depends on it has it in its own list.
func (l *Learner) near(ent uint32) []uint32 {
	n, ok := l.graph.Find(topology.Entity(l.entities.list[ent]))
	if !ok {
		return nil
	}
	var ids []uint32
	for _, arcs := range [...][]topology.Arc{l.graph.Dependencies(n), l.graph.Owners(n)} {
		for _, a := range arcs[:min(len(arcs), maxNear)] {
			if id := l.entities.id(string(l.graph.Entity(a.Node))); id != 0 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// space returns the number that stands for the namespace of an entity, 0 if it has none.
func (l *Learner) space(ent uint32) uint32 {
	e := topology.Entity(l.entities.list[ent])
	if e.Namespace() == "" {
		return 0
	}
	return l.entities.id(string(topology.NewEntity("namespace", "", e.Namespace(), e.Cluster())))
}
