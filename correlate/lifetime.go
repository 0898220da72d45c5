package correlate

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"quell/correlate/heal"
	"quell/correlate/topology"
)

// The engine learns how long trouble lasts from its own incidents, in stretches: from when an incident began, or became one of another
// class, until it healed, was seen last by nobody but us, or became one of another class again. What a human ended, what was lost and what was
// merged is censored there: it lasted that long at least.

// trouble is the class of an incident's trouble. It is never changed.
type trouble struct {
	Kind       string   `json:"kind"`
	Alert      string   `json:"alert"`
	Workload   string   `json:"workload,omitempty"`
	Conditions []string `json:"conditions,omitempty"` // name=value, in order of weight
}

func (c trouble) path() heal.Path {
	p := heal.Path{Kind: c.Kind, Alert: c.Alert, Workload: c.Workload}
	for _, condition := range c.Conditions {
		p = p.Under(condition)
	}
	return p
}

func (c trouble) equal(d trouble) bool {
	return c.Kind == d.Kind && c.Alert == d.Alert && c.Workload == d.Workload && slices.Equal(c.Conditions, d.Conditions)
}

// Names of conditions. What is usual is no condition.
const (
	conditionFlapping = "flapping="       // how long before trouble of the same class had ended, see flapBands
	conditionProgress = "progress=told"   // somebody told that a healing is under way
	conditionNoneLeft = "redundancy=none" // everything that its root is one of is ill
	conditionSome     = "reach=some"      // more than one entity is ill
	conditionMany     = "reach=many"      // at least reachMany are
	conditionStorm    = "storm="          // how much else began to be ill just before, see [rush.band]
)

// flapBands are how long ago trouble counts as having ended just now.
var flapBands = [...]struct {
	within    int64
	condition string
}{
	{int64(time.Minute), conditionFlapping + "within 1m"},
	{int64(10 * time.Minute), conditionFlapping + "within 10m"},
	{flapFor, conditionFlapping + "within 2h"},
}

// flapFor is for how long is known that trouble ended.
const flapFor = int64(2 * time.Hour)

// reachMany is from how many ill entities on an incident is a large one.
const reachMany = 10

// classOfTrouble is the class of i by its root of now, and the conditions that it is under.
func (e *Engine) classOfTrouble(i *incident) trouble {
	s := e.spokesman(i)
	if s == nil {
		s = e.symptoms.get(i.sorted()[0])
	}
	c := trouble{Kind: e.graph.Entity(i.root).Kind(), Alert: s.name, Workload: string(e.workloadOf(i.root))}
	var found [5]string
	conditions := found[:0]
	add := func(is bool, condition string) {
		if is {
			conditions = append(conditions, condition)
		}
	}
	flapping := e.flapping(c, i)
	add(flapping != "", flapping)
	add(e.progressing(i), conditionProgress)
	add(e.noneLeft(i.root), conditionNoneLeft)
	add(i.sites > 1 && i.sites < reachMany, conditionSome)
	add(i.sites >= reachMany, conditionMany)
	add(i.storm != "", stormCondition(i.storm))
	if len(conditions) > 0 {
		c.Conditions = slices.Clone(conditions)
	}
	return c
}

// ending is when trouble of a class ended last, in Unix nanoseconds.
type ending struct {
	At int64 `json:"at"`
}

func (x ending) heardAt() int64 { return x.At }

// appendEndingKey appends what endings are remembered by: the name of what was wrong, and the workload, or the root if that is none. It
// begins as the keys of their rows do.
func (e *Engine) appendEndingKey(b []byte, c *trouble, root topology.Node) []byte {
	of := c.Workload
	if of == "" {
		of = string(e.graph.Entity(root))
	}
	b = append(append(b, lifetimeEnding), shorten(c.Alert, classNameMax)...)
	return append(append(b, " on "...), of...)
}

// flapping is the condition that says how long before i trouble of its class had ended; empty if that is long ago.
func (e *Engine) flapping(c trouble, i *incident) string {
	var room [256]byte // each incident is looked up some times, most of them in vain: that is to cost no text
	last, known := e.endings.of[topology.Entity(e.appendEndingKey(room[:0], &c, i.root))]
	if !known || last.At > i.heldFrom {
		return ""
	}
	for _, b := range flapBands {
		if i.heldFrom-last.At <= b.within {
			return b.condition
		}
	}
	return ""
}

// ended remembers that the trouble of i ended, whoever ended it.
func (e *Engine) ended(i *incident) {
	c := e.classOfTrouble(i)
	e.endings.keep(topology.Entity(e.appendEndingKey(nil, &c, i.root)), ending{i.recovered})
}

// workloadOf is what outlives n and may be ill again next time: what owns it, by all that is known or else by its name, or n itself, unless it is of a kind that gets another
// name each time.
func (e *Engine) workloadOf(n topology.Node) topology.Entity {
	top, climbed := n, false
	for range partsDepth {
		up := slices.IndexFunc(e.graph.Owners(top), func(a topology.Arc) bool { return e.graph.TypeName(a.Type) == "owns" })
		if up < 0 {
			break
		}
		top, climbed = e.graph.Owners(top)[up].Node, true
	}
	entity := e.graph.Entity(top)
	if named := namedWorkload(entity); named != "" {
		return named
	}
	if !climbed && slices.Contains(ephemeral, entity.Kind()) {
		return ""
	}
	return entity
}

// ephemeral are kinds of entities that are made anew under another name.
var ephemeral = []string{"pod", "replicaset", "job", "alert"}

// progressing reports whether somebody told of a healing under way that concerns i.
func (e *Engine) progressing(i *incident) bool {
	if len(e.signs.of) == 0 {
		return false
	}
	for n := range e.concern(i) {
		if p := e.signs.of[e.graph.Entity(n)].Progress; p != nil && p.Until > e.now {
			return true
		}
	}
	return false
}

// noneLeft reports whether n is one of several that stand in for each other, or is made of such, and all of them are ill.
func (e *Engine) noneLeft(n topology.Node) bool {
	_, parts := e.graph.Dependents(n)
	if parts == 0 {
		owners := e.graph.Owners(n)
		if len(owners) == 0 {
			return false
		}
		n = owners[0].Node
		_, parts = e.graph.Dependents(n)
	}
	for range partsDepth {
		if parts != 1 {
			break
		}
		n = e.graph.Parts(n)[0].Node
		_, parts = e.graph.Dependents(n)
	}
	return parts > 1 && int(e.local(n).nearParts) >= parts
}

// estimated is the last estimate, of a class at an hour. In a storm much of one class is asked about before anything new is learned.
type estimated struct {
	known bool // since nothing was learned since
	of    heal.Path
	hour  int64 // as often as the model's counts decay
	is    heal.Estimate
}

// estimate is what is known of a class; nil if nothing is that it could be decided by. It is good until the next call. Levels below what
// was ever seen add nothing, and are left out.
func (e *Engine) estimate(c trouble) *heal.Estimate {
	last, of, hour := e.estimated, c.path(), e.now/int64(time.Hour)
	if !last.known || last.hour != hour || last.of != of {
		last.known, last.of, last.hour = true, of, hour
		e.lifetimes.EstimateKnown(&last.is, fromNano(e.now), of)
	}
	if len(last.is.Levels()) <= classLevels {
		return nil
	}
	return &last.is
}

// watch begins to learn from i, at its beginning or from now on.
func (e *Engine) watch(i *incident) {
	i.watched, i.trouble = e.now, e.classOfTrouble(i)
	e.nextCheckpoint(i)
}

// firstCheckpoint is the first of the ages, each twice the one before, at which is learned that incidents go on: a class that never heals
// must be known before the first of it ends, and of several that began together those that heal first must not speak for the others.
// Five minutes, the usual hold, is one of these ages.
const firstCheckpoint = 5 * time.Minute / 16

// nextCheckpoint sets the timer for the next one of i, if that is not beyond what the model tells apart.
func (e *Engine) nextCheckpoint(i *incident) {
	age := int64(firstCheckpoint)
	for i.heldFrom+age <= e.now {
		age *= 2
	}
	if age < int64(heal.Horizon) {
		e.timer(timerLearn, i.heldFrom+age, uint64(i.id))
	}
}

// checkpoint learns that i goes on, if this is one of its checkpoints: merging may have made it older.
func (e *Engine) checkpoint(i *incident) {
	age := e.now - i.heldFrom
	if i.watched == 0 || age < int64(firstCheckpoint) || age%int64(firstCheckpoint) != 0 || bits.OnesCount64(uint64(age/int64(firstCheckpoint))) != 1 {
		return
	}
	if i.active > 0 {
		e.learn(i, e.now, false)
		e.dirty.incidents[i.id] = struct{}{}
	}
	e.nextCheckpoint(i)
}

// follow ends a stretch of i if it is of another class by now, or was never looked at, and reports that.
func (e *Engine) follow(i *incident) (changed bool) {
	if i.watched == 0 || !i.state.Open() || i.active == 0 {
		return false
	}
	c := e.classOfTrouble(i)
	if c.equal(i.trouble) {
		return false
	}
	e.learn(i, e.now, false)
	i.watched, i.trouble = e.now, c
	return true
}

// learn counts a stretch of i that ended at a time.
func (e *Engine) learn(i *incident, at int64, healed bool) {
	if i.recovered != 0 {
		at = min(at, i.recovered)
	}
	if i.watched == 0 || at < i.watched || at == i.watched && !healed {
		return
	}
	spell := heal.Spell{From: time.Duration(i.watched - i.heldFrom), To: time.Duration(at - i.heldFrom), Healed: healed}
	e.estimated.known = false
	e.lifetimes.Observe(fromNano(e.now), i.trouble.path(), spell)
	i.watched = at
}

// unwatch learns nothing more from i after a time, until it is reopened.
func (e *Engine) unwatch(i *incident, at int64) {
	if i.watched != 0 {
		e.learn(i, at, false)
		i.watched, i.trouble = 0, trouble{}
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// settleStretch learns that i healed if it is calm: what comes back to it is another stretch.
func (e *Engine) settleStretch(i *incident) {
	if i.watched != 0 && e.calm(i) {
		e.learn(i, i.recovered, true)
		e.ended(i)
		i.watched, i.trouble = 0, trouble{}
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// rush counts symptoms that begin, to know a storm from a quiet day: in the present window of rushWindow and the one before.
type rush struct {
	window      int64 // number of the present window
	now, before int64
	changed     bool
}

const rushWindow = int64(5 * time.Minute)

// roll begins a new window if it is time.
func (r *rush) roll(at int64) {
	switch window := at / rushWindow; window - r.window {
	case 0:
	case 1:
		r.window, r.before, r.now = window, r.now, 0
	default:
		r.window, r.before, r.now = window, 0, 0
	}
}

// began counts one.
func (r *rush) began(at int64) {
	r.roll(at)
	r.now++
	r.changed = true
}

// Bands of how much began of late. What is fewer is nothing particular.
const (
	stormLarge = "60 or more"
	stormSmall = "15 or more"
)

// band is how much began of late, in the last five to ten minutes; empty if that is nothing particular.
func (r rush) band(at int64) string {
	switch r.roll(at); {
	case r.now+r.before >= 60:
		return stormLarge
	case r.now+r.before >= 15:
		return stormSmall
	}
	return ""
}

// stormCondition is the condition of a band.
func stormCondition(band string) string {
	switch band {
	case stormLarge:
		return conditionStorm + stormLarge // put together by the compiler
	case stormSmall:
		return conditionStorm + stormSmall
	}
	return conditionStorm + band
}

// Rows of what was learned: when trouble ended last, life tables by class, and the rush.
const (
	lifetimeEnding = 'c'
	lifetimeTable  = 'm'
	lifetimeRush   = 's'
)

// changedLifetimes calls put with the rows that changed since the last call; key is memory for their keys.
func (e *Engine) changedLifetimes(key []byte, put func(key, value []byte)) {
	e.endings.changed(rowLifetime, key, put)
	var value []byte
	keys := e.lifetimes.Dirty
	if e.dirty.lifetimes {
		keys = e.lifetimes.Keys
	}
	for _, class := range keys() {
		key = append(append(key[:0], rowLifetime, lifetimeTable), class...)
		row, ok := e.lifetimes.Row(value[:0], class)
		if value = row; !ok {
			row = nil
		}
		put(key, row)
	}
	e.lifetimes.Stored()
	if r := &e.rush; r.changed || e.dirty.lifetimes && r.window != 0 {
		value = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(value[:0], r.window), r.now), r.before)
		put(append(key[:0], rowLifetime, lifetimeRush), value)
		r.changed = false
	}
	e.dirty.lifetimes = false
}

// loadLifetime takes over such a row.
func (e *Engine) loadLifetime(key, v []byte) error {
	switch {
	case len(key) > 0 && key[0] == lifetimeEnding:
		return e.endings.load(string(key), v)
	case len(key) > 0 && key[0] == lifetimeTable:
		return e.lifetimes.Load(string(key[1:]), v)
	case len(key) == 1 && key[0] == lifetimeRush:
		r := &wireReader{b: v}
		e.rush = rush{window: r.varint(), now: r.varint(), before: r.varint()}
		return r.err
	}
	return fmt.Errorf("unknown row of what was learned: %q", key)
}
