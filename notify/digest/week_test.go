package digest

import (
	"strconv"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// A week in which the clocks go back.
var (
	berlin = mustLoad("Europe/Berlin")
	since  = time.Date(2026, 10, 19, 9, 0, 0, 0, berlin)
	until  = time.Date(2026, 10, 26, 9, 0, 0, 0, berlin)

	options = Options{StoreName: "prod-eu", Location: berlin, ExternalURL: "https://quell.example/", KnownSince: since.AddDate(0, -1, 0)}
)

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

// closed is an incident that was held, and recovered after a while and closed a minute later.
func closed(id correlate.IncidentID, state correlate.State, opened time.Time, took time.Duration) *correlate.Incident {
	opened = opened.UTC()
	recovered, end := opened.Add(took), opened.Add(took+time.Minute)
	name := "pod/shop/cart-" + strconv.Itoa(int(id))
	return lived(&correlate.Incident{
		ID: id, Generation: 1, State: state, Opened: opened, Recovered: &recovered, Closed: &end, Alerts: 1, HoldReason: "held 5m",
		Title: "KubePodNotReady on " + name, Class: "KubePodNotReady on pod",
		Roots:    []correlate.Root{{Entity: topology.Entity(name), Why: "nothing that it depends on is ill"}},
		Symptoms: []correlate.SymptomView{{Entity: topology.Entity(name), Name: "KubePodNotReady", Since: opened, Ended: &recovered}},
	})
}

// lived gives an incident the one generation that its times tell of.
func lived(i *correlate.Incident) *correlate.Incident {
	g := honesty.Generation{Number: 1, Opened: i.Opened}
	if i.Escalated != nil {
		g.Paged = *i.Escalated
	}
	if i.Acknowledged != nil {
		g.Acknowledged = *i.Acknowledged
	}
	if i.Recovered != nil {
		g.Recovered = *i.Recovered
	}
	if i.Closed != nil {
		g.Closed, g.BackUntil = *i.Closed, i.Closed.Add(30*time.Minute)
		switch {
		case i.State == correlate.Merged:
			g.End = honesty.MergedAway
		case i.ByHand:
			g.End = honesty.ByHand
		case i.Lost > 0:
			g.End = honesty.LostReport
		default:
			g.End = honesty.Cleared
		}
	}
	i.Generations = []honesty.Generation{g}
	return i
}

// paged marks an incident as escalated, acked as acknowledged.
func paged(i *correlate.Incident, after time.Duration) *correlate.Incident {
	at := i.Opened.Add(after)
	i.Escalated, i.Paged = &at, true
	return lived(i)
}

func acked(i *correlate.Incident, after time.Duration) *correlate.Incident {
	at := i.Opened.Add(after)
	i.Acknowledged, i.AckedBy = &at, "anna"
	return lived(i)
}

// open makes an incident one that goes on.
func open(i *correlate.Incident) *correlate.Incident {
	i.Closed, i.Recovered, i.Active = nil, nil, 1
	return lived(i)
}

// lost makes an incident one that was given up.
func lost(i *correlate.Incident, alerts int) *correlate.Incident {
	i.State, i.Recovered, i.Lost, i.Alerts = correlate.Resolved, nil, alerts, alerts
	return lived(i)
}

// about gives an incident another alert and root.
func about(i *correlate.Incident, alert string, root topology.Entity) *correlate.Incident {
	i.Title, i.Class = alert+" on "+string(root), alert+" on "+root.Kind()
	i.Roots = []correlate.Root{{Entity: root, Why: "shows " + alert + " itself, and nothing that it depends on is ill"}}
	i.Symptoms = []correlate.SymptomView{{Entity: root, Name: alert, Since: i.Opened, Ended: i.Recovered}}
	return i
}

// fired gives an incident an alert that fired and cleared so often, within so many minutes each time.
func fired(i *correlate.Incident, name string, count int, within time.Duration) *correlate.Incident {
	p := correlate.Episodes{Name: name, Count: count, TotalSeconds: float64(count) * within.Seconds() * 0.8, LongestSeconds: within.Seconds() * 0.9}
	for k, bound := range correlate.EpisodeBounds {
		if within <= bound {
			p.Within[k] = count
			break
		}
	}
	i.Episodes = append(i.Episodes, p)
	return i
}

// healedBy says what healed an incident.
func healedBy(i *correlate.Incident, what string) *correlate.Incident {
	i.HealedBy = &correlate.Healing{What: what, Entity: i.Roots[0].Entity}
	return i
}

// week is a period in which everything happened that a digest knows, with the one before.
func week() []*correlate.Incident {
	at := func(d time.Duration) time.Time { return since.Add(d) }
	var list []*correlate.Incident
	for n := range 9 {
		i := closed(correlate.IncidentID(n+1), correlate.SelfHealed, at(time.Duration(n)*7*time.Hour), time.Duration(20+40*n)*time.Second)
		i.Roots[0].Entity = topology.Entity("pod/shop/cart-" + strconv.Itoa(n%5))
		healedBy(i, "ready on node n"+strconv.Itoa(n)+" after 2 restarts of container app by the kubelet")
		if n%4 == 1 {
			i.HealedBy.What = correlate.Unexplained
		}
		list = append(list, fired(i, "KubePodNotReady", 2+n%3, 2*time.Minute))
	}
	node := closed(20, correlate.SelfHealed, at(30*time.Hour), 65*time.Minute)
	node.Title, node.Class, node.Alerts = "KubePodNotReady below node/n3, which is silent itself", "KubePodNotReady below node", 37
	node.Roots = []correlate.Root{{Entity: "node/n3", Silent: true, Why: "8 of 8 pods on it fail, and nothing else does"}, {Entity: "pod/shop/cart-1"}}
	for n := range 8 {
		node.Symptoms = append(node.Symptoms, correlate.SymptomView{Entity: topology.Entity("pod/shop/cart-" + strconv.Itoa(n)), Name: "KubePodNotReady"})
	}
	node.Symptoms = append(node.Symptoms, correlate.SymptomView{Entity: "service/shop/cart", Name: "CartErrors"})
	healedBy(node, "kubelet reports again")
	node.Chronic = []correlate.Chronic{{
		Kind: correlate.Flapping, Since: at(30 * time.Hour).UTC(), Subject: "KubePodNotReady below node: node/n3",
		Reason: "flaps: it ended 5 times within 1d; the penalty is 4.2, and flaps from 4.0 on (half of it goes in 30m, default)",
	}}
	merged := closed(21, correlate.Merged, at(time.Hour), time.Minute)
	again := paged(closed(22, correlate.SelfHealed, at(40*time.Hour), 27*time.Hour), 5*time.Minute)
	again.Generation, again.Paged, again.Class = 2, false, "etcdSlow on pod"
	again.Generations[0].Recovered, again.Generations[0].Closed = again.Escalated.Add(4*time.Minute), again.Escalated.Add(5*time.Minute)
	again.Generations = append(again.Generations, honesty.Generation{
		Number: 2, Opened: again.Recovered.Add(-3 * time.Minute), Recovered: *again.Recovered, Closed: *again.Closed, End: honesty.Cleared,
	})
	old := about(paged(closed(23, correlate.Resolved, at(-50*time.Hour), 52*time.Hour), 10*time.Minute), "DiskFull", "persistentvolumeclaim/shop/db")
	after := at(50 * time.Hour).UTC()
	list[3].Generations[0].Critical = true
	list[4].Generations = append(list[4].Generations, honesty.Generation{
		Number: 2, Opened: after, Paged: after.Add(5 * time.Minute), End: honesty.Cleared, Recovered: after.Add(59 * time.Minute), Closed: after.Add(time.Hour),
	})
	list = append(
		list, node, merged, again, old,
		fired(acked(paged(about(closed(24, correlate.Resolved, at(100*time.Hour), 42*time.Minute), "DBDown", "service/shop/db"), 5*time.Minute), 9*time.Minute), "DBDown", 6, 45*time.Minute),
		open(paged(closed(25, correlate.Escalated, at(140*time.Hour), 0), 5*time.Minute)),
		closed(26, correlate.Resolved, at(10*time.Hour), 5*time.Minute),
		lost(closed(27, correlate.Resolved, at(11*time.Hour), 24*time.Hour), 3),
		open(closed(1028, correlate.Held, until.Add(-time.Minute), 0)),
	)
	return append(list, trends()...)
}

// trends are classes that change from one week to the next: one gets more frequent, one slower, one is new, one is gone.
func trends() (list []*correlate.Incident) {
	id := correlate.IncidentID(100)
	add := func(alert string, root topology.Entity, from time.Time, gaps, took []time.Duration) {
		for n, gap := range gaps {
			id++
			i := about(closed(id, correlate.SelfHealed, from.Add(gap), took[n%len(took)]), alert, root)
			list = append(list, fired(healedBy(i, "image changed to v2 (deployment/shop/checkout), then ready"), alert, 1, 10*time.Minute))
		}
	}
	hours := func(n int, every, first time.Duration) (gaps []time.Duration) {
		for k := range n {
			gaps = append(gaps, first+time.Duration(k)*every)
		}
		return gaps
	}
	lastWeek := since.AddDate(0, 0, -7)
	add("CheckoutLatency", "service/shop/checkout", lastWeek, hours(2, 70*time.Hour, time.Hour), []time.Duration{7 * time.Minute})
	add("CheckoutLatency", "service/shop/checkout", since, hours(14, 11*time.Hour, 17*time.Hour), []time.Duration{7 * time.Minute, 8 * time.Minute})
	add("CertExpires", "ingress/shop/front", lastWeek, hours(6, 20*time.Hour, 2*time.Hour), []time.Duration{time.Minute, 70 * time.Second})
	add("CertExpires", "ingress/shop/front", since, hours(6, 20*time.Hour, 2*time.Hour), []time.Duration{4 * time.Minute, 5 * time.Minute})
	add("QueueFull", "queue/shop/orders", since, hours(1, time.Hour, 19*time.Hour), []time.Duration{3 * time.Minute})
	add("CacheCold", "service/shop/cache", lastWeek, hours(3, 30*time.Hour, 20*time.Hour), []time.Duration{3 * time.Minute})
	return list
}

// oneClass is a week with trouble of one kind and nothing to compare it with.
func oneClass() (list []*correlate.Incident) {
	for n := range 3 {
		i := closed(correlate.IncidentID(n+1), correlate.SelfHealed, since.Add(time.Duration(n)*30*time.Hour), 2*time.Minute)
		list = append(list, healedBy(i, correlate.Unexplained))
	}
	return list
}

// hostile is a week of which all names come from somebody who means harm.
func hostile() []*correlate.Incident {
	const evil = "<!channel> [x](javascript:y) | `a` *b* _c_ <script>alert(1)</script> \x1b[31m & \u202eabc\nnew line"
	i := paged(closed(1, correlate.SelfHealed, since.Add(15*time.Hour), 3*time.Minute), time.Minute)
	i.Title, i.Class, i.Roots[0] = evil, evil, correlate.Root{Entity: evil, Why: evil}
	i.Symptoms = append(i.Symptoms, correlate.SymptomView{Entity: "pod/" + evil, Name: evil})
	i.Chronic = []correlate.Chronic{{Kind: correlate.Recurring, Since: since.Add(time.Hour), Subject: evil, Reason: evil}}
	return []*correlate.Incident{fired(healedBy(i, evil), evil, 9, time.Minute)}
}
