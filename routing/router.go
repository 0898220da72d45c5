package routing

import (
	"fmt"
	"slices"
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

// Router makes deliveries. It does not change, so it may be used concurrently; a new configuration is a new Router.
type Router struct {
	route   *Route
	targets map[string][]Target
	opts    Options
}

// New returns a router for a route tree and the integrations of each receiver, by name. A receiver may have none: then
// what is routed to it shows in the API only. Both belong to the router from then on.
func New(route *Route, targets map[string][]Target, opts Options) *Router {
	if opts.Expire == 0 {
		opts.Expire = DefaultExpire
	}
	return &Router{route: route, targets: targets, opts: opts}
}

// Change is one effect on one incident.
type Change struct {
	Effect correlate.Effect
	// Incident is a copy from right after the effect. Deliveries keep the pointer, so it must not change any more.
	Incident *correlate.Incident
	// Sent is where the page of this incident and generation went: what Deliveries returned before. Empty if it has not paged.
	Sent []Target
}

// Deliveries returns what a change asks for, and where the incident's page is from then on: the caller keeps that and gives
// it back as [Change.Sent]. An escalation goes to every integration of the receivers that the incident's labels match; what follows goes
// where the page went, even if routes have changed meanwhile. When the incident gets a worse severity, receivers that its labels match
// only now are paged too. The caller sets the deliveries' IDs.
func (r *Router) Deliveries(now time.Time, c Change) (deliveries []Delivery, sent []Target) {
	d := Delivery{
		Action:   action(c),
		Key:      r.Key(c.Incident.ID, c.Effect.Generation),
		Reason:   c.Effect.Reason,
		Incident: c.Incident,
	}
	switch d.Action {
	case "":
		return nil, c.Sent
	case Trigger:
		l := Labels(c.Incident)
		d.Reason = strings.TrimPrefix(d.Reason+"; "+r.ways(l), "; ")
		targets := r.matching(l)
		return r.fanOut(now, targets, d), union(c.Sent, targets)
	case Resolve:
		if c.Incident.State == correlate.Merged {
			d.Reason = fmt.Sprintf("continued as %s: %s", c.Incident.MergedInto, d.Reason)
		}
		return r.fanOut(now, c.Sent, d), nil
	default:
		deliveries = r.fanOut(now, c.Sent, d)
		if !c.Effect.Worse || len(c.Sent) == 0 {
			return deliveries, c.Sent
		}
		// Whom a severity concerns that it did not have when it paged, nobody has woken yet.
		d.Action = Trigger
		sent = union(c.Sent, r.matching(Labels(c.Incident)))
		return append(deliveries, r.fanOut(now, sent[len(c.Sent):], d)...), sent
	}
}

// action returns what a change asks of receivers, or "" for nothing.
func action(c Change) Action {
	state := c.Incident.State
	switch {
	case c.Effect.Decision == correlate.Escalate:
		return Trigger
	case !state.Open():
		// Whatever ended it: nobody else would ever close its page.
		return Resolve
	case c.Effect.Decision == correlate.Acknowledge:
		return Acknowledge
	case state == correlate.Held:
		return ""
	}
	switch c.Effect.Decision {
	case correlate.Update, correlate.Reroot, correlate.Merge:
		return Update
	}
	return ""
}

// matching returns the integrations of all receivers that a label set matches, each once, in order.
func (r *Router) matching(l correlate.Labels) []Target {
	var targets []Target
	for _, m := range r.route.Match(l) {
		targets = union(targets, r.targets[m.Receiver])
	}
	return targets
}

// union returns a new list of what is in either, in order, each once.
func union(a, b []Target) []Target {
	var all []Target
	for _, list := range [][]Target{a, b} {
		for _, t := range list {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// ways says which routes lead a label set to whom.
func (r *Router) ways(l correlate.Labels) string {
	matches := r.route.Match(l)
	ways := make([]string, len(matches))
	for i, m := range matches {
		ways[i] = "route " + m.Path
		if m.Pos != "" {
			ways[i] += " (" + m.Pos + ")"
		}
		ways[i] += " to " + m.Receiver
	}
	return strings.Join(ways, ", ")
}

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

// Failed returns what to do about a delivery that was rejected or has expired. A page that could not be delivered is told to the
// other integrations of its receiver, or, if it has no other, to those of the root route's receiver. Nothing follows from other
// deliveries: what they had to say is in the API, and a failed message about a failure must not breed.
func (r *Router) Failed(now time.Time, d Delivery, reason string) []Delivery {
	if d.Action != Trigger {
		return nil
	}
	targets := without(r.targets[d.Target.Receiver], d.Target)
	if len(targets) == 0 {
		targets = without(r.targets[r.route.Receiver], d.Target)
	}
	text := fmt.Sprintf("quell could not page %s: %s.\nUndelivered: %s", d.Target, reason, headline(d))
	return r.fanOut(now, targets, Delivery{Action: Operator, Key: d.Key + "/undelivered/" + d.Target.String(), Reason: reason, Text: text})
}

func without(targets []Target, t Target) []Target {
	return slices.DeleteFunc(slices.Clone(targets), func(other Target) bool { return other == t })
}

// headline names what a page was about.
func headline(d Delivery) string {
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
// are one matter at the receiver.
func (r *Router) Operator(now time.Time, key, text string) []Delivery {
	return r.fanOut(now, r.targets[r.route.Receiver], Delivery{Action: Operator, Key: fmt.Sprintf("quell/%s/operator/%s", r.opts.StoreID, key), Text: text})
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
	return r.fanOut(now, r.matching(a.Labels), Delivery{
		Action: Operator, Key: "quell/safe/" + a.Fingerprint.String(), Reason: "safe mode", Text: b.String(),
	})
}

// String returns "receiver/type[index]".
func (t Target) String() string { return fmt.Sprintf("%s/%s[%d]", t.Receiver, t.Type, t.Index) }

// Key is the dedup key of an incident's generation at every receiver.
func (r *Router) Key(id correlate.IncidentID, generation int) string {
	return fmt.Sprintf("quell/%s/%s/%d", r.opts.StoreID, id, generation)
}
