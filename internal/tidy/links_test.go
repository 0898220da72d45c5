package tidy

import (
	"fmt"
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

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	// mention is how programs, charts and configurations name a document of ours.
	mention = regexp.MustCompile(`\bdocs/[a-z0-9/_-]+\.md(?:#[a-z0-9_-]+)?`)
)

// anchors are the names that a Markdown page's headings have in links, as GitHub makes them: a name that is taken gets a number.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		first := strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		name := first
		for n := 1; names[name]; n++ {
			name = fmt.Sprintf("%s-%d", first, n)
		}
		names[name] = true
	}
	return names
}

// links finds what a file says of other files, as paths from the root of the tree with their anchors: the links of a page, and the documents
// that anything else names.
func links(name, text string) (list []string) {
	if path.Ext(name) != ".md" {
		return mention.FindAllString(text, -1)
	}
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(fence.ReplaceAllString(text, ""), ""), -1) {
		to, anchor, _ := strings.Cut(m[1], "#")
		switch {
		case strings.Contains(to, ":"): // an address of the world
			continue
		case to == "":
			to = name
		default:
			to = path.Join(path.Dir(name), to)
		}
		list = append(list, strings.TrimSuffix(to+"#"+anchor, "#"))
	}
	return list
}

// dead returns the links of a tree that lead nowhere, as "file: link".
func dead(tree fs.FS) (list []string, err error) {
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipFolder(p, d.Name()):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(p, "_test.go") || !slices.Contains([]string{".md", ".go", ".yml", ".yaml", ".tpl", ""}, path.Ext(p)):
			return nil
		}
		text, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		for _, to := range links(p, string(text)) {
			file, anchor, _ := strings.Cut(to, "#")
			if _, err := fs.Stat(tree, file); err != nil {
				list = append(list, p+": "+to)
			} else if page, err := fs.ReadFile(tree, file); anchor != "" && (err != nil || !anchors(string(page))[anchor]) {
				list = append(list, p+": "+to)
			}
		}
		return nil
	})
	return list, err
}

// TestLinksBetweenDocumentsLeadSomewhere: to a file that is there, and to a heading that it has. Hints of the program count as well.
func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	list, err := dead(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		t.Errorf("%s leads nowhere", l)
	}
}

// TestDeadLinksAreFound checks the check.
func TestDeadLinksAreFound(t *testing.T) {
	tree := fstest.MapFS{
		"README.md":   {Data: []byte("# A *b*\n[x](docs/a.md#c--d) [x](docs/a.md#c--d-1) [`x`](docs) [x](#a-b) [x](https://a/b.md#c) `[x](y)`\n```\n[x](z)\n```\n![x](docs/no.svg \"title\")\n[x](#no)")},
		"docs/a.md":   {Data: []byte("# C & D\n```\n# e\n```\n## C & D\n[x](#e) [x](../README.md) [x](README.md)")},
		"a.go":        {Data: []byte("// docs/a.md says it, docs/b.md does not.\nconst hint = `see docs/a.md#no`")},
		"values.yaml": {Data: []byte("# docs/a.md#c--d\n")},
		"bin/x":       {Data: []byte("docs/c.md")},
	}
	got, err := dead(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"README.md: docs/no.svg", "README.md: README.md#no", "a.go: docs/b.md", "a.go: docs/a.md#no", "docs/a.md: docs/a.md#e", "docs/a.md: docs/README.md"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
