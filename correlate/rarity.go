package correlate

import (
	"encoding/binary"
	"time"

	"quell/correlate/topology"
)

// A symptom of a kind that comes every day says less than one that was never seen. quell counts, for each class (the symptom's name and
// its entity's kind), the spells in which it began somewhere, decayed with a half-life of a week. A storm is one spell,
// however many entities it hits, so that it does not talk itself down.
const (
	rarityHalfLife = int64(7 * 24 * time.Hour)
	raritySpell    = int64(10 * time.Minute)
	// rarityHalf is how many spells halve the strength: about three a day.
	rarityHalf = 20.0
	// rarityLeast is what is left of the strength of something that never rests.
	rarityLeast = 0.2
	// rarityMax bounds the classes that are counted. When it is reached those that were not seen for long are forgotten; if that makes no
	// room, new classes count as rare.
	rarityMax = 20_000
	// rarityUnit is the fixed point of counts: they are integers, so that every machine decays them alike.
	rarityUnit = 1 << 20
)

// spells counts how often a class of symptoms began of late.
type spells struct {
	count int64 // in units of 1/rarityUnit, as of at
	at    int64 // Unix nanoseconds of the start of the last spell
}

// decayed is the count at a later time: halved for each half-life, and linear in between.
func (c spells) decayed(now int64) int64 {
	age := max(now-c.at, 0)
	halvings := age / rarityHalfLife
	if halvings >= 40 {
		return 0
	}
	n := c.count >> halvings
	rest := age % rarityHalfLife / int64(time.Second)
	return n - n/2*rest/(rarityHalfLife/int64(time.Second))
}

// classOf names what symptoms are counted by. Names are cut where no person would write on: a class is the key of a row.
func classOf(name string, entity topology.Entity) string {
	return shorten(name, classNameMax) + " on " + shorten(entity.Kind(), classNameMax)
}

// classNameMax bounds both parts of a class, in bytes.
const classNameMax = 250

// seen counts that a symptom began.
func (e *Engine) seen(s *symptom) {
	class := s.class
	c, known := e.classes[class]
	if known && e.now-c.at < raritySpell {
		return
	}
	if !known && len(e.classes) >= rarityMax {
		e.forgetClasses()
		if len(e.classes) >= rarityMax {
			return
		}
	}
	e.classes[class] = spells{count: c.decayed(e.now) + rarityUnit, at: e.now}
	e.dirty.classes[class] = struct{}{}
}

// forgetClasses drops those that were hardly seen for long.
func (e *Engine) forgetClasses() {
	for class, c := range e.classes {
		if c.decayed(e.now) < rarityUnit/4 {
			delete(e.classes, class)
			e.dirty.classes[class] = struct{}{}
		}
	}
}

// rarity is what is left of a symptom's strength by how often its class begins.
func (e *Engine) rarity(s *symptom) float64 {
	return max(rarityLeast, 1/(1+e.spellsBefore(s)/rarityHalf))
}

// spellsBefore counts the spells of a symptom's class of late, without the one that it is part of.
func (e *Engine) spellsBefore(s *symptom) float64 {
	c, known := e.classes[s.class]
	if !known {
		return 0
	}
	return float64(max(c.decayed(e.now)-rarityUnit, 0)) / rarityUnit
}

func classRow(b []byte, c spells) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, c.count), c.at)
}

func (e *Engine) loadClass(class string, v []byte) error {
	r := &wireReader{b: v}
	e.classes[class] = spells{count: r.varint(), at: r.varint()}
	return r.err
}
