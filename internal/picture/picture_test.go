package picture

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

var update = flag.Bool("update", false, "write the pictures into their files; look at the diff")

// golden compares a picture with its file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var start = time.Date(2026, 1, 2, 23, 58, 0, 0, time.UTC)

// symptom is an active one with a path, written "pod/a runs_on node/n".
func symptom(name, path string) correlate.SymptomView {
	words := strings.Fields(path)
	s := correlate.SymptomView{
		Entity: topology.Entity(words[0]), Name: name, State: "active", Since: start, Why: "reaches the root over its dependencies",
		Path: []correlate.PathStep{{Entity: topology.Entity(words[0])}},
	}
	for i := 1; i+1 < len(words); i += 2 {
		s.Path = append(s.Path, correlate.PathStep{Type: words[i], Entity: topology.Entity(words[i+1])})
	}
	return s
}

func with(s correlate.SymptomView, state string) correlate.SymptomView {
	s.State = state
	return s
}

func incident(root string, symptoms ...correlate.SymptomView) *correlate.Incident {
	return &correlate.Incident{
		ID: 7, Generation: 1, State: correlate.Held, Title: "KubeNodeNotReady on " + root, Opened: start, Alerts: len(symptoms),
		Active: len(symptoms), MemberCount: len(symptoms), Roots: []correlate.Root{{Entity: topology.Entity(root), Score: 0.962, Why: "it is ill itself"}},
		Symptoms: symptoms,
	}
}

// cascade is a node that takes down pods, and what stands on them.
func cascade() *correlate.Incident {
	inc := incident("node/n3",
		symptom("KubeDeploymentReplicasMismatch", "deployment/shop/cart owns pod/shop/cart-1 runs_on node/n3"),
		symptom("KubePodNotReady", "pod/shop/cart-1 runs_on node/n3"),
		with(symptom("KubePodCrashLooping", "pod/shop/cart-1 runs_on node/n3"), "cleared"),
		symptom("HighLatency", "service/shop/web calls service/shop/cart selects pod/shop/cart-1 runs_on node/n3"),
		symptom("HighLatency", "service/shop/web calls service/shop/cart selects pod/shop/cart-1 runs_on node/n3"),
		with(symptom("KubePodNotReady", "pod/shop/db-0 runs_on node/n3"), "lost"),
		symptom("KubeNodeNotReady", "node/n3"),
		symptom("Stray", "pod/shop/alone"),
	)
	inc.Symptoms[7].Path, inc.Symptoms[7].Why = nil, "joined through another member"
	return inc
}

func TestCascadeDrawsWhatReachedWhom(t *testing.T) {
	golden(t, "cascade", Cascade(cascade(), Options{}))
	golden(t, "cascade-ascii", Cascade(cascade(), Options{ASCII: true}))
	golden(t, "cascade-narrow", Cascade(cascade(), Options{Width: 40}))
}

func TestManySiblingsAreFoldedAndCounted(t *testing.T) {
	var list []correlate.SymptomView
	for i := range 35 {
		list = append(list, symptom("KubePodNotReady", fmt.Sprintf("pod/shop/p%02d runs_on node/n3", i)))
	}
	list = append(list, symptom("KubeVolumeStuck", "persistentvolumeclaim/shop/data mounts node/n3"),
		symptom("KubePolicyBroken", "networkpolicy/shop/x in_zone node/n3"), symptom("KubePolicyBroken", "networkpolicy/shop/y in_zone node/n3"))
	inc := incident("node/n3", list...)
	golden(t, "folded", Cascade(inc, Options{Siblings: 4}))
	golden(t, "folded-lines", Cascade(inc, Options{Siblings: 100, Lines: 3}))
}

func TestOneMoreIsShownRatherThanCounted(t *testing.T) {
	inc := incident("node/n", symptom("A", "pod/a runs_on node/n"), symptom("A", "pod/b runs_on node/n"), symptom("A", "pod/c runs_on node/n"))
	if got := Cascade(inc, Options{Siblings: 2}); !strings.Contains(got, "pod/c") {
		t.Errorf("got\n%s", got)
	}
}

// Levels come before branches: a deep branch must not use up the lines of its neighbours.
func TestALargeBranchLeavesRoomForItsNeighbours(t *testing.T) {
	var list []correlate.SymptomView
	for i := range 20 {
		list = append(list, symptom("A", fmt.Sprintf("pod/shop/p%02d runs_on node/n1 in_zone zone/a", i)))
	}
	list = append(list, symptom("B", "node/n2 in_zone zone/a"))
	got := Cascade(incident("zone/a", list...), Options{Lines: 3})
	if !strings.Contains(got, "node/n2") || !strings.Contains(got, "… and 20 more pods") {
		t.Errorf("got\n%s", got)
	}
}

func TestASilentRootSaysSo(t *testing.T) {
	got := Cascade(incident("node/n3", symptom("A", "pod/a runs_on node/n3")), Options{})
	if want := "node/n3  silent\n└─ runs_on ── pod/a  ● A\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Cascade(&correlate.Incident{}, Options{}); got != "" {
		t.Errorf("without a root: got %q", got)
	}
}

// A path may end at what was the root before the incident was rooted anew; its begin is a member all the same.
func TestAPathToAnEarlierRootHangsFromTheRoot(t *testing.T) {
	got := Cascade(incident("node/n3", symptom("A", "pod/a runs_on node/n1")), Options{})
	if want := "node/n3  silent\n└─ pod/a  ● A\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Paths in a ring must not make a tree without end.
func TestARingOfDependenciesIsDrawnOnce(t *testing.T) {
	got := Cascade(incident("service/a",
		symptom("A", "service/b calls service/c calls service/a"), symptom("A", "service/c calls service/b calls service/a")), Options{})
	if strings.Count(got, "service/b") != 1 || strings.Count(got, "service/c") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestNothingThatSendersWroteReachesTheTerminal(t *testing.T) {
	hostile := "a\x1b[2J\nb\u202ec\x00"
	inc := incident("node/"+hostile, symptom("X", "pod/a runs_on node/n"))
	inc.Symptoms[0].Name, inc.Symptoms[0].Path[1].Type, inc.Symptoms[0].Path[1].Entity = hostile, hostile, inc.Roots[0].Entity
	inc.Symptoms[0].Why, inc.Title, inc.HoldReason, inc.CloseReason, inc.AckedBy = hostile, hostile, hostile, hostile, hostile
	inc.Acknowledged = &start
	inc.Timeline = []correlate.TimelineEntry{{At: start, Decision: correlate.Hold, Reason: hostile}}
	inc.Roots[0].Why = hostile
	for name, text := range map[string]string{"story": Story(inc, Options{}), "why": Why(inc, Options{})} {
		for line := range strings.Lines(text) {
			if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s: %q", name, line)
			}
		}
		if strings.Contains(text, "\nb") {
			t.Errorf("%s: a sender began a line:\n%s", name, text)
		}
	}
}

// told is the cascade with a life.
func told() *correlate.Incident {
	inc := cascade()
	escalated, closed := start.Add(5*time.Minute), start.Add(20*time.Minute)
	inc.State, inc.Outcome, inc.Escalated, inc.Closed = correlate.Resolved, "escalated", &escalated, &closed
	inc.HoldReason, inc.CloseReason = "held 5m to heal by itself (default hold); pages at 00:03:00", "all 8 symptoms cleared"
	inc.Roots = append(inc.Roots, correlate.Root{Entity: "service/shop/cart", Score: 0.5, Silent: true, Why: "2 of 5 ill entities depend on it"},
		correlate.Root{Entity: "pod/shop/cart-1", Score: 0.25, Why: "1 of 5 ill entities depend on it"})
	inc.Timeline = []correlate.TimelineEntry{
		{At: start, Decision: correlate.Open, Reason: "KubePodNotReady began on pod/shop/cart-1"},
		{At: start, Decision: correlate.Hold, Reason: inc.HoldReason},
		{At: start.Add(5 * time.Minute), Decision: correlate.Escalate, Reason: "did not recover within its hold"},
		{At: closed, Decision: correlate.Resolve, Reason: inc.CloseReason},
	}
	return inc
}

func TestStoryTellsAnIncidentFromBeginToEnd(t *testing.T) {
	golden(t, "story", Story(told(), Options{}))
	open := incident("node/n3", symptom("KubeNodeNotReady", "node/n3"))
	until := start.Add(5 * time.Minute)
	open.HeldUntil = &until
	golden(t, "story-open", Story(open, Options{ASCII: true}))
}

func TestWhyExplainsEachSymptomAndDecision(t *testing.T) {
	golden(t, "why", Why(told(), Options{}))
	golden(t, "why-ascii", Why(cascade(), Options{ASCII: true}))
}
