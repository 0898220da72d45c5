package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// entry is one line of a world's script: at a time, quell hears something, or an operator does something.
type entry struct {
	at       time.Duration
	input    Input // nil if it is an operator's
	operator *operator
	faults   []int // the numbers of the faults that it tells of
}

// operator is somebody who acts on an incident that is open at that moment: which of them is which modulo their number.
type operator struct {
	action Action
	which  uint64
}

// reporter writes a world's script: what alert rules, Kubernetes and those who know the topology tell quell, with their delays,
// losses, duplicates and disorder.
type reporter struct {
	*world
	rules   map[string][]alertRule // by kind
	sources []reporting
	flush   time.Duration // reports leave at its multiples
	loss    float64       // the chance that one report is lost
	labels  bool          // alerts about pods name the node
	entries []entry
}

// alertRule is a rule that fires for entities of one kind once they were ill for a while.
type alertRule struct {
	name, severity string
	wait           time.Duration
}

// reporting is how a source reports: how often it repeats what fires, and the time-out that it gives, if it gives one.
type reporting struct {
	name           string
	every, expires time.Duration
}

func newReporter(w *world) *reporter {
	r := &reporter{
		world: w, rules: make(map[string][]alertRule), flush: pick(w.r, []time.Duration{5, 15, 30}) * time.Second,
		loss: pick(w.r, []float64{0, 0, 0.02, 0.1}), labels: w.chance(0.3),
		sources: []reporting{{name: "alertmanager/a:9093", every: w.minutes(4, 6)}},
	}
	if w.chance(0.3) {
		r.sources = append(r.sources, reporting{name: "prometheus/p:9090", every: time.Minute, expires: 4 * time.Minute})
	}
	for _, rule := range []struct {
		kind, name string
		chance     float64
	}{
		{"pod", "KubePodNotReady", 0.8},
		{"pod", "KubePodCrashLooping", 0.5},
		{"node", "KubeNodeNotReady", 0.8},
		{"node", "NodeUnreachable", 0.4},
		{"service", "HighErrorRate", 0.8},
		{"service", "SlowRequests", 0.4},
		{"deployment", "KubeReplicasMismatch", 0.7},
		{"deployment", "KubeRolloutStuck", 0.3},
		{"persistentvolumeclaim", "VolumeFillingUp", 0.8},
		{"namespace", "QuotaAlmostFull", 0.3},
	} {
		if w.chance(rule.chance) {
			r.rules[rule.kind] = append(r.rules[rule.kind], alertRule{
				rule.name, pick(w.r, []string{"warning", "warning", "critical", "critical", "info", ""}),
				pick(w.r, []time.Duration{0, time.Minute, time.Minute, 5 * time.Minute, 15 * time.Minute}),
			})
		}
	}
	if w.also(0.5) {
		w.waits = make(map[string]time.Duration)
		for _, rules := range r.rules {
			for _, rule := range rules {
				w.waits[rule.name] = rule.wait
			}
		}
	}
	return r
}

// script writes everything down in order of time.
func (r *reporter) script() []entry {
	r.topologies()
	for _, e := range sortedEntities(r.ill) {
		for k, rule := range r.rules[e.Kind()] {
			r.alerts(e, rule, r.sources[k%len(r.sources)])
		}
		r.events(e)
	}
	r.rollouts()
	r.watchdog()
	for range r.r.IntN(5) {
		r.add(r.within(5*time.Minute, horizon), nil, nil).operator = &operator{pick(r.r, []Action{ActionAck, ActionAck, ActionResolve}), r.r.Uint64()}
	}
	if r.chance(0.2) {
		r.silence(pick(r.r, r.sources).name)
	}
	if r.chance(0.2) {
		p := r.policy
		p.Hold, p.Settle = r.minutes(1, 6), r.minutes(1, 2)
		r.add(r.within(10*time.Minute, horizon), &p, nil)
	}
	if r.chance(0.3) {
		r.restart()
	}
	r.entries = slices.DeleteFunc(r.entries, func(e entry) bool { return e.at > horizon })
	slices.SortStableFunc(r.entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	if r.luck(0.4) {
		r.signs()
	}
	return r.entries
}

func (r *reporter) add(at time.Duration, in Input, faults []int) *entry {
	r.entries = append(r.entries, entry{at: at, input: in, faults: faults})
	return &r.entries[len(r.entries)-1]
}

// alerts reports what one rule sees on one entity.
func (r *reporter) alerts(e topology.Entity, rule alertRule, by reporting) {
	pairs := []string{"alertname", rule.name, "quell_entity", string(e), "severity", rule.severity}
	if r.labels {
		for _, p := range r.pods {
			if p.entity == e {
				pairs = append(pairs, "on", string(p.node))
			}
		}
	}
	base := Alert{Labels: LabelsOf(pairs...), Source: by.name}
	base.Fingerprint = base.Labels.Fingerprint()
	for _, ill := range r.ill[e] {
		if ill.of[0].kind == blip && len(ill.of) == 1 {
			continue
		}
		fires := ill.from + rule.wait + r.within(0, 30*time.Second)
		if fires >= ill.to {
			continue // over before the rule noticed
		}
		base.StartsAt = start.Add(fires)
		ends := min(ill.to+r.within(0, 30*time.Second), never)
		for at := fires; at < min(ends, horizon); at += by.every {
			a := base
			if by.expires > 0 {
				a.Expires = start.Add(at + by.expires)
			}
			r.send(at, a, ill.of)
		}
		if ends < horizon {
			base.EndsAt = start.Add(ends)
			r.send(ends, base, ill.of)
			base.EndsAt = time.Time{}
		}
	}
}

// send reports an alert at the source's next flush: perhaps never, twice, or so late that others overtake it.
func (r *reporter) send(at time.Duration, a Alert, of []*fault) {
	at = (at + r.flush - 1).Truncate(r.flush)
	if r.chance(r.loss) {
		return
	}
	if r.chance(0.03) {
		at += r.within(0, 20*time.Second)
	}
	r.add(at, &a, numbers(of))
	if r.chance(0.05) {
		again := a
		r.add(at+r.within(0, 15*time.Second), &again, numbers(of))
	}
}

// evidence is how an entity of a kind shows in events that it is ill, and that it is well again.
var evidence = map[string]struct {
	bad  []string
	good string
}{
	"pod":                   {[]string{"BackOff", "Unhealthy"}, "Started"},
	"node":                  {[]string{"NodeNotReady"}, "Ready"},
	"replicaset":            {[]string{"FailedCreate"}, "Ready"},
	"persistentvolumeclaim": {[]string{"VolumeResizeFailed"}, "Ready"},
}

// events reports an entity's illnesses as Kubernetes events do: with counts, ever less often, and with evidence of the opposite.
func (r *reporter) events(e topology.Entity) {
	kind, ok := evidence[e.Kind()]
	for n, ill := range r.ill[e] {
		full := slices.ContainsFunc(ill.of, func(f *fault) bool { return f.kind == quotaFull })
		if !ok && full {
			kind = evidence["replicaset"] // a stateful set creates its pods itself
		}
		if len(kind.bad) == 0 {
			continue
		}
		reason, message := pick(r.r, kind.bad), ""
		if full {
			message = fmt.Sprintf("Error creating: pods %q is forbidden: exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9", e.Name()+"-x")
		}
		pause, count := 20*time.Second, 0
		for at := ill.from + r.within(0, 10*time.Second); at < min(ill.to, horizon); at += pause {
			count++
			pause = min(2*pause, 4*time.Minute)
			r.observe(at, Event{ID: fmt.Sprintf("%s-%s-%d", e, reason, n), Entity: e, Reason: reason, Message: message, Warning: true, Count: count}, ill.of)
		}
		if ill.to < horizon {
			r.observe(ill.to, Event{ID: fmt.Sprintf("%s-well-%d", e, n), Entity: e, Reason: kind.good, Count: 1}, ill.of)
			if kind.good == "Started" && r.chance(0.7) {
				r.observe(ill.to+time.Second, Event{ID: fmt.Sprintf("%s-ready-%d", e, n), Entity: e, Reason: "Ready", Count: 1}, ill.of)
			}
		}
		if r.states && e.Kind() == "pod" {
			r.watch(e, ill)
		}
	}
}

// watch reports how a pod is while it is ill, as listings of objects do over and over, and then that it is well, or that it is gone, which
// late events do not know.
func (r *reporter) watch(e topology.Entity, ill illness) {
	const relist = 10 * time.Minute
	tell := func(at time.Duration, reason string) {
		r.observe(at, Event{Entity: e, Reason: reason, Component: "quell/state", Count: 1}, ill.of)
	}
	state := pick(r.more, []string{"CrashLoop", "CrashLoop", "NotReady", "Starting", "Unschedulable"})
	for at := ill.from + r.later(0, 30*time.Second); at < min(ill.to, horizon); at += relist {
		tell(at, state)
	}
	if ill.to >= horizon {
		return
	}
	at := ill.to + r.later(0, 5*time.Second)
	switch {
	case r.also(0.2):
		tell(at, "Deleted")
		if r.also(0.5) {
			r.observe(at+r.later(5*time.Second, time.Minute), Event{ID: string(e) + "-late", Entity: e, Reason: "BackOff", Warning: true, Count: 1}, ill.of)
		}
		at += r.later(time.Minute, 5*time.Minute)
	case state == "Starting" || state == "Unschedulable":
		tell(at, "Placed") // which ends the state and nothing else
		at += r.later(5*time.Second, 8*time.Minute)
	}
	for range 3 {
		tell(at, "Ready")
		at += relist
	}
}

// rollouts tells of the change that a bad rollout is, which is no symptom.
func (r *reporter) rollouts() {
	for _, f := range r.faults {
		if f.kind == badRollout {
			at := f.times[0].from - r.within(0, 20*time.Second)
			r.observe(at, Event{ID: string(f.root) + "-rollout", Entity: f.root, Reason: "ScalingReplicaSet", Component: "deployment-controller", Count: 1}, []*fault{f})
		}
	}
}

// observe reports an event a moment after it happened, unless it is lost.
func (r *reporter) observe(at time.Duration, ev Event, of []*fault) {
	if r.chance(r.loss) {
		return
	}
	ev.At, ev.Source, ev.Message = start.Add(at-r.within(0, 2*time.Second)), "kubernetes/k", cmp.Or(ev.Message, "seen "+ev.Reason)
	r.add(at+r.within(0, 3*time.Second), &ev, numbers(of))
	if r.chance(0.03) {
		again := ev
		r.add(at+r.within(0, 10*time.Second), &again, numbers(of))
	}
}

// watchdog is an alert that always fires and means nothing, as every Prometheus has one.
func (r *reporter) watchdog() {
	a := Alert{Labels: LabelsOf("alertname", "Watchdog", "quell_entity", "external/watchdog", "severity", "none"), Source: r.sources[0].name, StartsAt: start}
	a.Fingerprint = a.Labels.Fingerprint()
	for at := time.Duration(0); at < horizon; at += r.sources[0].every {
		r.send(at, a, nil)
	}
}

// topologies tells what depends on what: all of it at first, or late, or with holes, or with what is long gone; and what changes.
func (r *reporter) topologies() {
	told := slices.Clone(r.truth)
	if r.chance(0.3) {
		told = slices.DeleteFunc(told, func(topology.Edge) bool { return r.chance(0.15) })
	}
	if r.chance(0.3) {
		for range 1 + r.r.IntN(6) {
			in := pick(r.r, r.namespaces)
			gone := topology.NewEntity("pod", in.Name(), fmt.Sprintf("gone-%d", r.r.IntN(4)), in.Cluster())
			told = append(told, topology.Edge{From: pick(r.r, r.services).entity, To: gone, Type: "selects"})
		}
	}
	at := time.Duration(0)
	if r.chance(0.2) {
		at = r.within(5*time.Minute, 80*time.Minute)
	}
	half := len(told) / 2
	r.add(at, &Topology{Update: topology.Update{Edges: told[:half]}, Source: "api"}, nil)
	if r.also(0.3) {
		r.listings(at, told[half:])
	} else {
		r.add(at, &Topology{Update: topology.Update{Edges: told[half:]}, Source: "config"}, nil)
	}
	for range r.r.IntN(4) {
		r.reschedule(r.within(10*time.Minute, horizon))
	}
}

// listings tells dependencies as a watcher does: all that it knows at once, over and over, sometimes with a hole, and for what it tells
// no more, an end. It may be away for so long that all of it ends.
func (r *reporter) listings(at time.Duration, edges []topology.Edge) {
	away := r.later(0, 2*horizon)
	for ; at < horizon; at += 10 * time.Minute {
		if away <= at && at < away+time.Hour {
			continue
		}
		listed := slices.DeleteFunc(slices.Clone(edges), func(topology.Edge) bool { return r.also(0.02) })
		r.add(at, &Topology{Update: topology.Update{Edges: listed, Replace: true, TTL: model.Duration(25 * time.Minute)}, Source: "kubernetes/k"}, nil)
	}
}

// reschedule moves a pod to another node on paper: some say so, others keep what they knew.
func (r *reporter) reschedule(at time.Duration) {
	p := pick(r.r, r.pods)
	edge := topology.Edge{From: p.entity, To: p.node, Type: "runs_on"}
	u := topology.Update{RemoveEdges: []topology.Edge{edge}, Edges: []topology.Edge{{From: p.entity, To: pick(r.r, r.nodes), Type: "runs_on"}}}
	if r.chance(0.2) {
		u = topology.Update{RemoveEntities: []topology.Entity{p.entity}}
	}
	r.add(at, &Topology{Update: u, Source: pick(r.r, []string{"api", "config"})}, nil)
	r.add(at+r.minutes(1, 20), &Topology{Update: topology.Update{Edges: []topology.Edge{edge}}, Source: "api"}, nil)
}

// silence lets a source say nothing from some time on, for a while or for good.
func (r *reporter) silence(name string) {
	from := r.within(10*time.Minute, horizon)
	to := from + r.minutes(5, 120)
	r.entries = slices.DeleteFunc(r.entries, func(e entry) bool {
		a, ok := e.input.(*Alert)
		return ok && a.Source == name && from <= e.at && e.at < to
	})
}

// restart lets quell be down for a while. Some of what it missed comes again when it is back.
func (r *reporter) restart() {
	from := r.within(10*time.Minute, horizon-time.Hour)
	to := from + pick(r.r, []time.Duration{15 * time.Second, time.Minute, 8 * time.Minute, 45 * time.Minute})
	kept := r.entries[:0]
	for _, e := range r.entries {
		if from <= e.at && e.at < to {
			_, told := e.input.(*Topology)
			if e.operator != nil || !told && r.chance(0.5) {
				continue
			}
			e.at = to + r.within(0, 5*time.Second)
		}
		kept = append(kept, e)
	}
	r.entries = kept
	// It goes first: sorting keeps the order of what happens at one time.
	r.entries = slices.Insert(r.entries, 0, entry{at: to, input: &Gap{From: start.Add(from), To: start.Add(to), Why: "restart"}})
}

func numbers(of []*fault) []int {
	var list []int
	for _, f := range of {
		list = append(list, f.number)
	}
	return list
}

func sortedEntities[V any](m map[topology.Entity]V) []topology.Entity {
	list := make([]topology.Entity, 0, len(m))
	for e := range m {
		list = append(list, e)
	}
	slices.Sort(list)
	return list
}
