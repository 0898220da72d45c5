package correlate

import (
	"fmt"
	"testing"
	"time"

	"quell/correlate/topology"
)

// askedRules are rules that count what they are asked, and hold for as long as they are told.
type askedRules struct {
	testRules
	overheard bool
	hold      time.Duration
	asked     map[string]int
}

func (r askedRules) Overheard() bool { return r.overheard }

func (r askedRules) Entity(l Labels) (topology.Entity, []topology.Edge) {
	r.asked["entity"]++
	return r.testRules.Entity(l)
}

func (r askedRules) Hold(Labels, Severity) (HoldRule, bool) {
	r.asked["hold"]++
	return HoldRule{Hold: r.hold, Why: "rule"}, true
}

func (r askedRules) Delay(Labels) time.Duration {
	r.asked["delay"]++
	return 0
}

// askedEngine returns an engine of such rules: the hold is the policy's.
func askedEngine(t *testing.T, overheard bool) (*Engine, map[string]int) {
	t.Helper()
	asked := make(map[string]int)
	e, err := New(func(p *Policy) (Rules, error) {
		return askedRules{overheard: overheard, hold: p.Hold, asked: asked}, nil
	}, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return e, asked
}

// fireAnew lets an alert fire and end some times, each time after the engine forgot that it did.
func fireAnew(e *Engine, times int) {
	labels := LabelsOf("alertname", "A", "quell_entity", "pod/a/b", "on", "node/n", "severity", "warning")
	now := time.Unix(max(e.now/int64(time.Second), 1e6), 0)
	for range times {
		for now = now.Add(48 * time.Hour); ; {
			at, ok := e.Deadline()
			if !ok || at.After(now) {
				break
			}
			e.Step(at, nil)
		}
		fires := Alert{Fingerprint: labels.Fingerprint(), Labels: labels, Source: "am", StartsAt: now}
		ends := fires
		ends.EndsAt = now.Add(time.Minute)
		e.Step(now, []Input{&fires})
		e.Step(ends.EndsAt, []Input{&ends})
	}
}

// TestRulesAreAskedOnceForEachSetOfLabels lets one alert fire again and again.
func TestRulesAreAskedOnceForEachSetOfLabels(t *testing.T) {
	e, asked := askedEngine(t, false)
	fireAnew(e, 3)
	if got := fmt.Sprint(asked); got != "map[delay:1 entity:1 hold:1]" {
		t.Errorf("the rules were asked %v", got)
	}
	e, asked = askedEngine(t, true)
	fireAnew(e, 3)
	if asked["entity"] < 3 || asked["hold"] < 3 || asked["delay"] < 3 {
		t.Errorf("rules that are counted were asked %v", asked)
	}
}

// TestNewRulesAnswerForWhatFires puts another policy in force while an alert fires: it comes back under the new rules.
func TestNewRulesAnswerForWhatFires(t *testing.T) {
	e, _ := askedEngine(t, false)
	fireAnew(e, 1)
	e.Step(e.Now(), []Input{&Policy{Hold: 7 * time.Minute}})
	if len(e.alerts) != 1 {
		t.Fatalf("%d alerts are known", len(e.alerts))
	}
	for _, s := range e.alerts {
		if rule, _ := e.holdOf(s); rule.Hold != 7*time.Minute {
			t.Errorf("the hold is %v", rule.Hold)
		}
	}
}

// TestAnswersAreBounded asks for more labels than are kept.
func TestAnswersAreBounded(t *testing.T) {
	e, _ := askedEngine(t, false)
	for k := range answersKept + 10 {
		e.answersTo(LabelsOf("alertname", "A", "n", fmt.Sprint(k)))
	}
	if n := len(e.answers.of); n != 10 {
		t.Errorf("%d answers are kept", n)
	}
}

// TestSymptomsThatAreGoneAreNotFound takes the last symptom of a page out that was looked at before.
func TestSymptomsThatAreGoneAreNotFound(t *testing.T) {
	var table symptomTable
	for _, num := range []uint64{7, 7 + recentPages*pageSize} {
		s := &symptom{num: num}
		table.put(s)
		if table.get(num) != s {
			t.Fatalf("symptom %d is not there", num)
		}
	}
	if table.get(7) == nil {
		t.Error("a page took another's place")
	}
	table.remove(7)
	if table.get(7) != nil || table.get(7+recentPages*pageSize) == nil {
		t.Error("the wrong symptom is gone")
	}
}
