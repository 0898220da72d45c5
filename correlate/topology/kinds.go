package topology

import (
	"maps"
	"slices"
)

// traits by type. Weights are judgements, not measurements: what something runs on or mounts takes it down almost surely,
// a call may be retried, cached or optional, a container image that cannot be had is mostly a slip of the workload that names it,
// settings and autoscalers that are there harm only when they change, a region is made of zones that rarely fail together,
// what was learned from history may be a coincidence, and sharing a namespace or scheduler says next to nothing. What is made of
// equal parts works, if worse, as long as it has one of them.
var traits = map[string]Traits{
	"runs_on":        {Weight: 0.95},
	"mounts":         {Weight: 0.9},
	"bound_to":       {Weight: 0.9},
	"uses":           {Weight: 0.9},
	"limited_by":     {Weight: 0.9},
	"needs":          {Weight: 0.9},
	"calls":          {Weight: 0.8},
	"pulls":          {Weight: 0.8},
	"held_by":        {Weight: 0.8},
	"made_from":      {Weight: 0.4},
	"routes":         {Weight: 0.8},
	"depends_on":     {Weight: 0.8},
	"owns":           {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"selects":        {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"backed_by":      {Weight: 0.9, Owns: true, Needs: NeedsAny},
	"link":           {Weight: 0.5},
	"learned":        {Weight: 0.5},
	"in_zone":        {Weight: 0.9},
	"in_region":      {Weight: 0.3},
	"references":     {Weight: 0.3},
	"provisioned_by": {Weight: 0.4},
	"scaled_by":      {Weight: 0.3},
	"in_namespace":   {Weight: 0.05},
	"in_system":      {Weight: 0.05},
	"scheduled_by":   {Weight: 0.05},
}

// DefaultType is the type of an edge that names none.
const DefaultType = "depends_on"

// TraitsOf returns what is known about a type where no rule says otherwise; an unknown type counts as [DefaultType].
func TraitsOf(typ string) Traits {
	if t, ok := traits[typ]; ok {
		return t
	}
	return traits[DefaultType]
}

// Types lists the types of dependencies of which something is known where no rule says so, sorted.
func Types() []string { return slices.Sorted(maps.Keys(traits)) }

// priors by kind: how readily an entity of that kind is believed to be a root. What merely contains others, and does nothing that
// could fail, is believed less; judgements, as the weights are.
var priors = map[string]float64{
	"namespace": 0.5,
	"system":    0.5,
	"cluster":   0.7,
	"region":    0.7,
	"zone":      0.8,
	"ingress":   0.9,
	"client":    0.8,
}

// Revision reports whether entities of a kind are states of what owns them, of which there is another after each change.
func Revision(kind string) bool { return kind == "replicaset" || kind == "controllerrevision" }

// Prior returns how readily an entity of a kind is believed to be a root, at most 1.
func Prior(kind string) float64 {
	if p, ok := priors[kind]; ok {
		return p
	}
	return 1
}
