package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"quell/correlate/topology"
)

const (
	// runnersUpMax is how many candidates beside the root an explanation shows.
	runnersUpMax = 5
	// notable is the factor from which on it is worth no words.
	notable = 0.95
)

// Explain says why an incident that is open or can still be reopened has its root; ok is false if there is none. At most limit symptoms
// are explained (0: all). The engine does not change. The numbers are those of the last ranking, or of one now if the incident waits
// for it: what was heard later does not count, but the topology, and how rare symptoms are, are those of now. The cost is that of some
// eight rankings of the incident.
func (e *Engine) Explain(id IncidentID, limit int) (x *Explanation, ok bool) {
	i := e.incidents[id]
	if i == nil {
		return nil, false
	}
	view := *e // perhaps another time over the same state
	if i.rankDue == 0 {
		// Else it waits to be ranked, and no ranking has seen its root.
		view.now = cmp0(i.rankedAt, e.now)
	}
	q := &inquiry{engine: &view, incident: i}
	q.d = q.ranking(q.members())
	q.d.run()
	if q.root = q.d.candidates[i.root]; q.root == nil {
		inc, _ := e.Incident(id, limit)
		x = ExplainStored(inc)
		if i.state != Merged {
			x.Notes = append(x.Notes, fmt.Sprintf("nothing that is known now connects %s with its symptoms any more", x.Root.Entity))
		}
		return x, true
	}
	x = q.explanation(limit)
	x.Incident.Silenced, x.Incident.Enrichment = e.silencedIncident(i), e.enrichment(i)
	return x, true
}

// inquiry is an explanation while it is made.
type inquiry struct {
	engine   *Engine // at the time of the ranking
	incident *incident
	d        *diagnosis
	root     *candidate
	rivals   []*candidate // the runners-up
	voters   map[topology.Node]int32
}

// members are the ill entities as the ranking saw them.
func (q *inquiry) members() []member {
	r := roll{at: make(map[topology.Node]int)}
	for _, num := range q.incident.sorted() {
		if s, heard := q.symptom(num); heard {
			r.enter(q.engine, &s)
		}
	}
	return r.list
}

// symptom is a symptom as it was when the incident was ranked; heard is false if it was not there.
func (q *inquiry) symptom(num uint64) (s symptom, heard bool) {
	s = *q.engine.symptoms.get(num)
	if s.ended > q.engine.now {
		s.condition, s.ended = conditionActive, 0
	}
	return s, s.began <= q.engine.now
}

// ranking prepares one, to be run, of these members.
func (q *inquiry) ranking(members []member) *diagnosis {
	return &diagnosis{engine: q.engine, members: members, root: q.incident.root}
}

func (q *inquiry) explanation(limit int) *Explanation {
	q.voters = make(map[topology.Node]int32, len(q.d.voters))
	for v, k := range q.d.voters {
		q.voters[q.d.members[k].node] = int32(v)
	}
	for _, c := range q.d.ranked {
		if c != q.root && len(q.rivals) < runnersUpMax {
			q.rivals = append(q.rivals, c)
		}
	}
	at := fromNano(q.engine.now)
	x := &Explanation{
		Incident: q.engine.summary(q.incident), Live: true, Ranked: &at,
		Root: q.candidate(q.root, q.verdict()), Explained: len(q.root.hits), Entities: len(q.d.voters),
		RunnersUp: make([]Candidate, 0, len(q.rivals)),
	}
	x.Incident.Timeline = slices.Clone(q.incident.timeline)
	for _, c := range q.rivals {
		x.RunnersUp = append(x.RunnersUp, q.candidate(c, q.whyNot(c)))
	}
	if len(q.rivals) > 0 && q.rivals[0].plain > 0 {
		x.Lead = milli(q.root.plain / q.rivals[0].plain)
	}
	x.Symptoms = q.symptoms(limit)
	x.Incident.MemberCount = q.entities()
	if q.stands() {
		x.Counterfactuals = q.counterfactuals()
	}
	x.Notes = q.notes()
	return x
}

// verdict is the sentence that people were shown.
func (q *inquiry) verdict() string {
	if i := q.incident; len(i.roots) > 0 && i.roots[0].Entity == q.engine.graph.Entity(i.root) {
		return i.roots[0].Why
	}
	return q.incident.rootWhy
}

// entities counts those that had a symptom in the incident.
func (q *inquiry) entities() int {
	seen := make(map[topology.Node]bool)
	for _, num := range q.incident.symptoms {
		seen[q.engine.symptoms.get(num).node] = true
	}
	return len(seen)
}

// stands reports whether the ranking gives the root that the incident has, or one that people were told and that is not beaten
// clearly.
func (q *inquiry) stands() bool { return !q.loses(q.d) }

// loses reports whether another would be the root after a ranking.
func (q *inquiry) loses(d *diagnosis) bool {
	if len(d.ranked) == 0 || d.ranked[0].node == q.incident.root {
		return false
	}
	root := d.candidates[q.incident.root]
	return root == nil || !q.kept() || d.ranked[0].plain >= q.engine.tuning.StayMargin*root.plain
}

// kept reports whether the root is the root because people were told, and not by its score.
func (q *inquiry) kept() bool {
	return q.incident.told() && len(q.rivals) > 0 && q.engine.better(q.rivals[0], q.root) < 0
}

// candidate puts one in words and numbers.
func (q *inquiry) candidate(c *candidate, why string) Candidate {
	v := Candidate{
		Entity: q.engine.graph.Entity(c.node), Score: milli(c.plain), Silent: c.silent(), Why: why, Explains: len(c.hits),
		Coverage: milli(c.coverage), Evidence: milli(c.evidence), Prior: c.prior, Change: milli(c.change),
	}
	if c.own != nil {
		v.Shows, v.Aspect = c.own.name, c.own.aspect
	} else {
		v.Ill, v.Dependents = q.d.around(c), c.of
	}
	if c.change > 1 {
		s := &c.changed
		v.Changed = &CountedChange{Entity: s.where, At: fromNano(s.At), BeforeSeconds: s.lead.Seconds(), Text: s.Text}
	}
	return v
}

// whyNot says in one sentence what keeps a candidate from being the root: the factors in which it is behind.
func (q *inquiry) whyNot(c *candidate) string {
	text := fmt.Sprintf("explains %d of %d ill entities (%s of the evidence)", len(c.hits), len(q.d.voters), percent(float32(c.coverage)))
	behind := func(have, want float64) bool { return have < notable*want }
	if why := q.mistimed(c); why != "" {
		text += ", though " + why
	}
	if behind(c.evidence, q.root.evidence) {
		switch {
		case c.own == nil:
			text += fmt.Sprintf("; silent itself: %d of the %d next to it are ill", q.d.around(c), c.of)
		case c.own.aspect == AspectEffect:
			text += "; what it shows may come from below: " + c.own.name
		default:
			text += "; no rule knows what it shows: " + c.own.name
		}
	}
	if behind(c.prior, q.root.prior) {
		text += "; a " + q.engine.graph.Entity(c.node).Kind() + " is seldom a cause"
	}
	if behind(c.change, q.root.change) {
		text += "; no change there speaks for it as one does for the root"
	}
	if c.plain == q.root.plain {
		text += "; level with the root, " + q.tieBreak(c)
	}
	return text
}

// tieBreak says why the root comes first of two with the same score; see [Engine.better].
func (q *inquiry) tieBreak(c *candidate) string {
	switch {
	case c.own != nil && q.root.own != nil:
		return "which began first"
	case q.root.own != nil:
		return "which is ill itself"
	}
	return "which comes first by its name"
}

// mistimed says what is wrong with the times of a candidate, if that costs it a tenth of its coverage: by the worst example.
func (q *inquiry) mistimed(c *candidate) string {
	have, lost, worst, example := 0.0, 0.0, 0.0, -1
	for k, h := range c.hits {
		w := q.d.members[q.d.voters[h.voter]].strength * float64(h.weight)
		loss := w * float64(1-h.timing)
		have, lost = have+w, lost+loss
		if loss > worst {
			worst, example = loss, k
		}
	}
	if c.own == nil || example < 0 || lost < have/10 {
		return ""
	}
	m := &q.d.members[q.d.voters[c.hits[example].voter]]
	list := q.engine.misfits(c.own.span, m.span)
	if len(list) == 0 {
		return ""
	}
	slices.SortStableFunc(list, func(a, b misfit) int { return cmp.Compare(a.factor, b.factor) })
	return fmt.Sprintf("its trouble "+causeWords[list[0].kind]+" that of %s", round(list[0].by), q.engine.graph.Entity(m.node))
}

// misfit is a way in which the time of a cause does not fit that of its effect, and the factor that this costs.
type misfit struct {
	kind   misfitKind
	by     time.Duration
	factor float64
}

// misfitKind is an index of causeWords and effectWords.
type misfitKind uint8

const (
	lateCause misfitKind = iota
	oldCause
	goneCause
	endedCause // the effect goes on
)

var (
	causeWords  = [...]string{"began %s after", "had gone on for %s before", "ended %s before", "ended %s ago, unlike"}
	effectWords = [...]string{
		"began %s before its cause", "its cause had gone on for %s before", "its cause ended %s before it did", "its cause ended %s before, and it goes on",
	}
)

// misfits takes [Engine.explaining] apart, into what costs more than is notable.
func (e *Engine) misfits(cause, effect span) []misfit {
	var list []misfit
	add := func(kind misfitKind, by int64, half time.Duration) {
		if f := 1 / (1 + float64(by)/float64(half)); f < notable {
			list = append(list, misfit{kind, time.Duration(by), f})
		}
	}
	add(lateCause, max(cause.began-effect.began, 0), e.tuning.LateCause)
	add(oldCause, max(effect.began-cause.began, 0), e.tuning.OldCause)
	switch {
	case cause.ended == 0:
	case effect.ended == 0:
		add(endedCause, max(e.now-cause.ended, 0), e.tuning.GoneCause)
	default:
		add(goneCause, max(effect.ended-cause.ended, 0), e.tuning.GoneCause)
	}
	return list
}

// notes says which bounds the ranking met, and in what the explanation differs from it.
func (q *inquiry) notes() []string {
	var list []string
	note := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	d, i := q.d, q.incident
	if n := len(d.members); n > len(d.voters) {
		note("%d entities are ill: every %.1fth of them, %d in all, had a voice in the ranking", n, float64(n)/float64(len(d.voters)), len(d.voters))
	}
	if len(d.voters) > prolongVoters {
		note("more than %d entities are ill, so chains from one to the other were not followed beyond what each depends on itself", prolongVoters)
	}
	if d.shortened {
		note("chains of ill entities were followed for %d steps only", prolongSteps)
	}
	var cutShort []topology.Node
	for _, k := range d.voters {
		if n := d.members[k].node; len(d.cone(n)) >= coneNodes {
			cutShort = append(cutShort, n)
		}
	}
	if len(cutShort) > 0 {
		note("only the nearest %d of what %s depends on were looked at%s", coneNodes, q.engine.graph.Entity(cutShort[0]), andOthers(len(cutShort)-1))
	}
	switch {
	case q.kept():
		note("%s leads by its score, but people were told of %s; that stays until another scores %.1f times as much",
			q.engine.graph.Entity(q.rivals[0].node), q.engine.graph.Entity(i.root), q.engine.tuning.StayMargin)
	case !q.stands():
		note("by what is known now %s would lead; an incident is ranked again when it changes", q.engine.graph.Entity(d.ranked[0].node))
	case len(i.roots) > 0 && (math.Abs(i.roots[0].Score-milli(min(q.root.plain, 1))) > 0.005):
		note("the root was found with a score of %.2f; the topology or the rarity of symptoms is another now, or its change was forgotten", i.roots[0].Score)
	}
	if !i.state.Open() {
		note("it is closed: how trouble travelled is told by the topology of now")
	}
	return list
}

func andOthers(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and so for %d more", n)
}
