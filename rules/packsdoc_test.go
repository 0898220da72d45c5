package rules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"quell/internal/strictyaml"
	"quell/rules/packs"
)

// TestDocumentOfPacksIsTrue reads docs/packs.md: its table has every pack and no other, its examples are taken, and it counts the alerts
// that packs are tested with.
func TestDocumentOfPacksIsTrue(t *testing.T) {
	data, err := os.ReadFile("../docs/packs.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)

	var rows []string
	for line := range strings.Lines(doc) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			rows = append(rows, name)
		}
	}
	slices.Sort(rows)
	if !slices.Equal(rows, packs.Names()) {
		t.Errorf("the table has %v, want %v", rows, packs.Names())
	}

	alerts := 0
	for _, pack := range upstreamPacks() {
		alerts += len(readUpstream(t, pack))
	}
	if want := fmt.Sprintf(" %d alerts", alerts); !strings.Contains(strings.Join(strings.Fields(doc), " "), want) {
		t.Errorf("it does not say%s", want)
	}

	compileText(t, fence(t, doc, "yaml rules"))
	problems := strictyaml.Read("packs.md", []byte(fence(t, doc, "yaml")), func(n strictyaml.Node) {
		n.Map(strictyaml.Fields{"rules": func(n strictyaml.Node) {
			n.Map(strictyaml.Fields{"packs": func(n strictyaml.Node) {
				n.List(func(n strictyaml.Node) {
					var name string
					strictyaml.Name(&name)(n)
					if _, ok := packs.Text(name); !ok {
						t.Errorf("the example has pack %q", name)
					}
				})
			}})
		}})
	})
	if err := problems.Err(); err != nil {
		t.Error(err)
	}
}

// fence returns the first block of a document that is fenced with these words.
func fence(t *testing.T, doc, words string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "```"+words+"\n")
	text, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("there is no block of %s", words)
	}
	return text
}
