package score

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/config"
	"quell/internal/replay"
	"quell/test/evaluation/dataset"
)

var paged = time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)

func incident(id string, at *time.Time, members int, roots ...string) Incident {
	i := Incident{ID: id, Opened: paged.Add(-time.Minute), Escalated: at, Members: make([]string, members)}
	for _, r := range roots {
		i.Roots = append(i.Roots, Root{Entity: r})
	}
	return i
}

func TestThePrimaryIncidentIsThePagedOneWithMostMembers(t *testing.T) {
	truth := dataset.Truth{Roots: []string{"pod/a", "service/a"}}
	for name, c := range map[string]struct {
		incidents []Incident
		want      Result
	}{
		"nothing":                  {nil, Result{Missed: true}},
		"paged beats larger":       {[]Incident{incident("1", nil, 9, "pod/a"), incident("2", &paged, 1, "pod/b")}, Result{Pages: 1}},
		"larger of the paged":      {[]Incident{incident("1", &paged, 1, "pod/b"), incident("2", &paged, 2, "service/a")}, Result{Pages: 2, Top1: true, Top3: true}},
		"ties to the lower id":     {[]Incident{incident("2", &paged, 1, "pod/b"), incident("1", &paged, 1, "pod/a")}, Result{Pages: 2, Top1: true, Top3: true}},
		"none paged: the largest":  {[]Incident{incident("1", nil, 1, "pod/b"), incident("2", nil, 2, "pod/b", "pod/c", "pod/a")}, Result{Top3: true, Missed: true}},
		"the fourth is too late":   {[]Incident{incident("1", &paged, 1, "pod/b", "pod/c", "pod/d", "pod/a")}, Result{Pages: 1}},
		"an incident without root": {[]Incident{incident("1", &paged, 1)}, Result{Pages: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Case(c.incidents, truth)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestScoreAgreesWithThePublishedScorer compares each case of the data sets in EVAL_DIR, where there are some.
func TestScoreAgreesWithThePublishedScorer(t *testing.T) {
	dir := os.Getenv("EVAL_DIR")
	if dir == "" {
		t.Skip("EVAL_DIR names no data sets")
	}
	quell := filepath.Join(t.TempDir(), "quell")
	if out, err := exec.Command("go", "build", "-o", quell, "quell/cmd/quell").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	sets, err := dataset.All(filepath.Join(dir, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Result)
	cases := filepath.Join(t.TempDir(), "cases.jsonl")
	args := []string{filepath.Join(dir, "score.py"), "--quell", quell + " replay", "--no-streams", "--per-case", cases}
	for _, s := range sets {
		args = append(args, s.Dir)
		for _, c := range s.Cases {
			r, err := Play(t.Context(), c, replay.Options{Policy: config.DefaultPolicy()})
			if err != nil {
				t.Fatal(err)
			}
			got[s.Name+"/"+c.Name] = r
		}
	}
	if out, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
		t.Fatalf("score.py: %v\n%s", err, out)
	}
	if diff := cmp.Diff(published(t, cases), got); diff != "" {
		t.Errorf("(-score.py +ours)\n%s", diff)
	}
}

func published(t *testing.T, path string) map[string]Result {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all := make(map[string]Result)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l struct {
			Set, Case          string
			Pages              int
			Top1, Top3, Missed bool
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		all[l.Set+"/"+l.Case] = Result{Pages: l.Pages, Top1: l.Top1, Top3: l.Top3, Missed: l.Missed}
	}
	return all
}
