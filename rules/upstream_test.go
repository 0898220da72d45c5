package rules

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/rules/packs"
)

var update = flag.Bool("update", false, "write what the packs make of upstream alerts into the golden file; read the diff")

const (
	upstreamFacts  = "packs/testdata/upstream"
	upstreamGolden = "packs/testdata/alerts.golden"
)

// upstreamAlert is one alert of a public rule file, as the facts have it.
type upstreamAlert struct {
	name, severity string
	wait           time.Duration // its "for"
	labels         correlate.Labels
	bare           bool   // no label says what it is about
	where          string // file and line of the fact
}

// readUpstream reads the facts of one pack; their README describes the format.
func readUpstream(t *testing.T, pack string) []upstreamAlert {
	t.Helper()
	file := filepath.Join(upstreamFacts, pack+".txt")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var alerts []upstreamAlert
	targets := make(map[string][]string)
	source := ""
	for i, line := range strings.Split(string(data), "\n") {
		where := fmt.Sprintf("%s:%d", file, i+1)
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "target" && len(words) > 2:
			targets["+"+words[1]] = words[2:]
		case words[0] == "source" && len(words) == 4:
			source = words[1]
		case words[0] == "alert" && len(words) == 5 && source != "":
			alerts = append(alerts, newUpstreamAlert(t, words[1:], targets, where))
		default:
			t.Fatalf("%s: %q is no fact", where, line)
		}
	}
	return alerts
}

func newUpstreamAlert(t *testing.T, words []string, targets map[string][]string, where string) upstreamAlert {
	t.Helper()
	wait, err := time.ParseDuration(words[1])
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	a := upstreamAlert{name: words[0], wait: wait, severity: words[2], where: where}
	values := map[string]string{"alertname": a.name, "severity": a.severity}
	for _, word := range strings.Split(words[3], ",") {
		pairs, known := targets[word]
		switch {
		case word == "-":
			a.bare = true
		case strings.HasPrefix(word, "+") && !known:
			t.Fatalf("%s: there is no target %q", where, word)
		case !known:
			pairs = []string{word}
		}
		for _, pair := range pairs {
			name, value, given := strings.Cut(pair, "=")
			if !given {
				value = name + "-1"
			}
			values[name] = value
		}
	}
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, name, value)
	}
	a.labels = correlate.LabelsOf(pairs...)
	return a
}

// verdict is what a pack makes of an alert.
type verdict struct {
	entity, edges string
	severity      correlate.Severity
	aspect        correlate.Aspect
	delay         time.Duration
	hold          correlate.HoldRule
	held          bool
}

func judge(s *Set, l correlate.Labels) verdict {
	e, edges := s.Entity(l)
	v := verdict{entity: string(e), severity: s.Severity(l), aspect: s.Aspect(l), delay: s.Delay(l)}
	for _, edge := range edges {
		v.edges += fmt.Sprintf("; %s %s %s", edge.From, edge.Type, edge.To)
	}
	v.hold, v.held = s.Hold(l, v.severity)
	return v
}

// upstreamPacks are the packs about alerts. The pack kubernetes is about events.
func upstreamPacks() []string {
	return slices.DeleteFunc(packs.Names(), func(name string) bool { return name == "kubernetes" })
}

func compilePack(t *testing.T, name string) *Set {
	t.Helper()
	s, err := compile(&correlate.Policy{Packs: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPacksKnowEveryUpstreamAlert asks each pack alone what it makes of the alerts of the rule files that it is for. Each that makes a
// symptom is about something that its labels name, is held by a rule that says why, and is known to wait as long as its own rule does.
func TestPacksKnowEveryUpstreamAlert(t *testing.T) {
	for _, pack := range upstreamPacks() {
		s, alerts := compilePack(t, pack), readUpstream(t, pack)
		for _, a := range alerts {
			v := judge(s, a.labels)
			if about := strings.HasPrefix(v.entity, "alert/"); about != a.bare && v.severity > correlate.SeverityNone {
				t.Errorf("%s: %s is about %s", a.where, a.name, v.entity)
			}
			if wants := waits(alerts, a); !slices.Contains(wants, v.delay) {
				t.Errorf("%s: %s waits %v for the pack, want one of %v", a.where, a.name, v.delay, wants)
			}
			if v.severity >= correlate.SeverityWarning && !v.held {
				t.Errorf("%s: no rule says how long %s is held", a.where, a.name)
			}
			if _, why, _ := strings.Cut(v.hold.Why, ": "); v.held && why == "" {
				t.Errorf("%s: %s does not say why", a.where, v.hold.Why)
			}
		}
	}
}

// waits lists the delays that are right for an alert: its own, or the shortest of all that rule files give to its name and severity,
// since what began too early is taken for a cause. No delay can be longer than a day.
func waits(all []upstreamAlert, a upstreamAlert) []time.Duration {
	const longest = 24 * time.Hour
	shortest := a.wait
	for _, other := range all {
		if other.name == a.name && other.severity == a.severity {
			shortest = min(shortest, other.wait)
		}
	}
	return []time.Duration{min(a.wait, longest), min(shortest, longest)}
}

// TestPacksNameOnlyAlertsThatExist finds typos: every name in a matcher of a pack is that of an upstream alert, and every upstream alert
// of a pack is in one of its matchers.
func TestPacksNameOnlyAlertsThatExist(t *testing.T) {
	others := []string{"DeadMansSwitch"} // a name that many give to what kube-prometheus calls Watchdog
	for _, pack := range upstreamPacks() {
		s := compilePack(t, pack)
		exists, named := make(map[string]bool), make(map[string]bool)
		for _, a := range readUpstream(t, pack) {
			exists[a.name] = true
		}
		for _, names := range [][]string{
			indexed(&s.symptoms), indexed(&s.aspects), indexed(&s.delays), indexed(&s.entities), indexed(&s.holds),
			causeNames(s),
		} {
			for _, name := range names {
				named[name] = true
				if !exists[name] && !slices.Contains(others, name) {
					t.Errorf("pack %s: no upstream rule file has an alert %s", pack, name)
				}
			}
		}
		for name := range exists {
			if !named[name] {
				t.Errorf("pack %s says nothing of %s", pack, name)
			}
		}
	}
}

func indexed[T any](t *table[T]) []string {
	var names []string
	for _, r := range t.rows {
		for _, need := range r.side.needs() {
			if need.label == "alertname" {
				names = append(names, need.values...)
			}
		}
	}
	return names
}

func causeNames(s *Set) []string {
	var names []string
	for pair := range s.causes.near {
		names = append(names, pair.cause, pair.effect)
	}
	return names
}

// TestPacksShareNoAlert keeps the order of packs in a configuration from deciding anything.
func TestPacksShareNoAlert(t *testing.T) {
	owner := make(map[string]string)
	for _, pack := range upstreamPacks() {
		for _, a := range readUpstream(t, pack) {
			if other, ok := owner[a.name]; ok && other != pack {
				t.Errorf("packs %s and %s both know %s", other, pack, a.name)
			}
			owner[a.name] = pack
		}
	}
}

// TestPacksCostOtherAlertsNothing counts the rules of packs that are tried on every alert, since nothing certain about its labels is in
// their matchers.
func TestPacksCostOtherAlertsNothing(t *testing.T) {
	for _, pack := range upstreamPacks() {
		s := compilePack(t, pack)
		got := len(s.symptoms.index.rest) + len(s.aspects.index.rest) + len(s.delays.index.rest) + len(s.entities.index.rest) +
			len(s.holds.index.rest)
		if got != 0 {
			t.Errorf("pack %s has %d rules that are tried on every alert", pack, got)
		}
	}
}

// TestPacksJudgeUpstreamAlertsAsTheyDid writes down what each pack makes of each alert, for people to read.
func TestPacksJudgeUpstreamAlertsAsTheyDid(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What each pack makes of the alerts that upstream rule files have: severity, what it shows, what it is about, how long ago it\n" +
		"# began, how long it is held. Written by `go test ./rules -update`; what the labels of the samples are is in upstream/.\n")
	for _, pack := range upstreamPacks() {
		s := compilePack(t, pack)
		fmt.Fprintf(&b, "\n== %s\n", pack)
		for _, a := range readUpstream(t, pack) {
			v := judge(s, a.labels)
			name := a.name + " " + a.severity
			if got := v.severity.String(); got != a.severity {
				name += " → " + got
			}
			fmt.Fprintf(&b, "%s, %v: %s%s\n", name, v.aspect, v.entity, v.edges)
			hold := "no rule"
			if v.held {
				hold = fmt.Sprintf("%v, %s", v.hold.Hold, v.hold.Rule.Name+" of "+v.hold.Rule.File+strings.TrimPrefix(v.hold.Why, v.hold.Rule.String())) // a line more changes no verdict
			}
			fmt.Fprintf(&b, "    -%v; held %s\n", v.delay, hold)
		}
	}
	if *update {
		if err := os.WriteFile(upstreamGolden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(upstreamGolden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("%s (-want +got; run with -update and read the diff):\n%s", upstreamGolden, diff)
	}
}
