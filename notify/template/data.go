package template

import (
	"cmp"
	"slices"
	"strings"
	"time"

	am "github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
)

// Limits of what templates get to see. Lists of the incident are bounded already by [correlate.MaxShown].
const (
	maxValueRunes    = 4000
	maxLineRunes     = 1000
	maxTimeline      = 50
	maxLabelRunes    = 1000
	maxShownAffected = correlate.MaxShown
)

// Data is what a template is executed with. Alertmanager's own fields stand beside the incident, so that templates which were written
// for Alertmanager go on working: .Status, .Alerts, .GroupLabels, .CommonLabels, .CommonAnnotations, .ExternalURL, .Receiver.
type Data struct {
	am.Data
	// Incident is never nil. In messages that are about no incident it has a title and little else.
	Incident *Incident `json:"incident"`
	// Action is what the receiver is asked to do: trigger, notice, update, acknowledge, resolve, digest or operator.
	Action string `json:"action"`
	// Text is the body of a message of quell about itself, or that what it told of is over.
	Text string `json:"text,omitempty"`
}

// Incident is an incident as templates see it: words and numbers, with no types that comparisons in templates trip over. Times are in
// UTC; those that did not come yet are nil, so that {{ with .Incident.Closed }} works.
type Incident struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"`
	// Key is the dedup key: the same in all messages about one generation.
	Key string `json:"key"`
	// State is held, escalated, acknowledged, self-healed, resolved or merged; Status is what headlines say, as
	// [notify.Standing] has it: "Escalated", "Escalated again", "Acknowledged", "Silenced", "Muted", "Held", "Healed", "Resolved", "Lost", "Merged".
	State  string `json:"state"`
	Status string `json:"status"`
	// Open is true as long as somebody, or time, has to end it.
	Open     bool   `json:"open"`
	Severity string `json:"severity"`
	// Title is the headline without the state, e.g. "KubeNodeNotReady on node/n3"; Class is what digests group by.
	Title string `json:"title"`
	Class string `json:"class"`
	// Root is the most likely root cause, Candidates what else it might be.
	Root       Root   `json:"root"`
	Candidates []Root `json:"candidates,omitempty"`
	// Affected are entities with a symptom, at most fifty; AffectedCount counts all.
	Affected      []string `json:"affected,omitempty"`
	AffectedCount int      `json:"affected_count"`
	// Alerts counts the symptoms that ever belonged to it; Active of them are firing, of Lost nobody hears any more.
	Alerts int `json:"alerts"`
	Active int `json:"active"`
	Lost   int `json:"lost"`

	Since          time.Time  `json:"since"`
	HeldUntil      *time.Time `json:"held_until,omitempty"`
	Escalated      *time.Time `json:"escalated,omitempty"`
	Acknowledged   *time.Time `json:"acknowledged,omitempty"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	Recovered      *time.Time `json:"recovered,omitempty"`
	Closed         *time.Time `json:"closed,omitempty"`
	// Lasted is how long the trouble was there, e.g. "12m30s", without the time in which it had to stay well; empty while the incident is open.
	Lasted string `json:"lasted,omitempty"`

	// Why is the reason for this message, HoldReason why quell waited or did not wait longer, CloseReason what ended it.
	Why         string `json:"why,omitempty"`
	HoldReason  string `json:"hold_reason,omitempty"`
	CloseReason string `json:"close_reason,omitempty"`
	// HealedBy is what healed it by the evidence that there is; empty if nothing shows it.
	HealedBy string `json:"healed_by,omitempty"`
	// Chronic says in which ways it comes back too often.
	Chronic []string `json:"chronic,omitempty"`

	// Path leads from the symptom that is farthest away to the root: "pod/shop/cart → node/n3".
	Path     string    `json:"path,omitempty"`
	Symptoms []Symptom `json:"symptoms,omitempty"`
	// Says is what the symptoms say in their own words, at most five different texts.
	Says     []string `json:"says,omitempty"`
	Timeline []Entry  `json:"timeline,omitempty"`

	// URL leads to the incident, CascadeURL and PictureURL to its picture as SVG and PNG. All are empty without server.external_url.
	URL        string `json:"url,omitempty"`
	CascadeURL string `json:"cascade_url,omitempty"`
	PictureURL string `json:"picture_url,omitempty"`
	// Owner is whose it is, and Notes what else is said to whoever looks into it, both by rules under "enrich".
	Owner string   `json:"owner,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Runbook is that of the rules, else the first that a symptom names; Links are all addresses that may be followed.
	Runbook string `json:"runbook,omitempty"`
	Links   []Link `json:"links,omitempty"`
	// Labels are those that all alerts share.
	Labels am.KV `json:"labels,omitempty"`
}

// Root is a candidate for the root cause. Entity is its whole id; the other names are its parts, empty where it has none.
type Root struct {
	Entity    string `json:"entity"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Cluster   string `json:"cluster,omitempty"`
	// Score is from 0 to 1. Silent is true for an entity without a symptom of its own.
	Score  float64 `json:"score"`
	Silent bool    `json:"silent"`
	Why    string  `json:"why,omitempty"`
}

// Symptom is one condition of one entity. State is active, cleared or lost; Text is what it says in its own words.
type Symptom struct {
	Entity   string     `json:"entity"`
	Name     string     `json:"name"`
	Severity string     `json:"severity"`
	State    string     `json:"state"`
	Since    time.Time  `json:"since"`
	Ended    *time.Time `json:"ended,omitempty"`
	Path     string     `json:"path,omitempty"`
	Why      string     `json:"why,omitempty"`
	Text     string     `json:"text,omitempty"`
}

// Entry is one decision about the incident.
type Entry struct {
	At       time.Time `json:"at"`
	Decision string    `json:"decision"`
	Reason   string    `json:"reason"`
}

// Link is an address that may be followed from a message.
type Link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// Options are what a delivery itself does not know.
type Options struct {
	// ExternalURL is how people reach quell. Empty means no links.
	ExternalURL string
	// Escape is applied to all that comes from outside, so that it is no markup; nil leaves it as it is.
	Escape func(string) string
}

// NewData prepares a delivery for templates. The result is the caller's and shares nothing with the delivery that may change.
func NewData(d *routing.Delivery, o Options) *Data {
	c := cleaner{o.Escape}
	data := &Data{Action: string(d.Action), Text: c.text(notify.OperatorText(d)), Incident: new(Incident)}
	data.ExternalURL, data.Receiver, data.Status = strings.TrimRight(o.ExternalURL, "/"), c.line(d.Target.Receiver), string(model.AlertFiring)
	data.NotificationReason = string(d.Action)
	data.RouteLabels = am.KV{}
	switch {
	case d.Incident != nil:
		data.Incident = c.incident(d, o.ExternalURL)
		if d.Action == routing.Resolve || !d.Incident.State.Open() {
			data.Status = string(model.AlertResolved)
		}
	case d.Action == routing.Digest:
		data.Incident.Title, data.Incident.Severity = "quell digest", "info"
	case d.Action == routing.Resolve:
		data.Incident.Title, data.Incident.Severity, data.Incident.Status = "quell needed attention", "info", "Over"
		data.Status = string(model.AlertResolved)
	default:
		data.Incident.Title, data.Incident.Severity, data.Incident.Status = "quell needs attention", "critical", ""
	}
	data.Incident.Key = d.Key
	c.alerts(data, d.Incident)
	return data
}

// cleaner prepares text from outside: valid, without what could break a terminal or turn what is read around, bounded, escaped.
type cleaner struct{ escape func(string) string }

func (c cleaner) escaped(s string) string {
	if c.escape != nil {
		return c.escape(s)
	}
	return s
}

func (c cleaner) line(s string) string { return c.escaped(notify.Line(s, maxLineRunes)) }

// text keeps line breaks: annotations may have them.
func (c cleaner) text(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = notify.Line(strings.TrimSuffix(l, "\r"), maxLineRunes)
	}
	joined := []rune(strings.Join(lines, "\n"))
	if len(joined) > maxValueRunes {
		joined = append(joined[:maxValueRunes-1], '…')
	}
	return c.escaped(string(joined))
}

func (c cleaner) labels(ls correlate.Labels) am.KV {
	kv := make(am.KV)
	for name, value := range ls.All() {
		kv[c.escaped(notify.Line(name, maxLabelRunes))] = c.text(value)
	}
	return kv
}

func (c cleaner) incident(d *routing.Delivery, externalURL string) *Incident {
	i := d.Incident
	out := &Incident{
		ID: i.ID.String(), Generation: i.Generation, State: i.State.String(), Open: i.State.Open(), Severity: i.Severity.String(),
		Status: notify.Standing(d), Title: c.line(i.Title), Class: c.line(i.Class), AffectedCount: i.MemberCount, Alerts: i.Alerts, Active: i.Active, Lost: i.Lost,
		Since: notify.Began(i).UTC(), HeldUntil: utc(i.HeldUntil), Escalated: utc(i.Escalated), Acknowledged: utc(i.Acknowledged), AcknowledgedBy: c.line(i.AckedBy),
		Recovered: utc(i.Recovered), Closed: utc(i.Closed), Why: c.line(d.Reason), HoldReason: c.line(i.HoldReason), CloseReason: c.line(i.CloseReason),
		Labels: c.labels(i.Labels),
	}
	for n, r := range i.Roots {
		root := Root{
			Entity: c.line(string(r.Entity)), Kind: c.line(r.Entity.Kind()), Namespace: c.line(r.Entity.Namespace()), Name: c.line(r.Entity.Name()), Cluster: c.line(r.Entity.Cluster()),
			Score: r.Score, Silent: r.Silent, Why: c.line(r.Why),
		}
		if n == 0 {
			out.Root = root
		} else {
			out.Candidates = append(out.Candidates, root)
		}
	}
	for _, m := range i.Members[:min(len(i.Members), maxShownAffected)] {
		out.Affected = append(out.Affected, c.line(string(m)))
	}
	if lasted, over := notify.Lasted(i); over && i.Closed != nil {
		out.Lasted = model.Duration(lasted.Round(time.Second)).String()
	}
	if h := i.HealedBy; h != nil && h.What != correlate.Unexplained {
		out.HealedBy = c.line(h.String())
	}
	for _, ch := range i.Chronic {
		out.Chronic = append(out.Chronic, c.line(ch.Reason))
	}
	out.Owner = c.line(notify.Owner(i))
	for _, note := range notify.Notes(i) {
		out.Notes = append(out.Notes, c.line(note))
	}
	c.symptoms(out, i)
	c.links(out, i, externalURL)
	return out
}

func (c cleaner) symptoms(out *Incident, i *correlate.Incident) {
	var longest []correlate.PathStep
	for n := range i.Symptoms[:min(len(i.Symptoms), correlate.MaxShown)] {
		s := &i.Symptoms[n]
		if len(s.Path) > len(longest) {
			longest = s.Path
		}
		out.Symptoms = append(out.Symptoms, Symptom{
			Entity: c.line(string(s.Entity)), Name: c.line(s.Name), Severity: s.Severity.String(), State: s.State, Since: s.Since.UTC(), Ended: utc(s.Ended),
			Path: c.chain(s.Path), Why: c.line(s.Why), Text: c.text(notify.Words(s.Annotations)),
		})
	}
	out.Path = c.chain(longest)
	for _, s := range notify.Said(i) {
		out.Says = append(out.Says, c.escaped(s.Text))
	}
	for _, t := range i.Timeline[max(0, len(i.Timeline)-maxTimeline):] {
		out.Timeline = append(out.Timeline, Entry{At: t.At.UTC(), Decision: t.Decision.String(), Reason: c.line(t.Reason)})
	}
}

// chain shows a path, or nothing if it is no way: an entity by itself.
func (c cleaner) chain(path []correlate.PathStep) string {
	if len(path) < 2 {
		return ""
	}
	return c.escaped(notify.Chain(path, maxLineRunes))
}

// links passes addresses on that are checked and encoded already.
func (c cleaner) links(out *Incident, i *correlate.Incident, externalURL string) {
	if out.URL = notify.IncidentURL(externalURL, i.ID); out.URL != "" {
		out.CascadeURL, out.PictureURL = out.URL+"/cascade.svg", out.URL+"/cascade.png"
	}
	for _, l := range notify.Links(i, externalURL) {
		out.Links = append(out.Links, Link{Href: c.escaped(l.Href), Text: c.line(l.Text)})
		if out.Runbook == "" && strings.HasPrefix(l.Text, "runbook") {
			out.Runbook = c.escaped(l.Href)
		}
	}
}

// alerts fills what Alertmanager's templates look at. An incident is one thing, so what they expect of a group is always there: an alert, a
// name, a severity, a summary.
func (c cleaner) alerts(data *Data, i *correlate.Incident) {
	inc := data.Incident
	data.GroupLabels, data.CommonLabels, data.CommonAnnotations = am.KV{}, am.KV{}, am.KV{}
	if i != nil {
		for n := range i.Symptoms[:min(len(i.Symptoms), correlate.MaxShown)] {
			data.Alerts = append(data.Alerts, c.alert(&i.Symptoms[n]))
		}
		data.CommonLabels = c.labels(i.Labels)
		data.CommonAnnotations = c.common(i.Symptoms)
	}
	name := inc.Class
	if i != nil && len(i.Symptoms) > 0 {
		name = rootSymptom(i).Name
		if alert := rootSymptom(i).Labels.Get("alertname"); alert != "" {
			name = alert
		}
		name = c.line(name)
	}
	orSet(data.CommonLabels, "alertname", cmp.Or(name, inc.Title))
	orSet(data.CommonLabels, "severity", inc.Severity)
	summary := inc.Title
	if len(inc.Says) > 0 {
		summary = inc.Says[0]
	}
	orSet(data.CommonAnnotations, "summary", summary)
	orSet(data.CommonAnnotations, "description", cmp.Or(inc.Root.Why, inc.Why, data.Text))
	data.GroupLabels["alertname"] = data.CommonLabels["alertname"]
	orSet(data.GroupLabels, "namespace", cmp.Or(data.CommonLabels["namespace"], inc.Root.Namespace))
	orSet(data.GroupLabels, "cluster", cmp.Or(data.CommonLabels["cluster"], inc.Root.Cluster))
	if len(data.Alerts) == 0 {
		data.Alerts = am.Alerts{{
			Status: data.Status, Labels: data.CommonLabels, Annotations: data.CommonAnnotations, StartsAt: inc.Since, GeneratorURL: inc.URL, Fingerprint: inc.ID,
		}}
	}
}

func (c cleaner) alert(s *correlate.SymptomView) am.Alert {
	a := am.Alert{
		Status: string(model.AlertFiring), Labels: c.labels(s.Labels), Annotations: c.labels(s.Annotations),
		StartsAt: s.Since.UTC(), GeneratorURL: c.line(s.Generator), Fingerprint: fingerprint(s),
	}
	if s.State == "cleared" {
		a.Status = string(model.AlertResolved)
	}
	if s.Ended != nil {
		a.EndsAt = s.Ended.UTC()
	}
	orSet(a.Labels, "alertname", c.line(s.Name))
	orSet(a.Labels, "severity", s.Severity.String())
	return a
}

// common are the annotations that all symptoms share.
func (c cleaner) common(symptoms []correlate.SymptomView) am.KV {
	if len(symptoms) == 0 {
		return am.KV{}
	}
	kv := c.labels(symptoms[0].Annotations)
	for n := range symptoms[1:] {
		other := c.labels(symptoms[n+1].Annotations)
		for name, value := range kv {
			if other[name] != value {
				delete(kv, name)
			}
		}
	}
	return kv
}

// rootSymptom is the oldest symptom on the root, or the oldest at all. There is one.
func rootSymptom(i *correlate.Incident) *correlate.SymptomView {
	at := -1
	if len(i.Roots) > 0 {
		at = slices.IndexFunc(i.Symptoms, func(s correlate.SymptomView) bool { return s.Entity == i.Roots[0].Entity })
	}
	return &i.Symptoms[max(at, 0)]
}

// fingerprint identifies an alert by its labels, as Alertmanager does.
func fingerprint(s *correlate.SymptomView) string {
	set := make(model.LabelSet)
	for name, value := range s.Labels.All() {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// orSet stores a value where there is none.
func orSet(kv am.KV, name, value string) {
	if kv[name] == "" && value != "" {
		kv[name] = value
	}
}
