package confdiff

import (
	"fmt"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// key tells what is compared with what: a rule with the one of its section and name, in whatever file it is.
type key struct {
	section, name string
	// text stands in for a name where there is none: such a part is the same or another one.
	text string
}

// part is one thing that a configuration says.
type part struct {
	file string
	line int
	tree *strictyaml.Tree
	text string
}

// parts takes files to pieces. What is no YAML, templates and topology, has none.
func parts(files []File) map[key]part {
	all := make(map[key]part)
	for i, f := range files {
		if i == 0 {
			f.Name = main
		} else if strings.HasSuffix(f.Name, ".json") || strings.HasSuffix(f.Name, ".tmpl") {
			continue // lines tell more
		}
		var t *strictyaml.Tree
		_ = strictyaml.Read(f.Name, []byte(f.Text), func(n strictyaml.Node) { t = n.Tree() }) // what is wrong is told by who uses it
		if t == nil || t.Kind != strictyaml.Map {
			continue
		}
		for i, section := range t.Keys {
			take(all, f.Name, section, t.Items[i])
		}
	}
	return all
}

// take adds the parts of a section.
func take(all map[key]part, file, section string, t *strictyaml.Tree) {
	put := func(k key, t *strictyaml.Tree) {
		all[k] = part{file, t.At.Later().Line, t, canonical(t)}
	}
	switch {
	case section == "route":
		routes(put, t, "")
	case t.Kind == strictyaml.List:
		for _, item := range t.Items {
			if name := item.Get("name"); name != nil && name.Kind == strictyaml.Scalar {
				put(key{section: section, name: name.Text}, item)
			} else {
				put(key{section: section, text: canonical(item)}, item)
			}
		}
	default:
		put(key{section: section}, t)
	}
}

// routes adds a route without those below it, and these: named by the matchers on the way there, and by a number beside others of the same.
func routes(put func(key, *strictyaml.Tree), t *strictyaml.Tree, name string) {
	own := *t
	own.Keys, own.Items = nil, nil
	for i, k := range t.Keys {
		if k != "routes" {
			own.Keys, own.Items = append(own.Keys, k), append(own.Items, t.Items[i])
		}
	}
	put(key{section: "route", name: name}, &own)
	below := t.Get("routes")
	if below == nil {
		return
	}
	seen := make(map[string]int)
	for _, child := range below.Items {
		if child.Kind != strictyaml.Map {
			continue
		}
		m := plainly(child.Get("matchers"))
		if seen[m]++; seen[m] > 1 {
			m = fmt.Sprintf("%s #%d", m, seen[m])
		}
		routes(put, child, strings.TrimSpace(name+" "+m))
	}
}

// canonical is what a tree says, whatever the order of its keys and the style of its notation.
func canonical(t *strictyaml.Tree) string {
	if t == nil {
		return "null"
	}
	switch t.Kind {
	case strictyaml.Scalar:
		return fmt.Sprintf("%q", t.Text)
	case strictyaml.List:
		var items []string
		for _, item := range t.Items {
			items = append(items, canonical(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case strictyaml.Map:
		var entries []string
		for i, k := range t.Keys {
			if t.Items[i].Kind != strictyaml.Null {
				entries = append(entries, fmt.Sprintf("%q:%s", k, canonical(t.Items[i])))
			}
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ",") + "}"
	}
	return "null"
}

// plainly is what a tree says for people.
func plainly(t *strictyaml.Tree) string {
	if t == nil {
		return "nothing"
	}
	var items []string
	switch t.Kind {
	case strictyaml.Scalar:
		return t.Text
	case strictyaml.List:
		for _, item := range t.Items {
			items = append(items, plainly(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case strictyaml.Map:
		for i, k := range t.Keys {
			items = append(items, k+": "+plainly(t.Items[i]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "nothing"
}

// details are the differences of two maps, key by key, down to what is no map.
func details(a, b *strictyaml.Tree) []string { return differences("", a, b) }

func differences(path string, a, b *strictyaml.Tree) []string {
	if canonical(a) == canonical(b) {
		return nil
	}
	if a == nil || b == nil || a.Kind != strictyaml.Map || b.Kind != strictyaml.Map {
		const longest = 100
		text := plainly(a) + " → " + plainly(b)
		if r := []rune(text); len(r) > longest {
			text = "changed" // the lines tell
		}
		return []string{strings.TrimPrefix(path+": "+text, ": ")}
	}
	keys := slices.Concat(a.Keys, b.Keys)
	slices.Sort(keys)
	var list []string
	for _, k := range slices.Compact(keys) {
		list = append(list, differences(strings.TrimPrefix(path+"."+k, "."), a.Get(k), b.Get(k))...)
	}
	return list
}
