package pagerduty

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
)

// Limits of the Events API, and ours for single values within them.
const (
	maxEventBytes   = 512_000
	maxSummaryRunes = 1024
	maxKeyRunes     = 255
	maxValueRunes   = 1024
	maxPathRunes    = 2000
	maxLabels       = 64
)

// details is what a page says in custom_details. PagerDuty shows the fields in this order.
type details struct {
	Incident    string            `json:"incident"`
	State       string            `json:"state"`
	Severity    string            `json:"severity"`
	Root        *rootDetail       `json:"root,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Says        []string          `json:"says,omitempty"`
	Opened      string            `json:"opened,omitempty"`
	HeldUntil   string            `json:"held_until,omitempty"`
	HoldReason  string            `json:"hold_reason,omitempty"`
	Alerts      int               `json:"alerts"`
	Active      int               `json:"active"`
	MemberCount int               `json:"member_count"`
	Members     []string          `json:"members,omitempty"`
	Path        []string          `json:"path,omitempty"`
	Symptoms    []string          `json:"symptoms,omitempty"`
	RunnerUps   []rootDetail      `json:"runner_up_roots,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Truncated   string            `json:"truncated,omitempty"`
	Quell       string            `json:"quell,omitempty"`
}

type rootDetail struct {
	Entity string  `json:"entity"`
	Score  float64 `json:"score"`
	Silent bool    `json:"silent"`
	Why    string  `json:"why,omitempty"`
}

// event renders a delivery. It is refused with a [*notify.RejectedError] if no pager is the place for it.
func (in *integration) event(d *routing.Delivery) (*pd.V2Event, error) {
	if d.Action == routing.Digest {
		return nil, &notify.RejectedError{Reason: "digest", Text: "PagerDuty takes no digests"}
	}
	e := &pd.V2Event{RoutingKey: string(in.routingKey), DedupKey: notify.Line(d.Key, maxKeyRunes), Client: "quell"}
	switch {
	case d.Action == routing.Operator:
		e.Action = "trigger"
		e.Payload = in.operatorPayload(d)
		return e, nil
	case d.Action == routing.Acknowledge, d.Action == routing.Resolve:
		e.Action = string(d.Action)
		return e, nil
	case d.Incident == nil:
		return nil, &notify.RejectedError{Reason: "request", Text: "a " + string(d.Action) + " without an incident"}
	}
	// An update is a trigger as well: PagerDuty adds it to the open incident without calling anybody again.
	e.Action = "trigger"
	e.ClientURL = notify.IncidentURL(in.env.ExternalURL, d.Incident.ID)
	for _, l := range notify.Links(d.Incident, in.env.ExternalURL) {
		e.Links = append(e.Links, map[string]string{"href": l.Href, "text": l.Text})
	}
	details := detailsOf(d)
	details.Quell = in.env.StoreID
	e.Payload = payloadOf(d.Incident)
	e.Payload.Details = details
	return e, fit(e, details)
}

func (in *integration) operatorPayload(d *routing.Delivery) *pd.V2Payload {
	return &pd.V2Payload{
		Summary:   orElse(notify.Line(d.Text, maxSummaryRunes), "quell needs attention"),
		Source:    "quell",
		Severity:  "critical",
		Component: "quell",
		Class:     "operator",
		Details:   map[string]string{"text": notify.Line(d.Text, 16*maxValueRunes), "quell": in.env.StoreID},
	}
}

func payloadOf(i *correlate.Incident) *pd.V2Payload {
	p := &pd.V2Payload{
		Summary:  summary(i),
		Source:   "unknown",
		Severity: severity(i.Severity),
		Class:    notify.Line(i.Class, maxValueRunes),
	}
	if !i.Opened.IsZero() {
		p.Timestamp = i.Opened.UTC().Format(time.RFC3339)
	}
	if len(i.Roots) > 0 {
		root := i.Roots[0].Entity
		p.Source = orElse(notify.Line(string(root), maxValueRunes), p.Source)
		p.Component = notify.Line(root.Name(), maxValueRunes)
		p.Group = notify.Line(orElse(root.Namespace(), root.Cluster()), maxValueRunes)
	}
	return p
}

// summary is the title and how much is hit; the title gives way if both are too long.
func summary(i *correlate.Incident) string {
	extent := ""
	if i.Alerts > 1 {
		extent = fmt.Sprintf(" (%d alerts on %d entities)", i.Alerts, i.MemberCount)
	}
	title := notify.Line(i.Title, maxSummaryRunes-len(extent))
	return orElse(title, i.ID.String()) + extent
}

// severity maps to PagerDuty's words. An alert without one still gets a person's attention.
func severity(s correlate.Severity) string {
	switch s {
	case correlate.SeverityCritical:
		return "critical"
	case correlate.SeverityError:
		return "error"
	case correlate.SeverityInfo, correlate.SeverityNone:
		return "info"
	}
	return "warning"
}

func detailsOf(d *routing.Delivery) *details {
	i := d.Incident
	out := &details{
		Incident: i.ID.String(), State: i.State.String(), Severity: i.Severity.String(),
		Reason: notify.Line(d.Reason, maxValueRunes), HoldReason: notify.Line(i.HoldReason, maxValueRunes),
		Opened: stamp(&i.Opened), HeldUntil: stamp(i.HeldUntil),
		Alerts: i.Alerts, Active: i.Active, MemberCount: max(i.MemberCount, len(i.Members)),
		Labels: labelsOf(i.Labels),
	}
	for n, r := range i.Roots[:min(len(i.Roots), 6)] {
		root := rootDetail{Entity: notify.Line(string(r.Entity), maxValueRunes), Score: r.Score, Silent: r.Silent, Why: notify.Line(r.Why, maxValueRunes)}
		if n == 0 {
			out.Root = &root
		} else {
			out.RunnerUps = append(out.RunnerUps, root)
		}
	}
	for _, said := range notify.Said(i) {
		if said.Times > 1 {
			said.Text = fmt.Sprintf("%s (%d times)", said.Text, said.Times)
		}
		out.Says = append(out.Says, said.Text)
	}
	for _, m := range i.Members[:min(len(i.Members), correlate.MaxShown)] {
		out.Members = append(out.Members, notify.Line(string(m), maxValueRunes))
	}
	for _, s := range i.Symptoms[:min(len(i.Symptoms), correlate.MaxShown)] {
		out.Symptoms = append(out.Symptoms, notify.Line(fmt.Sprintf("%s on %s (%s, %s since %s)",
			notify.Line(s.Name, maxValueRunes), notify.Line(string(s.Entity), maxValueRunes), s.Severity, s.State, stamp(&s.Since)), maxPathRunes))
		if len(s.Path) > 1 {
			out.Path = append(out.Path, notify.Chain(s.Path, maxPathRunes))
		}
	}
	return out
}

func labelsOf(labels correlate.Labels) map[string]string {
	out := make(map[string]string)
	for name, value := range labels.All() {
		if len(out) == maxLabels {
			break
		}
		out[notify.Line(name, maxValueRunes)] = notify.Line(value, maxValueRunes)
	}
	return out
}

// fit drops what is least needed until the event is within the limit: symptoms and their paths first, then members,
// then labels and runners-up. Counts, root and links stay; what they can hold together is far below the limit.
func fit(e *pd.V2Event, d *details) error {
	for _, drop := range []func(){
		func() { d.Symptoms, d.Path, d.Truncated = nil, nil, "symptoms left out: the event was too large" },
		func() { d.Members, d.Truncated = nil, "symptoms and members left out: the event was too large" },
		func() { d.Labels, d.RunnerUps = nil, nil },
	} {
		body, err := json.Marshal(e)
		if err != nil {
			return &notify.RejectedError{Reason: "request", Text: "event cannot be encoded: " + err.Error()}
		}
		if len(body) <= maxEventBytes {
			break
		}
		drop()
	}
	return nil
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// orElse returns the fallback for blank text: PagerDuty refuses it where it requires one.
func orElse(s, fallback string) string {
	if strings.TrimSpace(s) == "" {
		return fallback
	}
	return s
}
