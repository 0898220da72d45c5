package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// docLink is a link in a comment, to a name of the package or of an imported one, and perhaps to a member of it.
var docLink = regexp.MustCompile(`\[\*?((?:[A-Z]\w*|[a-z]\w*\.\w+)(?:\.\w+)?)\]`)

// declared are the names of a package that comments may link to: "Name", and "Name.Member" for fields and methods. Of types that embed
// others or are made of others, which syntax alone cannot follow, there is "Name.*".
func declared(files []*source) map[string]bool {
	names := make(map[string]bool)
	for _, f := range files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d) + "." + name
				}
				names[name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					declaredBy(spec, names)
				}
			}
		}
	}
	return names
}

// declaredBy adds what one specification declares.
func declaredBy(spec ast.Spec, names map[string]bool) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range spec.Names {
			names[n.Name] = true
		}
	case *ast.TypeSpec:
		name := spec.Name.Name
		names[name] = true
		var members *ast.FieldList
		switch t := spec.Type.(type) {
		case *ast.StructType:
			members = t.Fields
		case *ast.InterfaceType:
			members = t.Methods
		default:
			names[name+".*"] = true
			return
		}
		for _, m := range members.List {
			for _, n := range m.Names {
				names[name+"."+n.Name] = true
			}
			if len(m.Names) == 0 {
				names[name+".*"] = true
			}
		}
	}
}

// brokenDocLinks returns the links in comments of a tree that no declaration answers to, as "file:line: [link]". What other modules declare
// is believed.
func brokenDocLinks(tree fs.FS) ([]string, error) {
	folders, err := load(tree)
	if err != nil {
		return nil, err
	}
	names := make(map[string]map[string]bool)
	for folder, files := range folders {
		names[folder] = declared(files)
	}
	var list []string
	for folder, files := range folders {
		for _, f := range files {
			for _, group := range f.ast.Comments {
				for _, c := range group.List {
					for _, m := range docLink.FindAllStringSubmatchIndex(c.Text, -1) {
						if link := c.Text[m[2]:m[3]]; !answers(f, link, names[folder], names) {
							list = append(list, fmt.Sprintf("%s:%d: [%s]", f.path, f.line(c.Pos()+token.Pos(m[2])), link))
						}
					}
				}
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

// answers reports whether a link in a file leads to a name of its package, or to one of a package that it imports.
func answers(f *source, link string, own map[string]bool, names map[string]map[string]bool) bool {
	first, rest, dotted := strings.Cut(link, ".")
	if own[link] || dotted && own[first+".*"] {
		return true
	}
	if own[first] || !dotted {
		return false
	}
	for _, imp := range f.ast.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		if path.Base(p) != first && f.imported(p) != first {
			continue
		}
		theirs, ours := names[strings.TrimPrefix(p, module+"/")]
		name, _, member := strings.Cut(rest, ".")
		return !ours || theirs[rest] || member && theirs[name+".*"]
	}
	// A package that the file does not import, but which there is: of ours, or of the standard library, of which nothing is known here.
	for folder, theirs := range names {
		if path.Base(folder) == first {
			return theirs[rest]
		}
	}
	return first == strings.ToLower(first)
}

// TestLinksInCommentsLeadSomewhere: a comment that links to what is gone tells of a program that is gone.
func TestLinksInCommentsLeadSomewhere(t *testing.T) {
	list, err := brokenDocLinks(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		t.Errorf("%s leads nowhere", l)
	}
}

// TestBrokenLinksInCommentsAreFound checks the check.
func TestBrokenLinksInCommentsAreFound(t *testing.T) {
	got, err := brokenDocLinks(fstest.MapFS{
		"rules/a.go": {Data: []byte(`// Package rules has a [Set], see [Set.Read] and [Set.gone], [Gone] and [*Set], and [correlate.Engine.Gone].
package rules

import (
	"io"

	"quell/correlate"
)

// Set has [Set.Size], [io.Reader], [correlate.Engine] and [correlate.Gone]. Index math as [t1] is none.
type Set struct {
	Size int // [Both.Any]
	r    io.Reader
	e    correlate.Engine
}

// Both is [Set.r].
type Both struct{ Set }

func (s *Set) Read() {}
`)},
		"correlate/a.go": {Data: []byte("package correlate\n\n// Engine is of [rules.Set].\ntype Engine struct{}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"rules/a.go:10: [correlate.Gone]", "rules/a.go:1: [Gone]", "rules/a.go:1: [Set.gone]", "rules/a.go:1: [correlate.Engine.Gone]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
