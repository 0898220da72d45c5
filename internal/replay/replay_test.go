package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"quell/correlate"
	"quell/correlate/topology"
)

var update = flag.Bool("update", false, "write what the stories give into their files; read the diff")

// policy has the engine's defaults and the pack that the stories' events need.
func policy() correlate.Policy {
	p := correlate.DefaultPolicy()
	p.Packs = []string{"kubernetes"}
	return p
}

var seconds = regexp.MustCompile(`("seconds":)?[0-9]+(\.[0-9]+)?(}}\n|\n)$`)

// play replays text with the seconds blanked out, and returns what went to Out and to Progress.
func play(t *testing.T, o Options) (out, progress string) {
	t.Helper()
	var b, notes bytes.Buffer
	o.Out, o.Progress = &b, &notes
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return seconds.ReplaceAllString(b.String(), "${1}0${3}"), notes.String()
}

// TestStory replays each story in both formats and compares with what its file wants, and twice: the bytes must be the same.
func TestStory(t *testing.T) {
	files, err := filepath.Glob("testdata/story/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var graph *topology.Update
			var input string
			for i := range archive.Files {
				f := &archive.Files[i]
				format, isWant := strings.CutPrefix(f.Name, "want.")
				switch {
				case f.Name == "topology.json":
					graph = new(topology.Update)
					if err := json.Unmarshal(f.Data, graph); err != nil {
						t.Fatal(err)
					}
				case f.Name == "input.jsonl":
					input = string(f.Data)
				case isWant:
					format = strings.Replace(format, "txt", "text", 1)
					o := Options{Policy: policy(), Topology: graph, Files: []string{"-"}, Format: format}
					o.Stdin = strings.NewReader(input)
					got, _ := play(t, o)
					o.Stdin = strings.NewReader(input)
					if again, _ := play(t, o); again != got {
						t.Errorf("%s: the same input gave other bytes (-first +second):\n%s", format, cmp.Diff(got, again))
					}
					if *update {
						f.Data = []byte(got)
					} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
						t.Errorf("%s%s (-want +got):\n%s", archive.Comment, format, diff)
					}
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// webhook makes a line with one alert for each entity.
func webhook(at, status string, entities ...string) string {
	var alerts []string
	for _, e := range entities {
		alerts = append(alerts, fmt.Sprintf(
			`{"status":%q,"labels":{"alertname":"Down","quell_entity":%q},"startsAt":"2026-01-02T03:00:00Z","endsAt":"0001-01-01T00:00:00Z"}`, status, e))
	}
	return fmt.Sprintf(`{"t":%q,"alertmanager":{"version":"4","alerts":[%s]}}`, at, strings.Join(alerts, ",")) + "\n"
}

func TestABadLineStopsTheReplayWithItsPlace(t *testing.T) {
	const good = `{"t":"2026-01-02T03:00:00Z","topology":{}}` + "\n"
	for name, c := range map[string]struct{ line, want string }{
		"no JSON":          {`hello`, "stdin:3: the line is no JSON object"},
		"cut":              {`{"t":"2026-01-02T03:00:00Z","topology":{`, "stdin:3: the line is no JSON object"},
		"more":             {`{"t":"2026-01-02T03:00:00Z","topology":{}} {}`, "stdin:3: something follows the JSON object"},
		"no time":          {`{"topology":{}}`, `stdin:3: there is no time ("t")`},
		"bad time":         {`{"t":"yesterday","topology":{}}`, "stdin:3: t is no time"},
		"number as time":   {`{"t":7,"topology":{}}`, "stdin:3: t is no text"},
		"year 1":           {`{"t":"0001-01-01T00:00:00Z","topology":{}}`, "stdin:3: t is 0001-01-01T00:00:00Z, which is not between the years 1970 and 2260"},
		"nothing":          {`{"t":"2026-01-02T03:00:00Z"}`, "stdin:3: there is none of alertmanager, alertmanager_events, kubernetes, event, topology, command, silence and heartbeat"},
		"two":              {`{"t":"2026-01-02T03:00:00Z","topology":{},"command":{}}`, "stdin:3: there is more than one of"},
		"key twice":        {`{"t":"2026-01-02T03:00:00Z","t":"2026-01-02T03:00:00Z"}`, `stdin:3: key "t" stands there twice`},
		"unknown key":      {`{"t":"2026-01-02T03:00:00Z","alert":{}}`, `stdin:3: unknown key "alert"`},
		"deleted":          {`{"t":"2026-01-02T03:00:00Z","topology":{},"deleted":true}`, "stdin:3: deleted can only stand beside kubernetes"},
		"deleted twice":    {`{"t":"2026-01-02T03:00:00Z","kubernetes":{},"deleted":"yes"}`, "stdin:3: deleted is neither true nor false"},
		"webhook":          {`{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"3"}}`, "stdin:3: malformed body at byte"},
		"kubernetes":       {`{"t":"2026-01-02T03:00:00Z","kubernetes":{"kind":}}`, "stdin:3: malformed body at byte"},
		"topology":         {`{"t":"2026-01-02T03:00:00Z","topology":{"edges":[{"from":"a"}]}}`, "stdin:3: topology: edges[0]"},
		"command":          {`{"t":"2026-01-02T03:00:00Z","command":{"action":"dance","incident":"inc-1"}}`, `stdin:3: command: unknown action "dance"`},
		"command's root":   {`{"t":"2026-01-02T03:00:00Z","command":{"action":"ack","incident":"inc-1","root":"node/n1"}}`, "stdin:3: command: it needs either an incident or a root"},
		"nobody's command": {`{"t":"2026-01-02T03:00:00Z","command":{"action":"ack"}}`, "stdin:3: command: it needs either an incident or a root"},
		"command's id":     {`{"t":"2026-01-02T03:00:00Z","command":{"action":"ack","incident":"7"}}`, `stdin:3: command: "7" is no incident id`},
		"time goes back":   {`{"t":"2026-01-02T02:59:59Z","topology":{}}`, "stdin:3: 2026-01-02T02:59:59Z comes before 2026-01-02T03:00:00Z, the time of stdin:1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(t.Context(), Options{
				Policy: policy(), Files: []string{"-"}, Stdin: strings.NewReader(good + "\n" + c.line + "\n"), Out: &out, Format: "json",
			})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if strings.Contains(out.String(), "summary") {
				t.Errorf("got a summary of half a replay: %s", out.String())
			}
		})
	}
}

func TestFilesContinueEachOther(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.jsonl": webhook("2026-01-02T03:00:00Z", "firing", "pod/a"),
		"b.jsonl": webhook("2026-01-02T03:01:00Z", "resolved", "pod/a"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	out, _ := play(t, Options{Policy: policy(), Files: []string{"a.jsonl", "b.jsonl"}, Format: "json"})
	if want := `{"inputs":2,"alerts":1,"incidents":1,"pages":0,"self_healed":1,"seconds":0}`; !strings.Contains(out, want) {
		t.Errorf("got %s, want %s", out, want)
	}
	err := Run(t.Context(), Options{Policy: policy(), Files: []string{"b.jsonl", "a.jsonl"}, Out: new(bytes.Buffer), Format: "json"})
	if want := "a.jsonl:1: 2026-01-02T03:00:00Z comes before 2026-01-02T03:01:00Z, the time of b.jsonl:1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Run(t.Context(), Options{Policy: policy(), Files: []string{"c.jsonl"}, Format: "json", Out: new(bytes.Buffer)}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for a file that is not there", err)
	}
}

func TestItemsThatCannotBeTakenAreLeftOutAndTold(t *testing.T) {
	line := strings.Replace(webhook("2026-01-02T03:00:00Z", "firing", "pod/a", "pod/b"), `"firing"`, `"smoking"`, 1)
	out, notes := play(t, Options{Policy: policy(), Files: []string{"-"}, Stdin: strings.NewReader(line), Format: "json"})
	if !strings.HasPrefix(notes, "stdin:1: alert 0 was left out: ") || strings.Count(notes, "\n") != 1 {
		t.Errorf("got notes %q", notes)
	}
	if !strings.Contains(out, `"members":["pod/b"]`) {
		t.Errorf("got %s, want the good alert", out)
	}
}

// Alerts of a recording are not reported again, so their silence means nothing: they fire until somebody resolves them.
func TestAlertsDoNotTimeOut(t *testing.T) {
	p := policy()
	p.AlertTimeout = 1
	in := webhook("2026-01-02T03:00:00Z", "firing", "pod/a") + webhook("2026-01-05T03:00:00Z", "firing", "pod/b")
	out, _ := play(t, Options{Policy: p, Files: []string{"-"}, Stdin: strings.NewReader(in), Format: "json"})
	if strings.Contains(out, `"lost"`) || strings.Count(out, `"outcome":"escalated"`) != 2 {
		t.Errorf("got %s", out)
	}
}

// Members are booked from decisions, and decisions do not name what an incident began with.
func TestMembersAreAllThatEverHadASymptom(t *testing.T) {
	graph := &topology.Update{Edges: []topology.Edge{
		{From: "pod/a", To: "node/n", Type: "runs_on"}, {From: "pod/b", To: "node/n", Type: "runs_on"}, {From: "pod/c", To: "node/n", Type: "runs_on"},
	}}
	in := webhook("2026-01-02T03:00:00Z", "firing", "pod/a", "pod/b", "pod/c", "node/n") + // opens several and merges them within a step
		webhook("2026-01-02T03:01:00Z", "resolved", "pod/a", "pod/b", "pod/c", "node/n")
	out, _ := play(t, Options{Policy: policy(), Topology: graph, Files: []string{"-"}, Stdin: strings.NewReader(in), Format: "json"})
	if !strings.Contains(out, `"members":["node/n","pod/a","pod/b","pod/c"]`) {
		t.Errorf("got %s", out)
	}
	graph = &topology.Update{Edges: []topology.Edge{{From: "pod/a", To: "zone/z", Type: "runs_on"}}}
	in = webhook("2026-01-02T03:00:00Z", "firing", "zone/z", "pod/a") // what opens it is not the first by name
	out, _ = play(t, Options{Policy: policy(), Topology: graph, Files: []string{"-"}, Stdin: strings.NewReader(in), Format: "json"})
	if !strings.Contains(out, `"members":["pod/a","zone/z"]`) {
		t.Errorf("got %s", out)
	}
}

func TestAStoppedReplaySaysWhere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, Options{
		Policy: policy(), Files: []string{"-"}, Format: "json", Out: new(bytes.Buffer),
		Stdin: strings.NewReader(strings.Repeat(webhook("2026-01-02T03:00:00Z", "firing", "pod/a"), 300)),
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stdin:256") {
		t.Errorf("got %v", err)
	}
}

// FuzzLine compares the outer scanner with encoding/json: what both take, they must take apart alike.
func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"t":"2026-01-02T03:00:00Z","kubernetes":{"a":["}",{}]},"deleted":true}`))
	f.Add([]byte(` { "topology" : [1, "\"" , null] , "t" : "2026-01-02T03:00:00.5+02:00" } `))
	f.Add([]byte(`{"t":"2026-01-02T03:00:00Z","command":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, ok, err := parseLine(text)
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil || want == nil {
			return
		}
		if errors.Is(err, errLine) {
			t.Fatalf("%q is an object, and got %v", text, err)
		}
		if err != nil || !ok {
			return
		}
		for name, kind := range lineKinds {
			if kind == l.kind && !bytes.Equal(bytes.TrimSpace(want[name]), l.body) {
				t.Errorf("%q: got body %q, want %q", text, l.body, want[name])
			}
		}
	})
}

func FuzzAppendText(f *testing.F) {
	f.Add("plain")
	f.Add("a\"b\\c\n\x00é\xff<&>\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		b, _ := json.Marshal(s)
		if err := json.Unmarshal(b, &want); err != nil || got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	})
}

// BenchmarkReplay plays a storm: lines that fire and resolve alerts of 500 pods on 50 nodes, in turns.
func BenchmarkReplay(b *testing.B) {
	const lines = 10_000
	graph := new(topology.Update)
	for i := range 500 {
		graph.Edges = append(graph.Edges, topology.Edge{From: pod(i), To: topology.Entity(fmt.Sprintf("node/n%d", i%50)), Type: "runs_on"})
	}
	var in strings.Builder
	for i := range lines {
		status := "firing"
		if i/500%2 == 1 {
			status = "resolved"
		}
		at := fmt.Sprintf("2026-01-02T%02d:%02d:%02dZ", i/3600, i/60%60, i%60)
		in.WriteString(webhook(at, status, string(pod(i%500))))
	}
	b.ReportAllocs()
	b.SetBytes(int64(in.Len()))
	for b.Loop() {
		var out bytes.Buffer
		err := Run(b.Context(), Options{
			Policy: policy(), Topology: graph, Files: []string{"-"}, Stdin: strings.NewReader(in.String()), Out: &out, Format: "json",
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func pod(i int) topology.Entity { return topology.Entity(fmt.Sprintf("pod/shop/p%d", i)) }

// A page that is due at an instant is decided by all lines of that instant: here the resolve stands below another line.
func TestReplayDecidesAnInstantByAllItsLines(t *testing.T) {
	line := func(at, status, name string) string {
		return `{"t":"2026-03-01T10:` + at + `Z","alertmanager":{"version":"4","status":"` + status + `","receiver":"r","groupKey":"g","alerts":[` +
			`{"status":"` + status + `","labels":{"alertname":"` + name + `","severity":"warning","quell_entity":"pod/shop/` + name + `"},` +
			`"annotations":{},"startsAt":"2026-03-01T10:00:00Z"}]}}` + "\n"
	}
	in := line("00:00", "firing", "One") + line("05:00", "firing", "Two") + line("05:00", "resolved", "One") + line("06:00", "resolved", "Two")
	out, _ := play(t, Options{Policy: policy(), Files: []string{"-"}, Stdin: strings.NewReader(in), Format: "json"})
	if !strings.Contains(out, `"pages":0,"self_healed":2`) {
		t.Errorf("something was paged although all healed within its hold:\n%s", out)
	}
}
