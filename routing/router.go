package routing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

// DefaultExpire is how long a delivery is tried where [Options] does not say.
const DefaultExpire = 24 * time.Hour

// Options are what a [Router] needs beside the routes.
type Options struct {
	// StoreID tells this store's incidents from those of any other at a receiver that both use.
	StoreID string
	// Expire is how long after its creation a delivery is given up. Zero means [DefaultExpire].
	Expire time.Duration
}

// Router makes deliveries that remember nothing; [Escalations] makes the others. It does not change, so it may be used concurrently;
// a new configuration is a new Router.
type Router struct {
	config *Config
	opts   Options
}

// New returns a router. The configuration belongs to it from then on.
func New(c *Config, opts Options) *Router {
	if opts.Expire == 0 {
		opts.Expire = DefaultExpire
	}
	c.Route.prepare()
	return &Router{config: c, opts: opts}
}

// first returns the integrations that a label set reaches first, at any hour, each once, in order: those of receivers, and of the first
// steps of policies that page any, or at least tell any.
func (r *Router) first(l correlate.Labels) []Target {
	var targets []Target
	for _, m := range r.config.Route.Match(l) {
		p, ok := r.follows(m.Escalation, m.Receiver)
		if !ok {
			continue
		}
		var told []Target
		for k := range p.Steps {
			found := r.targets(&p.Steps[k])
			if len(found) > 0 && !p.Steps[k].Notice {
				told = found
				break
			}
			if len(told) == 0 {
				told = found
			}
		}
		targets = append(targets, without(told, targets...)...)
	}
	return targets
}

// follows is the policy of a name, or, if that is empty, the policy that a plain receiver is; ok is false if there is none.
func (r *Router) follows(policy, receiver string) (p *Policy, ok bool) {
	if policy != "" {
		return r.config.policy(policy)
	}
	_, ok = r.config.Receivers[receiver]
	return &Policy{Steps: []Step{{Receivers: []string{receiver}}}}, ok
}

// targets are the integrations that a step tells, each once.
func (r *Router) targets(s *Step) []Target {
	var list []Target
	for _, name := range s.Receivers {
		for _, t := range r.config.Receivers[name] {
			if (!s.Notice || r.chat(t)) && !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	return list
}

// chat reports whether people read there, and nobody is woken.
func (r *Router) chat(t Target) bool { return t.Type == "slack" || slices.Contains(r.config.Chats, t) }

// fanOut makes a copy of d for each target.
func (r *Router) fanOut(now time.Time, targets []Target, d Delivery) []Delivery {
	d.Created, d.Expires = now, now.Add(r.opts.Expire)
	deliveries := make([]Delivery, len(targets))
	for i, t := range targets {
		d.Target = t
		deliveries[i] = d
	}
	return deliveries
}

// Undelivered returns what to tell of the first delivery that was given up at a target: to the chat of its receiver, or else to that
// of the root route's. Where nobody reads chat, a page is told to the pagers there, and other deliveries to nobody: what they had to say is
// in the API, and so is this. A failed message about a failure must not breed, so operator messages ask for none. All of one target
// are one matter at the receiver.
func (r *Router) Undelivered(now time.Time, d *Delivery, reason string) []Delivery {
	if d.AboutQuell() {
		return nil
	}
	siblings, root := without(r.config.Receivers[d.Target.Receiver], d.Target), without(r.config.Receivers[r.config.Route.Receiver], d.Target)
	targets := r.silent(siblings)
	for _, others := range [][]Target{r.silent(root), siblings, root} {
		if len(targets) > 0 || d.Action != Trigger && len(r.silent(others)) < len(others) {
			break
		}
		targets = others
	}
	what := "deliver a message of type " + string(d.Action) + " to"
	if d.Action == Trigger {
		what = "page"
	}
	text := fmt.Sprintf("quell could not %s %s: %s.\nUndelivered: %s", what, d.Target, reason, headline(d))
	text += "\nIt is kept, and so is what else cannot be delivered there, without another message: quell delivery list --dead"
	return r.fanOut(now, targets, Delivery{Action: Operator, Key: r.UndeliveredKey(d.Target.String()), Reason: reason, Text: text})
}

// UndeliveredKey is the dedup key of what [Router.Undelivered] tells of a target, which [Target.String] names; with an empty name it is
// what all of these begin with.
func (r *Router) UndeliveredKey(target string) string { return r.OperatorKey("undelivered/" + target) }

// silent are those that people read without being woken.
func (r *Router) silent(targets []Target) []Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return !r.chat(t) })
}

// without returns a new list that lacks some.
func without(targets []Target, some ...Target) []Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return slices.Contains(some, t) })
}

// headline names what a delivery was about.
func headline(d *Delivery) string {
	if d.Incident == nil {
		return d.Key
	}
	text := fmt.Sprintf("%s [%s] %s", d.Incident.ID, d.Incident.Severity, d.Incident.Title)
	if len(d.Incident.Roots) > 0 {
		text += fmt.Sprintf(" (root %s)", d.Incident.Roots[0].Entity)
	}
	return text
}

// Operator returns a message of quell about itself, to every integration of the root route's receiver. Messages of one key
// are one matter at the receiver; [Conditions] closes it.
func (r *Router) Operator(now time.Time, key, text string) []Delivery {
	return r.fanOut(now, r.config.Receivers[r.config.Route.Receiver], Delivery{Action: Operator, Key: r.OperatorKey(key), Text: text})
}

// OperatorKey is the dedup key of messages of quell about itself that [Router.Operator] makes under a key.
func (r *Router) OperatorKey(key string) string {
	return fmt.Sprintf("quell/%s/operator/%s", r.opts.StoreID, key)
}

// Direct returns what safe mode sends for an alert, past the engine: a message to whom the alert's own labels match. A resolved
// alert asks for nothing, since in safe mode quell does not know what it has sent; people close these by hand.
func (r *Router) Direct(now time.Time, a *correlate.Alert) []Delivery {
	if a.Resolved() {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "quell is in safe mode and passes this alert on as it came, unexplained and not held back.\n%s", a.Labels)
	for name, value := range a.Annotations.All() {
		fmt.Fprintf(&b, "\n%s: %s", name, value)
	}
	return r.fanOut(now, r.first(a.Labels), Delivery{
		Action: Operator, Key: directPrefix + a.Fingerprint.String(), Reason: "safe mode", Text: b.String(),
	})
}

// IncidentOf is the incident and its generation that a key of [Router.Key] names; ok is false for other keys.
func (r *Router) IncidentOf(key string) (id correlate.IncidentID, generation int, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) < 4 {
		return 0, 0, false
	}
	id, err := correlate.ParseIncidentID(parts[len(parts)-2])
	if err != nil {
		return 0, 0, false
	}
	generation, err = strconv.Atoi(parts[len(parts)-1])
	return id, generation, err == nil && r.Key(id, generation) == key
}

// Key is the dedup key of an incident's generation at every receiver.
func (r *Router) Key(id correlate.IncidentID, generation int) string {
	return fmt.Sprintf("quell/%s/%s/%d", r.opts.StoreID, id, generation)
}
