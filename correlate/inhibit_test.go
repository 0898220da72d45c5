package correlate_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amconfig "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/provider"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules"
)

// TestInhibitionIsAlertmanagers draws inhibit rules and alerts that begin, end and begin anew, and asks Alertmanager's own inhibitor after each
// step which of them are inhibited. Labels have few values, are empty or missing, and rules overlap, hold of themselves, have the same matchers on both
// sides and go in circles. Some alerts are silenced, of which the inhibitor knows nothing; some are of severity info.
func TestInhibitionIsAlertmanagers(t *testing.T) {
	inhibited, free := 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 41))
		p := &correlate.Policy{AlertTimeout: -1}
		for k := range 1 + r.IntN(5) {
			in := correlate.Inhibition{
				Name: fmt.Sprint("rule", k), File: "quell.yml", SourceMatchers: drawMatchers(r), TargetMatchers: drawMatchers(r),
				Equal: drawEqual(r),
			}
			if r.IntN(5) == 0 {
				in.TargetMatchers = in.SourceMatchers
			}
			p.Inhibit = append(p.Inhibit, in)
		}
		e, err := correlate.New(rules.Compile, *p)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		active := map[model.Fingerprint]*alert.Alert{}
		for step := range 25 {
			now := storyBegin.Add(time.Duration(step) * 20 * time.Second)
			var inputs []correlate.Input
			for range 1 + r.IntN(3) {
				inputs = append(inputs, toggle(active, drawAlert(r, now)))
			}
			if r.IntN(6) == 0 {
				inputs = append(inputs, silenceSome(r, now, step))
			}
			e.Step(now, inputs)
			for fp, muted := range askAlertmanager(t, p, active) {
				got := slices.ContainsFunc(e.MutedBy(fp), func(m correlate.MutedBy) bool { return m.Kind == correlate.Inhibited })
				if got != muted {
					t.Fatalf("seed %d step %d: %s is inhibited: %v, with Alertmanager %v, by %+v", seed, step, active[fp].Labels, got, muted, p.Inhibit)
				}
				if muted {
					inhibited++
				} else {
					free++
				}
			}
		}
	}
	if inhibited < 1000 || free < 1000 {
		t.Errorf("%d alerts were inhibited and %d were not: that tells too little", inhibited, free)
	}
}

// silenceSome silences the alerts of a zone for a while.
func silenceSome(r *rand.Rand, now time.Time, step int) *correlate.Silence {
	s := &correlate.Silence{Force: true}
	s.ID, s.CreatedBy, s.StartsAt, s.EndsAt = fmt.Sprint("s", step), "ada", now, now.Add(time.Duration(1+r.IntN(10))*time.Minute)
	s.Matchers = labels.Matchers{{Type: labels.MatchEqual, Name: "zone", Value: fmt.Sprint(1 + r.IntN(2))}}
	return s
}

// drawMatchers draws up to two matchers of all kinds.
func drawMatchers(r *rand.Rand) []string {
	all := []string{`alertname="A"`, `alertname=~"A|B"`, `alertname!="B"`, `zone="1"`, `zone=""`, `zone!=""`, `rack!~"1|2"`, `team=~".*"`, `rack=~"1|"`, `team="x"`}
	list := []string{all[r.IntN(len(all))]}
	if r.IntN(2) == 0 {
		list = append(list, all[r.IntN(len(all))])
	}
	return list
}

func drawEqual(r *rand.Rand) []string {
	all := []string{"alertname", "zone", "rack", "team", "none"}
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all[:r.IntN(4)]
}

// drawAlert draws an alert, some of whose labels are missing.
func drawAlert(r *rand.Rand, now time.Time) *correlate.Alert {
	name := r.IntN(3)
	list := []string{"alertname", string("ABC"[name]), "severity", []string{"warning", "critical", "info"}[name]}
	for _, name := range []string{"zone", "rack", "team"} {
		if value := []string{"1", "2", "x", ""}[r.IntN(4)]; value != "" {
			list = append(list, name, value)
		}
	}
	l := correlate.LabelsOf(list...)
	return &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, Source: "alertmanager/a", StartsAt: now}
}

// toggle has an alert end that is active, and begin if it is not.
func toggle(active map[model.Fingerprint]*alert.Alert, a *correlate.Alert) correlate.Input {
	if _, fires := active[a.Fingerprint]; fires {
		a.EndsAt = a.StartsAt
		delete(active, a.Fingerprint)
		return a
	}
	set := model.LabelSet{}
	for name, value := range a.Labels.All() {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	active[a.Fingerprint] = &alert.Alert{Alert: model.Alert{Labels: set, StartsAt: a.StartsAt}}
	return a
}

// askAlertmanager asks its inhibitor which of the active alerts are inhibited by the rules of a policy.
func askAlertmanager(t *testing.T, p *correlate.Policy, active map[model.Fingerprint]*alert.Alert) map[model.Fingerprint]bool {
	t.Helper()
	var list []amconfig.InhibitRule
	for k := range p.Inhibit {
		in := &p.Inhibit[k]
		rule := amconfig.InhibitRule{Name: in.Name, Equal: in.Equal}
		for _, text := range in.SourceMatchers {
			ms, err := strictyaml.ParseMatchers(text)
			if err != nil {
				t.Fatal(err)
			}
			rule.SourceMatchers = append(rule.SourceMatchers, ms...)
		}
		for _, text := range in.TargetMatchers {
			ms, err := strictyaml.ParseMatchers(text)
			if err != nil {
				t.Fatal(err)
			}
			rule.TargetMatchers = append(rule.TargetMatchers, ms...)
		}
		list = append(list, rule)
	}
	ih := inhibit.NewInhibitor(activeAlerts(active), list, slog.New(slog.DiscardHandler), eventrecorder.NopRecorder())
	ran := make(chan struct{})
	go func() {
		ih.Run()
		close(ran)
	}()
	ih.WaitForLoading()
	muted := make(map[model.Fingerprint]bool, len(active))
	for fp, a := range active {
		muted[fp] = ih.Mutes(context.Background(), a.Labels)
	}
	ih.Stop()
	<-ran
	return muted
}

// activeAlerts is what Alertmanager's inhibitor reads alerts from.
type activeAlerts map[model.Fingerprint]*alert.Alert

func (a activeAlerts) SlurpAndSubscribe(string) ([]*alert.Alert, provider.AlertIterator) {
	var list []*alert.Alert
	for _, one := range a {
		list = append(list, one)
	}
	return list, a.Subscribe("")
}

func (activeAlerts) Subscribe(string) provider.AlertIterator {
	return provider.NewAlertIterator(make(chan *provider.Alert), make(chan struct{}), nil)
}
func (activeAlerts) GetPending() provider.AlertIterator          { return nil }
func (activeAlerts) Get(model.Fingerprint) (*alert.Alert, error) { return nil, nil }
func (activeAlerts) Put(context.Context, ...*alert.Alert) error  { return nil }
