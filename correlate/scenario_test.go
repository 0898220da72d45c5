package correlate

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"quell/correlate/topology"
)

var update = flag.Bool("update", false, "write what the scenarios give into their files; read the diff")

// TestScenario plays each story of testdata/scenario and compares the decisions with what the file wants. Every story is
// played a second time with the engine stored and loaded after each step: that must change nothing.
//
// A line of a script is TIME COMMAND ARGUMENTS, where the commands are
//
//	fire NAME ENTITY [label=value…]    an alert; startsAt= and expires= are offsets, source= names who reports
//	resolve NAME ENTITY [label=value…]
//	event REASON ENTITY [warning] [count=N] [id=ID] [says MESSAGE]
//	edge FROM TYPE TO, unedge …, remove ENTITY
//	ack INCIDENT BY, close INCIDENT BY
//	gap FROM WHY                       quell saw nothing from then on
//	tick                               time passes
func TestScenario(t *testing.T) {
	files, err := filepath.Glob("testdata/scenario/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want := archive.Files[0].Data, archive.Files[1].Data
			got := play(t, string(script), false)
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", archive.Comment, diff)
			}
			if diff := cmp.Diff(got, play(t, string(script), true)); diff != "" {
				t.Errorf("storing and loading after each step changed the story (-live +loaded):\n%s", diff)
			}
		})
	}
}

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// play runs a script and prints the effects.
func play(t *testing.T, script string, reload bool) string {
	t.Helper()
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	store := newRowStore()
	var out strings.Builder
	step := func(at time.Time, inputs ...Input) {
		for _, f := range e.Step(at, inputs) {
			fmt.Fprintf(&out, "%s %s %s%s\n", f.At.Sub(start), f.Decision, f.Incident, detail(f))
		}
		store.take(e)
		store.check(t, e)
		if reload {
			e = store.load(t)
		}
	}
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		d, err := time.ParseDuration(words[0])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		at := start.Add(d)
		for due, ok := e.Deadline(); ok && due.Before(at) && words[1] != "gap"; due, ok = e.Deadline() {
			step(due)
		}
		if in := parseCommand(t, at, words[1:]); in != nil {
			step(at, in)
		} else {
			step(at)
		}
	}
	return out.String()
}

func detail(f Effect) string {
	switch {
	case f.Decision == Open || f.Decision == Reroot:
		silent := ""
		if f.Roots[0].Silent {
			silent = " silent"
		}
		return fmt.Sprintf(" root %s%s", f.Roots[0].Entity, silent)
	case f.Decision == Hold:
		return fmt.Sprintf(" until %s", f.Until.Sub(start))
	case f.Other != 0:
		return fmt.Sprintf(" into %s", f.Other)
	case f.Decision == Reopen:
		return fmt.Sprintf(" generation %d", f.Generation)
	case f.Entity != "":
		return fmt.Sprintf(" %s", f.Entity)
	}
	return ""
}

func parseCommand(t *testing.T, at time.Time, words []string) Input {
	t.Helper()
	switch words[0] {
	case "fire", "resolve":
		return parseAlert(t, at, words)
	case "event":
		ev := &Event{Reason: words[1], Entity: topology.Entity(words[2]), At: at, Count: 1, Source: "kubernetes/test"}
		options := words[3:]
		if k := slices.Index(words, "says"); k > 0 {
			options, ev.Message = words[3:k], strings.Join(words[k+1:], " ")
		}
		for _, w := range options {
			k, v, _ := strings.Cut(w, "=")
			switch k {
			case "warning":
				ev.Warning = true
			case "id":
				ev.ID = v
			case "count":
				fmt.Sscan(v, &ev.Count)
			}
		}
		return ev
	case "edge", "unedge":
		edges := []topology.Edge{{From: topology.Entity(words[1]), Type: words[2], To: topology.Entity(words[3])}}
		if words[0] == "edge" {
			return &Topology{Update: topology.Update{Edges: edges}, Source: "api"}
		}
		return &Topology{Update: topology.Update{RemoveEdges: edges}, Source: "api"}
	case "remove":
		return &Topology{Update: topology.Update{RemoveEntities: []topology.Entity{topology.Entity(words[1])}}, Source: "api"}
	case "ack", "close":
		id, err := ParseIncidentID(words[1])
		if err != nil {
			t.Fatal(err)
		}
		action := map[string]Action{"ack": ActionAck, "close": ActionResolve}[words[0]]
		return &Command{Action: action, Incident: id, By: words[2]}
	case "gap":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		return &Gap{From: start.Add(d), To: at, Why: words[2]}
	case "tick":
		return nil
	}
	t.Fatalf("unknown command %q", words)
	return nil
}

func parseAlert(t *testing.T, at time.Time, words []string) *Alert {
	t.Helper()
	pairs := []string{"alertname", words[1], "quell_entity", words[2]}
	a := &Alert{StartsAt: at, Source: "prometheus/test"}
	for _, w := range words[3:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "startsAt", "expires":
			d, err := time.ParseDuration(v)
			if err != nil {
				t.Fatal(err)
			}
			if k == "startsAt" {
				a.StartsAt = start.Add(d)
			} else {
				a.Expires = start.Add(d)
			}
		case "source":
			a.Source = v
		default:
			pairs = append(pairs, k, v)
		}
	}
	a.Labels = LabelsOf(pairs...)
	a.Fingerprint = a.Labels.Fingerprint()
	if words[0] == "resolve" {
		a.EndsAt = at
	}
	return a
}

// rowStore keeps rows as a store would.
type rowStore map[string][]byte

func newRowStore() rowStore { return make(rowStore) }

func (r rowStore) take(e *Engine) {
	e.Changes(func(k, v []byte) {
		if v == nil {
			delete(r, string(k))
			return
		}
		r[string(k)] = bytes.Clone(v)
	})
}

// check compares what the changes added up to with the whole state.
func (r rowStore) check(t *testing.T, e *Engine) {
	t.Helper()
	whole := newRowStore()
	e.Rows(func(k, v []byte) { whole[string(k)] = bytes.Clone(v) })
	if !maps.EqualFunc(whole, r, bytes.Equal) {
		t.Fatalf("changed rows do not add up to the state (-state +rows):\n%s", cmp.Diff(whole, r))
	}
}

func (r rowStore) load(t *testing.T) *Engine {
	t.Helper()
	e, err := Load(compileTest, r.all())
	if err != nil {
		t.Fatal(err)
	}
	r.check(t, e)
	return e
}

func (r rowStore) all() func(yield func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		for _, k := range sortedKeys(r) {
			if !yield([]byte(k), r[k]) {
				return
			}
		}
	}
}
