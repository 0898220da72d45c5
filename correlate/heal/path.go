package heal

import (
	"encoding/binary"
	"slices"
)

const (
	// conditionsMax bounds the conditions of a path: each is a table more to update.
	conditionsMax = 6
	// partMax bounds each part of a path, in bytes: it becomes a part of a row's key. What differs only after that is one class.
	partMax = 200
)

// Path names the class of an incident's root, and the classes above it. The levels are, from general to specific: everything, the kind
// of entity, the alert on that kind, the workload, and one for each condition, each within the one before it. An empty field ends
// nothing: its level is left out. The zero Path is everything. Paths are comparable with ==.
type Path struct {
	// Kind is the kind of the entity that is ill, as in "pod".
	Kind string
	// Alert is the name of what is wrong with it: the alert's name or the event's reason, not a title.
	Alert string
	// Workload is what outlives the entity and is ill again next time: a deployment rather than its pod.
	Workload string

	conditions [conditionsMax]string // as [Path.Under] takes them; those that there are come first
}

// With returns the path one level deeper, under a condition: what is particular about an incident now. Conditions that tell most apart
// should come first, and what is usual should be left out, so that little data is not split up without need. Beyond six conditions p
// itself is returned.
func (p Path) With(name, value string) Path { return p.Under(name + "=" + value) }

// Under is [Path.With] for a condition in one word, as in "flapping=now". An empty one is none.
func (p Path) Under(condition string) Path {
	if k := slices.Index(p.conditions[:], ""); k >= 0 {
		p.conditions[k] = condition
	}
	return p
}

// String is the path for people, most specific last: "KubePodNotReady of pod, deployment/shop/cart, flapping=now".
func (p Path) String() string {
	levels := p.levels()
	return levels[len(levels)-1].name
}

// level is one class of a path.
type level struct {
	key  string // identifies the class; the parts of the path with their lengths, so that no two classes share one
	name string // for people
	// like says that what is in the class is alike: it shares at least the alert, or the workload. Of one kind are too many things.
	like bool
}

// levels lists the classes of p from general to specific. The keys are parts of one string, and so are most names: each class goes on where
// the one above it ends.
func (p Path) levels() []level {
	var key, name []byte
	all := make([]level, 1, 4+len(p.conditions))
	all[0] = level{name: "everything"}
	keyEnds, nameEnds := make([]int, 1, cap(all)), make([]int, 1, cap(all))
	add := func(tag byte, part string) {
		part = part[:min(len(part), partMax)]
		key = append(binary.AppendUvarint(append(key, tag), uint64(len(part))), part...)
		keyEnds, nameEnds = append(keyEnds, len(key)), append(nameEnds, len(name))
		all = append(all, level{like: tag != 'k'})
	}
	if p.Kind != "" {
		add('k', p.Kind)
		all[1].name = "every " + p.Kind
	}
	name = append(name, p.alertName()...)
	if p.Alert != "" {
		add('a', p.Alert)
	}
	if p.Workload != "" {
		name = clause(name, p.Workload)
		add('w', p.Workload)
	}
	for _, c := range p.conditions {
		if c != "" {
			name = clause(name, c)
			add('c', c)
		}
	}
	keys, names := string(key), string(name)
	for k := range all {
		all[k].key = keys[:keyEnds[k]]
		if all[k].name == "" {
			all[k].name = names[:nameEnds[k]]
		}
	}
	return all
}

// clause goes on with a name.
func clause(name []byte, text string) []byte {
	if len(name) > 0 {
		name = append(name, ", "...)
	}
	return append(name, text...)
}

// alertName names the level of the alert.
func (p Path) alertName() string {
	switch {
	case p.Alert == "" && p.Kind == "":
		return ""
	case p.Alert == "":
		return "every " + p.Kind
	case p.Kind == "":
		return p.Alert
	}
	return p.Alert + " of " + p.Kind
}
