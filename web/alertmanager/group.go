package alertmanager

import (
	"cmp"
	"net/http"
	"slices"

	"quell/correlate"
	"quell/correlate/topology"
)

// group is the alerts of an incident that one receiver hears of, or those of no incident.
type group struct {
	incident correlate.IncidentID // zero for those of no incident
	root     topology.Entity
	receiver string
	alerts   []alert
}

// groups lists incidents with their alerts, as often as there are receivers to tell.
func (a *API) groups(w http.ResponseWriter, r *http.Request) {
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
	list := grouped(slices.DeleteFunc(view(s, a.backend.Setup()), func(x alert) bool { return !q.selects(&x) }), &q)
	enc := a.encoder(w)
	enc.list(len(list), func(k int) { enc.group(&list[k]) })
	enc.end()
}

// grouped puts alerts into groups for those of their receivers that are asked for: in order of incidents, and in each group first what is on
// the root, then by time.
func grouped(alerts []alert, q *query) []group {
	type place struct {
		incident correlate.IncidentID
		receiver string
	}
	slices.SortFunc(alerts, func(x, y alert) int {
		return cmp.Or(compareTrueFirst(x.OnRoot, y.OnRoot), x.StartsAt.Compare(y.StartsAt), cmp.Compare(x.Fingerprint, y.Fingerprint))
	})
	at := make(map[place]int)
	var list []group
	for _, x := range alerts {
		for _, name := range x.verdict.receivers {
			if !q.receives([]string{name}) {
				continue
			}
			p := place{x.verdict.incident, name}
			k, known := at[p]
			if !known {
				k = len(list)
				at[p] = k
				list = append(list, group{incident: p.incident, root: x.verdict.root, receiver: name})
			}
			list[k].alerts = append(list[k].alerts, x)
		}
	}
	slices.SortFunc(list, func(x, y group) int {
		return cmp.Or(cmp.Compare(x.incident, y.incident), cmp.Compare(x.receiver, y.receiver))
	})
	return list
}

func compareTrueFirst(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}
