package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/fake/dice"
	"quell/rules"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// when makes the matchers of a route.
func when(t testing.TB, texts ...string) labels.Matchers {
	t.Helper()
	var ms labels.Matchers
	for _, text := range texts {
		m, err := labels.ParseMatcher(text)
		if err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
	return ms
}

// tree has every feature of routes: order, continue, inherited receivers, depth.
func tree(t testing.TB) *Route {
	return &Route{Receiver: "default", Routes: []*Route{
		{Matchers: when(t, "team=a"), Receiver: "a", Routes: []*Route{
			{Matchers: when(t, "env=~testing|dev"), Receiver: "a-dev"},
			{Matchers: when(t, "env=production"), Receiver: "a-prod", Continue: true},
			{Matchers: when(t, "env=production", "pager!="), Pos: "q.yml:9:7"},
		}},
		{Matchers: when(t, "audit=yes"), Receiver: "audit", Continue: true},
		{Matchers: when(t, "audit=yes", "loud!~no"), Receiver: "loud", Continue: true},
		{Matchers: when(t, "team=b"), Receiver: "b"},
		{Matchers: when(t, "team=~b|c"), Receiver: "c"},
	}}
}

func TestMatchFollowsAlertmanagersRules(t *testing.T) {
	root := tree(t)
	for _, c := range []struct {
		labels correlate.Labels
		want   []string // receiver and path
	}{
		{correlate.LabelsOf(), []string{"default /"}},
		{correlate.LabelsOf("team", "x"), []string{"default /"}},
		{correlate.LabelsOf("team", "a"), []string{"a /0"}},
		{correlate.LabelsOf("team", "a", "audit", "yes"), []string{"a /0"}},
		{correlate.LabelsOf("team", "a", "env", "dev"), []string{"a-dev /0/0"}},
		{correlate.LabelsOf("team", "a", "env", "developers"), []string{"a /0"}},
		{correlate.LabelsOf("team", "a", "env", "production"), []string{"a-prod /0/1"}},
		{correlate.LabelsOf("team", "a", "env", "production", "pager", "1"), []string{"a-prod /0/1", "a /0/2"}},
		{correlate.LabelsOf("team", "b"), []string{"b /3"}},
		{correlate.LabelsOf("team", "c"), []string{"c /4"}},
		{correlate.LabelsOf("audit", "yes"), []string{"audit /1", "loud /2"}},
		{correlate.LabelsOf("audit", "yes", "loud", "no"), []string{"audit /1"}},
		{correlate.LabelsOf("audit", "yes", "team", "b"), []string{"audit /1", "loud /2", "b /3"}},
	} {
		var got []string
		for _, m := range root.Match(c.labels) {
			got = append(got, m.Receiver+" "+m.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.labels, diff)
		}
	}
}

// reference is Alertmanager's dispatch.Route.Match on copies that have the inherited receivers written out.
func reference(r *Route, receiver string, l correlate.Labels) []string {
	if r.Receiver != "" {
		receiver = r.Receiver
	}
	if !rules.Matches(r.Matchers, l) {
		return nil
	}
	var all []string
	for _, child := range r.Routes {
		matches := reference(child, receiver, l)
		all = append(all, matches...)
		if matches != nil && !child.Continue {
			break
		}
	}
	if len(all) == 0 {
		all = append(all, receiver)
	}
	return all
}

func randomRoute(t testing.TB, rng *rand.Rand, depth int) *Route {
	r := &Route{Continue: rng.IntN(2) == 0}
	if depth == 0 || rng.IntN(2) == 0 {
		r.Receiver = fmt.Sprint("r", rng.IntN(5))
	}
	if depth > 0 {
		for range rng.IntN(3) {
			r.Matchers = append(r.Matchers, when(t, fmt.Sprintf("l%d%s%d", rng.IntN(3), []string{"=", "!=", "=~", "!~"}[rng.IntN(4)], rng.IntN(2)))...)
		}
	}
	if depth < 4 {
		for range rng.IntN(4) {
			r.Routes = append(r.Routes, randomRoute(t, rng, depth+1))
		}
	}
	return r
}

// Random trees and labels must match as Alertmanager's algorithm has it, and something always matches, at the root if nowhere else.
func TestMatchAgreesWithAlertmanagersAlgorithm(t *testing.T) {
	rng := dice.New(t)
	for range 2000 {
		root := randomRoute(t, rng, 0)
		l := correlate.LabelsOf("l0", fmt.Sprint(rng.IntN(2)), "l1", fmt.Sprint(rng.IntN(2)))
		var got []string
		for _, m := range root.Match(l) {
			got = append(got, m.Receiver)
		}
		if want := reference(root, "", l); len(got) == 0 || !slices.Equal(want, got) {
			t.Fatalf("labels %v: got %v, want %v", l, got, want)
		}
	}
}

func TestLabelsOfAnIncidentSayWhatQuellKnows(t *testing.T) {
	inc := &correlate.Incident{
		Severity: correlate.SeverityCritical, Class: "Disk is on fire on node", Roots: []correlate.Root{{Entity: "pod/shop/cart@eu"}},
		Labels: correlate.LabelsOf("team", "a", "quell_kind", "forged"),
	}
	want := correlate.LabelsOf("team", "a", "severity", "critical", "alertname", "Disk is on fire",
		"quell_root", "pod/shop/cart@eu", "quell_kind", "pod", "quell_namespace", "shop", "quell_cluster", "eu")
	if got := Labels(inc); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	inc.Labels = correlate.LabelsOf("severity", "page", "alertname", "Shared", "quell_namespace", "forged")
	inc.Roots = []correlate.Root{{Entity: "node/n3", Silent: true}}
	want = correlate.LabelsOf("severity", "page", "alertname", "Shared", "quell_root", "node/n3", "quell_kind", "node")
	if got := Labels(inc); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

var (
	pd    = Target{"a", "pagerduty", 0}
	pd2   = Target{"a", "pagerduty", 1}
	slack = Target{"default", "slack", 0}
)

func router(t testing.TB) *Router {
	root := &Route{Receiver: "default", Pos: "q.yml:1:1", Routes: []*Route{
		{Matchers: when(t, "team=a"), Receiver: "a", Continue: true, Pos: "q.yml:3:5"},
		{Matchers: when(t, "team=a"), Pos: "q.yml:4:5"},
		{Matchers: when(t, "team=silent"), Receiver: "silent"},
	}}
	return New(&Config{Route: root, Receivers: map[string][]Target{"a": {pd, pd2}, "default": {slack}, "silent": nil}}, Options{StoreID: "k3j5"})
}

func incident(state correlate.State, team string) *correlate.Incident {
	return &correlate.Incident{
		ID: 7, Generation: 2, State: state, Severity: correlate.SeverityError, Title: "X on node/n3", Class: "X on node",
		Roots: []correlate.Root{{Entity: "node/n3"}}, Labels: correlate.LabelsOf("team", team),
	}
}

func TestOperatorMessagesGoToTheRootReceiver(t *testing.T) {
	got := router(t).Operator(now, "disk", "The disk is full.")
	want := []Delivery{{
		Target: slack, Action: Operator, Key: "quell/k3j5/operator/disk", Text: "The disk is full.",
		Created: now, Expires: now.Add(DefaultExpire),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSafeModeRoutesAnAlertByItsOwnLabels(t *testing.T) {
	a := &correlate.Alert{Labels: correlate.LabelsOf("alertname", "X", "team", "a"), Annotations: correlate.LabelsOf("summary", "it burns")}
	a.Fingerprint = a.Labels.Fingerprint()
	r := router(t)
	var got []Target
	for _, d := range r.Direct(now, a) {
		got = append(got, d.Target)
		if d.Key != "quell/safe/"+a.Fingerprint.String() || d.Action != Operator || !strings.Contains(d.Text, "it burns") || !strings.Contains(d.Text, `alertname="X"`) {
			t.Errorf("got %+v", d)
		}
	}
	if diff := cmp.Diff([]Target{pd, pd2, slack}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a.EndsAt = now
	if got := r.Direct(now, a); got != nil {
		t.Errorf("resolved: got %v", got)
	}
}

// FuzzMatch looks for labels that no route takes, or that panic.
func FuzzMatch(f *testing.F) {
	f.Add("team", "a", "env", "production")
	root := tree(f)
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		l := correlate.LabelsOf(n1, v1, n2, v2)
		for _, m := range root.Match(l) {
			if m.Receiver == "" || !strings.HasPrefix(m.Path, "/") {
				t.Errorf("%v: got %+v", l, m)
			}
		}
		if len(root.Match(l)) == 0 {
			t.Errorf("%v matches nothing", l)
		}
	})
}
