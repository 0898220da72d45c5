package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestASnapshotIsTheConfiguration: what was kept is as good as the files, though these are gone or wrong by now; secrets are read anew.
func TestASnapshotIsTheConfiguration(t *testing.T) {
	dir := write(t, fullFiles)
	c := load(t, dir)
	for name := range fullFiles {
		if strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".yaml") {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("wrong: [\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := ParseSnapshot(filepath.Join(dir, "quell.yml"), c.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Same(c) {
		t.Error("it is another one")
	}
	if diff := cmp.Diff(c.Policy(), got.Policy()); diff != "" {
		t.Errorf("policy (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(c.Files(), got.Files()); diff != "" {
		t.Errorf("files (-were +are):\n%s", diff)
	}
}

// TestAFingerprintTellsEachWayToChangeFiles: written in place, replaced by another, a link led elsewhere as Kubernetes does with the folders of
// config maps, one more that a pattern matches, one that is gone.
func TestAFingerprintTellsEachWayToChangeFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string) { t.Helper(); must(os.WriteFile(in(name), []byte(text), 0o600)) }
	must(os.Mkdir(in("..1"), 0o700))
	must(os.Mkdir(in("..2"), 0o700))
	put("..1/quell.yml", "a")
	put("..2/quell.yml", "a")
	stamp := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	must(os.Chtimes(in("..1/quell.yml"), stamp, stamp))
	must(os.Chtimes(in("..2/quell.yml"), stamp, stamp))
	must(os.Symlink("..1", in("..data")))
	must(os.Symlink("..data/quell.yml", in("quell.yml")))
	put("plain.yml", "a")
	look := func() string {
		return Fingerprint([]string{in("quell.yml"), in("plain.yml"), in("none")}, []string{in("*.rules")})
	}
	last := look()
	for _, c := range []struct {
		what   string
		change func()
	}{
		{"link led elsewhere", func() { must(os.Symlink("..2", in("..tmp"))); must(os.Rename(in("..tmp"), in("..data"))) }},
		{"written in place", func() { put("plain.yml", "ab") }},
		{"replaced", func() {
			put("new", "cd")
			must(os.Chtimes(in("new"), stamp, stamp))
			must(os.Rename(in("new"), in("plain.yml")))
		}},
		{"one more", func() { put("x.rules", "") }},
		{"gone", func() { must(os.Remove(in("plain.yml"))) }},
		{"there", func() { put("none", "") }},
	} {
		if look() != last {
			t.Errorf("before %s: it changed by itself", c.what)
		}
		c.change()
		now := look()
		if now == last {
			t.Errorf("%s: not told", c.what)
		}
		last = now
	}
}

// TestARevisionIsAWord, of the file or the environment.
func TestARevisionIsAWord(t *testing.T) {
	t.Setenv("QUELL_CONFIG_REVISION", "v7 and more")
	dir := write(t, map[string]string{"quell.yml": minimal, "with.yml": minimal + "reload: {revision_file: rev, watch: false, interval: 1m}\n", "rev": "abc123\nx\n"})
	c := load(t, dir)
	if c.Revision != "v7" || c.Reload != (Reload{true, 10 * time.Second}) {
		t.Errorf("got %q, %+v", c.Revision, c.Reload)
	}
	c, err := Load(filepath.Join(dir, "with.yml"))
	if err != nil || c.Revision != "abc123" || c.Reload != (Reload{false, time.Minute}) {
		t.Errorf("got %v, %q, %+v", err, c.Revision, c.Reload)
	}
}
