package tidy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeNamesEveryDocument: what the contents at the end of README.md do not name, nobody finds.
func TestReadmeNamesEveryDocument(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, page := range pages {
		if name := "docs/" + filepath.Base(page); !strings.Contains(string(readme), "| ["+name+"]("+name+") |") {
			t.Errorf("the contents of README.md do not name %s", name)
		}
	}
}
