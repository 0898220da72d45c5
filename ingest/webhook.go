package ingest

import (
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

// webhookVersion is the only version of Alertmanager's webhook there is so far. A user may replace the body by a
// template of his own; then it is not there, or something else.
const webhookVersion = "4"

// Webhook is what a body of Alertmanager's webhook holds. It is the present state of one group, not a change.
type Webhook struct {
	Batch
	// Truncated is how many alerts Alertmanager left out (max_alerts). Nothing is known about them.
	Truncated uint64
	// GroupKey, Receiver and ExternalURL are as Alertmanager sent them, cut at 8 KiB.
	GroupKey, Receiver, ExternalURL string
}

// DecodeWebhook reads a body of Alertmanager's webhook, version 4. The status of the message is not looked at, since
// it is wrong for truncated groups; that of each alert counts. A resolved alert without a usable end ended at now,
// a firing one has no end, whatever is sent. Fingerprints are computed of all labels as sent, those that
// limits cut off included, and no label is an empty one.
//
// The error is a [*BodyError]: the body is malformed, and nothing of it is taken. An alert that is wrong in itself is
// among [Batch.Rejected]. DecodeWebhook does not keep body.
func DecodeWebhook(body []byte, now time.Time, lim Limits) (*Webhook, error) {
	r := newAlertReader(body, now, lim)
	r.hasStatus = true
	var w Webhook
	if err := r.webhook(&w); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	w.Batch = r.batch
	source := sourceName("alertmanager/", w.ExternalURL)
	for i := range w.Alerts {
		w.Alerts[i].Source = source
	}
	return &w, nil
}

func (r *alertReader) webhook(w *Webhook) error {
	m, err := r.openObject()
	if err != nil {
		return err
	}
	hasAlerts, version := false, ""
	for {
		key, more, err := r.next(&m)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch string(key) {
		case "alerts":
			hasAlerts = true
			err = r.alerts((*alertReader).webhookAlert)
		case "version":
			version, err = r.envelope("version")
		case "groupKey":
			w.GroupKey, err = r.envelope("groupKey")
		case "receiver":
			w.Receiver, err = r.envelope("receiver")
		case "externalURL":
			w.ExternalURL, err = r.envelope("externalURL")
		case "truncatedAlerts":
			w.Truncated, err = r.count("truncatedAlerts")
		default:
			err = r.skip()
		}
		if err != nil {
			return err
		}
	}
	if version != webhookVersion {
		return r.fail(r.pos-1, `version is %s (want "4": the payload that Alertmanager sends by default)`, quote([]byte(version)))
	}
	if !hasAlerts {
		return r.fail(r.pos-1, "alerts is missing")
	}
	return nil
}

// envelope reads a string outside of alerts. Null is the empty string.
func (r *alertReader) envelope(name string) (string, error) {
	if isNull, err := r.null(); isNull || err != nil {
		return "", err
	}
	t, err := r.text("the string " + name)
	if err != nil {
		return "", err
	}
	r.scratch = r.scratch[:0]
	b, fault := t.decode(&r.scratch)
	if fault != "" {
		return "", r.fail(t.at, "%s has %s", name, fault)
	}
	return string(cut(b, maxURLBytes)), nil
}

// count reads a number that is not negative and has no fraction. Null is zero.
func (r *alertReader) count(name string) (uint64, error) {
	if isNull, err := r.null(); isNull || err != nil {
		return 0, err
	}
	b, err := r.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil {
		return 0, r.fail(r.pos-len(b), "%s %s is no count", name, quote(b))
	}
	return n, nil
}

// webhookAlert makes an alert of a report by Alertmanager.
func (r *alertReader) webhookAlert(a *report) correlate.Alert {
	out := alertOf(a)
	switch {
	case a.fingerprint == 0 && a.labels == "":
		r.refuse("the alert has no labels")
	case a.status == "":
		r.refuse("status is missing")
	}
	starts, skewed := r.lim.clamp(a.startsAt, r.now)
	if a.status == "resolved" {
		ends, endSkewed := r.lim.clamp(a.endsAt, r.now)
		skewed = skewed || endSkewed
		switch {
		case ends.IsZero(), ends.After(r.now), ends.Before(starts):
			ends = r.now
		}
		if starts.IsZero() {
			starts = ends
		}
		// A start that is a little in the future stays, for it identifies the alert's episode; the end must not precede it.
		if ends.Before(starts) {
			ends = starts
		}
		out.EndsAt = ends
	} else if starts.IsZero() {
		starts = r.now
	}
	out.StartsAt = starts
	if skewed && r.refusal == "" {
		r.batch.Skewed++
	}
	return out
}

// sourceName puts the name of a source together: the prefix, and host and port of the link that the sender says it has.
// It is at most 256 bytes of printable ASCII. Credentials in the link are left out.
func sourceName(prefix, link string) string {
	const maxSourceBytes = 256
	host := "unknown"
	if _, rest, ok := strings.Cut(link, "://"); ok {
		if i := strings.IndexAny(rest, `/?#\`); i >= 0 {
			rest = rest[:i]
		}
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
		rest = strings.Map(func(c rune) rune {
			if c <= ' ' || c > '~' {
				return '_'
			}
			return c
		}, rest)
		if rest != "" {
			host = rest
		}
	}
	name := prefix + host
	return name[:min(len(name), maxSourceBytes)]
}
