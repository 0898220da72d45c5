package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/notify/alertmanager"
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
	fields := strictyaml.Fields{
		"name":            strictyaml.Name(&r.Name),
		"rate_per_minute": strictyaml.Int(&r.Limits.RatePerMinute, 1, 100_000),
		"burst":           strictyaml.Int(&r.Limits.Burst, 1, 10_000),
		"timeout":         strictyaml.Duration(&r.Limits.Timeout, time.Second, 5*time.Minute),
		"deliver_within":  strictyaml.Duration(&r.Limits.DeliverWithin, 10*time.Second, day),
		"pagerduty_configs": list(func(n strictyaml.Node) {
			r.PagerDuty = append(r.PagerDuty, l.pagerDuty(n))
		}),
		"slack_configs": list(func(n strictyaml.Node) {
			r.Slack = append(r.Slack, listening(n, l.slack(n)))
		}),
	}
	others := l.otherFields(fields)
	n.Map(fields, "name")
	switch _, again := l.receivers[r.Name]; {
	case r.Name == "":
		return // reported already
	case again:
		n.Problem("second receiver of name "+strictyaml.Quote(r.Name), "")
	case len(r.PagerDuty)+len(r.Slack)+others() == 0:
		n.WarnAs(kindEmptyReceiver, "receiver "+strictyaml.Quote(r.Name)+" has no integration: its incidents show in the API only", "add slack_configs, pagerduty_configs or another: docs/receivers.md")
	}
	l.receivers[r.Name] = n
	l.config.Receivers = append(l.config.Receivers, r)
}

func (l *loader) pagerDuty(n strictyaml.Node) notify.PagerDutyConfig {
	var c notify.PagerDutyConfig
	changeEvents, pictures := true, true
	n.Map(strictyaml.Fields{
		"routing_key_file":    l.secret(&c.RoutingKey),
		"url":                 strictyaml.URL(&c.URL),
		"change_events":       strictyaml.Bool(&changeEvents),
		"pictures":            strictyaml.Bool(&pictures),
		"webhook_secret_file": l.secret(&c.WebhookSecret),
		"webhook_secret":      inline("webhook_secret"),
		"routing_key":         inline("routing_key"),
		"service_key":         inline("routing_key"),
		"description":         l.template(&c.Description, notify.Field{Name: "description"}),
		"details":             l.details(&c.Details),
		"service_key_file":    strictyaml.Refuse("service_key_file is of an older API", "make an Events API v2 integration and use routing_key_file"),
		"send_resolved":       strictyaml.Refuse("send_resolved has no meaning here", "a resolve always follows its page: remove it"),
	}, "routing_key_file")
	c.NoChangeEvents, c.NoPictures = !changeEvents, !pictures
	return c
}

func (l *loader) slack(n strictyaml.Node) notify.SlackConfig {
	var c notify.SlackConfig
	pictures := true
	n.Map(strictyaml.Fields{
		"token_file": l.secret(&c.Token),
		"channel":    strictyaml.Name(&c.Channel),

		"signing_secret_file": l.secret(&c.SigningSecret),
		"signing_secret":      inline("signing_secret"),
		"app_token_file":      l.slackAppToken(&c.AppToken),
		"app_token":           inline("app_token"),
		"allowed_users":       list(slackMembers(&c.AllowedUsers)),

		"api_url":       slashed(&c.APIURL),
		"title":         l.template(&c.Title, notify.Field{Name: "title"}),
		"text":          l.template(&c.Text, notify.Field{Name: "text"}),
		"pictures":      strictyaml.Bool(&pictures),
		"token":         inline("token"),
		"api_url_file":  strictyaml.Refuse("incoming webhooks cannot edit messages", "make a bot token and use token_file"),
		"send_resolved": strictyaml.Refuse("send_resolved has no meaning here", "a resolve always follows its page: remove it"),
	}, "token_file", "channel")
	c.NoPictures = !pictures
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
	fields := l.routeFields(n, r)
	fields["matchers"] = strictyaml.Refuse("the root route matches everything", "put matchers on a route below it")
	const silent = "an incident of other hours would be told to nobody"
	fields["active_time_intervals"] = strictyaml.Refuse(silent, "put active_time_intervals on a route below the root")
	fields["mute_time_intervals"] = strictyaml.Refuse(silent, "put mute_time_intervals on a route below the root")
	fields["continue"] = strictyaml.Refuse("the root route has no siblings to continue with", "remove it")
	r.Pos = place(n)
	n.Map(fields, "receiver")
}

// child reads a route below the root.
func (l *loader) child(parent *routing.Route) strictyaml.Setter {
	return func(n strictyaml.Node) {
		r := &routing.Route{Pos: place(n)}
		parent.Routes = append(parent.Routes, r)
		n.Map(l.routeFields(n, r))
		if r.Receiver != "" && r.Escalation != "" {
			n.Problem("the route has both a receiver and an escalation", "put the receiver into the policy's first step")
		}
	}
}

func (l *loader) routeFields(n strictyaml.Node, r *routing.Route) strictyaml.Fields {
	const grouped = "quell groups by root cause: remove it"
	older := strictyaml.Refuse("match and match_re are not supported", `write matchers: ['name="value"', 'name=~"pattern"']`)
	l.hoursUses = append(l.hoursUses, hoursUse{&r.Hours, n})
	return l.hours(&r.Hours, strictyaml.Fields{
		"receiver": l.use(&r.Receiver, false),
		"escalation": func(n strictyaml.Node) {
			if strictyaml.Name(&r.Escalation)(n); r.Escalation != "" {
				l.policyUses = append(l.policyUses, policyUse{r.Escalation, n})
			}
		},
		"matchers":        strictyaml.Matchers(&r.Matchers),
		"continue":        strictyaml.Bool(&r.Continue),
		"routes":          list(strictyaml.Def("child_route", l.child(r))),
		"when":            noCondition,
		"match":           older,
		"match_re":        older,
		"group_by":        strictyaml.Refuse("group_by has no meaning here", grouped),
		"group_wait":      strictyaml.Refuse("group_wait has no meaning here", "hold.default says how long to wait: remove it"),
		"group_interval":  strictyaml.Refuse("group_interval has no meaning here", grouped),
		"repeat_interval": strictyaml.Refuse("repeat_interval has no meaning here", "an escalation policy may repeat its steps: remove it"),
	})
}

// noCondition refuses conditions in CEL where matchers choose who is told: one that goes wrong on a value must not decide that nobody is.
var noCondition = strictyaml.Refuse("who is told is not up to a condition, which may go wrong on a value", "write matchers, or two routes for one thing or another; rules take conditions")

// checkUses compares the receivers that are named with those that there are.
func (l *loader) checkUses() {
	var names []string
	takesDigests := make(map[string]bool)
	for _, r := range l.config.Receivers {
		names = append(names, r.Name)
		takesDigests[r.Name] = len(r.Slack) > 0 || slices.ContainsFunc(r.Others, func(o notify.OtherConfig) bool { return alertmanager.TakesDigests(o.Type) })
	}
	used := make(map[string]bool)
	for _, u := range l.uses {
		used[u.receiver] = true
		switch _, known := l.receivers[u.receiver]; {
		case !known:
			u.node.Problem("unknown receiver "+strictyaml.Quote(u.receiver), strictyaml.Suggest(u.receiver, names))
		case u.digest && !takesDigests[u.receiver] && !l.othersFailed:
			u.node.Problem("receiver "+strictyaml.Quote(u.receiver)+" cannot show a digest", "add slack_configs, email_configs or another chat to it")
		}
	}
	for _, r := range l.config.Receivers {
		if !used[r.Name] {
			l.receivers[r.Name].WarnAs(kindUnusedReceiver, "receiver "+strictyaml.Quote(r.Name)+" is not used", "name it in a route or remove it")
		}
	}
}
