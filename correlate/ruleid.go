package correlate

import (
	"strconv"
	"strings"

	"quell/correlate/silence"
	"quell/correlate/topology"
)

// RuleID says which rule it was that decided. Values are shared, and must not be changed.
//
// Its line is where the rule stood when it decided: what was said of the past stays as it was said. Nothing compares lines, so that a comment
// above a rule changes no incident; what has to find a rule again goes by [RuleID.Key].
type RuleID struct {
	// Section is the key under which the rule stands, such as "holds"; in the configuration itself "route", "policy", "heartbeat" and
	// the like.
	Section string `json:"section"`
	// Name is empty for a rule without one.
	Name string `json:"name,omitempty"`
	// File is the rule file as the configuration names it, "pack NAME", or the name of the configuration's own file.
	File string `json:"file"`
	// Line counts from 1; 0 means that it is not known.
	Line int `json:"line,omitempty"`
}

// packFile begins [RuleID.File] of rules of packs.
const packFile = "pack "

// Pack returns the name of the rule pack that the rule is from; ok is false if it is from a file of the user's.
func (r *RuleID) Pack() (name string, ok bool) { return strings.CutPrefix(r.File, packFile) }

// Place returns "rules/shop.yml:12", or "pack kube-prometheus:118".
func (r *RuleID) Place() string {
	if r.Line == 0 {
		return r.File
	}
	return r.File + ":" + strconv.Itoa(r.Line)
}

// String returns how reasons name the rule: `rules/shop.yml:12 "checkout"`, `pack kube-prometheus:118 "pods"`, or, for one that is not
// called by its name alone, `rules/shop.yml:30 events` and `quell.yml:40 route "/0/1"`.
func (r *RuleID) String() string {
	switch {
	case r.Name == "":
		return r.Place() + " " + r.Section
	case ownSections[r.Section]:
		return r.Place() + " " + r.Section + " " + strconv.Quote(r.Name)
	}
	return r.Place() + " " + strconv.Quote(r.Name)
}

// ownSections are those of the configuration itself, which names many kinds of things.
var ownSections = map[string]bool{"route": true, "policy": true, "time_interval": true, "heartbeat": true, "maintenance": true}

// Key returns what stays the same when lines move: "PACK/SECTION/NAME" for a rule of a pack, "SECTION/NAME" for one of a file. A rule
// without a name has the key of its section.
func (r *RuleID) Key() string {
	key := r.Section
	if r.Name != "" {
		key += "/" + r.Name
	}
	if pack, ok := r.Pack(); ok {
		return pack + "/" + key
	}
	return key
}

// windowRule identifies a maintenance window by its place; nil if that is not known.
func windowRule(w *silence.Window) *RuleID {
	place, _, _ := cutLast(w.Pos)
	file, line, ok := cutLast(place)
	n, err := strconv.Atoi(line)
	if !ok || err != nil {
		return nil
	}
	return &RuleID{Section: "maintenance", Name: w.Name, File: file, Line: n}
}

// cutLast cuts text at its last colon.
func cutLast(text string) (before, after string, ok bool) {
	k := strings.LastIndexByte(text, ':')
	if k < 0 {
		return text, "", false
	}
	return text[:k], text[k+1:], true
}

// Question is what rules are asked for people, see [Rules.Rulings]. Each part may be left out.
type Question struct {
	// Entity and Labels are those of a symptom, and Event what it was made of if it is none of an alert's.
	Entity topology.Entity
	Labels Labels
	Event  *Event
	// Edge is a dependency.
	Edge *topology.Edge
	// Cause and Effect are names of symptoms on near entities.
	Cause, Effect string
}

// Ruling is what one rule says.
type Ruling struct {
	// About is what the rule decides: entity, severity, aspect, delay, hold, critical, chronic, heartbeat, event, dependency, edge type or cause.
	// It is error for a rule that does not apply, since its expression went wrong.
	About string `json:"about"`
	// Says is its verdict in a few words.
	Says string  `json:"says"`
	Rule *RuleID `json:"rule"`
}
