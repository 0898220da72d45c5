package correlate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/heal"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// labelSource is the source of dependencies that labels of live alerts tell.
const labelSource = "labels"

// Compiler turns the rules of a policy into values. It must be pure.
type Compiler func(*Policy) (Rules, error)

// Engine holds all symptoms and open incidents and decides about them. One goroutine owns it.
type Engine struct {
	now     int64 // Unix nanoseconds of the last step
	policy  Policy
	tuning  Tuning
	compile Compiler
	rules   Rules
	answers answerBook // what they said
	graph   *topology.Graph

	symptoms   symptomTable
	alerts     map[model.Fingerprint]*symptom
	events     map[eventKey]*symptom
	locals     []local // by node
	incidents  map[IncidentID]*incident
	sources    map[string]*source
	classes    map[string]spells // see rarity.go
	changes    memory[change]
	signs      memory[signs]
	outcomes   honesty.Tally // of generations that are over for good, see generation.go
	heartbeats map[string]*heartbeat
	expected   []HeartbeatRule // of policy and rules
	unseen     unseenState
	lifetimes  *heal.Model // how long trouble lasts, by class
	estimated  *estimated
	endings    memory[ending]
	rush       rush
	chronic    chronicTable

	silences     silenceBook
	mutes        muteBook
	nextSymptom  uint64
	nextIncident IncidentID
	timers       timerHeap
	// awaited are those of the timers that a replay waits for, see Pending. Those of events that ended are taken out when it looks.
	awaited  timerHeap
	effects  []Effect
	room     int                 // for how many effects there is to be room once there is one
	unranked map[IncidentID]bool // true: in this step, see rerankSoon
	dirty    dirty
	strings  interner
	desk     *desk
	scratch  []reach
	// refused are updates of the last step that the graph had no room for.
	refused []refusal
	fadeAt  int64 // when the next timer for what sources told is due; 0 if there is none
	// heartbeatAt is likewise when a heartbeat may be missing; see reviseHeartbeats for heartbeatsStale and Rest for resting.
	heartbeatAt              int64
	heartbeatsStale, resting bool
	// orphans are active symptoms whose incident was lost with a damaged row.
	orphans []uint64
}

// New returns an engine without state. The policy's rules are compiled; an error of the compiler is returned as it is.
func New(compile Compiler, p Policy) (*Engine, error) { return NewTuned(compile, p, DefaultTuning()) }

// NewTuned is [New] with other thresholds. A journal tells nothing of them, so only who keeps none may use it.
func NewTuned(compile Compiler, p Policy, t Tuning) (*Engine, error) {
	e := &Engine{
		tuning:       t,
		compile:      compile,
		graph:        topology.New(),
		alerts:       make(map[model.Fingerprint]*symptom),
		events:       make(map[eventKey]*symptom),
		incidents:    make(map[IncidentID]*incident),
		sources:      make(map[string]*source),
		classes:      make(map[string]spells),
		lifetimes:    heal.NewModel(heal.DefaultTuning()),
		estimated:    new(estimated),
		endings:      newMemory[ending](),
		changes:      newMemory[change](),
		heartbeats:   make(map[string]*heartbeat),
		unseen:       newUnseenState(),
		signs:        newMemory[signs](),
		silences:     newSilenceBook(),
		mutes:        newMuteBook(),
		chronic:      newChronicTable(),
		nextSymptom:  1,
		nextIncident: 1,
		dirty:        newDirty(),
		unranked:     make(map[IncidentID]bool),
		strings:      interner{},
	}
	if _, err := e.adopt(&p); err != nil {
		return nil, err
	}
	e.depend(nil)
	return e, nil
}

// adopt puts a policy in force without looking at what is there already. It reports whether types of dependencies changed.
func (e *Engine) adopt(p *Policy) (retyped bool, err error) {
	q := p.WithDefaults()
	rules, err := e.compile(&q)
	if err != nil {
		return false, err
	}
	if err := e.adoptSilencing(&q.Silences); err != nil {
		return false, err
	}
	e.policy, e.rules, e.answers, e.expected = q, rules, newAnswerBook(rules), slices.Concat(q.Heartbeats, rules.Expected())
	e.dirty.policy, e.heartbeatsStale = true, true
	e.graph.SetLimit(q.MaxEntities)
	return e.graph.SetTraits(e.traits), nil
}

// Policy returns the policy in force, with defaults filled in.
func (e *Engine) Policy() Policy { return e.policy }

// Now returns the time of the last step, or the zero time before the first.
func (e *Engine) Now() time.Time { return fromNano(e.now) }

// Step applies a batch of inputs, in order, at logical time now, then does what is due by then, and returns the effects to
// perform, in order. It panics if now precedes an earlier call's, since replay would differ from the first run, and on a
// policy whose rules do not compile, since callers check policies before they use them. The engine keeps parts of inputs.
func (e *Engine) Step(now time.Time, inputs []Input) []Effect {
	t := now.UnixNano()
	if t < e.now {
		panic(fmt.Sprintf("correlate: time went back from %v to %v", fromNano(e.now), now))
	}
	e.now, e.room, e.refused = t, len(inputs)+4, nil
	e.beginSilences()
	e.changes.forget(t - changeFor)
	e.signs.forget(t - signFor)
	e.endings.forget(t - flapFor)
	e.beginChronic()
	for _, num := range e.orphans {
		if s := e.symptoms.get(num); s.active() && s.incident == 0 {
			e.place(s, e.local(s.node).site)
		}
	}
	e.orphans = nil
	for _, in := range inputs {
		e.apply(in)
	}
	e.reviseHeartbeats()
	for again := true; again; again = len(e.timers) > 0 && e.timers[0].at <= t {
		for len(e.timers) > 0 && e.timers[0].at <= t {
			e.fire(e.timers.pop())
		}
		e.awaited.passed(t)
		e.rankAll() // which may find that something must not wait
	}
	effects := e.effects
	e.effects = nil
	return effects
}

// Deadline reports when Step must next be called even without inputs; ok is false if never.
func (e *Engine) Deadline() (at time.Time, ok bool) {
	if len(e.timers) == 0 {
		return time.Time{}, false
	}
	return fromNano(e.timers[0].at), true
}

// Pending reports when the next timer is due that changes an incident or lets a symptom end: what a replay waits for after
// its last line. Time-outs of alerts do not count, since nobody can report them again then.
func (e *Engine) Pending() (at time.Time, ok bool) {
	for len(e.awaited) > 0 {
		t := e.awaited[0]
		if t.kind != timerExpire {
			return fromNano(t.at), true
		}
		s := e.symptoms.get(t.id)
		if s != nil && s.expireAt == t.at {
			if s.active() {
				return fromNano(t.at), true
			}
			s.unawaited = true
		}
		e.awaited.pop()
	}
	return time.Time{}, false
}

func (e *Engine) apply(in Input) {
	switch in := in.(type) {
	case *Alert:
		e.heard(in.Source, e.now)
		e.seenHere(in)
		e.alert(in)
	case *Event:
		e.heard(in.Source, e.now)
		e.event(in)
	case *Refresh:
		at := e.now
		if !in.Heard.IsZero() {
			at = min(at, toNano(in.Heard))
		}
		e.heard(in.Source, at)
		e.refresh(in, at)
	case *Topology:
		e.topology(in)
	case *Command:
		e.command(in)
	case *Delivery:
		e.delivered(in)
	case *Gap:
		e.gap(in)
	case *Policy:
		e.repolicy(in)
	case *Feedback:
		e.feedback(in)
	case *Silence:
		e.takeSilence(in)
	case *Heartbeat:
		e.heartbeat(in)
	case *Unseen:
		e.toldUnseen(in)
	default:
		panic(fmt.Sprintf("correlate: unknown input %T", in))
	}
}

func (e *Engine) fire(t timer) {
	switch t.kind {
	case timerExpire:
		e.expire(t)
	case timerDrop:
		e.dropDue(t)
	case timerFade:
		e.fade(t)
	case timerSilence:
		e.silenceDue(IncidentID(t.id))
	case timerHeartbeat:
		e.heartbeatsDue(t)
	case timerUnseen:
		e.judgeUnseen(t)
	case timerRound:
		e.round()
	default:
		if i := e.incidents[IncidentID(t.id)]; i != nil {
			e.due(i, t.kind)
		}
	}
}

func (e *Engine) timer(kind timerKind, at int64, id uint64) {
	if at >= endless {
		return
	}
	t := timer{at: at, kind: kind, id: id}
	e.timers.push(t)
	switch kind {
	case timerSettle, timerGather, timerHold, timerAck, timerDoubt, timerRank:
		e.awaited.push(t)
	case timerExpire:
		if e.symptoms.get(id).isEvent() {
			e.awaited.push(t)
		}
	}
}

func (e *Engine) emit(i *incident, d Decision, reason string) *Effect {
	if e.effects == nil {
		e.effects = make([]Effect, 0, e.room) // most steps that only refresh have none
	}
	e.effects = append(e.effects, Effect{
		At: fromNano(e.now), Decision: d, Incident: i.id, Generation: i.generation, Reason: reason,
	})
	e.live(i, d)
	if d != Join {
		i.note(fromNano(e.now), d, reason)
		e.dirty.incidents[i.id] = struct{}{}
	}
	return &e.effects[len(e.effects)-1]
}

// emitBy is emit for what a rule decides; nil is no rule. It is not for joins, which have no entry of their own.
func (e *Engine) emitBy(i *incident, d Decision, reason string, rule *RuleID) *Effect {
	f := e.emit(i, d, reason)
	f.Rule = rule
	i.timeline[len(i.timeline)-1].Rule = rule
	return f
}

// repolicy puts another policy in force: dependencies that rules and labels tell are read anew, all mean what the new rules say, running
// holds keep their deadlines.
func (e *Engine) repolicy(p *Policy) {
	nums, before, reopen := e.symptoms.numbers(), e.rules.Dependencies(), e.policy.Reopen
	for _, n := range nums {
		e.dropEdges(e.symptoms.get(n))
	}
	retyped, err := e.adopt(p)
	if err != nil {
		panic("correlate: policy was not checked: " + err.Error())
	}
	for _, n := range nums {
		s := e.symptoms.get(n)
		e.grade(s)
		e.addEdges(s, e.edgesOf(s))
	}
	e.depend(before)
	if retyped {
		e.reobserveAll(nums)
	}
	e.turnSilences()
	e.rewatch(e.policy.Reopen != reopen)
}

// gap starts time-outs over and gives holds that are overdue, or due soon, a grace period, no longer than the gap was.
func (e *Engine) gap(in *Gap) {
	missed := max(in.To.Sub(in.From), 0)
	grace := int64(min(missed, e.policy.RestartGrace))
	for _, num := range e.symptoms.numbers() {
		s := e.symptoms.get(num)
		if s.active() && s.expires != 0 {
			e.setExpiry(s, max(s.expires, e.now+max(grace, e.timeout(s))))
		}
	}
	e.postpone(missed, grace)
	e.heartbeatsGap()
	for name, src := range e.sources {
		src.seen = e.now
		e.dirty.sources[name] = struct{}{}
	}
	for _, id := range slices.Sorted(maps.Keys(e.incidents)) {
		i := e.incidents[id]
		e.unwatch(i, toNano(in.From)) // it may have healed unseen
		e.excuseUnseen(i, missed)
		e.excuseHold(i, in)
		if i.state == Acknowledged && i.taken.Until != 0 && i.taken.Until < e.now+grace {
			e.lapseAt(i, e.now+grace)
		}
		e.settleAnew(i, in, e.now+min(grace, int64(e.policy.Settle)))
		e.watchBudget(i)
	}
}

// settleAnew lets what had not settled before a gap settle at a time at the earliest: whatever came back meanwhile has to be heard of first.
func (e *Engine) settleAnew(i *incident, in *Gap, at int64) {
	if !i.state.Open() || i.settleAt == 0 {
		return
	}
	if i.calmAt > toNano(in.From) && i.calmAt < at {
		i.calmAt = at
		e.dirty.incidents[i.id] = struct{}{}
	}
	if i.settleAt < at {
		i.settleAt = at
		e.timer(timerSettle, at, uint64(i.id))
		e.dirty.incidents[i.id] = struct{}{}
	}
}

// interner keeps one copy of strings that recur: alert names, sources, generator URLs.
type interner map[string]string

func (in interner) get(s string) string {
	if v, ok := in[s]; ok {
		return v
	}
	if len(in) >= 100_000 {
		return s // A sender that never repeats itself gains nothing from interning and must not fill the map.
	}
	in[s] = s
	return s
}

// bytes is get for bytes, which it copies only if it does not know them.
func (in interner) bytes(b []byte) string {
	if v, ok := in[string(b)]; ok {
		return v
	}
	return in.get(string(b))
}

func fromNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func toNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
