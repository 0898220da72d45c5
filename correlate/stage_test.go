package correlate

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// worldRules page for some alerts at once and hold others for long. Errors and slowness may come from below.
type worldRules struct {
	testRules
	waits   map[string]time.Duration
	vital   topology.Entity
	chronic ChronicRule
	mutes   *muteRules
}

// compile makes the rules of a world.
func (w *world) compile(p *Policy) (Rules, error) {
	return worldRules{waits: w.waits, vital: w.vital, chronic: w.chronic, mutes: w.mutes.without(p), testRules: testRules{holds: map[string]time.Duration{
		"NodeUnreachable": 0, "KubeNodeNotReady": time.Minute, "VolumeFillingUp": 10 * time.Minute, "SlowRequests": 15 * time.Minute,
	}}}, nil
}

func (r worldRules) Aspect(l Labels) Aspect {
	if l.Get("alertname") == "HighErrorRate" || l.Get("alertname") == "SlowRequests" {
		return AspectEffect
	}
	return AspectState
}

func (r worldRules) Chronic(Labels) (ChronicRule, bool) { return r.chronic, r.chronic != ChronicRule{} }

func (r worldRules) Delay(l Labels) time.Duration { return r.waits[l.Get("alertname")] }

// stage is where a world is played: the engine, a twin that is stored and loaded now and then, the model, and the ledger. The first
// thing that is wrong stops the play.
type stage struct {
	seed         uint64
	engine, twin *Engine
	compile      Compiler
	rows         rowStore
	journal      [][]byte
	times        []time.Time
	model        *dumbModel
	ledger       *ledger
	books        *books
	policy       Policy
	mutes        *muteRules    // those in force; nil if the world has none
	allMutes     *muteRules    // likewise, whether in force or not
	settle       time.Duration // the longest settle time of any policy, plus the longest grace
	leastSettle  time.Duration // the shortest settle time that was in force
	now          time.Time
	restarted    bool                              // in this step
	parted       map[IncidentID]bool               // what was split in this step
	incidentOf   map[string]IncidentID             // of active symptoms that count, after this step
	r            *rand.Rand                        // says when the twin is loaded, and which deliveries fail
	touched      map[string]map[time.Time]*touched // alerts that came again unchanged since the last step, by source and time-out
	next         []Input                           // how deliveries ended, for the next step
	steps        int
	chronic      *chronicLedger
	joined       map[int]map[IncidentID]map[string]bool // by fault: the symptoms of it that each incident had
	shown        map[int]map[topology.Entity]bool       // by fault: where it had symptoms
	verdicts     []verdict                              // how quell did at each fault, when the script was over
	pages        int                                    // until then
	hushed       map[uint64]time.Time                   // until when symptoms were known to be silenced last
	failure      *failure
	story        *story // nil if nobody listens
}

// failure is a check that found something wrong.
type failure struct {
	check string // the same for all failures of one kind: what shrinking must keep
	at    time.Duration
	text  string
}

func (f *failure) String() string { return fmt.Sprintf("at %s: %s: %s", f.at, f.check, f.text) }

// perform plays a script and, when it is over, lets everything end: alerts resolve, and time runs on until the engine has forgotten
// all of it. tell may be nil.
func perform(w *world, script []entry, tell *story) *stage {
	s := &stage{
		seed: w.seed, rows: newRowStore(), ledger: newLedger(w.seed >= silencesFrom || w.mutes != nil), books: newBooks(), now: start, r: rand.New(rand.NewPCG(w.seed, 13)), story: tell, policy: w.policy, mutes: w.mutes.without(&w.policy), allMutes: w.mutes, compile: w.compile,
		touched: make(map[string]map[time.Time]*touched), joined: make(map[int]map[IncidentID]map[string]bool),
		shown: make(map[int]map[topology.Entity]bool), hushed: make(map[uint64]time.Time), chronic: newChronicLedger(),
	}
	defer func() {
		if p := recover(); p != nil {
			s.fail("panic", "%v\n%s", p, debug.Stack())
		}
	}()
	rules, _ := s.compile(nil)
	s.model = newModel(rules, w.policy)
	s.adopt(w.policy)
	s.engine, s.twin = s.empty(), s.empty()
	s.rows.take(s.engine)
	for len(script) > 0 && s.failure == nil {
		at, n := script[0].at, 1
		for n < len(script) && script[n].at == at {
			n++
		}
		s.entries(start.Add(at), script[:n])
		script = script[n:]
	}
	s.runTo(start.Add(horizon))
	s.verdicts, s.pages = s.judge(w.faults), s.ledger.pages
	s.epilogue()
	s.replayJournal()
	return s
}

func (s *stage) empty() *Engine {
	e, err := New(s.compile, s.policy)
	if err != nil {
		s.fail("policy", "%v", err)
	}
	return e
}

func (s *stage) adopt(p Policy) {
	p = p.WithDefaults()
	s.settle = max(s.settle, p.Settle, p.RestartGrace)
	if s.leastSettle == 0 || p.Settle < s.leastSettle {
		s.leastSettle = p.Settle
	}
}

func (s *stage) fail(check, format string, args ...any) {
	if s.failure == nil {
		s.failure = &failure{check, s.now.Sub(start), fmt.Sprintf(format, args...)}
	}
}

// entries plays what happens at one time. A restart takes the time before it: nothing steps while quell is down, and a new process
// loads what the old one stored.
func (s *stage) entries(at time.Time, script []entry) {
	restart := slices.IndexFunc(script, func(en entry) bool { _, ok := en.input.(*Gap); return ok })
	if restart < 0 {
		s.runTo(at)
	} else {
		s.runTo(script[restart].input.(*Gap).From)
		s.engine = s.load()
	}
	if s.failure != nil {
		return
	}
	s.now = at
	var inputs []Input
	faults := make(map[Input][]int)
	asked := make(asks)
	told := make(map[*symptom]bool) // what this step changes: only what was known before it can come unchanged
	for _, en := range script {
		in := en.input
		if en.operator != nil {
			c := s.command(en.operator)
			if c == nil {
				continue
			}
			in = c
			asked[c.Incident] = append(asked[c.Incident], c.Action)
		}
		if a, ok := in.(*Alert); ok {
			k := s.engine.alerts[a.Fingerprint]
			if num, same := s.engine.Unchanged(a); same && !told[k] {
				s.touch(a, num, en.faults)
				continue
			}
			told[k] = true
		}
		inputs = append(inputs, in)
		faults[in] = en.faults
	}
	s.step(inputs, faults, asked)
}

// command turns to an incident that is open now.
func (s *stage) command(o *operator) *Command {
	var open []IncidentID
	for _, id := range slices.Sorted(maps.Keys(s.engine.incidents)) {
		if s.engine.Allows(&Command{Action: o.action, Incident: id}) == nil {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return &Command{Action: o.action, Incident: open[o.which%uint64(len(open))], By: "ada"}
}

// touched are alerts that came again unchanged, and when the last of them did.
type touched struct {
	nums []uint64
	last time.Time
}

// touch keeps an alert that came again unchanged for the next step's Refresh, as the loop does.
func (s *stage) touch(a *Alert, num uint64, faults []int) {
	if s.touched[a.Source] == nil {
		s.touched[a.Source] = make(map[time.Time]*touched)
	}
	by := s.touched[a.Source]
	if by[a.Expires] == nil {
		by[a.Expires] = new(touched)
	}
	by[a.Expires].nums, by[a.Expires].last = append(by[a.Expires].nums, num), s.now
	if m := s.model.symptoms[string(a.Labels)]; m != nil {
		for _, f := range faults {
			m.faults[f] = true
		}
	}
}

// refreshes takes what was touched as inputs.
func (s *stage) refreshes() []Input {
	var inputs []Input
	for _, source := range slices.Sorted(maps.Keys(s.touched)) {
		by := s.touched[source]
		for _, expires := range slices.SortedFunc(maps.Keys(by), time.Time.Compare) {
			nums := slices.DeleteFunc(by[expires].nums, func(num uint64) bool { return num == 0 })
			slices.Sort(nums)
			inputs = append(inputs, &Refresh{Alerts: slices.Compact(nums), Expires: expires, Source: source, Heard: by[expires].last})
		}
	}
	clear(s.touched)
	return inputs
}

// runTo steps at every deadline up to a time, as the loop does.
func (s *stage) runTo(until time.Time) {
	for n := 0; s.failure == nil; n++ {
		at, ok := s.engine.Deadline()
		if !ok || at.After(until) {
			break
		}
		if n > 5000 {
			s.fail("timers", "deadlines do not end: %v", at)
		}
		s.now = latest(s.now, at)
		s.step(nil, nil, nil)
	}
	s.now = latest(s.now, until)
}

// step lets the engine, its twin and the model hear the same, and then compares them.
func (s *stage) step(inputs []Input, faults map[Input][]int, asked asks) {
	inputs = slices.Concat(s.refreshes(), s.next, inputs)
	s.next = nil
	s.steps++
	s.story.inputs(s.now, inputs, faults)
	b := s.remember()
	b.near = s.nearby(inputs)
	record := AppendRecord(nil, inputs)
	s.journal, s.times = append(s.journal, record), append(s.times, s.now)
	effects := s.engine.Step(s.now, inputs)
	s.rows.take(s.engine)
	s.story.effects(effects)
	again, err := ParseRecord(record)
	if err != nil {
		s.fail("record", "%v", err)
		return
	}
	if other := s.twin.Step(s.now, again); !reflect.DeepEqual(effects, other) {
		s.fail("twin", "it decided differently (-engine +twin):\n%s", cmp.Diff(effects, other))
	}
	s.restarted = false
	for _, in := range inputs {
		s.model.hear(s.now, in, faults[in])
		switch in := in.(type) {
		case *Policy:
			s.adopt(*in)
			s.mutes = s.allMutes.without(in)
		case *Feedback:
			s.books.hear(in)
		case *Gap:
			s.restarted = true
			s.ledger.gap(in, s.leastSettle, s.policy.WithDefaults().RestartGrace)
		}
	}
	s.model.pass(s.now)
	s.recoveries(b, inputs, effects)
	s.episodes()
	s.incidentOf = s.activeHomes()
	s.parted = make(map[IncidentID]bool)
	for k := range effects {
		if effects[k].Decision == Hold && effects[k].Until.IsZero() {
			effects[k].Until = fromNano(endless) // it waits without a deadline
		}
		if effects[k].Decision == Split {
			s.parted[effects[k].Incident] = true
		}
	}
	for k := range effects {
		s.check(&effects[k])
		if wrong := s.ledger.read(&effects[k], asked.about(&effects[k])); wrong != "" {
			s.fail("effect", "%s %s (%s): %s", effects[k].Decision, effects[k].Incident, effects[k].Reason, wrong)
		}
		s.books.read(&effects[k], asked.about(&effects[k]))
		s.credited(&effects[k], asked.about(&effects[k]))
		s.chronicTold(&effects[k])
		s.deliver(&effects[k])
	}
	if wrong := s.ledger.unfinished(); wrong != "" {
		s.fail("effect", "%s", wrong)
	}
	s.givenUp(b, inputs)
	s.invariants()
	if s.r.IntN(16) == 0 {
		s.loadTwin()
	}
}

// deliver tells the engine in its next step how a page fared.
func (s *stage) deliver(f *Effect) {
	if f.Decision == SelfHeal && s.opinion(f.Incident) < 4 {
		shouldHavePaged := s.opinion(f.Incident)%2 == 0
		s.next = append(s.next, &Feedback{Incident: f.Incident, By: "ada", ShouldHavePaged: &shouldHavePaged})
	}
	if f.Decision != Escalate {
		return
	}
	d := &Delivery{Incident: f.Incident, Generation: f.Generation, Receiver: "oncall", Integration: "pagerduty[0]", Action: "trigger"}
	if s.r.IntN(10) == 0 {
		d.Error = "404"
	}
	s.next = append(s.next, d)
}

// opinion is what an operator thinks of an incident's healing, from 0 to 15; most think nothing.
func (s *stage) opinion(id IncidentID) uint64 { return (s.seed + uint64(id)*5) % 16 }

// load makes an engine of what is stored.
func (s *stage) load() *Engine {
	e, err := Load(s.compile, s.rows.all())
	if err != nil {
		s.fail("load", "%v", err)
		return s.engine
	}
	return e
}

// loadTwin stores and loads the twin, which must neither change what is stored nor what follows from it.
func (s *stage) loadTwin() {
	s.sameRows("stored", s.engine)
	s.twin = s.load()
	s.sameRows("loaded", s.twin)
	if live, loaded := derived(s.engine), derived(s.twin); !maps.Equal(live, loaded) {
		s.fail("derived", "state depends on history (-engine +loaded):\n%s", cmp.Diff(live, loaded))
	}
}

// sameRows compares what changes added up to with the whole state of an engine.
func (s *stage) sameRows(what string, e *Engine) {
	whole := newRowStore()
	e.Rows(func(k, v []byte) { whole[string(k)] = bytes.Clone(v) })
	if !maps.EqualFunc(whole, s.rows, bytes.Equal) {
		s.fail("rows", "%s state is not the rows that changed (-state +rows):\n%s", what, cmp.Diff(whole, s.rows))
	}
}

// replayJournal steps an empty engine through the journal.
func (s *stage) replayJournal() {
	if s.failure != nil {
		return
	}
	e := s.empty()
	for k, record := range s.journal {
		inputs, err := ParseRecord(record)
		if err != nil {
			s.fail("record", "%v", err)
			return
		}
		e.Step(s.times[k], inputs)
	}
	s.sameRows("replayed", e)
}

// epilogue lets everything end: every sender says that its alerts are over. Then nothing may be left, nobody may have been left with
// a page, and after a while nothing may be known.
func (s *stage) epilogue() {
	if s.failure != nil {
		return
	}
	var inputs []Input
	s.runTo(s.now.Add(time.Minute))
	for _, num := range s.engine.symptoms.numbers() {
		if k := s.engine.symptoms.get(num); k.fingerprint != 0 && k.condition != conditionCleared {
			inputs = append(inputs, &Alert{Fingerprint: k.fingerprint, Labels: k.labels, StartsAt: fromNano(k.startsAt), EndsAt: s.now, Source: k.source})
		} else if k.state && k.active() {
			inputs = append(inputs, &Event{Entity: s.engine.graph.Entity(k.node), Reason: "Ready", Count: 1, Source: k.source})
		}
	}
	for _, source := range slices.Sorted(maps.Keys(s.engine.sources)) {
		if !strings.HasPrefix(source, "quell/") {
			inputs = append(inputs, &Refresh{Source: source})
		}
	}
	s.step(inputs, nil, nil)
	s.runTo(s.now.Add(24 * time.Hour))
	for _, id := range slices.Sorted(maps.Keys(s.ledger.life)) {
		if s.ledger.life[id].open {
			s.fail("end", "%s is still open: %+v", id, s.ledger.life[id])
		}
	}
	s.forgotten()
	if wrong := s.books.compare(s.engine); wrong != "" {
		s.fail("figures", "what waiting did is counted otherwise by effects (-effects +engine):\n%s", wrong)
	}
	for n := range s.engine.graph.Nodes() {
		if at := s.engine.local(n); at.site != nil || len(at.watch)+len(at.parts) > 0 || at.root != 0 || at.rooted != 0 {
			s.fail("end", "%s is still watched: %+v", s.engine.graph.Entity(n), *at)
		}
	}
}

// asks are what operators ask for in a step.
type asks map[IncidentID][]Action

// about is what was asked for that an effect may come of, or else the last thing.
func (a asks) about(f *Effect) Action {
	list := a[f.Incident]
	want := ActionAck
	if f.Decision == Resolve {
		want = ActionResolve
	}
	if slices.Contains(list, want) {
		return want
	}
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
