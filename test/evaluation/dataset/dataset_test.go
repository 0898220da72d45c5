package dataset

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// set writes a set of one folder and opens it.
func set(t *testing.T, files map[string]string) *Set {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop-low")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const firing = `{"t": "2026-01-02T03:00:00Z", "alertmanager": {"alerts": [{"status": "firing", "labels": {"quell_entity": "pod/a"}, "fingerprint": "1"}]}}`

func TestOnlySymptomsOfARootMakeItAlert(t *testing.T) {
	const truth = `{"_types": [], "c": {"root_entities": ["pod/a", "service/a"]}}`
	for name, c := range map[string]struct {
		recording string
		want      bool
	}{
		"an alert": {firing, true},
		"a warning event": {
			`{"t": "2026-01-02T03:00:00Z", "kubernetes": {"type": "Warning", "reason": "BackOff", "regarding": {"kind": "Pod", "name": "a"}}}`, true,
		},
		"an alert of another": {
			`{"t": "2026-01-02T03:00:00Z", "alertmanager": {"alerts": [{"status": "firing", "labels": {"quell_entity": "pod/b"}, "fingerprint": "1"}]}}`, false,
		},
		"a resolve alone": {
			`{"t": "2026-01-02T03:00:00Z", "alertmanager": {"alerts": [{"status": "resolved", "labels": {"quell_entity": "pod/a"}, "fingerprint": "1"}]}}`, false,
		},
		"nothing": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t, map[string]string{"truth.json": truth, "c.jsonl": c.recording})
			if len(s.Cases) != 1 || s.Cases[0].RootAlerts != c.want {
				t.Errorf("got %+v, want one case whose root alerts: %v", s.Cases, c.want)
			}
		})
	}
}

func TestACaseMayHaveATopologyOfItsOwn(t *testing.T) {
	s := set(t, map[string]string{
		"truth.json": `{"b": {"root_entities": []}, "a": {"root_entities": []}}`,
		"a.jsonl":    "", "b.jsonl": "", "b.topology.json": "{}", "stream.jsonl": "",
	})
	var got []string
	for _, c := range s.Cases {
		got = append(got, c.Name, filepath.Base(c.Topology))
	}
	if diff := cmp.Diff([]string{"a", "topology.json", "b", "b.topology.json"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if s.Family() != "shop" || filepath.Base(s.Stream) != "stream.jsonl" {
		t.Errorf("got family %s and stream %s", s.Family(), s.Stream)
	}
}

func TestABadLineIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	if err := os.WriteFile(path, []byte(firing+"\n{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, err := range Observations(path) {
		lines++
		if (err != nil) != (lines == 2) {
			t.Errorf("line %d: got error %v", lines, err)
		}
		if err != nil && err.Error()[:len(path)+2] != path+":2" {
			t.Errorf("got %v, want it to begin with %s:2", err, path)
		}
	}
}
