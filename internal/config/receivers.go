package config

import (
	"fmt"
	"strings"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/routing"
)

// use is a place in the file that names a receiver.
type use struct {
	receiver string
	node     strictyaml.Node
	digest   bool
}

// use stores the name of a receiver, to be compared with the receivers when all are known.
func (l *loader) use(to *string, digest bool) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		if *to != "" {
			l.uses = append(l.uses, use{receiver: *to, node: n, digest: digest})
		}
	}
}

// receiver reads one named group of integrations.
func (l *loader) receiver(n strictyaml.Node) {
	var r notify.Receiver
	n.Map(strictyaml.Fields{
		"name": strictyaml.Name(&r.Name),
		"pagerduty_configs": list(func(n strictyaml.Node) {
			r.PagerDuty = append(r.PagerDuty, l.pagerDuty(n))
		}),
		"slack_configs": list(func(n strictyaml.Node) {
			r.Slack = append(r.Slack, l.slack(n))
		}),
		"webhook_configs":  strictyaml.Refuse("webhook_configs are not supported yet by this version", "use pagerduty_configs or slack_configs"),
		"email_configs":    strictyaml.Refuse("email_configs are not supported yet by this version", "use pagerduty_configs or slack_configs"),
		"opsgenie_configs": strictyaml.Refuse("opsgenie_configs are not supported yet by this version", "use pagerduty_configs or slack_configs"),
	}, "name")
	switch _, again := l.receivers[r.Name]; {
	case r.Name == "":
		return // reported already
	case again:
		n.Problem("second receiver of name "+strictyaml.Quote(r.Name), "")
	case len(r.PagerDuty)+len(r.Slack) == 0:
		n.Warn("receiver "+strictyaml.Quote(r.Name)+" has no integration: its incidents show in the API only", "add pagerduty_configs or slack_configs")
	}
	l.receivers[r.Name] = n
	l.config.Receivers = append(l.config.Receivers, r)
}

func (l *loader) pagerDuty(n strictyaml.Node) notify.PagerDutyConfig {
	var c notify.PagerDutyConfig
	n.Map(strictyaml.Fields{
		"routing_key_file": l.secret(&c.RoutingKey),
		"url":              strictyaml.URL(&c.URL),
		"routing_key":      inline("routing_key"),
		"service_key":      inline("routing_key"),
		"service_key_file": strictyaml.Refuse("service_key_file is of an older API", "make an Events API v2 integration and use routing_key_file"),
		"send_resolved":    strictyaml.Refuse("send_resolved has no meaning here", "a resolve always follows its page: remove it"),
	}, "routing_key_file")
	return c
}

func (l *loader) slack(n strictyaml.Node) notify.SlackConfig {
	var c notify.SlackConfig
	n.Map(strictyaml.Fields{
		"token_file":    l.secret(&c.Token),
		"channel":       strictyaml.Name(&c.Channel),
		"api_url":       slashed(&c.APIURL),
		"token":         inline("token"),
		"api_url_file":  strictyaml.Refuse("incoming webhooks cannot edit messages", "make a bot token and use token_file"),
		"send_resolved": strictyaml.Refuse("send_resolved has no meaning here", "a resolve always follows its page: remove it"),
	}, "token_file", "channel")
	return c
}

// inline refuses a secret in the file itself. Its value never shows.
func inline(key string) strictyaml.Setter {
	return strictyaml.Refuse("secrets do not belong in this file", fmt.Sprintf("put it in a file of its own and write %s_file: PATH", key))
}

// slashed stores a base address, with the slash at its end that callers append to.
func slashed(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.URL(to)(n)
		if *to != "" && !strings.HasSuffix(*to, "/") {
			*to += "/"
		}
	}
}

// root reads the top of the route tree.
func (l *loader) root(n strictyaml.Node) {
	r := new(routing.Route)
	l.config.Route = r
	fields := l.routeFields(r)
	fields["matchers"] = strictyaml.Refuse("the root route matches everything", "put matchers on a route below it")
	fields["continue"] = strictyaml.Refuse("the root route has no siblings to continue with", "remove it")
	r.Pos = n.Pos()
	n.Map(fields, "receiver")
}

// child reads a route below the root.
func (l *loader) child(parent *routing.Route) strictyaml.Setter {
	return func(n strictyaml.Node) {
		r := &routing.Route{Pos: n.Pos()}
		parent.Routes = append(parent.Routes, r)
		n.Map(l.routeFields(r))
	}
}

func (l *loader) routeFields(r *routing.Route) strictyaml.Fields {
	const grouped = "quell groups by root cause: remove it"
	older := strictyaml.Refuse("match and match_re are not supported", `write matchers: ['name="value"', 'name=~"pattern"']`)
	return strictyaml.Fields{
		"receiver":              l.use(&r.Receiver, false),
		"matchers":              strictyaml.Matchers(&r.Matchers),
		"continue":              strictyaml.Bool(&r.Continue),
		"routes":                list(l.child(r)),
		"match":                 older,
		"match_re":              older,
		"group_by":              strictyaml.Refuse("group_by has no meaning here", grouped),
		"group_wait":            strictyaml.Refuse("group_wait has no meaning here", "hold.default says how long to wait: remove it"),
		"group_interval":        strictyaml.Refuse("group_interval has no meaning here", grouped),
		"repeat_interval":       strictyaml.Refuse("repeat_interval has no meaning here", "a page is not repeated, the pager escalates it: remove it"),
		"mute_time_intervals":   strictyaml.Refuse("mute_time_intervals are not supported yet by this version", "remove it"),
		"active_time_intervals": strictyaml.Refuse("active_time_intervals are not supported yet by this version", "remove it"),
	}
}

// checkUses compares the receivers that are named with those that there are.
func (l *loader) checkUses() {
	var names []string
	hasSlack := make(map[string]bool)
	for _, r := range l.config.Receivers {
		names = append(names, r.Name)
		hasSlack[r.Name] = len(r.Slack) > 0
	}
	used := make(map[string]bool)
	for _, u := range l.uses {
		used[u.receiver] = true
		switch _, known := l.receivers[u.receiver]; {
		case !known:
			u.node.Problem("unknown receiver "+strictyaml.Quote(u.receiver), strictyaml.Suggest(u.receiver, names))
		case u.digest && !hasSlack[u.receiver]:
			u.node.Problem("receiver "+strictyaml.Quote(u.receiver)+" cannot show a digest", "add slack_configs to it")
		}
	}
	for _, r := range l.config.Receivers {
		if !used[r.Name] {
			l.receivers[r.Name].Warn("receiver "+strictyaml.Quote(r.Name)+" is not used", "name it in a route or remove it")
		}
	}
}
