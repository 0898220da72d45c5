package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate/silence"
	"quell/correlate/topology"
)

// silencesFrom is the first seed whose world has silences: those before it stay as they were.
const silencesFrom = 1_000_000

// silenced adds silences to a world's script: of alerts, of entities, of incidents until they are fixed; some are ended by hand.
func (w *world) silenced(script []entry) []entry {
	r := rand.New(rand.NewPCG(w.seed, 23))
	var alerts []labels.Matchers
	for _, en := range script {
		if a, ok := en.input.(*Alert); ok {
			alerts = append(alerts, labels.Matchers{equal("alertname", a.Labels.Get("alertname"))}, labels.Matchers{equal("severity", a.Labels.Get("severity"))})
		}
	}
	for k := range r.IntN(6) {
		at := time.Duration(r.Int64N(int64(horizon))).Truncate(time.Second)
		in := &Silence{Force: true}
		in.ID, in.StartsAt, in.CreatedBy = fmt.Sprint("s", k), start.Add(at), "ada"
		switch n := r.IntN(6); {
		case n < 2 && len(alerts) > 0:
			in.Matchers = pick(r, alerts)
		case n < 3:
			in.Entities = []topology.Entity{pick(r, w.nodes)}
		case n < 4:
			in.Entities = []topology.Entity{pick(r, w.services).entity, pick(r, w.namespaces)}
		default:
			in.Incident = uint64(1 + r.IntN(5))
		}
		in.EndsAt = in.StartsAt.Add(time.Duration(1+r.IntN(90)) * time.Minute)
		if r.IntN(4) == 0 {
			in.StartsAt = in.StartsAt.Add(in.EndsAt.Sub(in.StartsAt) / 2)
		}
		script = append(script, entry{at: at, input: in})
		if r.IntN(3) == 0 {
			over := &Silence{Expire: true}
			over.ID = in.ID
			script = append(script, entry{at: min(at+time.Duration(r.IntN(60))*time.Minute, horizon), input: over})
		}
	}
	slices.SortStableFunc(script, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	return script
}

func equal(name, value string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchEqual, Name: name, Value: value}
}

// silence makes, changes or ends one of a few silences.
func (w *history) silence() *Silence {
	in := &Silence{Force: w.hush.IntN(4) > 0, Expire: w.hush.IntN(6) == 0}
	in.ID, in.StartsAt = fmt.Sprint("s", w.hush.IntN(5)), w.now.Add(time.Duration(w.hush.IntN(300)-150)*time.Second)
	if old, known := w.engine.KnownSilence(in.ID); known && w.hush.IntN(2) == 0 {
		in.Silence = old
	} else {
		switch w.hush.IntN(5) {
		case 0:
			in.Matchers = labels.Matchers{equal("alertname", []string{"Down", "Slow", "PageNow"}[w.hush.IntN(3)])}
		case 1:
			in.Matchers = labels.Matchers{{Type: labels.MatchNotEqual, Name: "alertname", Value: "Down"}}
		case 2:
			in.Entities = []topology.Entity{topology.Entity(fmt.Sprintf("node/n-%d", w.hush.IntN(4))), "namespace/s"}[w.hush.IntN(2):][:1]
		case 3:
			in.Entities = []topology.Entity{topology.Entity(fmt.Sprintf("deployment/s/d-%d", w.hush.IntN(4)))}
			in.Matchers = labels.Matchers{equal("alertname", "Down")}
		default:
			in.Incident = uint64(1 + w.hush.IntN(int(w.lastID)+1))
		}
	}
	in.EndsAt = w.now.Add(time.Duration(w.hush.IntN(3600)) * time.Second)
	return in
}

// maintenance is a window that opens for ten minutes each hour of the morning, or none.
func (w *history) maintenance() Silencing {
	if w.hush.IntN(2) == 0 {
		return Silencing{}
	}
	daily := silence.Interval{}
	for h := range 9 {
		daily.Times = append(daily.Times, silence.TimeRange{Start: fmt.Sprintf("%02d:20", h), End: fmt.Sprintf("%02d:30", h)})
	}
	return Silencing{Windows: []silence.Window{{Name: "w", Entities: []topology.Entity{"service/s/v-1"}, Intervals: []silence.Interval{daily}}}}
}

// silencedFor is what the dumb model knows of silences: it looks at each of them, and at all that an entity leans on. It returns until
// when a symptom is silenced; the zero time if it is not.
func silencedFor(e *Engine, s *symptom) (until time.Time) {
	now := fromNano(e.now)
	leans := map[topology.Entity]bool{}
	for _, r := range cone(e.graph, s.node) {
		if r.weight >= silenceWeight {
			leans[e.graph.Entity(r.node)] = true
		}
	}
	e.throughParts(s.node, func(m topology.Node, weight float32, _ []chainLink) {
		if weight >= silenceWeight {
			leans[e.graph.Entity(m)] = true
		}
	})
	entity := e.graph.Entity(s.node)
	about := func(list []topology.Entity) bool {
		return slices.ContainsFunc(list, func(x topology.Entity) bool {
			place := x.Kind() == "namespace" && x.Name() == entity.Namespace() && x.Cluster() == entity.Cluster()
			return leans[x] || place || inPlace(e, s.node, x)
		})
	}
	set := model.LabelSet{}
	for name, value := range s.labels.All() {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	for _, row := range e.silences.byID {
		switch {
		case row.StartsAt.After(now), !row.EndsAt.After(now), !row.Matchers.Matches(set):
		case len(row.Entities) > 0 && !about(row.Entities):
		case row.Incident != 0 && (s.severity > row.Severity || !about([]topology.Entity{row.Root}) && !slices.Contains(row.Known, entity)):
		default:
			until = latest(until, row.EndsAt)
		}
	}
	for k, w := range e.silences.windows {
		if e.silences.schedules[k].Open(now) && w.Matchers.Matches(set) && about(w.Entities) {
			until = latest(until, e.silences.schedules[k].Until(now))
		}
	}
	return until
}

// inPlace reports whether an entity, or what owns it, is in a place that a dependency tells of.
func inPlace(e *Engine, n topology.Node, place topology.Entity) bool {
	for _, r := range cone(e.graph, n) {
		if r.hops > 0 {
			continue
		}
		for _, a := range e.graph.Dependencies(r.node) {
			if e.graph.Entity(a.Node) == place && slices.Contains(silencePlaces, e.graph.TypeName(a.Type)) {
				return true
			}
		}
	}
	return false
}

// quietFor is until when a symptom is silenced, or muted by rules.
func quietFor(e *Engine, m *muteRules, s *symptom) time.Time {
	return latest(silencedFor(e, s), m.mutedFor(e, s))
}

// disagreesOnSilence says in what the engine and the dumb model differ about a symptom, or "".
func disagreesOnSilence(e *Engine, m *muteRules, s *symptom) string {
	want, got := quietFor(e, m, s), time.Time{}
	if list := e.muters(s); len(list) > 0 {
		got = fromNano(list[0].ends)
	}
	if !got.Equal(want) {
		return fmt.Sprintf("%s of %s is silenced until %v, the model says %v", s.name, e.graph.Entity(s.node), got, want)
	}
	return ""
}

// allSilenced reports whether all symptoms of an incident that did not clear are silenced, and when the first of them no longer is.
func allSilenced(e *Engine, m *muteRules, i *incident) (until time.Time, all bool) {
	if i == nil {
		return until, false
	}
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared {
			continue
		}
		ends := quietFor(e, m, s)
		if ends.IsZero() {
			return until, false
		}
		if until.IsZero() || ends.Before(until) {
			until = ends
		}
	}
	return until, !until.IsZero()
}

// silences checks after each step that engine and model agree on what is silenced, that no incident waits for a silence that does not hold
// it any more, and notes until when each symptom is silenced.
func (s *stage) silences() {
	if !s.ledger.silences {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(s.engine.incidents)) {
		s.waitsRightly(s.engine.incidents[id])
	}
	for _, num := range s.engine.symptoms.numbers() {
		t := s.engine.symptoms.get(num)
		if wrong := disagreesOnSilence(s.engine, s.mutes, t); wrong != "" {
			s.fail("silence", "%s", wrong)
		}
		if until := quietFor(s.engine, s.mutes, t); !until.IsZero() {
			s.hushed[num] = until
		} else if s.hushed[num].After(s.now) {
			s.hushed[num] = s.now // it ended early
		}
	}
}

// waitsRightly checks an incident that is held until a mute ends: all of it is muted, and none of it for a shorter time, unless its own hold is not
// over by then. What nobody reports on is left out, since what it depends on is not followed.
func (s *stage) waitsRightly(i *incident) {
	if !i.waitsForMute() || i.active == 0 || i.lost > 0 || slices.ContainsFunc(i.sorted(), func(num uint64) bool {
		t := s.engine.symptoms.get(num)
		return t.active() && t.since+int64(max(s.engine.holdRule(t).Hold, s.engine.policy.HoldMax)) >= i.heldUntil
	}) {
		return
	}
	if until, all := allSilenced(s.engine, s.mutes, i); !all || until.Before(fromNano(i.heldUntil)) {
		s.fail("silence", "%s waits until %v (%s), and is silenced: %v, until %v", i.id, fromNano(i.heldUntil).Sub(start), i.holdReason, all, until.Sub(start))
	}
}

// mutedUntil is until when the silences of a symptom excuse that nobody was told of it.
func (s *stage) mutedUntil(t *symptom) time.Time {
	until, known := s.hushed[t.num]
	if !known {
		return time.Time{}
	}
	return until.Add(max(s.model.policy.Settle, s.settle))
}

// silenceWaits checks a deadline that is put off because of silences, or since they ended.
func (s *stage) silenceWaits(f *Effect) {
	i := s.engine.incidents[f.Incident]
	until, all := allSilenced(s.engine, s.mutes, i)
	switch waits, _ := saysMuted(f.Reason); {
	case i.state != Held:
	case waits && !f.Until.Equal(fromNano(i.heldUntil)): // another root in the same step ended that
	case waits && (!all || !f.Until.Equal(until)):
		s.fail("silence", "%s waits until %v (%s): all of it is silenced: %v, until %v", f.Incident, f.Until.Sub(start), f.Reason, all, until.Sub(start))
	case !waits && (all || f.Until.After(s.now.Add(s.model.policy.Settle))):
		s.fail("silence", "%s waits until %v (%s), and is silenced: %v", f.Incident, f.Until.Sub(start), f.Reason, all)
	}
}
