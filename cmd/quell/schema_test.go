package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPublishedSchemasAreThoseOfTheReaders: what is in docs/schema is what the command prints. `make schema` writes it.
func TestPublishedSchemasAreThoseOfTheReaders(t *testing.T) {
	for _, name := range []string{"rules", "config"} {
		path := "../../docs/schema/" + name + ".schema.json"
		var stdout, stderr bytes.Buffer
		if status := run([]string{"schema", name}, strings.NewReader(""), &stdout, &stderr); status != statusFine {
			t.Fatalf("status %d, %s", status, &stderr)
		}
		if *update {
			if err := os.WriteFile(path, stdout.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
			t.Errorf("%s (-published +made; run make schema and read the diff):\n%s", path, diff)
		}
	}
}
