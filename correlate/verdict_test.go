package correlate_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/rules"
)

// ruled are rules of every section whose rules may decide about an incident, each on a line of its own with its name.
const ruled = `entities:
- {name: shop, matchers: ['alertname=~".+"'], entity: {kind: service, name_label: svc}}
holds:
- {name: slow, matchers: ['alertname="Slow"'], hold: 6m, why: it comes and goes}
- {name: full, matchers: ['alertname="Full"'], hold: 0s, why: nobody empties it}
critical:
- {name: till, entities: [service/s1]}
chronic:
- {name: flaps, matchers: ['alertname="Flaps"'], recoveries: 2, action: page}
- {name: told, matchers: ['alertname=~"Told|Odd"'], recoveries: 2, action: notice}
- {name: spent, matchers: ['alertname="Slow"'], budget: 10m, window: 1h}
suppress:
- {name: known, matchers: ['alertname="Known"'], for: 12m, to: notice, why: it is known}
- {name: night, matchers: ['alertname="Told"', 'svc="s3"'], for: 4m}
inhibit:
- {name: switch, source_matchers: ['alertname="Switch"'], target_matchers: ['alertname=~"Host|Slow"'], equal: [room], why: the switch says it}
expect:
- {name: rollout, matchers: ['alertname="Errors"'], after: {reason: [Rollout]}, for: 7m, why: pods are replaced}
events:
- {name: rollouts, reason: [Rollout], meaning: change}
dependencies:
- {name: web, from: service/s2, to: service/s3, type: calls}
- {name: till, from: service/s1, to: service/s4, type: calls}
`

// ruledPack is a pack of which rules decide as well, since packs are named by their own lines.
const ruledPack = "kube-prometheus"

// verdictWorlds is how many are played: each takes some milliseconds.
const verdictWorlds = 25

// versions are texts of the rules and of the configuration, with what stands on which line of each.
type versions struct {
	places map[string]string // "rules/shop.yml:12" → the line, of all versions that were in force
}

// policy is the policy with all rules some lines further below than at first, and notes where they stand.
func (v *versions) policy(lines int) *correlate.Policy {
	text := strings.Repeat("# Why all this.\n", lines) + ruled
	for k, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "- {name: ") {
			place := fmt.Sprintf("rules/shop.yml:%d", k+1)
			v.places[place] += line + "\n"
		}
	}
	window, beat := 9+lines, 30+lines
	v.places[fmt.Sprintf("quell.yml:%d", window)] += "name: ops,\n"
	v.places[fmt.Sprintf("quell.yml:%d", beat)] += "name: backup,\n"
	return &correlate.Policy{
		Hold: 5 * time.Minute, BlastRadius: 3, Packs: []string{ruledPack},
		Rules: []correlate.RuleFile{{Name: "rules/shop.yml", Text: text}},
		Heartbeats: []correlate.HeartbeatRule{{
			Name: "backup", Interval: 9 * time.Minute, Grace: time.Minute, Severity: correlate.SeverityCritical,
			Rule: correlate.RuleID{Section: "heartbeat", Name: "backup", File: "quell.yml", Line: beat},
		}},
		Silences: correlate.Silencing{Windows: []silence.Window{{
			Name: "ops", Matchers: labels.Matchers{{Type: labels.MatchEqual, Name: "team", Value: "ops"}}, Pos: fmt.Sprintf("quell.yml:%d:3", window),
			Intervals: []silence.Interval{{Times: []silence.TimeRange{{Start: "01:10", End: "01:50"}}}},
		}}},
	}
}

// mentions finds the places of rules in a reason.
var mentions = regexp.MustCompile(`(?:rules/shop\.yml|quell\.yml|pack [a-z-]+):\d+`)

// check says what is wrong with a verdict: one that mentions rules is by one of them, and each stands, or stood, where it says.
func (v *versions) check(reason string, rule *correlate.RuleID) string {
	mentioned := mentions.FindAllString(reason, -1)
	switch {
	case len(mentioned) > 0 && rule == nil:
		return "mentions a rule and is by none"
	case len(mentioned) > 0 && !slices.Contains(mentioned, rule.Place()):
		return "mentions rules and is by another, " + rule.String()
	}
	for _, place := range mentioned {
		if v.places[place] == "" && !strings.HasPrefix(place, "pack ") {
			return "mentions " + place + ", where no rule ever stood"
		}
	}
	if rule == nil {
		return ""
	}
	if _, isPack := rule.Pack(); isPack {
		if rule.Line == 0 || rule.Name == "" {
			return "is by a rule of a pack without its place: " + rule.String()
		}
		return ""
	}
	if !strings.Contains(v.places[rule.Place()], "name: "+rule.Name+",") {
		return "is by " + rule.String() + ", where another rule stands"
	}
	return ""
}

// ruledWorld makes the inputs of a minute: trouble of all names at all services begins and ends, at some minutes by the dozen, so that all
// that rules decide meets.
func ruledWorld(r *rand.Rand, at time.Time, firing map[string]*correlate.Alert) (inputs []correlate.Input) {
	names := []string{"Slow", "Full", "Flaps", "Told", "Known", "Switch", "Host", "Errors", "Odd", "KubePodCrashLooping", "KubeNodeNotReady"}
	for range r.IntN(3) {
		name, svc := names[r.IntN(len(names))], fmt.Sprintf("s%d", 1+r.IntN(12))
		key := name + " " + svc
		if a := firing[key]; a != nil {
			over := *a
			over.EndsAt = at
			delete(firing, key)
			inputs = append(inputs, &over)
			continue
		}
		l := correlate.LabelsOf("alertname", name, "svc", svc, "room", fmt.Sprintf("r%d", r.IntN(2)), "severity", []string{"warning", "error", "critical"}[r.IntN(3)],
			"team", []string{"ops", "dev", "web"}[r.IntN(3)])
		firing[key] = &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, Source: "prometheus", StartsAt: at}
		inputs = append(inputs, firing[key])
	}
	if r.IntN(3) == 0 {
		inputs = append(inputs, &correlate.Event{
			Entity: topology.Entity(fmt.Sprintf("service/s%d", 1+r.IntN(12))), Reason: "Rollout", Message: "v2", Count: 1, Source: "kubernetes/k", At: at,
		})
	}
	return inputs
}

// TestAVerdictThatMentionsARuleIsByIt plays random worlds under rules of all sections, of files, a pack and the configuration, with reloads
// that move lines, restarts and operators: each decision, and each entry of a timeline, that mentions rules names one of them as a value, and
// where it says that a rule stands there one stood when it decided.
func TestAVerdictThatMentionsARuleIsByIt(t *testing.T) {
	seen, wrong := make(map[string]int), make(map[string]string)
	for seed := range uint64(verdictWorlds) {
		v := &versions{places: make(map[string]string)}
		r := rand.New(rand.NewPCG(seed, 36))
		e, err := correlate.New(rules.Compile, *v.policy(0))
		if err != nil {
			t.Fatal(err)
		}
		firing := make(map[string]*correlate.Alert)
		judge := func(what, reason string, rule *correlate.RuleID) {
			if why := v.check(reason, rule); why != "" {
				wrong[what+" "+why[:min(len(why), 30)]+" "+mentions.ReplaceAllString(reason, "RULE")[:min(len(reason), 12)]] = fmt.Sprintf("seed %d: %s %s: %s", seed, what, why, reason)
			}
			if rule != nil {
				seen[what+" "+rule.Section]++
			}
		}
		for minute := range 150 {
			at := storyBegin.Add(time.Duration(minute) * time.Minute)
			inputs := ruledWorld(r, at, firing)
			switch r.IntN(30) {
			case 0:
				inputs = append(inputs, v.policy(r.IntN(40)))
			case 1:
				e = loaded(t, e)
			case 2, 3:
				if open := e.Incidents(func(i *correlate.Incident) bool { return i.State.Open() }); len(open) > 0 {
					c := &correlate.Command{Action: []correlate.Action{correlate.ActionAck, correlate.ActionResolve}[r.IntN(2)], Incident: open[r.IntN(len(open))].ID, By: "ada"}
					if e.Allows(c) == nil {
						inputs = append(inputs, c)
					}
				}
			}
			for next, ok := e.Deadline(); ok && next.Before(at); next, ok = e.Deadline() {
				for _, f := range e.Step(next, nil) {
					judge(f.Decision.String(), f.Reason, f.Rule)
				}
			}
			for _, f := range e.Step(at, inputs) {
				judge(f.Decision.String(), f.Reason, f.Rule)
			}
		}
		for _, brief := range e.Incidents(nil) {
			inc, _ := e.Incident(brief.ID, 0)
			for k := range inc.Timeline {
				judge("timeline "+inc.Timeline[k].Decision.String(), inc.Timeline[k].Reason, inc.Timeline[k].Rule)
			}
			if inc.HoldRule != nil {
				judge("hold", "", inc.HoldRule)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wrong)) {
		t.Error(wrong[key])
	}
	for _, what := range []string{
		"hold holds", "hold critical", "hold suppress", "hold inhibit", "hold expect", "hold maintenance", "escalate holds", "escalate critical", "escalate suppress",
		"escalate expect", "escalate maintenance", "escalate chronic", "notice suppress", "update maintenance", "open heartbeat", "reopen heartbeat",
	} {
		if seen[what] == 0 {
			t.Errorf("no %s in any world (there are %v)", what, seen)
		}
	}
}

// loaded is what a restart makes of an engine.
func loaded(t *testing.T, e *correlate.Engine) *correlate.Engine {
	t.Helper()
	var rows [][2][]byte
	e.Rows(func(k, v []byte) { rows = append(rows, [2][]byte{slices.Clone(k), slices.Clone(v)}) })
	again, err := correlate.Load(rules.Compile, func(yield func(k, v []byte) bool) {
		for _, row := range rows {
			if !yield(row[0], row[1]) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return again
}
