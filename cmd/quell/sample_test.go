package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sampleFlags = regexp.MustCompile(`(?m)^SAMPLE := --report (\S+) (.*)$`)

// TestSampleIsWhatTheCommandMakes runs what `make sample` does, and compares each file byte for byte. Where numbers are rounded differently,
// as they are on other processors, pictures are not compared.
func TestSampleIsWhatTheCommandMakes(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays a fortnight and draws it")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	m := sampleFlags.FindStringSubmatch(string(makefile))
	if m == nil {
		t.Fatal("the Makefile has no SAMPLE")
	}
	var recording, stdout, stderr bytes.Buffer
	if status := run([]string{"demo", "--fortnight"}, strings.NewReader(""), &recording, &stderr); status != statusFine {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	fresh, kept := t.TempDir(), filepath.Join("../..", m[1])
	args := append([]string{"replay", "--report", fresh}, append(strings.Fields(m[2]), "-")...)
	if status := run(args, &recording, &stdout, &stderr); status != statusFine || stdout.Len()+stderr.Len() > 0 {
		t.Fatalf("status %d: %s%s", status, &stdout, &stderr)
	}
	got, want := files(t, fresh), files(t, kept)
	delete(want, "README.md") // it is written by hand
	if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
		t.Fatalf("made are %v, kept are %v", a, b)
	}
	total := 0
	for name, content := range want {
		total += len(content)
		drawn := slices.Contains([]string{".svg", ".png", ".html"}, filepath.Ext(name))
		switch {
		case got[name] == content, drawn && runtime.GOARCH != "amd64":
		case drawn:
			t.Errorf("%s has changed: run make sample, and look at it", name)
		default:
			t.Errorf("%s has changed: run make sample, and read the diff (-kept +made):\n%s", name, cmp.Diff(content, got[name]))
		}
	}
	if total > 600<<10 {
		t.Errorf("the sample has %d bytes, want at most 600 KiB", total)
	}
}

// files are those of a folder, by their names.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, f := range list {
		content, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name()] = string(content)
	}
	return found
}
