package pagerduty

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"quell/correlate"
	"quell/internal/picture"
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

// event renders a delivery. It is refused with a [*notify.RejectedError] if no pager is the place for it.
func (in *integration) event(d *routing.Delivery) (*pd.V2Event, error) {
	switch d.Action {
	case routing.Digest:
		return nil, &notify.RejectedError{Reason: "digest", Text: "PagerDuty takes no digests"}
	case routing.Notice:
		return nil, &notify.RejectedError{Reason: "notice", Text: "PagerDuty wakes people, and a notice must not"}
	}
	e := &pd.V2Event{RoutingKey: string(in.routingKey), DedupKey: notify.Line(d.Key, maxKeyRunes), Client: "quell"}
	switch {
	case d.Action == routing.Operator:
		e.Action = "trigger"
		e.ClientURL = in.env.ExternalURL
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
	e.Images = in.images(d.Incident)
	details := detailsOf(d)
	details.Quell = in.env.StoreID
	e.Payload = payloadOf(d.Incident)
	e.Payload.Details = details
	in.reword(e, d)
	return e, fit(e, details)
}

// images is the drawing of the cascade. PagerDuty's pages load it from quell, and over HTTPS only.
func (in *integration) images(i *correlate.Incident) []any {
	base, err := url.Parse(in.env.ExternalURL)
	alt := picture.Alt(i)
	if !in.pictures || err != nil || base.Scheme != "https" || base.User != nil || alt == "" {
		return nil
	}
	href := notify.IncidentURL(in.env.ExternalURL, i.ID)
	return []any{map[string]string{"src": href + "/cascade.png", "href": href, "alt": notify.Line(alt, maxValueRunes)}}
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

// fit drops what is least needed until the event is within the limit: symptoms and their paths first, then members, then labels and
// runners-up. Counts, root, what was waited for and links stay; what they can hold together is far below the limit.
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
