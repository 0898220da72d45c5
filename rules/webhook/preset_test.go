package webhook

import (
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
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/txtar"

	"quell/correlate"
	"quell/rules/expr"
)

var update = flag.Bool("update", false, "write the golden files")

func TestEveryPresetIsWhole(t *testing.T) {
	l := NewLanguage()
	for _, name := range Presets() {
		text, _ := PresetText(name)
		m, problems := l.Parse(name+".yml", []byte(text))
		for _, p := range problems {
			t.Error(p)
		}
		if !m.Whole() || m.About == "" {
			t.Errorf("%s: nothing can come of it, or it does not say what it is for", name)
		}
	}
}

// samplesAt is when all samples are received.
var samplesAt = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// TestPresetsMakeOfSamplesWhatTheyShould maps the bodies of testdata/NAME.txtar, in order. The comment of each file says where they come
// from; "query" and "headers" apply to the body of the same name. What fires is followed as quell does, so that the last line tells whether
// all that fired was resolved.
func TestPresetsMakeOfSamplesWhatTheyShould(t *testing.T) {
	l := NewLanguage()
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".txtar")
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := l.Preset(name)
			got := story(t, m, a)
			want := file(a, "want")
			if *update {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			// Whatever a sender tells of, it can tell the end of; what it cannot, the file says.
			if ended := strings.HasSuffix(got, "\nnothing fires\n"); ended == strings.Contains(string(a.Comment), "never told to end") {
				t.Errorf("%s: what fires at the end is not what the comment says", path)
			}
		})
	}
}

func file(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// story maps all bodies of a file and tells what becomes of them.
func story(t *testing.T, m *Mapping, a *txtar.Archive) string {
	var b strings.Builder
	firing := make(map[model.Fingerprint]string)
	for _, f := range a.Files {
		step, ok := strings.CutSuffix(f.Name, ".json")
		if !ok {
			continue
		}
		body, err := expr.JSON(f.Data, 64)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if m.SNS {
			body = Unwrap(body)
		}
		r := &Request{
			Body: body, Headers: lines(file(a, step+".headers"), ":"), Query: lines(file(a, step+".query"), "="),
			Name: "test", Now: samplesAt, MaxItems: 100,
		}
		fmt.Fprintf(&b, "# %s\n", step)
		res := m.Apply(r)
		for _, it := range res.Items {
			tell(&b, it, firing)
		}
		for _, fault := range res.Faults {
			fmt.Fprintf(&b, "fault %d: %s\n", fault.Index, fault.Reason)
		}
		if res.Ignored > 0 {
			fmt.Fprintf(&b, "ignored: %d\n", res.Ignored)
		}
	}
	if len(firing) == 0 {
		b.WriteString("\nnothing fires\n")
	} else {
		fmt.Fprintf(&b, "\nfires: %s\n", strings.Join(slices.Sorted(maps.Values(firing)), ", "))
	}
	return b.String()
}

func lines(text, separator string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), separator)
		all[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	return all
}

// tell writes what an item became, and follows what fires.
func tell(b *strings.Builder, it Item, firing map[model.Fingerprint]string) {
	if e, ok := it.Input.(*correlate.Event); ok {
		fmt.Fprintf(b, "%s: event %s of %s by %s, warning %v, id %q, at %s\n  %s\n", it.Outcome, e.Reason, e.Entity, e.Component, e.Warning, e.ID,
			e.At.Format(time.RFC3339), e.Message)
		return
	}
	in := it.Input.(*correlate.Alert)
	for _, other := range it.Instead {
		if name, ok := firing[other.Fingerprint]; ok {
			fmt.Fprintf(b, "%s: ends %s\n", it.Outcome, name)
			delete(firing, other.Fingerprint)
		}
	}
	name := fmt.Sprintf("%s (%s)", in.Labels.Get("alertname"), in.Labels.Get("severity"))
	_, known := firing[in.Fingerprint]
	switch {
	case in.Resolved() && !known:
		fmt.Fprintf(b, "%s: resolves what does not fire: %s\n", it.Outcome, name)
		return
	case in.Resolved():
		fmt.Fprintf(b, "%s: resolved %s, ended %s\n", it.Outcome, name, in.EndsAt.Format(time.RFC3339))
		delete(firing, in.Fingerprint)
		return
	}
	firing[in.Fingerprint] = name
	fmt.Fprintf(b, "%s: fires %s since %s", it.Outcome, name, in.StartsAt.Format(time.RFC3339))
	if !in.Expires.IsZero() {
		fmt.Fprintf(b, ", until %s at most", in.Expires.Format(time.RFC3339))
	}
	b.WriteString("\n")
	for name, value := range in.Labels.All() {
		fmt.Fprintf(b, "  %s=%q\n", name, value)
	}
	for name, value := range in.Annotations.All() {
		fmt.Fprintf(b, "  %s: %q\n", name, value)
	}
	if in.GeneratorURL != "" {
		fmt.Fprintf(b, "  %s\n", in.GeneratorURL)
	}
}

// seeds are all samples.
func seeds(f *testing.F) {
	for _, name := range Presets() {
		a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			if step, ok := strings.CutSuffix(s.Name, ".json"); ok {
				headers := lines(file(a, step+".headers"), ":")
				f.Add(string(s.Data), headers["x-github-event"]+headers["sentry-hook-resource"]+headers["ce-type"])
			}
		}
	}
}
