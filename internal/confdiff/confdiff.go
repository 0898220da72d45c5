// Package confdiff compares two configurations: line by line, and by meaning: a rule that only moved is no change, and one whose hold
// doubled is.
//
// The package is pure: texts in, differences out, in the same order for the same texts.
package confdiff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"quell/internal/strictyaml"
)

// File is a file of a configuration: the configuration itself first, then what it names. Names do not depend on where it lies.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
	// Hash is that of the whole file, where Text leaves out what is secret. Empty if nothing is left out.
	Hash string `json:"sha256,omitempty"`
}

// Diff is how two configurations differ.
type Diff struct {
	// Files are those that differ, by name.
	Files []FileDiff `json:"files"`
	// Changes are what differs in what they say: of the configuration first, then of rules.
	Changes []Change `json:"changes"`
}

// FileDiff is how a file differs.
type FileDiff struct {
	Name string `json:"name"`
	// Change is added, removed or changed.
	Change string `json:"change"`
	// Text is a unified diff. It is empty if only what is not shown differs: secrets.
	Text string `json:"diff,omitempty"`
}

// Change is a difference of what is said.
type Change struct {
	// Section is a part of the configuration or of rule files: "receivers", "hold", "holds". Name is which one of it, possibly empty.
	Section string `json:"section"`
	Name    string `json:"name,omitempty"`
	// Change is added, removed or changed.
	Change string `json:"change"`
	// File and Line are where it is now; where it was, if it was removed.
	File string `json:"file"`
	Line int    `json:"line"`
	// Details are its parts that changed, as "hold: 5m → 10m".
	Details []string `json:"details,omitempty"`
}

// Words for changes.
const (
	added   = "added"
	removed = "removed"
	changed = "changed"
)

// String returns the change on one line: `changed holds "cart" (rules/shop.yml:3): hold: 5m → 10m`.
func (c Change) String() string {
	text := c.Change + " " + c.Section
	if c.Name != "" {
		text += " " + strictyaml.Quote(c.Name)
	}
	text += fmt.Sprintf(" (%s:%d)", c.File, c.Line)
	if len(c.Details) > 0 {
		text += ": " + strings.Join(c.Details, ", ")
	}
	return text
}

// Same reports whether there is no difference.
func (d *Diff) Same() bool { return len(d.Files) == 0 }

// Summary says in one line what changed, for logs: at most some changes, and how many more.
func (d *Diff) Summary() string {
	const most = 5
	var parts []string
	for i, c := range d.Changes {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(d.Changes)-most))
			break
		}
		parts = append(parts, c.String())
	}
	for _, f := range d.Files {
		if len(d.Changes) == 0 {
			parts = append(parts, f.Change+" "+f.Name)
		}
	}
	return strings.Join(parts, "; ")
}

// Compare returns how the second of two configurations differs from the first. Each begins with the configuration itself.
func Compare(from, to []File) *Diff {
	d := new(Diff)
	old, now := named(from), named(to)
	for _, name := range order(from, to) {
		f := FileDiff{Name: name, Change: changed}
		a, had := old[name]
		b, has := now[name]
		switch {
		case had && has && a.Text == b.Text && a.Hash == b.Hash:
			continue
		case !had:
			f.Change = added
		case !has:
			f.Change = removed
		}
		if a.Text != b.Text {
			f.Text = unified(name, a.Text, b.Text)
		}
		d.Files = append(d.Files, f)
	}
	d.said(parts(from), parts(to))
	return d
}

// unified is a diff of two texts.
func unified(name, from, to string) string {
	text := string(diff.Diff("running/"+name, []byte(from), "file/"+name, []byte(to)))
	_, text, _ = strings.Cut(text, "\n") // the command that it stands for
	return text
}

// main stands for the name of the configuration, which may have another one in each.
const main = "quell.yml"

// named are files by name.
func named(list []File) map[string]File {
	m := make(map[string]File, len(list))
	for i, f := range list {
		if i == 0 {
			f.Name = main
		}
		m[f.Name] = f
	}
	return m
}

// order are the names of all files, the configuration first.
func order(from, to []File) []string {
	names := []string{main}
	for _, list := range [][]File{from, to} {
		for i, f := range list {
			if i > 0 && f.Name != main {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names[1:])
	return slices.Compact(names)
}

// said compares what the configurations say.
func (d *Diff) said(from, to map[key]part) {
	for k, b := range to {
		a, had := from[k]
		switch {
		case !had:
			d.Changes = append(d.Changes, Change{k.section, k.name, added, b.file, b.line, nil})
		case a.text != b.text:
			d.Changes = append(d.Changes, Change{k.section, k.name, changed, b.file, b.line, details(a.tree, b.tree)})
		}
	}
	for k, a := range from {
		if _, has := to[k]; !has {
			d.Changes = append(d.Changes, Change{k.section, k.name, removed, a.file, a.line, nil})
		}
	}
	slices.SortFunc(d.Changes, func(a, b Change) int {
		return cmp.Or(
			-cmp.Compare(boolInt(a.File == main), boolInt(b.File == main)), strings.Compare(a.Section, b.Section), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Change, b.Change), cmp.Compare(a.Line, b.Line),
		)
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
