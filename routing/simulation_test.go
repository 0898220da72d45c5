package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate"
	"quell/internal/fake/dice"
)

// ladderWorld is one random policy, whose steps are each of a receiver of its own, and what befalls an incident that climbs it, second
// by second.
type ladderWorld struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	policy Policy
	config *Config
	inc    *correlate.Incident
	x      *Escalations
	rows   map[correlate.IncidentID][]byte
	second int
	// ends are how deliveries under way will end, by the second.
	ends map[int][]correlate.Input
	// got and want are who was told when: by the escalations, and by the model.
	got, want []string
	model     ladderModel
}

// ladderModel knows one policy, no hours, and no rows: it looks at all there is each second.
type ladderModel struct {
	policy  *Policy
	targets map[string][]Target
	within  map[string]time.Duration
	climbs  bool
	// step is the index of the step taken last, -1 before the first; next is the second of the one after it, -1 for never.
	step, next, round int
	// missing are the integrations that have to take the page of a step until the second late.
	missing []Target
	late    int
	// failed is true if the step's receiver has nothing left, in the second in which that was heard.
	failed bool
	// recovered is the second in which all recovered, and waited that for which a step waits; never if it is ill, or none waits.
	recovered, waited int
}

const never = -1

// begin takes the first step.
func (m *ladderModel) begin(second int) string {
	m.climbs, m.step, m.round, m.waited = true, -1, 0, never
	return m.take(second)
}

// take takes the next step; there must be one.
func (m *ladderModel) take(second int) string {
	if m.step++; m.step == len(m.policy.Steps) {
		m.step = 0
	}
	s := m.policy.Steps[m.step]
	within, ok := m.within[s.Receivers[0]]
	if !ok {
		within = m.policy.DeliverWithin
	}
	m.missing, m.late, m.waited, m.failed = nil, second+int(within/time.Second), never, false
	pagers := slices.ContainsFunc(m.targets[s.Receivers[0]], func(t Target) bool { return t.Type != "slack" })
	for _, t := range m.targets[s.Receivers[0]] {
		if s.Notice == (t.Type == "slack") || !s.Notice && !pagers {
			m.missing = append(m.missing, t)
		}
	}
	switch {
	case m.step < len(m.policy.Steps)-1:
		m.next = second + int(s.Wait/time.Second)
	case m.round < m.policy.Repeats:
		m.round++
		m.next = second + int(m.policy.RepeatWait/time.Second)
	default:
		m.next = never
	}
	return fmt.Sprintf("%d %s", second, s.Receivers[0])
}

// hear takes note of how a delivery ended, or that it waits, as people would have read it before they did anything in that second.
func (m *ladderModel) hear(d *correlate.Delivery) {
	t := targetOf(d)
	if !m.climbs || !slices.Contains(m.missing, t) {
		return
	}
	m.missing = without(m.missing, t)
	if d.Error == "" {
		m.missing = nil
	} else if len(m.missing) == 0 {
		m.failed = true
	}
}

// moveOn leaves a step whose receiver has nothing left, unless somebody ended or began the climb meanwhile.
func (m *ladderModel) moveOn(second int) (told []string) {
	if m.failed && m.climbs && m.step < len(m.policy.Steps)-1 {
		told = append(told, m.take(second))
	}
	m.failed = false
	return told
}

// tick does what is due in a second.
func (m *ladderModel) tick(second int) (told []string) {
	if !m.climbs {
		return nil
	}
	if len(m.missing) > 0 && second >= m.late {
		m.missing = nil
		if m.step < len(m.policy.Steps)-1 {
			return append(told, m.take(second))
		}
	}
	if m.next != never && second >= m.next {
		if m.recovered != never && (m.waited == never || m.waited == m.recovered) {
			m.waited, m.next = m.recovered, second+60
			return told
		}
		told = append(told, m.take(second))
	}
	return told
}

// newLadderWorld makes the world of a seed.
func newLadderWorld(t *testing.T, seed uint64) *ladderWorld {
	w := &ladderWorld{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 3)), rows: make(map[correlate.IncidentID][]byte), ends: make(map[int][]correlate.Input)}
	w.policy = Policy{
		Name: "p", Repeats: w.r.IntN(3), RepeatWait: time.Duration(1+w.r.IntN(20)) * time.Minute, DeliverWithin: time.Duration(10+w.r.IntN(200)) * time.Second,
	}
	receivers, within := make(map[string][]Target), make(map[string]time.Duration)
	steps := 1 + w.r.IntN(4)
	for k := range steps {
		name := fmt.Sprintf("r%d", k)
		s := Step{Receivers: []string{name}, Notice: w.r.IntN(3) == 0}
		if k < steps-1 {
			s.Wait = time.Duration(1+w.r.IntN(600)) * time.Second
		}
		w.policy.Steps = append(w.policy.Steps, s)
		if w.r.IntN(3) == 0 {
			within[name] = time.Duration(10+w.r.IntN(300)) * time.Second
		}
		for i := range w.r.IntN(3) {
			receivers[name] = append(receivers[name], Target{name, "pagerduty", i})
		}
		if s.Notice || len(receivers[name]) == 0 || w.r.IntN(2) == 0 {
			receivers[name] = append(receivers[name], Target{name, "slack", 0})
		}
	}
	w.config = &Config{Route: &Route{Receiver: "nobody", Escalation: "p"}, Receivers: receivers, Policies: []Policy{w.policy}, DeliverWithin: within}
	w.inc = &correlate.Incident{ID: 1, Generation: 1, State: correlate.Escalated}
	w.x = NewEscalations(New(w.config, Options{}))
	w.model = ladderModel{policy: &w.policy, targets: receivers, within: within, recovered: never}
	return w
}

// effects are what the engine decides in a second.
func (w *ladderWorld) effects() []correlate.Effect {
	decide := func(d correlate.Decision, state correlate.State) []correlate.Effect {
		w.inc.State = state
		return []correlate.Effect{{Decision: d, Incident: 1, Generation: 1, Reason: "so"}}
	}
	switch {
	case w.second == 0:
		w.want = append(w.want, w.model.begin(0))
		return decide(correlate.Escalate, correlate.Escalated)
	case !w.inc.State.Open():
		return nil
	case w.r.IntN(9000) == 0:
		w.model.climbs = false
		return decide(correlate.Resolve, correlate.Resolved)
	case w.inc.State == correlate.Escalated && w.r.IntN(3000) == 0:
		w.model.climbs = false
		return decide(correlate.Acknowledge, correlate.Acknowledged)
	case w.inc.State == correlate.Acknowledged && w.r.IntN(1000) == 0:
		effects := decide(correlate.Update, correlate.Escalated)
		effects[0].Worse, effects[0].HandBack = true, true
		w.want = append(w.want, w.model.begin(w.second))
		return effects
	case w.r.IntN(500) == 0:
		return decide(correlate.Update, w.inc.State)
	}
	return nil
}

// recover has all that is ill recover now and then, and come back.
func (w *ladderWorld) recover(at time.Time) {
	switch {
	case w.inc.Recovered == nil && w.r.IntN(900) == 0:
		w.inc.Recovered, w.model.recovered = &at, w.second
	case w.inc.Recovered != nil && w.r.IntN(90) == 0:
		w.inc.Recovered, w.model.recovered = nil, never
	}
}

// tick plays one second.
func (w *ladderWorld) tick() {
	inputs, now := w.ends[w.second], now.Add(time.Duration(w.second)*time.Second)
	for _, in := range inputs {
		w.model.hear(in.(*correlate.Delivery))
	}
	effects := w.effects()
	w.recover(now)
	w.want = append(w.want, w.model.moveOn(w.second)...)
	w.want = append(w.want, w.model.tick(w.second)...)
	if at, due := w.x.Deadline(); len(effects)+len(inputs) == 0 && (!due || at.After(now)) {
		return
	}
	twin := NewEscalations(w.x.Router())
	for id, row := range w.rows {
		if err := twin.Load(id, row); err != nil {
			w.t.Fatal(err)
		}
	}
	look := func(correlate.IncidentID) (*correlate.Incident, bool) { return w.inc, true }
	w.x.Hear(inputs)
	sent := w.x.Step(now, effects, look)
	twin.Hear(inputs)
	if diff := cmp.Diff(sent, twin.Step(now, effects, look)); diff != "" {
		w.t.Fatalf("seed %d, second %d: the twin that was loaded sends something else:\n%s", w.seed, w.second, diff)
	}
	w.x.Changes(func(id correlate.IncidentID, row []byte) { w.rows[id] = row })
	w.send(sent)
}

// send notes who was told, and decides how that will end.
func (w *ladderWorld) send(sent []Delivery) {
	for i := range sent {
		d := &sent[i]
		if d.Action != Trigger && d.Action != Notice {
			continue
		}
		line := fmt.Sprintf("%d %s", w.second, d.Target.Receiver)
		if n := len(w.got); n == 0 || w.got[n-1] != line {
			w.got = append(w.got, line)
		}
		end := Accepted([]Delivery{*d})[0].(*correlate.Delivery)
		later := w.second + 1 + w.r.IntN(200)
		if w.r.IntN(3) == 0 {
			waits := *end
			waits.Deferred, waits.Error = true, "ill"
			soon := w.second + 1 + w.r.IntN(later-w.second)
			w.ends[soon] = append(w.ends[soon], &waits)
		}
		switch w.r.IntN(5) {
		case 0:
			continue // nobody ever hears of it
		case 1, 2:
			end.Error = "refused"
		}
		w.ends[later] = append(w.ends[later], end)
	}
}

// TestEscalationsClimbAsTheModelDoes plays random policies with receivers that take what they get, refuse it, are ill, or say nothing, and people
// who acknowledge, hand back and resolve; what is ill recovers and comes back. Step by step those are told, and at those times, whom a model tells that looks at everything
// each second: no step is left out, a failure moves a page on at once, nothing repeats beyond its limit or goes on after
// an acknowledgement. A twin that is loaded from the rows before each step sends the same.
func TestEscalationsClimbAsTheModelDoes(t *testing.T) {
	worlds, first := uint64(300), dice.Seed(t)
	if testing.Short() {
		worlds = 30
	}
	// Worlds in which a time that was given up is due again, and in which a page of an earlier climb fails in the second in which a new one begins.
	seeds := []uint64{1795277268867544267, 1795324213395976437}
	for k := range worlds {
		seeds = append(seeds, first+k)
	}
	for _, seed := range seeds {
		w := newLadderWorld(t, seed)
		for ; w.second < 4*3600; w.second++ {
			w.tick()
		}
		if diff := cmp.Diff(w.want, w.got); diff != "" {
			t.Fatalf("seed %d, %+v (-model +escalations):\n%s", seed, w.policy, diff)
		}
	}
}

// brute is what Opens must find: it looks at each minute.
func brute(c *Config, from time.Time, within time.Duration, h Hours) (time.Time, bool) {
	if c.open(h, from) {
		return from, true
	}
	for at := from.Truncate(time.Minute).Add(time.Minute); !at.After(from.Add(within)); at = at.Add(time.Minute) {
		if c.open(h, at) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Hours open when a search that looks at each minute says so, in zones of all kinds of offsets and on days on which clocks change.
func TestOpensAgreesWithASearchMinuteByMinute(t *testing.T) {
	r := dice.New(t)
	zones := []string{"Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "UTC"}
	days := []string{"monday:friday", "saturday", "sunday:monday", "sunday"}
	starts := []time.Time{time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC), now}
	for range 60 {
		begin, length := r.IntN(1430), 1+r.IntN(200)
		minute := func(m int) string { return fmt.Sprintf("%02d:%02d", min(m, 1440)/60, min(m, 1440)%60) }
		text := fmt.Sprintf(`[{"times":[{"start_time":%q,"end_time":%q}],"location":%q`, minute(begin), minute(begin+length), zones[r.IntN(len(zones))])
		if day := days[r.IntN(len(days))]; day != "sunday:monday" {
			text += fmt.Sprintf(`,"weekdays":[%q]`, day)
		}
		c := new(Config)
		c.TimeIntervals = map[string][]timeinterval.TimeInterval{"x": intervals(t, text+"}]")}
		h := []Hours{{Active: []string{"x"}}, {Mute: []string{"x"}}}[r.IntN(2)]
		from := starts[r.IntN(len(starts))].Add(time.Duration(r.IntN(5*24*3600)) * time.Second)
		want, ok := brute(c, from, 8*24*time.Hour, h)
		if got, found := c.Opens(from, 8*24*time.Hour, h); found != ok || ok && !got.Equal(want) {
			t.Fatalf("%s from %v, %+v: got %v, want %v", text, from, h, got, want)
		}
	}
}
