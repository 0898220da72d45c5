package tidy

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// room is a line of the map in a package's documentation: a file and what is in it.
var room = regexp.MustCompile(`(?m)^\t(\w+\.go) +\S`)

// unmapped compares the map in doc.go of a folder with the files that are there, tests aside: those that it does not name, those that it
// names twice, and those that are gone.
func unmapped(folder fs.FS) (list []string, err error) {
	text, err := fs.ReadFile(folder, "doc.go")
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	named := make(map[string]int)
	for _, m := range room.FindAllStringSubmatch(file.Doc.Text(), -1) {
		named[m[1]]++
	}
	files, err := fs.Glob(folder, "*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if name == "doc.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		switch named[name] {
		case 0:
			list = append(list, name+" is not in it")
		case 1:
		default:
			list = append(list, name+" is in it twice")
		}
		delete(named, name)
	}
	for name := range named {
		list = append(list, name+" is gone")
	}
	slices.Sort(list)
	return list, nil
}

// TestMapsOfLargePackagesAreComplete: a folder of so many files is found through only with a map, and one that lies is worse than none.
func TestMapsOfLargePackagesAreComplete(t *testing.T) {
	for _, folder := range []string{"correlate", "internal/app"} {
		list, err := unmapped(os.DirFS("../../" + folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range list {
			t.Errorf("the map in %s/doc.go: %s", folder, what)
		}
	}
}

// fileName is a Go file as ARCHITECTURE.md names it: with its path, or alone in a row of the codemap.
var fileName = regexp.MustCompile("`([a-z0-9/]+\\.go)`")

// misplaced returns the files that a page names and that are not there: those with a path, from the root of the tree; in rows of a table,
// those without one in a folder that the row is about.
func misplaced(tree fs.FS, page string) (list []string) {
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		for _, m := range fileName.FindAllStringSubmatch(line, -1) {
			places := []string{m[1]}
			if !strings.Contains(m[1], "/") && len(cells) > 2 {
				places = nil
				folder := ""
				for _, cell := range strings.Split(cells[1], "`") {
					switch {
					case strings.HasPrefix(cell, "/"): // `storage`, `/bolt`
						cell = folder + cell
					case strings.Trim(cell, ", ") == "":
						continue
					default:
						folder = cell
					}
					places = append(places, cell+"/"+m[1])
				}
			}
			if !slices.ContainsFunc(places, func(p string) bool { _, err := fs.Stat(tree, p); return err == nil }) {
				list = append(list, m[1])
			}
		}
	}
	return list
}

// TestArchitectureNamesFilesThatAreThere: whoever looks for what it says finds it.
func TestArchitectureNamesFilesThatAreThere(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range misplaced(os.DirFS("../.."), string(page)) {
		t.Errorf("ARCHITECTURE.md names %s, which is not there", name)
	}
}

// TestMisplacedFilesAreFound checks the check.
func TestMisplacedFilesAreFound(t *testing.T) {
	tree := fstest.MapFS{"storage/a.go": {}, "storage/bolt/b.go": {}, "web/c.go": {}}
	page := "| `storage`, `/bolt` | `a.go`, `b.go`, `c.go` | edge |\n| `web` | `c.go`, `a.go` | edge |\nSee `storage/bolt/b.go`, `storage/b.go` and `c.go`.\n"
	if diff := cmp.Diff([]string{"c.go", "a.go", "storage/b.go", "c.go"}, misplaced(tree, page)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGapsInAMapAreFound checks the check.
func TestGapsInAMapAreFound(t *testing.T) {
	got, err := unmapped(fstest.MapFS{
		"doc.go":    {Data: []byte("// Package x is x.\n//\n//\ta.go  a\n//\tb.go  b\n//\tb.go  c\n//\tc.go  c\npackage x\n")},
		"a.go":      {},
		"b.go":      {},
		"d.go":      {},
		"d_test.go": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b.go is in it twice", "c.go is gone", "d.go is not in it"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
