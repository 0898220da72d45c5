package backtest

import (
	"flag"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

var seeds = flag.Int("seeds", 30, "how many random worlds the properties are tried on; a third of them with -short")

// worlds is how many worlds are tried.
func worlds() uint64 {
	if testing.Short() {
		return uint64(*seeds) / 3
	}
	return uint64(*seeds)
}

// A configuration against itself differs in nothing, whatever happened, and replaying what happened gives what the store holds. This is what
// all else rests on: numbers of symptoms and incidents, people, deliveries and restarts are all translated on the way.
func TestConfigurationAgainstItselfDiffersInNothing(t *testing.T) {
	for seed := range worlds() {
		p := policyFor(t, 5*time.Minute)
		w := newTown(t, p, seed)
		w.play(80)
		r, err := Run(t.Context(), Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: p}})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(r.Differences) > 0 || len(r.Caveats) > 0 {
			t.Fatalf("seed %d: %s", seed, asJSON(t, r))
		}
		if r.Figures.Old.Incidents == 0 {
			t.Fatalf("seed %d: nothing happened", seed)
		}
		old, now := r.Figures.Old, r.Figures.New
		if asJSON(t, old) != asJSON(t, now) {
			t.Fatalf("seed %d: figures differ\n%s", seed, asJSON(t, r.Figures))
		}
	}
}

// muting are rules of all kinds that keep something from paging, or give it time, with a condition.
const muting = `suppress:
- {name: info, matchers: ['alertname="HighErrorRate"'], when: 'labels.service in ["s-1", "s-2"]', for: 15m, to: notice}
inhibit:
- {name: node, source_matchers: ['alertname="KubeNodeNotReady"'], target_matchers: ['alertname="KubePodCrashLooping"', 'severity!="critical"']}
expect:
- {name: start, matchers: ['alertname="KubePodCrashLooping"'], after: {reason: [Started]}, for: 20m, not_for: critical}
events:
- {name: start, reason: [Started], meaning: change}
holds:
- {name: pods, matchers: ['alertname=~"KubePod.*"'], hold: 4m}
chronic:
- {name: pods, matchers: ['alertname=~"KubePod.*"'], recoveries: 3, action: page}
`

// Rules that stand some lines further below, under a comment, page for the same at the same time.
func TestCommentInRulesDiffersInNothing(t *testing.T) {
	told := map[string]bool{}
	muted := func() bool { return told["suppressed"] && told["inhibited"] }
	for seed := uint64(0); seed < worlds() || !muted() && seed < 10*worlds(); seed++ {
		p := policyFor(t, 5*time.Minute)
		p.Rules = []correlate.RuleFile{{Name: "shop.yml", Text: muting}}
		w := newTown(t, p, seed)
		w.play(80)
		moved := p
		moved.Rules = []correlate.RuleFile{{Name: "shop.yml", Text: strings.Repeat("# why all this\n", 5) + muting}}
		r, err := Run(t.Context(), Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: moved}})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Differences) > 0 || len(r.Caveats) > 0 || asJSON(t, r.Figures.Old) != asJSON(t, r.Figures.New) {
			t.Fatalf("seed %d: %s", seed, asJSON(t, r))
		}
		for _, i := range w.engine.Incidents(nil) {
			word, _, _ := strings.Cut(i.HoldReason, ":")
			told[word] = true
		}
	}
	if !muted() {
		t.Errorf("rules mute nothing: %v", told)
	}
}
