package correlate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// compileMutes makes rules by which Switch inhibits Host of the same rack, and Known is suppressed for an hour.
func compileMutes(*Policy) (Rules, error) {
	named := func(name string) labels.Matchers { return labels.Matchers{equal("alertname", name)} }
	return worldRules{mutes: &muteRules{
		inhibit:  []inhibitRule{{&InhibitRule{Equal: []string{"rack"}, Why: "rule switch"}, named("Switch"), named("Host")}},
		suppress: []suppressRule{{&SuppressRule{For: time.Hour, Why: "rule known"}, named("Known")}},
	}}, nil
}

// What is muted can be listed with the rule, and what inhibits it is named.
func TestMutedSymptomsAreListedWithTheirRule(t *testing.T) {
	_, e := figuresBy(t, compileMutes, `
0s fire Switch switch/s1 rack=r1 severity=critical
1s fire Host host/h1 rack=r1 severity=warning
2s fire Known host/h2 severity=warning
`, 30*time.Minute)
	var got []string
	for _, id := range []IncidentID{1, 2, 3} {
		inc, _ := e.Incident(id, 0)
		if inc.Silenced == nil {
			got = append(got, inc.State.String())
			continue
		}
		for k := range inc.Silenced.Muted {
			got = append(got, inc.State.String()+" "+inc.Silenced.How+" "+inc.Silenced.Muted[k].String())
		}
		if diff := cmp.Diff(inc.Silenced.Muted, inc.Symptoms[0].MutedBy); diff != "" {
			t.Errorf("%s: incident and symptom differ:\n%s", id, diff)
		}
		if endless := inc.HeldUntil == nil; endless != inc.Silenced.Until.IsZero() || endless != (inc.Silenced.How == "inhibited") {
			t.Errorf("%s is held until %v, and muted until %v", id, inc.HeldUntil, inc.Silenced.Until)
		}
	}
	want := []string{"escalated", "held inhibited inhibited by Switch on switch/s1 (rule switch)", "held suppressed suppressed by rule known"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := e.Figures(); f.IncidentsMuted != 2 || f.IncidentsSilenced != 0 {
		t.Errorf("got %d muted and %d silenced incidents", f.IncidentsMuted, f.IncidentsSilenced)
	}
	if _, ok := e.Pending(); ok {
		at, _ := e.Pending()
		if at.After(start.Add(2 * time.Hour)) {
			t.Errorf("a replay would wait until %v", at)
		}
	}
}

// What heals while a rule mutes it is neither the hold's merit nor a false suppression.
func TestMutedHealingIsNotCountedAsHeld(t *testing.T) {
	f, _ := figuresBy(t, compileMutes, `
0s fire Known host/h2 severity=warning
20m resolve Known host/h2 severity=warning
`, 30*time.Minute)
	if f.Holds.Muted != 1 || f.Holds.Healed+f.Holds.Silenced != 0 || f.Suppression.Judged+f.Suppression.Pending != 0 {
		t.Errorf("got %+v %+v", f.Holds, f.Suppression)
	}
}

// When rules no longer mute it, what is still ill gets the settle time, and pages.
func TestRulesThatAreTakenBackMuteNoLonger(t *testing.T) {
	muting := true
	compile := func(p *Policy) (Rules, error) {
		if muting {
			return compileMutes(p)
		}
		return compileTest(p)
	}
	_, e := figuresBy(t, compile, `
0s fire Switch switch/s1 rack=r1 severity=critical
1s fire Host host/h1 rack=r1 severity=warning
`, 30*time.Minute)
	muting = false
	e.Step(start.Add(31*time.Minute), []Input{&Policy{AlertTimeout: -1}})
	effects := e.Step(start.Add(33*time.Minute), nil)
	if len(effects) != 1 || effects[0].Decision != Escalate || !strings.HasPrefix(effects[0].Reason, "it was inhibited by Switch on switch/s1 (rule switch) until ") {
		t.Errorf("got %+v", effects)
	}
	if len(e.mutes.groups) != 0 || e.mutes.mutable != 0 {
		t.Errorf("the index still has %d groups and %d symptoms", len(e.mutes.groups), e.mutes.mutable)
	}
}

// What inhibits ends in the very step in which something joins that is suppressed for longer: what was inhibited gets the settle time all the same.
func TestSourceThatEndsAsMutedSymptomJoinsFreesItsTargets(t *testing.T) {
	_, e := figuresBy(t, compileMutes, `
0s fire Switch switch/s1 rack=r1 severity=critical
1s fire Host host/h1 rack=r1 severity=critical
1s fire Known host/h1 severity=warning
`, 30*time.Minute)
	at := start.Add(30 * time.Minute)
	joins := LabelsOf("alertname", "Known", "quell_entity", "host/h1", "severity", "warning", "disk", "b")
	ends := LabelsOf("alertname", "Switch", "quell_entity", "switch/s1", "severity", "critical", "rack", "r1")
	e.Step(at, []Input{
		&Alert{Fingerprint: ends.Fingerprint(), Labels: ends, StartsAt: start, EndsAt: at},
		&Alert{Fingerprint: joins.Fingerprint(), Labels: joins, StartsAt: at},
	})
	if inc, _ := e.Incident(2, 0); inc.HeldUntil == nil || !inc.HeldUntil.Equal(at.Add(time.Minute)) {
		t.Fatalf("held until %v (%s), want the settle time", inc.HeldUntil, inc.HoldReason)
	}
	if effects := e.Step(at.Add(time.Minute), nil); len(effects) == 0 || effects[len(effects)-1].Decision != Escalate {
		t.Errorf("got %+v, want a page", effects)
	}
}
