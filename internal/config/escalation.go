package config

import (
	"slices"
	"time"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/routing"
)

// Limits of escalation policies.
const (
	maxPolicies = 1000
	maxSteps    = 20
	maxRepeats  = 100
)

// policyUse is a place in the file that names an escalation policy.
type policyUse struct {
	name string
	node strictyaml.Node
}

// policy reads one escalation policy.
func (l *loader) policy(n strictyaml.Node) {
	var p routing.Policy
	n.Map(strictyaml.Fields{
		"name": strictyaml.Name(&p.Name),
		"steps": list(func(n strictyaml.Node) {
			p.Steps = append(p.Steps, l.step(n))
		}),
		"repeat": func(n strictyaml.Node) {
			n.Map(strictyaml.Fields{
				"limit": strictyaml.Int(&p.Repeats, 0, maxRepeats),
				"wait":  strictyaml.Duration(&p.RepeatWait, time.Second, 7*day),
			}, "limit", "wait")
		},
		"deliver_within":      strictyaml.Duration(&p.DeliverWithin, 10*time.Second, day),
		"acknowledge_timeout": strictyaml.Refuse("an acknowledgement is one of the incident, not of a policy", "write acknowledge: {timeout: 4h} at the top"),
	}, "name", "steps")
	for i := range p.Steps {
		switch last := i == len(p.Steps)-1; {
		case !last && p.Steps[i].Wait == 0:
			n.Problem("the policy cannot wait for an acknowledgement: a step before the last one has no wait", "write wait: 15m there")
		case last && p.Steps[i].Wait != 0:
			n.Problem("nothing follows the last step, so its wait says nothing", "remove it, or write repeat: {limit: 1, wait: 15m}")
		}
	}
	if len(p.Steps) == 0 {
		n.Problem("the policy has no steps, so nobody would be told", "")
	}
	if len(p.Steps) > maxSteps {
		n.Problem("the policy has too many steps", "")
	}
	l.addPolicy(n, p)
}

func (l *loader) addPolicy(n strictyaml.Node, p routing.Policy) {
	if p.Name == "" {
		return // reported already
	}
	for _, other := range l.policies {
		if other.name == p.Name {
			n.Problem("second escalation policy of name "+strictyaml.Quote(p.Name), "")
			return
		}
	}
	if len(l.policies) == maxPolicies {
		n.Problem("too many escalation policies", "")
		return
	}
	l.policies = append(l.policies, policyUse{p.Name, n})
	l.placed("policy", p.Name, n)
	l.config.Escalations = append(l.config.Escalations, p)
	steps := l.config.Escalations[len(l.config.Escalations)-1].Steps
	for i := range steps {
		l.hoursUses = append(l.hoursUses, hoursUse{&steps[i].Hours, n})
	}
}

// step reads one step of a policy.
func (l *loader) step(n strictyaml.Node) (s routing.Step) {
	notify := "page"
	read := func(n strictyaml.Node) {
		var name string
		if l.use(&name, false)(n); name != "" {
			s.Receivers = append(s.Receivers, name)
			l.stepUses = append(l.stepUses, stepUse{name, &notify, n})
		}
	}
	n.Map(l.hours(&s.Hours, strictyaml.Fields{
		"receiver":  read,
		"receivers": list(read),
		"wait":      strictyaml.Duration(&s.Wait, time.Second, 7*day),
		"notify":    strictyaml.Word(&notify, "page", "notice"),
	}))
	if s.Notice = notify == "notice"; len(s.Receivers) == 0 {
		n.Problem("the step tells nobody", "write receiver: NAME")
	}
	return s
}

// stepUse is a receiver that a step tells.
type stepUse struct {
	receiver string
	notify   *string
	node     strictyaml.Node
}

// checkPolicies compares the policies that are named with those that there are, and steps with what their receivers can do.
func (l *loader) checkPolicies() {
	var names []string
	for _, p := range l.policies {
		names = append(names, p.name)
	}
	known, used := make(map[string]bool), make(map[string]bool)
	for _, name := range names {
		known[name] = true
	}
	for _, u := range l.policyUses {
		if used[u.name] = true; !known[u.name] {
			u.node.Problem("unknown escalation policy "+strictyaml.Quote(u.name), strictyaml.Suggest(u.name, names))
		}
	}
	for _, p := range l.policies {
		if !used[p.name] {
			p.node.WarnAs(kindUnusedPolicy, "escalation policy "+strictyaml.Quote(p.name)+" is not used", "name it in a route or remove it")
		}
	}
	for _, u := range l.stepUses {
		for _, r := range l.config.Receivers {
			if r.Name != u.receiver {
				continue
			}
			switch {
			case l.othersFailed: // what the receiver has is not known
			case len(r.PagerDuty)+len(r.Slack)+len(r.Others) == 0:
				u.node.Problem("receiver "+strictyaml.Quote(r.Name)+" has no integration, so the step tells nobody", "add one to it")
			case *u.notify == "notice" && len(r.Slack) == 0 && !slices.ContainsFunc(r.Others, func(o notify.OtherConfig) bool { return o.Notices }):
				u.node.Problem("receiver "+strictyaml.Quote(r.Name)+" has no chat, so it gets no notices", "add slack_configs, email_configs or another chat to it, or write notify: page")
			}
		}
	}
}

// acknowledge reads what ends an acknowledgement.
func (l *loader) acknowledge() strictyaml.Setter {
	p := &l.config.policy
	timeout := strictyaml.Duration(&p.AckTimeout, time.Minute, 7*day)
	back := true
	return func(n strictyaml.Node) {
		n.Map(strictyaml.Fields{
			"timeout": func(n strictyaml.Node) {
				if n.Is("never") {
					p.AckTimeout = 0
					return
				}
				timeout(n)
			},
			"hand_back": strictyaml.Bool(&back),
		})
		p.KeepAck = !back
	}
}
