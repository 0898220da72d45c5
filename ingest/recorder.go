package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"quell/correlate"
)

const (
	// recorderAge is how old an event may be: of alerts that ended before, the engine does not know any more whether they were seen.
	recorderAge = 30 * time.Minute
	// maxAlertNameBytes bounds what is kept of an alert's name.
	maxAlertNameBytes = 256
)

// Recording is what a body of Alertmanager's event recorder holds.
type Recording struct {
	// Events are those about alerts, in the order of the body. They share no memory with it.
	Events []correlate.Unseen
	Rejections
	// Old counts events that were left out since they are too old to be judged.
	Old int
}

// The event recorder's JSON, as protojson writes eventrecorder.proto of Alertmanager 0.33 and later. What is not needed is left out.
type recordedEvent struct {
	At   time.Time `json:"@timestamp"`
	Data *struct {
		AlertCreated, AlertGrouped, AlertResolved *recordedChange
		SilenceMutedAlert, InhibitionMutedAlert   *struct{ MutedAlert *recordedAlert }
		Notification                              *struct{ Alerts []recordedMember }
	} `json:"data"`
}

// recordedChange is about one alert: alone when it was created, as a member of a group else.
type recordedChange struct{ Alert json.RawMessage }

type recordedMember struct{ Details *recordedAlert }

type recordedAlert struct {
	Labels           struct{ Labels []struct{ Key, Value string } }
	StartsAt, EndsAt time.Time
	Resolved         bool
}

// DecodeRecording reads what Alertmanager's event recorder sends: one event, an array of them (batch), or a part of its file, an
// event a line. Events about silences, about the program itself, and of kinds that are not known are passed over; one that is wrong
// in itself is rejected. The error is a [*BodyError]: the body is malformed, and nothing of it is taken.
func DecodeRecording(body []byte, now time.Time, lim Limits) (*Recording, error) {
	lim = lim.withDefaults()
	rec := new(Recording)
	d := json.NewDecoder(bytes.NewReader(body))
	isArray := bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("["))
	malformed := func(err error) error { return &BodyError{Offset: int(d.InputOffset()), Reason: jsonReason(err)} }
	if isArray {
		if _, err := d.Token(); err != nil {
			return nil, malformed(err)
		}
	}
	for n := 0; !isArray || d.More(); n++ {
		var text json.RawMessage
		if err := d.Decode(&text); !isArray && errors.Is(err, io.EOF) {
			return rec, nil
		} else if err != nil {
			return nil, malformed(err)
		}
		if n >= lim.Items {
			return nil, malformed(fmt.Errorf("more than %d events", lim.Items))
		}
		rec.event(n, text, now)
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed(errors.New("something follows the array"))
	}
	return rec, nil
}

// jsonReason says what is wrong with JSON, without the sender's text.
func jsonReason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "the body ends within an event"
	}
	return quote([]byte(err.Error()))
}

// event adds what one event tells.
func (rec *Recording) event(n int, text []byte, now time.Time) {
	var e recordedEvent
	if err := json.Unmarshal(text, &e); err != nil {
		rec.reject(n, "the event is none of Alertmanager's: "+jsonReason(err))
		return
	}
	if e.Data == nil || e.At.IsZero() {
		rec.reject(n, "the event has no data, or no @timestamp")
		return
	}
	if now.Sub(e.At) > recorderAge {
		rec.Old++
		return
	}
	add := func(kind correlate.UnseenKind, a *recordedAlert) {
		if a == nil || len(a.Labels.Labels) == 0 {
			rec.reject(n, "the event names no alert")
			return
		}
		rec.Events = append(rec.Events, a.unseen(kind, e.At))
	}
	switch d := e.Data; {
	case d.AlertCreated != nil:
		add(d.AlertCreated.alert(false))
	case d.AlertGrouped != nil:
		add(d.AlertGrouped.alert(true))
	case d.AlertResolved != nil:
		_, a := d.AlertResolved.alert(true)
		add(correlate.UnseenEnded, a)
	case d.SilenceMutedAlert != nil:
		add(correlate.UnseenSilenced, d.SilenceMutedAlert.MutedAlert)
	case d.InhibitionMutedAlert != nil:
		add(correlate.UnseenInhibited, d.InhibitionMutedAlert.MutedAlert)
	case d.Notification != nil:
		for _, m := range d.Notification.Alerts {
			add(correlate.UnseenSent, m.Details)
		}
	}
}

// alert reads the alert of a change, which stands one level deeper in groups, and whether it fires or is over.
func (c *recordedChange) alert(grouped bool) (correlate.UnseenKind, *recordedAlert) {
	a, m := new(recordedAlert), recordedMember{}
	var err error
	if grouped {
		err = json.Unmarshal(c.Alert, &m)
		a = m.Details
	} else {
		err = json.Unmarshal(c.Alert, a)
	}
	switch {
	case err != nil:
		return correlate.UnseenFired, nil
	case a != nil && a.Resolved:
		return correlate.UnseenEnded, a
	}
	return correlate.UnseenFired, a
}

func (a *recordedAlert) unseen(kind correlate.UnseenKind, at time.Time) correlate.Unseen {
	pairs := make([]pair, 0, len(a.Labels.Labels))
	name := ""
	for _, l := range a.Labels.Labels {
		if l.Key == "alertname" {
			name = l.Value
		}
		if l.Value != "" {
			pairs = append(pairs, pair{[]byte(l.Key), []byte(l.Value)})
		}
	}
	sortPairs(pairs)
	u := correlate.Unseen{Kind: kind, Fingerprint: fingerprint(pairs), Name: string(cut([]byte(name), maxAlertNameBytes)), StartsAt: plainTime(a.StartsAt), At: plainTime(at)}
	if kind == correlate.UnseenEnded {
		u.EndsAt = plainTime(a.EndsAt)
	}
	return u
}

// plainTime is a time in UTC; one that cannot be counted in nanoseconds is none.
func plainTime(t time.Time) time.Time {
	if t.Year() < 1970 || t.Year() > 2260 {
		return time.Time{}
	}
	return t.UTC()
}

func (s *Server) recorder(_ *http.Request, body []byte, now time.Time) (decoded, error) {
	rec, err := DecodeRecording(body, now, s.cfg.Limits)
	if err != nil {
		return decoded{}, err
	}
	s.metrics.recorded.WithLabelValues("taken").Add(float64(len(rec.Events)))
	s.metrics.recorded.WithLabelValues("old").Add(float64(rec.Old))
	inputs := make([]correlate.Input, len(rec.Events))
	for i := range rec.Events {
		inputs[i] = &rec.Events[i]
	}
	return decoded{inputs: inputs, accepted: len(inputs), Rejections: rec.Rejections}, nil
}
