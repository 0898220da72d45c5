package correlate

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heartPlay is an engine with heartbeats, beside a twin that is stored and loaded before each step, a model that knows nothing of
// incidents, and the journal.
type heartPlay struct {
	t            *testing.T
	r            *rand.Rand
	now, last    time.Time // of this step, and of the one before
	engine, twin *Engine
	rows         rowStore
	journal      [][]byte
	times        []time.Time
	policy       Policy
	model        map[string]*modelBeat
	firing       map[string]*Alert
}

// modelBeat is what the model knows of a heartbeat.
type modelBeat struct {
	rule      *HeartbeatRule
	last, due time.Time
	failed    bool
}

// playedHearts are the policies that a random history changes between.
func playedHearts() [][]HeartbeatRule {
	watchdog := HeartbeatRule{Name: "watchdog", Matchers: []string{"Watchdog"}, Per: []string{"cluster"}, Interval: 5 * time.Minute, Grace: 3 * time.Minute, Severity: SeverityCritical}
	backup := HeartbeatRule{Name: "backup", Interval: 40 * time.Minute, Grace: 10 * time.Minute, Severity: SeverityWarning, Entity: "cronjob/ops/backup"}
	often := backup
	often.Interval = 10 * time.Minute
	jobs := HeartbeatRule{Name: AnyHeartbeat, Per: []string{"host"}, Interval: 15 * time.Minute, Severity: SeverityError}
	return [][]HeartbeatRule{{watchdog, backup}, {watchdog, often, jobs}, {backup, jobs}}
}

// TestSimulationOfHeartbeats plays random histories of what beats, stops, fails and is forgotten, while rules change and quell
// is down. After each step the twin decided the same and has the same rows, and which heartbeats are in trouble is what the model, which
// knows due times only, says. In the end the journal, replayed, gives the same rows.
func TestSimulationOfHeartbeats(t *testing.T) {
	histories := uint64(*seeds)
	if testing.Short() {
		histories = min(histories, shortHistories)
	}
	for k := range histories {
		n := *base + k
		p := &heartPlay{
			t: t, r: rand.New(rand.NewPCG(n, 23)), now: start, rows: newRowStore(),
			model: make(map[string]*modelBeat), firing: make(map[string]*Alert),
		}
		p.play()
		if t.Failed() {
			t.Fatalf("replay with -base=%d -seeds=1", n)
		}
	}
}

func (p *heartPlay) play() {
	p.policy = Policy{AlertTimeout: -1, Heartbeats: playedHearts()[0]}
	p.engine = p.empty()
	p.rows.take(p.engine)
	p.twin = p.rows.load(p.t)
	p.step(nil)
	for range 60 {
		until := p.now.Add(time.Duration(1+p.r.IntN(400)) * time.Second)
		if p.r.IntN(20) == 0 {
			gap := &Gap{From: p.now, To: until, Why: "restart"}
			p.now = until
			p.step([]Input{gap})
			continue
		}
		for at, ok := p.engine.Deadline(); ok && !at.After(until) && !p.t.Failed(); at, ok = p.engine.Deadline() {
			if at.After(p.now) {
				p.now = at
			}
			p.step(nil)
		}
		p.now = until
		var inputs []Input
		for range 1 + p.r.IntN(2) {
			inputs = append(inputs, p.input())
		}
		if k := slices.IndexFunc(inputs, func(in Input) bool { _, is := in.(*Policy); return is }); k >= 0 {
			inputs = inputs[k : k+1] // the model asks for rules after the step
		}
		p.step(inputs)
	}
	p.replay()
}

func (p *heartPlay) empty() *Engine {
	e, err := New(compileTest, Policy{AlertTimeout: -1, Heartbeats: playedHearts()[0]})
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

func (p *heartPlay) input() Input {
	pick := func(words ...string) string { return words[p.r.IntN(len(words))] }
	switch n := p.r.IntN(20); {
	case n < 8:
		return p.watchdog(pick("a", "b", "c"))
	case n < 11:
		return &Heartbeat{Name: "backup", Failed: p.r.IntN(4) == 0, Message: pick("", "disk full")}
	case n < 17:
		return &Heartbeat{Name: pick("x", "y", "watchdog"), Labels: LabelsOf("host", pick("h1", "h2"), "other", "z"), Failed: p.r.IntN(5) == 0, Source: "heartbeat/h"}
	case n < 18:
		return &Heartbeat{Name: pick("x", "backup"), Labels: LabelsOf("host", "h1"), Forget: true}
	case n < 19:
		return &Heartbeat{Name: "watchdog", Labels: LabelsOf("cluster", pick("a", "b")), Forget: true}
	}
	p.policy.Heartbeats = playedHearts()[p.r.IntN(3)]
	q := p.policy
	return &q
}

// watchdog is a report of the alert of a cluster: that it fires, more often than not, in full or as a refresh.
func (p *heartPlay) watchdog(cluster string) Input {
	a := p.firing[cluster]
	known := a != nil && p.engine.alerts[a.Fingerprint] != nil && p.engine.alerts[a.Fingerprint].active()
	switch {
	case a == nil || p.r.IntN(3) == 0:
		if a == nil {
			a = &Alert{Labels: LabelsOf("alertname", "Watchdog", "cluster", cluster, "quell_entity", "cluster/"+cluster), StartsAt: p.now, Source: "alertmanager/" + cluster}
			a.Fingerprint = a.Labels.Fingerprint()
			p.firing[cluster] = a
		}
		return a
	case !known:
	case p.r.IntN(6) == 0:
		delete(p.firing, cluster)
		over := *a
		over.EndsAt = p.now
		return &over
	default:
		return &Refresh{Alerts: []uint64{p.engine.alerts[a.Fingerprint].num}, Source: a.Source}
	}
	return a
}

func (p *heartPlay) step(inputs []Input) {
	p.t.Helper()
	p.journal, p.times = append(p.journal, AppendRecord(nil, inputs)), append(p.times, p.now)
	effects := p.engine.Step(p.now, inputs)
	p.rows.take(p.engine)
	p.rows.check(p.t, p.engine)
	again, err := ParseRecord(p.journal[len(p.journal)-1])
	if err != nil {
		p.t.Fatal(err)
	}
	if other := p.twin.Step(p.now, again); !reflect.DeepEqual(effects, other) {
		p.t.Fatalf("at %v: the twin decided differently (-engine +twin):\n%s", p.now.Sub(start), cmp.Diff(effects, other))
	}
	p.twin = p.rows.load(p.t)
	if live, loaded := derived(p.engine), derived(p.twin); !maps.Equal(live, loaded) {
		p.t.Fatalf("at %v: derived state depends on history (-engine +loaded):\n%s", p.now.Sub(start), cmp.Diff(live, loaded))
	}
	for _, in := range inputs {
		p.hear(in)
	}
	for i := range p.policy.Heartbeats {
		if r := &p.policy.Heartbeats[i]; !r.learns() && p.model[r.Name] == nil {
			p.model[r.Name] = &modelBeat{rule: r, last: p.now, due: p.now.Add(r.Interval + r.Grace)}
		}
	}
	p.last = p.now
	p.compare()
}

// hear tells the model what the engine hears.
func (p *heartPlay) hear(in Input) {
	switch in := in.(type) {
	case *Alert:
		p.hearAlert(in)
	case *Refresh:
		p.hearAlert(&Alert{Labels: p.engine.symptoms.get(in.Alerts[0]).labels}) // it fired before the step
	case *Heartbeat:
		r := p.engine.heartbeatRule(in.Name)
		if r == nil {
			r = p.engine.heartbeatRule(AnyHeartbeat)
		}
		if r == nil {
			return
		}
		labels, ok := r.told(in.Labels)
		key := heartbeatKey(in.Name, labels)
		switch {
		case in.Forget && r.learns():
			delete(p.model, key)
		case in.Forget || !ok || len(r.Matchers) > 0:
		default:
			p.model[key] = &modelBeat{rule: r, last: p.now, due: p.now.Add(r.Interval + r.Grace), failed: in.Failed}
		}
	case *Gap:
		for _, m := range p.model {
			if again := p.now.Add(min(m.rule.Interval, time.Hour) + m.rule.Grace); m.due.After(in.From) && !m.due.Add(-2*m.rule.Grace).After(p.now) && again.After(m.due) {
				m.due = again
			}
		}
	case *Policy:
		p.adopt()
	}
}

func (p *heartPlay) hearAlert(a *Alert) {
	r := p.engine.heartbeatRule("watchdog")
	if r == nil {
		return
	}
	labels, _ := r.told(a.Labels)
	key := heartbeatKey(r.Name, labels)
	switch m := p.model[key]; {
	case !a.Resolved():
		p.model[key] = &modelBeat{rule: r, last: p.now, due: p.now.Add(r.Interval + r.Grace)}
	case m != nil && m.due.After(p.now.Add(r.Grace)):
		m.due = p.now.Add(r.Grace)
	}
}

// adopt is how the model takes a change of rules.
func (p *heartPlay) adopt() {
	for key, m := range p.model {
		name, _, _ := strings.Cut(key, "{")
		now := p.engine.heartbeatRule(m.rule.Name)
		switch {
		case now == nil, m.rule.Name == AnyHeartbeat && p.engine.heartbeatRule(name) != nil:
			delete(p.model, key)
		case now.Interval != m.rule.Interval && m.due.After(p.last):
			m.due = latest(m.last.Add(now.Interval), p.now).Add(now.Grace)
			m.rule = now
		default:
			m.rule = now
		}
	}
}

// compare holds what the engine says of heartbeats against the model.
func (p *heartPlay) compare() {
	p.t.Helper()
	got, want := make(map[string]string), make(map[string]string)
	for _, v := range p.engine.Heartbeats() {
		key := heartbeatKey(v.Name, v.Labels)
		if got[key] = v.State; v.State == "waiting" || v.State == "ok" {
			got[key] = "well"
		}
	}
	for key, m := range p.model {
		switch {
		case m.failed:
			want[key] = "failed"
		case !m.due.After(p.now):
			want[key] = "missing"
		default:
			want[key] = "well"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Fatalf("at %v: heartbeats (-model +engine):\n%s", p.now.Sub(start), diff)
	}
}

func (p *heartPlay) replay() {
	e := p.empty()
	for k, b := range p.journal {
		inputs, err := ParseRecord(b)
		if err != nil {
			p.t.Fatal(err)
		}
		e.Step(p.times[k], inputs)
	}
	p.rows.check(p.t, e)
}

// TestReasonsOfHeartbeatsHaveTheirNumbers: who reads why an incident began sees what was expected, and what came.
func TestReasonsOfHeartbeatsHaveTheirNumbers(t *testing.T) {
	e, err := New(compileTest, Policy{AlertTimeout: -1, Heartbeats: playedHearts()[0]})
	if err != nil {
		t.Fatal(err)
	}
	a := &Alert{Labels: LabelsOf("alertname", "Watchdog", "cluster", "a", "quell_entity", "cluster/a"), StartsAt: start, Source: "alertmanager/am"}
	a.Fingerprint = a.Labels.Fingerprint()
	e.Step(start, []Input{a})
	var reasons []string
	for _, f := range slices.Concat(e.Step(start.Add(8*time.Minute), nil), e.Step(start.Add(9*time.Minute), []Input{&Heartbeat{Name: "backup", Failed: true, Message: "disk full"}})) {
		if f.Decision == Open {
			reasons = append(reasons, f.Reason)
		}
	}
	want := []string{
		"HeartbeatMissing began on heartbeat/watchdog@a and nothing known explains it: no beat since 2026-01-02 03:00:00, 8m ago; " +
			"one is expected every 5m and may be 3m late; the last one came from alertmanager/am",
		"HeartbeatFailed began on cronjob/ops/backup and nothing known explains it: it reported a failure: disk full",
	}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
