package rulebook

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

func policy(texts ...string) *correlate.Policy {
	p := correlate.DefaultPolicy()
	p.Packs = []string{"kubernetes"}
	for _, text := range texts {
		p.Rules = append(p.Rules, correlate.RuleFile{Name: "shop.yml", Text: text})
	}
	return &p
}

// labelsOf makes labels of names and values in turn.
func labelsOf(pairs ...string) correlate.Labels {
	var list []correlate.Label
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, correlate.Label{Name: pair[0], Value: pair[1]})
	}
	return correlate.NewLabels(list)
}

const (
	plain     = `holds: [{name: cart, matchers: ['service="cart"'], hold: 7m}]`
	expressed = `holds: [{name: cart, matchers: [], when: 'labels.service == "cart"', hold: 7m}]`
)

// What rules are made of decides whether two policies share them, and nothing else.
func TestPoliciesOfTheSameRulesShareThem(t *testing.T) {
	var b book
	first, err := b.compile(policy(plain))
	if err != nil {
		t.Fatal(err)
	}
	same := policy(plain)
	same.Hold, same.ConfigHash = 1, "another"
	if s, err := b.compile(same); err != nil || s != first {
		t.Errorf("the same rules are compiled anew (%v)", err)
	}
	others := map[string]func(p *correlate.Policy){
		"text":       func(p *correlate.Policy) { p.Rules[0].Text = "# first\n" + plain },
		"name":       func(p *correlate.Policy) { p.Rules[0].Name = "cart.yml" },
		"packs":      func(p *correlate.Policy) { p.Packs = nil },
		"disabled":   func(p *correlate.Policy) { p.Disabled = []string{"kubernetes/*"} },
		"inhibition": func(p *correlate.Policy) { p.Inhibit = []correlate.Inhibition{{Name: "node"}} },
		"heartbeat":  func(p *correlate.Policy) { p.Heartbeats = []correlate.HeartbeatRule{{Name: "watchdog"}} },
	}
	for what, change := range others {
		p := policy(plain)
		change(p)
		if s, err := b.compile(p); err != nil || s == first {
			t.Errorf("another %s: got the rules of the first policy (%v)", what, err)
		}
	}
}

// Rules that tell of expressions that go wrong belong to whoever they tell.
func TestRulesWithExpressionsAreNotShared(t *testing.T) {
	var b book
	first, err := b.compile(policy(expressed))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.compile(policy(expressed)); err != nil || s == first {
		t.Errorf("rules with an expression are shared (%v)", err)
	}
	told := 0
	r, err := Telling(func(rules.Fault) { told++ })(policy(`holds: [{name: cart, matchers: [], when: 'int(labels.size) > 3', hold: 7m}]`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Hold(labelsOf("size", "large"), correlate.SeverityWarning); told != 1 {
		t.Errorf("told of %d faults, want 1", told)
	}
}

func TestBookKeepsAFewSets(t *testing.T) {
	var b book
	texts := []string{}
	for range keptMax + 2 {
		texts = append(texts, plain+strings.Repeat("\n", len(texts)))
	}
	for _, text := range texts {
		if _, err := b.compile(policy(text)); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.kept) != keptMax {
		t.Errorf("%d sets are kept, want %d", len(b.kept), keptMax)
	}
	last := b.kept[keptMax-1].set
	if s, err := b.compile(policy(texts[len(texts)-1])); err != nil || s != last {
		t.Errorf("the last set is not kept (%v)", err)
	}
}

func TestProblemsAreToldEachTime(t *testing.T) {
	for range 2 {
		r, err := Compile(policy("holds: 3"))
		if err == nil || r != nil || !strings.Contains(err.Error(), "shop.yml:1:") {
			t.Errorf("got %v, %v; want the problem and no rules", r, err)
		}
	}
}

// Run with the race detector: goroutines that share a set ask it all that there is to ask.
func TestGoroutinesMayShareRules(t *testing.T) {
	first, err := Compile(policy(plain))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			r, err := Compile(policy(plain))
			if err != nil || r != first {
				t.Errorf("got rules of its own (%v)", err)
				return
			}
			alert := labelsOf("alertname", "KubePodNotReady", "namespace", "shop", "pod", "cart-1", "service", "cart")
			entity, _ := r.Entity(alert)
			r.Severity(alert)
			r.Hold(alert, correlate.SeverityWarning)
			if set, ok := r.(*rules.Set); ok {
				set.Rulings(&correlate.Question{Labels: alert, Entity: entity})
				set.Rulings(&correlate.Question{Event: &correlate.Event{Reason: "Failed", Entity: topology.Entity("pod/shop/cart-1")}})
			}
		})
	}
	wait.Wait()
}
