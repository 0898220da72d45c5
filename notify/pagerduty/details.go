package pagerduty

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/picture"
	"quell/notify"
	"quell/routing"
)

// Bounds of lists in custom_details.
const (
	maxRunnersUp = 5
	maxPatience  = 8
	maxChanges   = 8
)

// details is what a page says in custom_details. PagerDuty shows the fields in this order, so what a person who was just woken needs to
// decide comes first, and the lists that back it up after it.
type details struct {
	Incident     string            `json:"incident"`
	State        string            `json:"state"`
	Severity     string            `json:"severity"`
	Root         *rootDetail       `json:"root,omitempty"`
	Affected     string            `json:"affected,omitempty"`
	Owner        string            `json:"owner,omitempty"`
	Notes        []string          `json:"notes,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Says         []string          `json:"says,omitempty"`
	Changes      []string          `json:"changes,omitempty"`
	Opened       string            `json:"opened,omitempty"`
	HeldUntil    string            `json:"held_until,omitempty"`
	HoldReason   string            `json:"hold_reason,omitempty"`
	Waited       []string          `json:"waited,omitempty"`
	Chronic      []string          `json:"chronic,omitempty"`
	Lives        string            `json:"earlier_lives,omitempty"`
	Acknowledged string            `json:"acknowledged,omitempty"`
	Alerts       int               `json:"alerts"`
	Active       int               `json:"active"`
	MemberCount  int               `json:"member_count"`
	Path         []string          `json:"path,omitempty"`
	Symptoms     []string          `json:"symptoms,omitempty"`
	RunnerUps    []rootDetail      `json:"runner_up_roots,omitempty"`
	Members      []string          `json:"members,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Truncated    string            `json:"truncated,omitempty"`
	Quell        string            `json:"quell,omitempty"`
}

type rootDetail struct {
	Entity string  `json:"entity"`
	Score  float64 `json:"score"`
	Silent bool    `json:"silent"`
	Why    string  `json:"why,omitempty"`
}

func detailsOf(d *routing.Delivery) *details {
	i := d.Incident
	out := &details{
		Incident: i.ID.String(), State: i.State.String(), Severity: i.Severity.String(), Affected: notify.Line(picture.Affected(i), maxValueRunes),
		Reason: notify.Line(d.Reason, maxValueRunes), HoldReason: notify.Line(i.HoldReason, maxValueRunes),
		Opened: stamp(&i.Opened), HeldUntil: stamp(i.HeldUntil), Acknowledged: acknowledged(i), Lives: lives(i),
		Alerts: i.Alerts, Active: i.Active, MemberCount: i.MemberCount,
		Labels: labelsOf(i.Labels), Owner: notify.Owner(i), Notes: notify.Notes(i),
	}
	for n, r := range i.Roots[:min(len(i.Roots), maxRunnersUp+1)] {
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
	for _, c := range i.Chronic {
		out.Chronic = append(out.Chronic, notify.Line(fmt.Sprintf("%s: it %s", c.Kind, c.Reason), maxValueRunes))
	}
	out.tell(i)
	out.list(i)
	return out
}

// patience are the decisions that tell what quell waited for, and why it does not any more.
var patience = []correlate.Decision{correlate.Hold, correlate.SelfHeal, correlate.Reopen, correlate.Escalate, correlate.Acknowledge, correlate.Withdraw, correlate.Lost}

// tell takes from the timeline what was changed, and what was waited for: the newest of each.
func (out *details) tell(i *correlate.Incident) {
	for _, t := range slices.Backward(i.Timeline) {
		switch {
		case changedBefore(i, &t) && len(out.Changes) < maxChanges:
			out.Changes = append(out.Changes, notify.Line(fmt.Sprintf("%s %s", stamp(&t.At), t.Reason), maxValueRunes))
		case slices.Contains(patience, t.Decision) && len(out.Waited) < maxPatience:
			out.Waited = append(out.Waited, notify.Line(fmt.Sprintf("%s %s: %s", stamp(&t.At), t.Decision, t.Reason), maxValueRunes))
		}
	}
	slices.Reverse(out.Changes)
	slices.Reverse(out.Waited)
}

// list names what has symptoms, and the way that trouble took to each, the root first in both.
func (out *details) list(i *correlate.Incident) {
	for _, m := range i.Members[:min(len(i.Members), correlate.MaxShown)] {
		out.Members = append(out.Members, notify.Line(string(m), maxValueRunes))
	}
	known := make(map[string]bool)
	for _, s := range i.Symptoms[:min(len(i.Symptoms), correlate.MaxShown)] {
		out.Symptoms = append(out.Symptoms, notify.Line(fmt.Sprintf("%s on %s (%s, %s)",
			notify.Line(s.Name, maxValueRunes), notify.Line(string(s.Entity), maxValueRunes), s.Severity, spell(&s)), maxPathRunes))
		if way := notify.Chain(s.Path, maxPathRunes); len(s.Path) > 1 && !known[way] {
			known[way] = true
			out.Path = append(out.Path, way)
		}
	}
}

// spell says since when a symptom lasts, or how long it lasted.
func spell(s *correlate.SymptomView) string {
	switch {
	case s.State == "active":
		return "since " + stamp(&s.Since)
	case s.Ended == nil:
		return fmt.Sprintf("%s, began %s", notify.Line(s.State, maxValueRunes), stamp(&s.Since))
	}
	return fmt.Sprintf("began %s, %s %s", stamp(&s.Since), notify.Line(s.State, maxValueRunes), stamp(s.Ended))
}

func acknowledged(i *correlate.Incident) string {
	if i.Acknowledged == nil {
		return ""
	}
	return notify.Line(fmt.Sprintf("by %s at %s", i.AckedBy, stamp(i.Acknowledged)), maxValueRunes)
}

// lives says how often the incident was over before.
func lives(i *correlate.Incident) string {
	switch before := i.Generation - 1; {
	case before < 1:
		return ""
	case before == 1:
		return "it was over once, and came back"
	default:
		return fmt.Sprintf("it was over %d times, and came back", before)
	}
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
