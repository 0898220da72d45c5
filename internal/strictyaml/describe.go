package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Docs are the descriptions of keys, in whole sentences, by their paths: "holds[].hold" is the key hold of an item of the list under
// holds, "details.*" any key below details, and "route.receiver" the key receiver of what [Def] names route.
type Docs map[string]string

// Under returns the same descriptions for keys that are below a path.
func (d Docs) Under(path string) Docs {
	below := make(Docs, len(d))
	for key, text := range d {
		below[join(path, key)] = text
	}
	return below
}

// Describe returns the schema of what a setter accepts. It calls the setter without a document: the node that it gives takes notes of
// what is asked of it, so that schema and reader are one and the same text and cannot differ. A setter must bear that: what it reads
// stays as it was, and nothing is a problem.
//
// The error names descriptions that are of no key, values of which two things are said that exclude each other, and setters that take
// themselves again without a [Def]. Keys without a description are no error; [Schema.Undescribed] lists them.
func Describe(set Setter, docs ...Docs) (*Schema, error) {
	w := &walk{file: newFile(""), docs: make(Docs), used: make(map[string]bool), defs: make(map[string]*Schema)}
	for _, d := range docs {
		maps.Copy(w.docs, d)
	}
	root := w.value("", 0, set)
	if len(root.Required) == 0 {
		root.allowNull() // an empty file is an empty map
	}
	for _, name := range slices.Sorted(maps.Keys(w.defs)) {
		def := w.defs[name]
		def.Default = nil // that is of the place
		def.allowNull()
		def.Description = w.doc(name, def.Description)
	}
	root.Description = w.doc("", root.Description)
	for _, path := range slices.Sorted(maps.Keys(w.docs)) {
		if !w.used[path] {
			w.errs = append(w.errs, fmt.Errorf("description of %q, which is no key", path))
		}
	}
	root.settle(w.defs)
	for _, def := range w.defs {
		def.settle(w.defs)
	}
	root.Defs = w.defs
	return root, errors.Join(w.errs...)
}

// Def names what a setter accepts: the schema has it once, under this name. It is for forms that occur often, and for those that
// contain themselves.
func Def(name string, set Setter) Setter {
	return func(n Node) {
		if n.sketch == nil {
			set(n)
			return
		}
		w := n.sketch.walk
		if _, known := w.defs[name]; !known {
			def := new(Schema)
			w.defs[name] = def // before the walk: it may come by here again
			*def = *w.value(name, 0, set)
		}
		n.noted(Schema{Ref: name}, nil)
	}
}

// Note lets a setter say of a value what no setter of this package says, such as a pattern or an example. It comes after those that say of
// what type the value is, and does nothing while a document is read.
func (n Node) Note(add func(*Schema)) {
	if n.sketch != nil {
		add(&n.sketch.schema)
	}
}

// Describing reports whether there is no document, and only the schema is asked for.
func (n Node) Describing() bool { return n.sketch != nil }

// walk is the state of describing one setter.
type walk struct {
	file *file
	docs Docs
	used map[string]bool
	defs map[string]*Schema
	errs []error
	// endless is true once there was no end to what is in a value.
	endless bool
}

// doc is the description at a path, or what stands in for it.
func (w *walk) doc(path, otherwise string) string {
	text, ok := w.docs[path]
	if !ok {
		return otherwise
	}
	w.used[path] = true
	return text
}

// form is what a value is supposed to be while it is described.
type form uint8

const (
	formScalar form = iota + 1
	formMap
	formList
)

// sketch is what is known so far of a value that is being described.
type sketch struct {
	walk   *walk
	path   string
	form   form
	schema Schema
	// words are texts that the value may be besides.
	words []any
	// asked is true if the setter looks at the form of the value, and does something else for each.
	asked bool
}

// value describes what a setter accepts: for each form that it asks for.
func (w *walk) value(path string, depth int, set Setter) *Schema {
	if w.endless {
		return new(Schema)
	}
	if depth > MaxDepth {
		w.endless = true
		w.errs = append(w.errs, fmt.Errorf("%.60s… has no end: name what contains itself with Def", path))
		return new(Schema)
	}
	var found []*Schema
	anything := new(Schema)
	for _, f := range []form{formScalar, formMap, formList} {
		sk := &sketch{walk: w, path: path, form: f}
		set(Node{file: w.file, line: 1, col: 1, depth: depth, sketch: sk})
		s := sk.whole()
		if s.empty() {
			anything = s // with what was said of it all the same
		} else if !slices.ContainsFunc(found, func(other *Schema) bool { return reflect.DeepEqual(s, other) }) {
			found = append(found, s)
		}
		if !sk.asked {
			break
		}
	}
	switch len(found) {
	case 0:
		return anything
	case 1:
		return found[0]
	}
	return &Schema{Description: anything.Description, AnyOf: found}
}

// whole is what the value may be, words included.
func (sk *sketch) whole() *Schema {
	s := sk.schema
	if len(sk.words) == 0 {
		return &s
	}
	all := &Schema{Description: s.Description, Default: s.Default}
	if s.within != "" {
		all.within = s.within + ", or " + fmt.Sprint(sk.words...)
	}
	s.Description, s.Default, s.within = "", nil, ""
	if all.AnyOf = s.AnyOf; len(all.AnyOf) == 0 && !s.empty() {
		all.AnyOf = []*Schema{&s}
	}
	all.AnyOf = append(all.AnyOf, &Schema{Enum: sk.words})
	return all
}

// noted takes a note of what a setter accepts, and what it has in store for a value that is not given. It returns false while a document
// is read.
func (n Node) noted(s Schema, fallback any) bool {
	if n.sketch == nil {
		return false
	}
	if fallback != nil && !reflect.ValueOf(fallback).IsZero() {
		s.Default = fallback
	}
	to := &n.sketch.schema
	switch {
	case to.empty():
		s.Description = cmp.Or(s.Description, to.Description)
		*to = s
	case !slices.Equal(to.Type, s.Type) || to.Ref != s.Ref:
		n.sketch.walk.errs = append(n.sketch.walk.errs, fmt.Errorf("%s is both %v%s and %v%s", n.sketch.path, to.Type, to.Ref, s.Type, s.Ref))
	default:
		to.MinLength = max(to.MinLength, s.MinLength)
	}
	return true
}

// notedMap takes a note of the keys of a map. What two setters say of one map holds together.
func (n Node) notedMap(fields Fields, strict bool, required []string) bool {
	if n.sketch == nil {
		return false
	}
	s := Schema{Description: n.sketch.schema.Description, Type: []string{"object"}, Properties: make(map[string]*Schema, len(fields)), Closed: strict}
	switch before := n.sketch.schema; {
	case before.Properties != nil:
		maps.Copy(s.Properties, before.Properties)
		s.Closed, s.Required = strict || before.Closed, before.Required
	case !before.empty():
		return n.noted(s, nil) // which tells that it cannot be both
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if p := n.part(join(n.sketch.path, key), fields[key]); s.Properties[key] == nil || !p.empty() {
			s.Properties[key] = p
		}
	}
	s.Required = slices.Concat(s.Required, required)
	slices.Sort(s.Required)
	s.Required = slices.Compact(s.Required)
	for key, p := range s.Properties {
		if slices.Contains(s.Required, key) {
			p.refuseNull()
		} else {
			p.allowNull()
		}
	}
	n.sketch.schema = s
	return true
}

// part describes a part of the value.
func (n Node) part(path string, set Setter) *Schema {
	p := n.sketch.walk.value(path, n.depth+1, set)
	if p.Deprecated {
		return p // it says itself why
	}
	p.Description = n.sketch.walk.doc(path, p.Description)
	return p
}

// notedEntries takes a note of a map with free keys.
func (n Node) notedEntries(set func(key string, n Node)) bool {
	if n.sketch == nil {
		return false
	}
	p := n.part(join(n.sketch.path, anyKey), func(n Node) { set("", n) })
	p.allowNull()
	return n.noted(Schema{Type: []string{"object"}, Entries: p}, nil)
}

// notedList takes a note of the items of a list.
func (n Node) notedList(set Setter) bool {
	if n.sketch == nil {
		return false
	}
	p := n.part(n.sketch.path+"[]", set)
	p.refuseNull()
	return n.noted(Schema{Type: []string{"array"}, Items: p}, nil)
}

// asks reports whether the value is supposed to have a form, and has the setter called again for the others.
func (sk *sketch) asks(f form) bool {
	sk.asked = true
	return sk.form == f
}
