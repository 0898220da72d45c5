package rules

import (
	"fmt"
	"slices"
	"testing"

	"quell/correlate"
	"quell/rules/packs"
)

// TestEveryRuleOfAPackHasANameOfItsOwn, so that it can be turned off, and replaced.
func TestEveryRuleOfAPackHasANameOfItsOwn(t *testing.T) {
	for _, pack := range packs.Names() {
		s, err := compile(&correlate.Policy{Packs: []string{pack}})
		if err != nil {
			t.Fatal(err)
		}
		keys := make(map[string]bool)
		for _, id := range s.Identities() {
			if id.Name == "" || keys[id.Key()] {
				t.Errorf("%s has no name of its own: %q", id.Place(), id.Key())
			}
			keys[id.Key()] = true
		}
	}
}

// TestRulesForEventsAndCausesAreDisabledAndReplacedByName, and those that have a name by chance are not.
func TestRulesForEventsAndCausesAreDisabledAndReplacedByName(t *testing.T) {
	unhealthy := &correlate.Event{Entity: "pod/shop/cart-1", Reason: "Unhealthy", Warning: true}
	ready := &correlate.Event{Entity: "pod/shop/cart-1", Reason: "PodReady", Component: "quell/state"}
	for name, c := range map[string]struct {
		text     string
		disabled []string
		overrode int
		// how long unhealthy lasts, how many reasons ready ends, and what the cause weighs.
		ttl    string
		heals  int
		weight float64
	}{
		"as it is": {"", nil, 0, "2m0s", 1, 0.7},
		"disabled": {"", []string{"kubernetes/events/probe-failures", "kafka/causes/full-directory"}, 0, "0s", 1, 0},
		"replaced": {
			"events: [{name: probe-failures, reason: [ProbeError], meaning: symptom, severity: error}]\n" +
				"causes: [{name: full-directory, cause: DiskFull, effect: OfflineLogDirectoryCount, 'on': near, weight: 0.2}]",
			nil, 2, "0s", 1, 0,
		},
		"a name by chance": {
			"events: [{name: pod-ready, reason: [PodOfOursReady], meaning: ignore}]\n" +
				"causes: [{name: full-directory, cause: A, effect: B, 'on': near, weight: 0.2}]",
			nil, 0, "2m0s", 1, 0.7,
		},
		"replaced for all": {"events: [{name: pod-ready, component: [quell/state], kind: [node], meaning: ignore}]", nil, 1, "2m0s", 0, 0.7},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: c.text}}, Packs: []string{"kubernetes", "kafka"}, Disabled: c.disabled})
			if err != nil {
				t.Fatal(err)
			}
			m := s.Event(unhealthy)
			weight, _ := s.Cause("KafkaRunningOutOfSpace", "OfflineLogDirectoryCount")
			got := fmt.Sprintf("%s %d %g %d", m.TTL, len(s.Event(ready).Heals), weight, len(s.Overridden()))
			if want := fmt.Sprintf("%s %d %g %d", c.ttl, c.heals, c.weight, c.overrode); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if slices.ContainsFunc(s.Overridden(), func(o Override) bool { return o.By.Name != o.Out.Name }) {
				t.Errorf("got %v", s.Overridden())
			}
		})
	}
}
