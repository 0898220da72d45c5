package ingest

import (
	"time"

	"quell/correlate"
)

// DecodeAlerts reads what Prometheus posts to Alertmanager's API v2: an array of alerts. An alert that ended before or
// at now is resolved. One that ends later fires, and its end is when it is lost unless sent again
// ([correlate.Alert.Expires], at most [Limits.MaxExpiry] from now); one without an end has [Limits.ResolveTimeout].
// As in Alertmanager, empty labels are dropped, and an alert without labels or with its end before its start is rejected.
//
// Errors and memory are as in [DecodeWebhook].
func DecodeAlerts(body []byte, now time.Time, lim Limits) (*Batch, error) {
	r := newAlertReader(body, now, lim)
	if r.peek() != '[' {
		return nil, r.unexpected("an array of alerts")
	}
	if err := r.alerts((*alertReader).prometheusAlert); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return &r.batch, nil
}

// prometheusAlert makes an alert of a report by Prometheus.
func (r *alertReader) prometheusAlert(a *report) correlate.Alert {
	out := alertOf(a)
	switch {
	case a.fingerprint == 0 && a.labels == "":
		r.refuse("the alert has no labels")
		return out
	case !a.endsAt.IsZero() && a.startsAt.After(a.endsAt):
		r.refuse("startsAt %s is after endsAt %s", a.startsAt.Format(time.RFC3339Nano), a.endsAt.Format(time.RFC3339Nano))
		return out
	}
	starts, skewed := r.lim.clamp(a.startsAt, r.now)
	if skewed {
		r.batch.Skewed++
	}
	switch {
	case a.endsAt.IsZero():
		out.Expires = r.now.Add(r.lim.ResolveTimeout)
	case a.endsAt.After(r.now):
		out.Expires = a.endsAt
		if latest := r.now.Add(r.lim.MaxExpiry); out.Expires.After(latest) {
			out.Expires = latest
		}
	default:
		out.EndsAt = a.endsAt
	}
	if starts.IsZero() {
		starts = r.now
		if out.Resolved() {
			starts = out.EndsAt
		}
	}
	out.StartsAt = starts
	out.Source = r.prometheusSource(a.generatorURL)
	return out
}

func (r *alertReader) prometheusSource(link string) string {
	if r.source.name == "" || r.source.link != link {
		if name := sourceName("prometheus/", link); name != r.source.name {
			r.source.name = name
		}
		r.source.link = link
	}
	return r.source.name
}
