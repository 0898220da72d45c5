package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/english"
)

const (
	// silenceWeight is the least chance with which trouble of an entity must show on another for a silence of the first to be about the
	// second as well: over two calls, over a node to its zone, not from one of three pods to all who call them.
	silenceWeight = 0.4
	// broadShare is the share of all entities from which on a silence of one of them is too broad, if there are broadLeast at least.
	broadShare = 0.5
	broadLeast = 20
)

// silencePlaces are the types of dependencies that say where something is: silencing a place is about all that is there, although
// trouble hardly travels that way.
var silencePlaces = []string{"in_namespace", "in_system", "in_zone", "in_region"}

// silenceWait is what the end of silences means for an incident. It is stored with it.
type silenceWait struct {
	// Until is when the wait of a held incident ends, [endless] if that is when something else does. By is what silenced it, without the
	// line of a rule, and How says which way if that is no silence.
	Until int64  `json:"until,omitempty"`
	By    string `json:"by,omitempty"`
	How   string `json:"how,omitempty"`
	// Placed is By for people, with the line on which the rule stood; empty if that is the same. Nothing goes by it.
	Placed string `json:"placed,omitempty"`
	// RuleID is the rule of By, or the window; nil if it is a silence of somebody's. Nothing goes by it.
	RuleID *RuleID `json:"rule_id,omitempty"`
	// Mixed is true if its symptoms are muted in several ways.
	Mixed bool `json:"mixed,omitempty"`
	// Since is when a held incident began to wait.
	Since int64 `json:"since,omitempty"`
	// Rule is true if something of it is kept from paging by a rule alone, so that nobody knows of it. Inhibited is true if that is not so, and
	// something of it is not silenced.
	Rule      bool `json:"rule,omitempty"`
	Inhibited bool `json:"inhibited,omitempty"`
	// Joined is when something joined that is not muted, so that a hold runs again; zero if nothing did. What was muted before is watched on.
	Joined int64 `json:"joined,omitempty"`
	// Ended is when it was over, and what is still ill got its settle time. Zero while it lasts.
	Ended int64 `json:"ended,omitempty"`
	// Owed is true if receivers were not told of something that they would have been told of.
	Owed bool `json:"owed,omitempty"`
}

// silencers lists what silences a symptom now, what lasts longest first. It costs nothing while nothing is in force.
func (e *Engine) silencers(s *symptom) []*silenceRow {
	b := &e.silences
	if b.inForce == 0 {
		return nil
	}
	var found []*silenceRow
	try := func(row *silenceRow) {
		if row.ends(e.now) > e.now && !slices.Contains(found, row) && row.Matches(s.labels.Get) && (row.Incident == 0 || s.severity <= row.Severity) {
			found = append(found, row)
		}
	}
	for _, name := range b.names {
		for _, row := range b.byLabel[Label{name, s.labels.Get(name)}] {
			try(row)
		}
	}
	for _, row := range b.rest {
		try(row)
	}
	for _, row := range b.byKnown[e.graph.Entity(s.node)] {
		try(row)
	}
	if len(b.byEntity) > 0 {
		e.leansOn(s.node, func(entity topology.Entity) {
			for _, row := range b.byEntity[entity] {
				try(row)
			}
		})
	}
	slices.SortFunc(found, func(x, y *silenceRow) int {
		return cmp.Or(cmp.Compare(y.ends(e.now), x.ends(e.now)), strings.Compare(x.ID, y.ID))
	})
	return found
}

// leansOn calls visit for an entity, for all that trouble of likely shows on it, be it itself or through its parts, and for the places
// where it is, some of them more than once.
func (e *Engine) leansOn(n topology.Node, visit func(topology.Entity)) {
	c := e.coneOf(n)
	for _, r := range c {
		if r.weight >= silenceWeight {
			visit(e.graph.Entity(r.node))
		}
		if r.hops > 0 {
			continue
		}
		for _, a := range e.graph.Dependencies(r.node) {
			if slices.Contains(silencePlaces, e.graph.TypeName(a.Type)) {
				visit(e.graph.Entity(a.Node))
			}
		}
	}
	visitPlaces(e.graph.Entity(n), visit)
	e.throughParts(n, func(m topology.Node, weight float32, _ []chainLink) {
		if weight >= silenceWeight {
			visit(e.graph.Entity(m))
		}
	})
}

// visitPlaces calls visit for the places that an id names: its namespace, and its cluster.
func visitPlaces(entity topology.Entity, visit func(topology.Entity)) {
	if namespace := entity.Namespace(); namespace != "" {
		visit(topology.NewEntity("namespace", "", namespace, entity.Cluster()))
	}
	if cluster := entity.Cluster(); cluster != "" {
		visit(topology.NewEntity("cluster", "", cluster, ""))
	}
}

// newSilenceWait is what an incident waits for that is covered.
func newSilenceWait(c *cover) *silenceWait {
	w := &silenceWait{Until: c.until, By: c.by.text(), Rule: !c.pardoned, Inhibited: c.pardoned && !c.silenced, Mixed: c.mixed, RuleID: c.by.id()}
	if how := c.by.how(); how != silencedBy {
		w.How = how
	}
	if placed := c.by.placed(); placed != w.By {
		w.Placed = placed
	}
	return w
}

// how says what mutes it: "silenced by ada (…)", "expected after …".
func (w *silenceWait) how() string { return cmp.Or(w.How, silencedBy) + " " + cmp.Or(w.Placed, w.By) }

// mute is the word for what mutes it; empty if that is a silence.
func (w *silenceWait) mute() string {
	if w.Mixed {
		return "muted"
	}
	word, _, _ := strings.Cut(w.How, " ")
	return word
}

// reason says why i waits, and until when.
func (c *cover) reason(i *incident) string {
	word, _, _ := strings.Cut(c.by.how(), " ")
	what := allActive(i.active+i.lost) + " " + c.by.how() + " " + c.by.said()
	if c.mixed {
		what, word = allActive(i.active+i.lost)+" kept from paging, the first to be free again is "+c.by.how()+" "+c.by.said(), "muted"
	}
	if c.until >= endless {
		return fmt.Sprintf("%s: %s; what is still ill when that is over pages", word, what)
	}
	return fmt.Sprintf("%s: %s, until %s; what is still ill then pages", word, what, moment(c.until))
}

// allActive counts what is silenced for a sentence.
func allActive(n int) string {
	if n == 1 {
		return "its only symptom is"
	}
	return fmt.Sprintf("all %d symptoms that go on are", n)
}

// text names a silence in a sentence.
func (r *silenceRow) text() string {
	what := "silence " + r.ID
	if r.schedule != nil {
		what = r.ID
	} else if r.CreatedBy != "" {
		what = r.CreatedBy + " (" + what + ")"
	}
	if r.Comment != "" {
		what += fmt.Sprintf(": %q", r.Comment)
	}
	return what
}

// place is where a maintenance window is defined, to follow [silenceRow.text]. It is no part of that, since who waits for a silence goes by
// its text, and a line more in the configuration changes nothing.
func (r *silenceRow) place() string {
	if r.rule == nil {
		return ""
	}
	return " (" + r.rule.Place() + ")"
}

// moment shows a time for reasons that may be days away.
func moment(at int64) string { return fromNano(at).Format("2006-01-02 15:04:05") }

// silencedLong reports whether a symptom that joins an incident which waits for the end of a silence is silenced for as long: then its
// hold shortens nothing.
func (e *Engine) silencedLong(i *incident, s *symptom) bool {
	w := i.silence
	if w == nil || w.Ended != 0 || i.heldUntil != w.Until {
		return false
	}
	list := e.muters(s)
	return len(list) > 0 && list[0].ends >= w.Until
}

// owesUpdate reports whether people who were paged for i must not be told more now, since all its trouble is silenced, and notes that they
// are to be told afterwards.
func (e *Engine) owesUpdate(i *incident) bool {
	c := e.covered(i)
	if c == nil {
		return false
	}
	if i.silence == nil || !i.silence.Owed {
		i.silence = newSilenceWait(c)
		i.silence.Owed = true
		e.silences.waiting[i.id] = struct{}{}
		e.dirty.incidents[i.id] = struct{}{}
	}
	return true
}

// tellOwed tells people what they were not told while all of i was silenced. What somebody acknowledged is theirs no more if that lapsed, or
// if it got worse.
func (e *Engine) tellOwed(i *incident) {
	how, rule := i.silence.how(), i.silence.RuleID
	e.endSilenceWait(i)
	switch {
	case e.lapses(i):
		e.lapsed(i)
	case e.worsened(i, ""):
	default:
		why := fmt.Sprintf("no longer %s: %s on %s still active, worst %s", how, english.Count(i.active, "symptom"), english.Count(i.sites, "entity"), i.severity)
		e.emitBy(i, Update, why, rule).Worse = i.severity > i.toldSeverity
		e.tell(i)
	}
}

// unsettledSilence has an incident that waits for the end of a silence looked at again in this step: what one of its symptoms depends on
// changed.
func (e *Engine) unsettledSilence(id IncidentID) {
	if _, waits := e.silences.waiting[id]; waits {
		e.timer(timerSilence, e.now, uint64(id))
	}
}

// afterSilence adds to the reason of a page that it waited for the end of a silence.
func (e *Engine) afterSilence(i *incident, reason string) string {
	w := i.silence
	e.endSilenceWait(i)
	if w == nil || w.Ended == 0 {
		return reason
	}
	return fmt.Sprintf("it was %s until %s, and is still ill: %s", w.how(), moment(w.Ended), reason)
}

// tooBroad says why a silence would hide more than people mean to, or nil.
func (e *Engine) tooBroad(in *Silence) error {
	var reasons []string
	if d := in.EndsAt.Sub(in.StartsAt); d > e.policy.Silences.MaxDuration {
		reasons = append(reasons, fmt.Sprintf("it lasts %s (limit %s)", inDays(d), inDays(e.policy.Silences.MaxDuration)))
	}
	if why := in.Sweeping(); why != "" {
		reasons = append(reasons, why)
	}
	for _, entity := range in.Entities {
		if n, all := e.leaners(entity), e.size(); all >= broadLeast && float64(n) > broadShare*float64(all) {
			reasons = append(reasons, fmt.Sprintf("%d of %d entities depend on %s", n, all, entity))
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	err := &silence.BroadError{Reasons: reasons}
	row := &silenceRow{Silence: in.Silence}
	if i := e.incidents[IncidentID(in.Incident)]; i != nil {
		e.bind(row, i)
	}
	err.Alerts, err.Entities, err.AllAlerts = e.wouldSilence(row)
	return err
}

// inDays shows a long duration for people, who do not think in weeks and hours.
func inDays(d time.Duration) string {
	if d < 48*time.Hour {
		return round(d)
	}
	return strconv.FormatFloat(math.Round(d.Hours()/2.4)/10, 'f', -1, 64) + " days"
}

// wouldSilence counts the active alerts that a silence would be about if it were in force now, the entities that these are about, and all
// active alerts. It looks at each.
func (e *Engine) wouldSilence(row *silenceRow) (alerts, entities, all int) {
	alone := *e // the same state with this silence alone
	alone.silences = newSilenceBook()
	row.EndsAt = fromNano(e.now).Add(time.Hour)
	alone.silences.empty()
	alone.silences.enter(row)
	ill := make(map[topology.Node]bool)
	for _, num := range e.symptoms.numbers() {
		s := e.symptoms.get(num)
		if !s.active() {
			continue
		}
		all++
		if len(alone.silencers(s)) > 0 {
			alerts++
			ill[s.node] = true
		}
	}
	return alerts, len(ill), all
}

// size is how many entities there are.
func (e *Engine) size() int {
	entities, _ := e.graph.Len()
	return entities
}

// leaners counts the entities on which trouble of one likely shows, or that are in the place that it is; it is an estimate, since paths
// are walked from their ends.
func (e *Engine) leaners(entity topology.Entity) int {
	count := 0
	if kind := entity.Kind(); kind == "namespace" || kind == "cluster" {
		for n := range e.graph.Nodes() {
			visitPlaces(e.graph.Entity(n), func(place topology.Entity) {
				if place == entity {
					count++
				}
			})
		}
		return count
	}
	n, known := e.graph.Find(entity)
	if !known {
		return 0
	}
	weights := map[topology.Node]float32{n: 1}
	reach := func(from topology.Node, w float32, queue []topology.Node) []topology.Node {
		if _, seen := weights[from]; seen || w < silenceWeight {
			return queue
		}
		weights[from] = w
		return append(queue, from)
	}
	for queue := []topology.Node{n}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		w := weights[at]
		for from, typ := range e.graph.Dependers(at) {
			step := w * float32(e.graph.Traits(typ).Weight)
			if at != n {
				step *= throughOne
			}
			if slices.Contains(silencePlaces, e.graph.TypeName(typ)) {
				step = max(step, silenceWeight)
			}
			queue = reach(from, step, queue)
		}
		for _, a := range e.graph.Parts(at) {
			queue = reach(a.Node, w*float32(e.graph.Traits(a.Type).Weight), queue)
		}
	}
	return len(weights) - 1
}

// SilencedBy is a silence that a symptom is under.
type SilencedBy struct {
	ID      string `json:"id"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Until is when it ends, or a time until which it surely lasts.
	Until time.Time `json:"until"`
	// Maintenance is true for a window of the configuration.
	Maintenance bool `json:"maintenance,omitempty"`
	// Rule is where the window is defined, if that is known.
	Rule *RuleID `json:"rule,omitempty"`
}

// Silenced says that symptoms of an incident that did not clear are silenced, or muted by rules.
type Silenced struct {
	// Until is when the first of them no longer is; zero if that is when what inhibits it ends.
	Until time.Time `json:"until,omitzero"`
	// By are the silences, and Muted the rules, what lasts longest first; left out in lists.
	By    []SilencedBy `json:"by,omitempty"`
	Muted []MutedBy    `json:"muted,omitempty"`
	// How is the word for it: "silenced", "inhibited", "suppressed" or "expected"; "muted" if it is several.
	How string `json:"how"`
	// All is true if there are no others: then nobody is told more of the incident but that it is over.
	All bool `json:"all"`
	// Symptoms counts them.
	Symptoms int `json:"symptoms"`
}

// silencedView shows what silences a symptom.
func (e *Engine) silencedView(s *symptom) []SilencedBy {
	var list []SilencedBy
	for _, row := range e.silencers(s) {
		list = append(list, SilencedBy{row.ID, row.CreatedBy, row.Comment, fromNano(row.ends(e.now)), row.schedule != nil, row.rule})
	}
	return list
}

// SilencedBy returns what silences an alert now, what lasts longest first; nothing if it is not known.
func (e *Engine) SilencedBy(fp model.Fingerprint) []SilencedBy {
	if s := e.alerts[fp]; s != nil {
		return e.silencedView(s)
	}
	return nil
}

// silencedIncident shows what silences an incident, and which rules mute it; nil if none of its symptoms that did not clear is.
func (e *Engine) silencedIncident(i *incident) *Silenced {
	if e.silences.inForce+e.mutes.mutable+e.mutes.whole == 0 || !i.state.Open() {
		return nil
	}
	v, first := &Silenced{}, int64(endless)
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared {
			continue
		}
		list := e.muters(s)
		if len(list) == 0 {
			continue
		}
		v.Symptoms++
		how := cmp.Or(list[0].kind.word(), "silenced")
		if v.How = cmp.Or(v.How, how); v.How != how {
			v.How = "muted"
		}
		first = min(first, list[0].ends)
		for _, by := range e.silencedView(s) {
			if !slices.Contains(v.By, by) {
				v.By = append(v.By, by)
			}
		}
		for _, by := range e.mutedView(s) {
			if !slices.ContainsFunc(v.Muted, func(m MutedBy) bool { return compareMutes(m, by) == 0 }) {
				v.Muted = append(v.Muted, by)
			}
		}
	}
	if v.Symptoms == 0 {
		return nil
	}
	if first < endless {
		v.Until = fromNano(first)
	}
	slices.SortFunc(v.By, func(x, y SilencedBy) int { return cmp.Or(y.Until.Compare(x.Until), strings.Compare(x.ID, y.ID)) })
	slices.SortFunc(v.Muted, compareMutes)
	v.All = v.Symptoms == i.active+i.lost
	return v
}
