package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/eventrecorder/eventrecorderpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"quell/correlate"
)

// recorded are events as the recorder itself writes them.
func recorded(t *testing.T, at time.Time, list ...*eventrecorderpb.EventData) (texts [][]byte) {
	t.Helper()
	for _, data := range list {
		text, err := protojson.Marshal(&eventrecorderpb.Event{Timestamp: timestamppb.New(at), Instance: "am-0", Data: data, ClusterPosition: 1})
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func recordedDown(starts, ends time.Time, resolved bool) *eventrecorderpb.Alert {
	return &eventrecorderpb.Alert{
		Fingerprint: 1<<63 + 1, Name: "Down", Labels: recordedLabels(), Annotations: &eventrecorderpb.LabelSet{Labels: []*eventrecorderpb.LabelPair{{Key: "summary", Value: "x"}}},
		StartsAt: timestamppb.New(starts), EndsAt: timestamppb.New(ends), Resolved: resolved,
	}
}

func recordedLabels() *eventrecorderpb.LabelSet {
	return &eventrecorderpb.LabelSet{Labels: []*eventrecorderpb.LabelPair{{Key: "pod", Value: "cart"}, {Key: "alertname", Value: "Down"}, {Key: "empty"}}}
}

// everyEvent is one event of each kind, and what quell takes of them.
func everyEvent(t *testing.T, at time.Time) (texts [][]byte, want []correlate.Unseen) {
	starts, ends := at.Add(-time.Minute), at.Add(-time.Second)
	member := &eventrecorderpb.GroupedAlert{Hash: 7, Details: recordedDown(starts, ends, true)}
	muted := &eventrecorderpb.MutedAlert{Labels: recordedLabels(), Fingerprint: 9}
	texts = recorded(
		t, at,
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertmanagerStartupEvent{AlertmanagerStartupEvent: &eventrecorderpb.AlertmanagerStartupEvent{Version: "0.34"}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertCreated{AlertCreated: &eventrecorderpb.AlertCreatedEvent{Alert: recordedDown(starts, at.Add(time.Hour), false)}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertGrouped{AlertGrouped: &eventrecorderpb.AlertGroupedEvent{Alert: member}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertResolved{AlertResolved: &eventrecorderpb.AlertResolvedEvent{Alert: member}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_SilenceMutedAlert{SilenceMutedAlert: &eventrecorderpb.SilenceMutedAlertEvent{MutedAlert: muted}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_InhibitionMutedAlert{InhibitionMutedAlert: &eventrecorderpb.InhibitionMutedAlertEvent{MutedAlert: muted}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_Notification{Notification: &eventrecorderpb.NotificationEvent{
			Alerts: []*eventrecorderpb.GroupedAlert{member}, FiringAlerts: []*eventrecorderpb.GroupedAlert{{Hash: 7}}, Reason: eventrecorderpb.NotifyReason_NOTIFY_REASON_FIRST_NOTIFICATION,
		}}},
		&eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_SilenceCreated{SilenceCreated: &eventrecorderpb.SilenceCreatedEvent{Silence: &eventrecorderpb.Silence{Id: "s"}}}},
	)
	alert := correlate.Unseen{Fingerprint: correlate.LabelsOf("alertname", "Down", "pod", "cart").Fingerprint(), Name: "Down", At: at}
	for _, kind := range []correlate.UnseenKind{
		correlate.UnseenFired, correlate.UnseenEnded, correlate.UnseenEnded, correlate.UnseenSilenced, correlate.UnseenInhibited, correlate.UnseenSent,
	} {
		u := alert
		u.Kind = kind
		if kind != correlate.UnseenSilenced && kind != correlate.UnseenInhibited {
			u.StartsAt = starts
		}
		if kind == correlate.UnseenEnded {
			u.EndsAt = ends
		}
		want = append(want, u)
	}
	return texts, want
}

func TestRecorderEventsAreReadInAllTheirForms(t *testing.T) {
	at := received.Add(-time.Minute).UTC()
	texts, want := everyEvent(t, at)
	for form, body := range map[string][]byte{
		"array": append(append([]byte("["), bytes.Join(texts, []byte(","))...), ']'),
		"lines": bytes.Join(texts, []byte("\n")),
	} {
		rec, err := DecodeRecording(body, received, Limits{})
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if diff := cmp.Diff(&Recording{Events: want}, rec); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form, diff)
		}
	}
	rec, err := DecodeRecording(texts[1], received, Limits{})
	if err != nil || len(rec.Events) != 1 {
		t.Errorf("one event: got %+v, %v", rec, err)
	}
	if rec, err = DecodeRecording(texts[1], received.Add(time.Hour), Limits{}); err != nil || rec.Old != 1 || len(rec.Events) > 0 {
		t.Errorf("an old event: got %+v, %v", rec, err)
	}
}

func TestBadRecorderEventsAreRefused(t *testing.T) {
	good := string(recorded(t, received, &eventrecorderpb.EventData{
		EventType: &eventrecorderpb.EventData_AlertCreated{AlertCreated: &eventrecorderpb.AlertCreatedEvent{Alert: recordedDown(received, received, false)}},
	})[0])
	for _, c := range []struct {
		body     string
		code     int
		accepted int
		reason   string
	}{
		{"", 200, 0, ""},
		{"[]", 200, 0, ""},
		{good + "\n" + good, 200, 2, ""},
		{"[" + good, 400, 0, "ends within an event"},
		{"[" + good + "] x", 400, 0, "malformed"},
		{good + "{", 400, 0, "ends within an event"},
		{"7", 400, 0, "none of Alertmanager's"},
		{good + `{"@timestamp":"2026-01-02T03:00:00Z"}`, 400, 1, "no data"},
		{`{"@timestamp":"yesterday","data":{}}`, 400, 0, "none of Alertmanager's"},
		{fmt.Sprintf(`{"@timestamp":%q,"data":{"alertCreated":{"alert":{}}}}`, received.Format(time.RFC3339)), 400, 0, "names no alert"},
		{fmt.Sprintf(`{"@timestamp":%q,"data":{"alertResolved":{"alert":{"hash":"1"}}}}`, received.Format(time.RFC3339)), 400, 0, "names no alert"},
		{fmt.Sprintf(`{"@timestamp":%q,"data":{"alertCreated":{}}}`, received.Format(time.RFC3339)), 400, 0, "names no alert"},
		{fmt.Sprintf(`{"@timestamp":%q,"data":{"news":{"alert":{}}}}`, received.Format(time.RFC3339)), 200, 0, ""},
	} {
		f := newFixture(Config{})
		w := f.post("/api/v1/alertmanager/events", c.body, "Content-Type", "application/json")
		if w.Code != c.code || len(f.store.inputs) != c.accepted || !strings.Contains(w.Body.String(), c.reason) {
			t.Errorf("%s: got %d, %d inputs, %s, want %d, %d, %s", c.body, w.Code, len(f.store.inputs), w.Body, c.code, c.accepted, c.reason)
		}
	}
}

func FuzzDecodeRecording(f *testing.F) {
	f.Add([]byte(`{"@timestamp":"2026-01-02T03:00:00Z","data":{"alertCreated":{"alert":{"labels":{"labels":[{"key":"a","value":"b"}]}}}}}`))
	f.Add([]byte(`[{"@timestamp":"2026-01-02T03:00:00Z","data":{"alertResolved":{"alert":{"details":{"labels":{"labels":[{"key":"a","value":"b"}]}}}}}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rec, err := DecodeRecording(body, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), Limits{})
		if err != nil {
			return
		}
		for i := range rec.Events {
			u := &rec.Events[i]
			again, err := correlate.ParseRecord(correlate.AppendRecord(nil, []correlate.Input{u}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]correlate.Input{u}, again); diff != "" {
				t.Errorf("the journal changes it (-in +out):\n%s", diff)
			}
		}
	})
}
