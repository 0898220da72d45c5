package alertmanager

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/routing"
)

// alert is what fires, with what quell decided about it.
type alert struct {
	*correlate.Firing
	verdict *verdict
	// lead is the alert by which quell explains this one; zero if there is none.
	lead model.Fingerprint
}

// suppressed reports whether nobody is told of the alert itself.
func (a *alert) suppressed() bool { return a.inhibited() || len(a.SilencedBy)+len(a.MutedBy) > 0 }

// inhibited reports whether another alert says all that it would: quell explains it by that one, or a rule inhibits it.
func (a *alert) inhibited() bool {
	return a.lead != 0 || slices.ContainsFunc(a.MutedBy, func(m correlate.MutedBy) bool { return m.Kind == correlate.Inhibited })
}

// inhibitors are those alerts, each once; what inhibits it may be an event, which is none.
func (a *alert) inhibitors() []model.Fingerprint {
	var list []model.Fingerprint
	if a.lead != 0 {
		list = append(list, a.lead)
	}
	for _, m := range a.MutedBy {
		if m.Fingerprint != 0 && !slices.Contains(list, m.Fingerprint) {
			list = append(list, m.Fingerprint)
		}
	}
	return list
}

// silenced reports whether a silence, and not a maintenance window, is about it.
func (a *alert) silenced() bool {
	return slices.ContainsFunc(a.SilencedBy, func(s correlate.SilencedBy) bool { return !s.Maintenance })
}

// verdict is what all alerts of an incident share. For an alert without incident only the receivers are set.
type verdict struct {
	incident correlate.IncidentID
	root     topology.Entity
	state    string
	// receivers are those that the routes lead to, each once.
	receivers []string
	// lead is the alert on the root that stands for the incident: the worst, of these the oldest. Nil if the root is silent.
	lead *correlate.Firing
}

// view puts a snapshot in Alertmanager's words. Of the alerts on a root all are active, and the others suppressed by one of them. A
// root without an alert of its own suppresses nothing: its alerts are what people hear of, together.
func view(s *Snapshot, setup Setup) []alert {
	verdicts := make(map[correlate.IncidentID]*verdict, len(s.Incidents))
	for _, inc := range s.Incidents {
		verdicts[inc.ID] = verdictOn(inc, setup.Route)
	}
	alerts := make([]alert, len(s.Firing))
	for k := range s.Firing {
		f := &s.Firing[k]
		v := verdicts[f.Incident]
		if v == nil {
			v = &verdict{receivers: receivers(setup.Route, f.Labels)}
		}
		if f.OnRoot && (v.lead == nil || standsBefore(f, v.lead)) {
			v.lead = f
		}
		alerts[k] = alert{Firing: f, verdict: v}
	}
	for k := range alerts {
		if a := &alerts[k]; a.verdict.lead != nil && !a.OnRoot {
			a.lead = a.verdict.lead.Fingerprint
		}
	}
	return alerts
}

// standsBefore orders the alerts on a root.
func standsBefore(f, other *correlate.Firing) bool {
	return cmp.Or(cmp.Compare(other.Severity, f.Severity), f.StartsAt.Compare(other.StartsAt), cmp.Compare(f.Fingerprint, other.Fingerprint)) < 0
}

func verdictOn(inc *correlate.Incident, route *routing.Route) *verdict {
	v := &verdict{incident: inc.ID, state: inc.State.String(), receivers: receivers(route, routing.Labels(inc))}
	if len(inc.Roots) > 0 {
		v.root = inc.Roots[0].Entity
	}
	if inc.State == correlate.Held && inc.HeldUntil != nil {
		v.state += " until " + inc.HeldUntil.UTC().Format(time.RFC3339)
	}
	return v
}

// receivers are those that the routes lead a label set to, each once, by name.
func receivers(route *routing.Route, l correlate.Labels) []string {
	matches := route.Match(l)
	names := make([]string, len(matches))
	for k, m := range matches {
		names[k] = m.Receiver
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// alerts lists what fires, by fingerprint.
func (a *API) alerts(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		bad(w, err.Error())
		return
	}
	s, err := a.backend.Firing(r.Context())
	if err != nil {
		a.failed(w, r, err)
		return
	}
	list := slices.DeleteFunc(view(s, a.backend.Setup()), func(x alert) bool { return !q.receives(x.verdict.receivers) || !q.selects(&x) })
	slices.SortFunc(list, func(x, y alert) int { return cmp.Compare(x.Fingerprint, y.Fingerprint) })
	enc := a.encoder(w)
	enc.list(len(list), func(k int) { enc.alert(&list[k]) })
	enc.end()
}
