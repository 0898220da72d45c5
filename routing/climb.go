package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
)

// noTime is when nothing is due.
var noTime time.Time

// climb is how far an incident climbed in a policy, or in the policy of one step that a plain receiver is.
type climb struct {
	Policy   string `json:"policy,omitempty"`
	Receiver string `json:"receiver,omitempty"`
	// Hours are those of the route that led here, and Route says where that is.
	Hours Hours  `json:"hours"`
	Route string `json:"route"`
	// Next is the index of the step that is next, and At when it is taken; zero if nothing follows.
	Next int       `json:"next,omitempty"`
	At   time.Time `json:"at,omitzero"`
	// Why says what At stands for.
	Why string `json:"why,omitempty"`
	// Taken is the step that was taken last, from 1; 0 before the first. Begun is true if one was taken in this round.
	Taken int  `json:"taken,omitempty"`
	Begun bool `json:"begun,omitempty"`
	// Round counts how often the steps began anew.
	Round int `json:"round,omitempty"`
	// Awaits are the integrations of the step taken last that bear its page and did not accept it yet; they were told at Asked, and the
	// first of them is late at AcceptBy.
	Awaits   []Target  `json:"awaits,omitempty"`
	Asked    time.Time `json:"asked,omitzero"`
	AcceptBy time.Time `json:"accept_by,omitzero"`
	// Acked is true while somebody has acknowledged the incident.
	Acked bool `json:"acked,omitempty"`
	// Last is the step that was taken last in this round, as [Step.whom] names it.
	Last string `json:"last,omitempty"`
	// Waits is true while At is when hours begin.
	Waits bool `json:"waits,omitempty"`
	// Well is when all recovered, while a step that is due waits whether that lasts.
	Well time.Time `json:"well,omitzero"`
}

func (p *Policy) deliverWithin() time.Duration { return cmp.Or(p.DeliverWithin, DefaultDeliverWithin) }

// deliverWithin is how long an integration has to accept what a step of a climb tells it: what its receiver says, else the policy.
func (r *Router) deliverWithin(c *climb, t Target) time.Duration {
	within := r.config.DeliverWithin[t.Receiver]
	if p, ok := r.follows(c.Policy, c.Receiver); ok {
		within = cmp.Or(within, p.deliverWithin())
	}
	return cmp.Or(within, DefaultDeliverWithin)
}

// step is one call of [Escalations.Step] under way.
type step struct {
	*Escalations
	now  time.Time
	look Lookup
	// cached are the incidents that were looked up: all deliveries of a step share a copy.
	cached map[correlate.IncidentID]*correlate.Incident
	// sent are what this step told already, so that two ways to one target are one message.
	sent map[sending]bool
	out  []Delivery
}

type sending struct {
	incident correlate.IncidentID
	target   Target
	action   Action
}

// incident returns the copy of an incident for this step, nil if the engine has forgotten it.
func (s *step) incident(id correlate.IncidentID) *correlate.Incident {
	inc, known := s.cached[id]
	if !known {
		inc, _ = s.look(id)
		s.cached[id] = inc
	}
	return inc
}

// take takes the next step of a climb that is in its hours, unless the route's own hours are over: then it waits for these.
func (s *step) take(e *escalation, c *climb, t telling) {
	p, ok := s.router.follows(c.Policy, c.Receiver)
	if !ok {
		s.rematch(e, c, t)
		return
	}
	c.resume(p)
	c.At, c.Why, c.Waits, c.Well, c.Awaits, c.Asked, c.AcceptBy = noTime, "", false, noTime, nil, noTime, noTime
	if at, ok := s.router.config.Opens(s.now, lookAhead, c.Hours); !ok || at.After(s.now) {
		c.At, c.Waits, c.Why = at, true, "the hours of "+c.Route+" began"
		e.note(s.now, fmt.Sprintf("%s: out of the hours of %s%s, waits until %s", c.name(), c.Route, s.router.config.hoursWords(c.Hours), day(at)))
		return
	}
	left := p.Steps[min(c.Next, len(p.Steps)):]
	for k := range left {
		if !s.router.config.open(left[k].Hours, s.now) {
			continue
		}
		if k > 0 {
			e.note(s.now, fmt.Sprintf("%s: passed over %s, out of hours", c.name(), count(k, "step")))
		}
		c.Next += k
		if s.told(e, c, p, t) {
			return
		}
		// Nobody is behind this step: the next one must not wait for them.
		s.take(e, c, t)
		return
	}
	if c.Begun || len(left) == 0 {
		s.endRound(c, p)
		return
	}
	c.At, c.Waits, c.Why = s.opens(c, left), true, "the hours of a step began"
	e.note(s.now, fmt.Sprintf("%s: all steps are out of hours, waits until %s", c.name(), day(c.At)))
}

// begins is when the hours begin for which a climb waits.
func (s *step) begins(c *climb, p *Policy) time.Time {
	if at, ok := s.router.config.Opens(s.now, lookAhead, c.Hours); !ok || at.After(s.now) {
		return at
	}
	return s.opens(c, p.Steps[min(c.Next, len(p.Steps)):])
}

// opens is when the first of some steps is in its hours.
func (s *step) opens(c *climb, steps []Step) (at time.Time) {
	for k := range steps {
		opens, _ := s.router.config.Opens(s.now, lookAhead, c.Hours, steps[k].Hours)
		at = earliest(at, opens)
	}
	return at
}

// told takes the next step and says who was told. It reports false if there was nobody and a step is left.
func (s *step) told(e *escalation, c *climb, p *Policy, t telling) bool {
	k := c.Next
	this := &p.Steps[k]
	c.Taken, c.Next, c.Begun, c.Last = k+1, k+1, true, this.whom()
	targets := s.router.targets(this)
	if t.newOnly {
		targets = slices.DeleteFunc(targets, func(to Target) bool {
			has := e.entry(to)
			return has != nil && has.Paged
		})
	}
	d := Delivery{Action: Trigger, Incident: t.incident, Reason: strings.TrimPrefix(t.why+"; "+c.where(s.router.config, p), "; ")}
	if this.Notice {
		d.Action = Notice
	}
	s.deliver(e, targets, d)
	c.Awaits, c.Asked = s.router.bearing(targets), s.now
	s.await(c)
	e.note(s.now, fmt.Sprintf("%s: %s %s", c.name(), tellsWhom(d.Action, targets), "("+c.position(p)+")"))
	if c.Next == len(p.Steps) {
		s.endRound(c, p)
		return true
	}
	c.At, c.Why = s.now.Add(this.Wait), "nobody acknowledged it within "+span(this.Wait)
	return len(targets) > 0 || t.newOnly
}

// bearing are the integrations that a page rests on: of each receiver those that wake people, or, if it has none, all.
func (r *Router) bearing(targets []Target) []Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t Target) bool {
		return r.chat(t) && slices.ContainsFunc(targets, func(other Target) bool { return other.Receiver == t.Receiver && !r.chat(other) })
	})
}

// endRound decides what comes after the last step.
func (s *step) endRound(c *climb, p *Policy) {
	c.Next, c.Begun, c.Last, c.At, c.Why = 0, false, "", noTime, ""
	if c.Round < p.Repeats {
		c.Round++
		c.At, c.Why = s.now.Add(p.RepeatWait), "nobody acknowledged it within "+span(p.RepeatWait)
	}
}

// fail moves a climb on whose step did not reach a receiver.
func (s *step) fail(e *escalation, c *climb, t telling) {
	e.note(s.now, fmt.Sprintf("%s: %s", c.name(), t.why))
	p, ok := s.router.follows(c.Policy, c.Receiver)
	if ok {
		c.resume(p)
	}
	if c.Begun && (!ok || c.Next < len(p.Steps)) {
		s.take(e, c, t)
		return
	}
	c.Awaits, c.Asked, c.AcceptBy = nil, noTime, noTime
	// No step is left. Those who are told of quell's own troubles are better than nobody.
	last := without(s.router.config.Receivers[s.router.config.Route.Receiver], e.targets()...)
	if len(last) == 0 {
		return
	}
	e.note(s.now, fmt.Sprintf("%s: no step is left, %s", c.name(), tellsWhom(Trigger, last)))
	s.deliver(e, last, Delivery{Action: Trigger, Incident: t.incident, Reason: t.why + "; no step is left, so the receiver of the root route gets it"})
}

// rematch replaces a climb whose policy is not configured any more by those that the routes lead to now.
func (s *step) rematch(e *escalation, gone *climb, t telling) {
	e.note(s.now, gone.name()+" is not configured any more: the routes of now apply")
	e.Climbs = slices.DeleteFunc(e.Climbs, func(c *climb) bool { return c == gone })
	s.begin(e, t)
}

// begin starts climbs for all that an incident's labels match and that is not climbed yet.
func (s *step) begin(e *escalation, t telling) {
	var fresh []*climb
	for _, m := range s.router.config.Route.Match(Labels(t.incident)) {
		c := &climb{Policy: m.Escalation, Hours: m.Hours, Route: m.where()}
		if c.Policy == "" {
			c.Receiver = m.Receiver
		}
		same := func(other *climb) bool { return other.Policy == c.Policy && other.Receiver == c.Receiver }
		if _, ok := s.router.follows(c.Policy, c.Receiver); ok && !slices.ContainsFunc(e.Climbs, same) {
			e.Climbs, fresh = append(e.Climbs, c), append(fresh, c)
		}
	}
	for _, c := range fresh {
		s.take(e, c, t)
	}
}

// where names a node of the route tree: "quell.yml:3 route /0".
func (m *Match) where() string {
	if m.Pos == "" {
		return "route " + m.Path
	}
	return lineOf(m.Pos) + " route " + m.Path
}

// lineOf is a "file:line:col" without its column.
func lineOf(pos string) string { return pos[:max(strings.LastIndexByte(pos, ':'), 0)] }

// place names a policy or a time interval with where it is defined: "night (quell.yml:12)". Sections are "policy" and "time_interval".
func (c *Config) place(section, name string) string {
	pos := c.Places[section+"/"+name]
	if pos == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, lineOf(pos))
}

// hoursWords names the time intervals that hours go by; empty if there are none.
func (c *Config) hoursWords(h Hours) string {
	var names []string
	for _, name := range slices.Concat(h.Active, h.Mute) {
		names = append(names, c.place("time_interval", name))
	}
	if len(names) == 0 {
		return ""
	}
	return ", " + strings.Join(names, ", ")
}

// name says what is climbed, for people.
func (c *climb) name() string {
	if c.Policy != "" {
		return "policy " + c.Policy
	}
	return "receiver " + c.Receiver
}

// where says how a delivery of the step taken last came about.
func (c *climb) where(in *Config, p *Policy) string {
	if c.Policy == "" {
		return c.Route + " to " + c.Receiver
	}
	return fmt.Sprintf("%s of policy %s, %s", c.position(p), in.place("policy", c.Policy), c.Route)
}

// position is "step 2 of 3", with the round if there are several.
func (c *climb) position(p *Policy) string {
	text := fmt.Sprintf("step %d of %d", c.Taken, len(p.Steps))
	if c.Round > 0 {
		text += fmt.Sprintf(", round %d of %d", c.Round+1, p.Repeats+1)
	}
	return text
}

// tellsWhom names targets for the log.
func tellsWhom(a Action, targets []Target) string {
	if len(targets) == 0 {
		return "there is no integration to tell"
	}
	verb := "pages"
	if a == Notice {
		verb = "tells"
	}
	return verb + " " + names(targets)
}

func names(targets []Target) string {
	list := make([]string, len(targets))
	for i, t := range targets {
		list[i] = t.String()
	}
	return strings.Join(list, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func day(t time.Time) string { return t.UTC().Format("Mon 2006-01-02 15:04 UTC") }

func span(d time.Duration) string { return model.Duration(d).String() }
