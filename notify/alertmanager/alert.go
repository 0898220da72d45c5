//go:build !slim

package alertmanager

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	amtypes "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
)

// maxValueRunes bounds one label or annotation.
const maxValueRunes = 4000

// alerts are what Alertmanager's notifiers get of a delivery. The first is the incident itself. Receivers that take the alerts as they
// are get one for each symptom behind it, with the labels that it came with.
func (in *integration) alerts(d *routing.Delivery) []*amtypes.Alert {
	if d.Incident == nil {
		return []*amtypes.Alert{in.own(d)}
	}
	ends := endOf(d)
	list := []*amtypes.Alert{in.incident(d, ends)}
	if in.settings.typ != "webhook" && in.settings.typ != "incidentio" {
		return list
	}
	for n := range d.Incident.Symptoms {
		s := &d.Incident.Symptoms[n]
		a := newAlert(s.Since, ends)
		if s.Ended != nil && ends.IsZero() {
			a.EndsAt = alertTime(*s.Ended)
		}
		a.GeneratorURL = s.Generator
		a.Labels["alertname"] = label(s.Name)
		a.Labels["severity"] = label(s.Severity.String())
		set(a.Labels, s.Labels)
		a.Labels["quell_incident"] = label(d.Incident.ID.String())
		a.Labels["quell_entity"] = label(string(s.Entity))
		set(a.Annotations, s.Annotations)
		if len(s.Path) > 1 {
			a.Annotations["quell_path"] = label(notify.Chain(s.Path, maxValueRunes))
		}
		list = append(list, a)
	}
	return list
}

// endOf is when what a delivery is about ended, or zero.
func endOf(d *routing.Delivery) time.Time {
	switch {
	case !over(d):
		return time.Time{}
	case d.Incident != nil && d.Incident.Closed != nil:
		return alertTime(*d.Incident.Closed)
	}
	return alertTime(d.Created)
}

func newAlert(starts, ends time.Time) *amtypes.Alert {
	return &amtypes.Alert{Alert: model.Alert{Labels: model.LabelSet{}, Annotations: model.LabelSet{}, StartsAt: starts.UTC(), EndsAt: ends.UTC()}}
}

// incident is the alert that stands for an incident: labelled with all that routes match on.
func (in *integration) incident(d *routing.Delivery, ends time.Time) *amtypes.Alert {
	i := d.Incident
	a := newAlert(i.Opened, ends)
	set(a.Labels, routing.Labels(i))
	a.Labels["quell_incident"] = label(i.ID.String())
	note := func(name, value string) {
		if value != "" {
			a.Annotations[model.LabelName(name)] = label(value)
		}
	}
	note("summary", in.words(in.settings, d, notify.Field{Name: "summary", Text: titleText}))
	note("description", in.words(in.settings, d, notify.Field{Name: "description", Text: plainText}))
	note("quell_state", i.State.String())
	note("quell_generation", strconv.Itoa(i.Generation))
	note("quell_reason", d.Reason)
	note("quell_affected", strconv.Itoa(i.MemberCount))
	note("quell_alerts", strconv.Itoa(i.Alerts))
	if len(i.Roots) > 0 {
		note("quell_root_why", i.Roots[0].Why)
	}
	if s := rootSymptom(i); s != nil {
		note("runbook_url", s.Annotations.Get("runbook_url"))
		a.GeneratorURL = s.Generator
	}
	if link := notify.IncidentURL(in.env.ExternalURL, i.ID); link != "" {
		a.GeneratorURL = link
		note("quell_url", link)
		note("quell_cascade_url", link+"/cascade.png")
	}
	return a
}

// own is the alert that stands for a message of quell about itself, or for a digest.
func (in *integration) own(d *routing.Delivery) *amtypes.Alert {
	a := newAlert(d.Created, endOf(d))
	if !a.EndsAt.IsZero() && a.StartsAt.After(a.EndsAt) {
		a.StartsAt = a.EndsAt
	}
	a.Labels["alertname"], a.Labels["severity"] = "QuellNeedsAttention", "critical"
	a.Annotations["summary"] = label(headline(d))
	a.Annotations["description"] = label(notify.OperatorText(d))
	if d.Action == routing.Digest {
		a.Labels["alertname"], a.Labels["severity"] = "QuellDigest", "none"
		delete(a.Annotations, "description")
		if title, text, err := digestText(d); err == nil {
			a.Annotations["summary"], a.Annotations["description"] = model.LabelValue(title), model.LabelValue(text)
		}
		var compact bytes.Buffer
		if json.Compact(&compact, d.Digest) == nil {
			a.Annotations["quell_digest"] = model.LabelValue(compact.String())
		}
	}
	return a
}

// set copies labels, as far as they can be labels of Alertmanager.
func set(to model.LabelSet, from correlate.Labels) {
	for name, value := range from.All() {
		if model.UTF8Validation.IsValidLabelName(name) {
			to[model.LabelName(name)] = label(value)
		}
	}
}

// label is a value as JSON and Alertmanager's functions take it: valid UTF-8, and bounded. Line breaks stay.
func label(value string) model.LabelValue {
	return model.LabelValue(cut(strings.ToValidUTF8(value, "\ufffd"), maxValueRunes))
}
