package migration

import (
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/internal/strictyaml"
)

// routeKeys are what Alertmanager knows of a route.
var routeKeys = []string{
	"receiver", "matchers", "match", "match_re", "continue", "routes", "group_by", "group_wait", "group_interval", "repeat_interval",
	"mute_time_intervals", "active_time_intervals", "labels",
}

// readRoot reads the root of the route tree.
func (m *migration) readRoot(t *strictyaml.Tree) {
	if !m.isMap(t) {
		return
	}
	for _, key := range []string{"matchers", "match", "match_re"} {
		if n := t.Get(key); n != nil && len(n.Items) > 0 {
			n.At.Problem("the root route matches everything", "Alertmanager would not take the file either")
		}
	}
	for _, key := range []string{"mute_time_intervals", "active_time_intervals"} {
		if n := t.Get(key); n != nil {
			n.At.Problem("the root route has no hours", "Alertmanager would not take the file either")
		}
	}
	if n := t.Get("continue"); n != nil && n.Text == "true" {
		n.At.Problem("the root route has no siblings to continue with", "Alertmanager would not take the file either")
	}
	if t.Get("receiver") == nil {
		t.At.Problem("the root route has no receiver", "Alertmanager would not take the file either")
	}
	m.first = m.text(t.Get("receiver"))
	m.route = append(m.inherited(t), append(lines{"route:"}, m.readRoute(t).indent()...)...)
}

// inherited comments on the times of the root route.
func (m *migration) inherited(t *strictyaml.Tree) lines {
	var said []string
	for _, key := range []string{"group_by", "group_wait", "group_interval"} {
		if t.Get(key) != nil {
			said = append(said, key)
		}
	}
	if len(said) == 0 {
		return nil
	}
	return comment("Without a counterpart: " + strings.Join(said, ", ") + ". quell groups by root cause, and hold.default says how long it waits.")
}

// readRoute reads a route and those below it.
func (m *migration) readRoute(t *strictyaml.Tree) (out lines) {
	if !m.isMap(t) {
		return nil
	}
	m.known(t, routeKeys...)
	m.result.Routes++
	if matchers := m.matchers(t); len(matchers) > 0 {
		list := texts(matchers)
		out = append(out, entry("matchers", list)...)
	}
	if n := t.Get("receiver"); n != nil {
		name := m.text(n)
		if !slices.Contains(m.receivers, name) {
			n.At.Problem("unknown receiver "+strictyaml.Quote(name), strictyaml.Suggest(name, m.receivers))
		}
		out = append(out, entry("receiver", text(name))...)
	}
	for _, key := range []string{"active_time_intervals", "mute_time_intervals"} {
		names := m.useIntervals(t.Get(key))
		if len(names) > 0 {
			out = append(out, entry(key, texts(names))...)
		}
	}
	if n := t.Get("continue"); n != nil && m.boolean(n) {
		out = append(out, "continue: true")
	}
	m.grouping(t)
	m.noticeWatchdog(t)
	if routes := m.items(t.Get("routes")); len(routes) > 0 {
		out = append(out, "routes:")
		for _, child := range routes {
			out = append(out, m.readRoute(child).item().indent()...)
		}
	}
	return out
}

// boolean reads what YAML 1.1 takes for true, as Alertmanager does.
func (m *migration) boolean(t *strictyaml.Tree) bool {
	switch strings.ToLower(m.text(t)) {
	case "true", "yes", "on", "y":
		return true
	case "false", "no", "off", "n", "":
	default:
		t.At.Problem("want true or false", "")
	}
	return false
}

// grouping tells of what quell does instead of grouping and repeating.
func (m *migration) grouping(t *strictyaml.Tree) {
	for _, key := range []string{"group_by", "group_interval"} {
		if n := t.Get(key); n != nil {
			m.explain(n, key+" has no counterpart: quell groups by root cause, and tells of an incident in one message that it keeps up to date", "")
		}
	}
	if n := t.Get("group_wait"); n != nil {
		m.explain(n, "group_wait has no counterpart: quell waits for what heals by itself", "hold.default says how long at most; rules may say otherwise")
	}
	if n := t.Get("repeat_interval"); n != nil {
		if m.repeat == "" {
			m.repeat = m.text(n)
		}
		m.lose(n, "repeat_interval is not carried over: quell pages once for an incident, and again if an acknowledgement runs out", "an escalation policy may repeat its steps: there is one to begin with at the end of the new file")
	}
	if n := t.Get("labels"); n != nil {
		m.lose(n, "labels of routes are not carried over", "say it in a template of the receiver")
	}
}

// repeatLines are an escalation policy to begin with, as a comment.
func (m *migration) repeatLines() lines {
	if m.repeat == "" {
		return nil
	}
	out := comment("Alertmanager repeated what was not resolved, every " + m.repeat + ". Here an incident is told once, and who does not " +
		"answer is followed up by an escalation policy. This one tells the same receiver again; name it in a route by escalation: again, in place of its receiver.")
	return append(out, "# escalation_policies:", "#   - name: again", "#     steps:", "#       - receiver: "+clean(scalar(m.first, false)), "#     repeat: {limit: 3, wait: "+clean(m.repeat)+"}")
}

// matchers are all matchers of a route, in the notation that is there now.
func (m *migration) matchers(t *strictyaml.Tree) (list []string) {
	add := func(n *strictyaml.Tree, typ labels.MatchType) {
		if n == nil || !m.isMap(n) {
			return
		}
		for i, name := range n.Keys {
			if matcher, err := labels.NewMatcher(typ, name, n.Items[i].Text); err != nil || n.Items[i].Kind != strictyaml.Scalar {
				n.Items[i].At.Problem("no matcher of label "+strictyaml.Quote(name)+": want a value", "")
			} else {
				list = append(list, matcher.String())
			}
		}
	}
	add(t.Get("match"), labels.MatchEqual)
	add(t.Get("match_re"), labels.MatchRegexp)
	return append(list, m.matcherList(t.Get("matchers"))...)
}

func (m *migration) matcherList(t *strictyaml.Tree) (list []string) {
	for _, n := range m.items(t) {
		s := m.text(n)
		if _, err := strictyaml.ParseMatchers(s); err != nil {
			n.At.Problem("bad matcher "+strictyaml.Quote(s)+": "+clean(err.Error()), "")
			continue
		}
		list = append(list, s)
	}
	return list
}

// useIntervals are names of time intervals.
func (m *migration) useIntervals(t *strictyaml.Tree) (names []string) {
	for _, n := range m.items(t) {
		name := m.text(n)
		if !slices.Contains(m.intervals, name) {
			n.At.Problem("unknown time interval "+strictyaml.Quote(name), strictyaml.Suggest(name, m.intervals))
		}
		names = append(names, name)
	}
	return names
}

// readIntervals reads named time intervals, under the name that they have now or the older one.
func (m *migration) readIntervals(t *strictyaml.Tree) {
	for _, n := range m.items(t) {
		if !m.isMap(n) {
			continue
		}
		m.known(n, "name", "time_intervals")
		name := m.text(n.Get("name"))
		switch {
		case name == "":
			n.At.Problem("the time interval has no name", "")
			continue
		case slices.Contains(m.intervals, name):
			n.At.Problem("second time interval of name "+strictyaml.Quote(name), "")
		}
		m.intervals = append(m.intervals, name)
		m.result.Intervals++
		if len(m.hours) == 0 {
			m.hours = lines{"time_intervals:"}
		}
		body := entry("name", text(name))
		if list := n.Get("time_intervals"); list != nil {
			body = append(body, entry("time_intervals", list)...)
		} else {
			body = append(body, "time_intervals: []")
		}
		m.hours = append(m.hours, body.item().indent()...)
	}
}

// readInhibitions carries inhibit rules over, in Alertmanager's present form.
func (m *migration) readInhibitions(t *strictyaml.Tree) {
	rules := m.items(t)
	if len(rules) == 0 {
		return
	}
	m.inhibitions = append(comment("Beside these, quell finds out by dependencies what brings down what, and makes one incident of it."), "inhibit_rules:")
	for _, r := range rules {
		if !m.isMap(r) {
			continue
		}
		m.known(r, "name", "source_match", "source_match_re", "source_matchers", "target_match", "target_match_re", "target_matchers", "equal")
		source, target := m.side(r, "source"), m.side(r, "target")
		if len(source.Items)+len(target.Items) == 0 {
			m.lose(r, "an inhibit rule by which every alert mutes every other is not carried over", "")
			continue
		}
		var body lines
		if name := r.Get("name"); name != nil {
			body = append(body, entry("name", name)...)
		}
		body = append(append(body, entry("source_matchers", source)...), entry("target_matchers", target)...)
		if equal := r.Get("equal"); equal != nil {
			names := &strictyaml.Tree{Kind: strictyaml.List}
			for _, n := range m.items(equal) {
				if name := m.text(n); !slices.ContainsFunc(names.Items, func(t *strictyaml.Tree) bool { return t.Text == name }) {
					names.Items = append(names.Items, text(name))
				}
			}
			body = append(body, entry("equal", names)...)
		}
		m.inhibitions = append(m.inhibitions, body.item().indent()...)
		m.result.Inhibitions++
	}
	if m.result.Inhibitions == 0 {
		m.inhibitions = nil
	}
}

// side are the matchers of one side of an inhibit rule, old and new ones.
func (m *migration) side(r *strictyaml.Tree, prefix string) *strictyaml.Tree {
	with := &strictyaml.Tree{Kind: strictyaml.Map, Keys: []string{"match", "match_re", "matchers"}}
	for _, k := range with.Keys {
		v := r.Get(prefix + "_" + k)
		if v == nil {
			v = &strictyaml.Tree{Kind: strictyaml.Null}
		}
		with.Items = append(with.Items, v)
	}
	list := &strictyaml.Tree{Kind: strictyaml.List}
	for _, s := range m.matchers(with) {
		list.Items = append(list.Items, text(s))
	}
	return list
}

// noticeWatchdog proposes a heartbeat in place of a route for an alert that always fires.
func (m *migration) noticeWatchdog(t *strictyaml.Tree) {
	if len(m.watchdog) > 0 {
		return
	}
	for _, s := range m.matchers(t) {
		ms, err := strictyaml.ParseMatchers(s)
		if err != nil || len(ms) == 0 || ms[0].Name != "alertname" || ms[0].Value != "Watchdog" {
			continue
		}
		m.watchdog = append(comment("Watchdog always fires, to show that alerts arrive. With this, its absence is an incident:"),
			"# heartbeats:", "#   - {name: watchdog, matchers: ['alertname=\"Watchdog\"'], interval: 5m}")
		m.explain(t, "the route for Watchdog is carried over, but quell can do better: it pages when Watchdog stops", "take the heartbeats: that the new file has as a comment")
	}
}

func (m *migration) readTemplates(t *strictyaml.Tree) {
	if t == nil {
		return
	}
	list := &strictyaml.Tree{Kind: strictyaml.List}
	for _, n := range m.items(t) {
		list.Items = append(list.Items, text(m.path(m.text(n))))
	}
	if len(list.Items) > 0 {
		m.templates = list
	}
}

func (m *migration) templateLines() lines {
	if m.templates == nil {
		return nil
	}
	return append(comment("Templates find the incident as .Incident beside what Alertmanager tells them: docs/templates.md."), entry("templates", m.templates)...)
}
