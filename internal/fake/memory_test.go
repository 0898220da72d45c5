package fake

import (
	"fmt"
	"net/url"
	"testing"
)

// A demo may run for days.
func TestMemoryIsBounded(t *testing.T) {
	p := &PagerDuty{open: make(map[pdKey]*PDIncident)}
	s := &Slack{channels: []SlackChannel{{ID: "C0000001", Name: "ops"}}}
	for i := range 3 * maxRecords {
		p.accept(&PDEvent{Action: "trigger", DedupKey: fmt.Sprint(i), Payload: &PDPayload{}})
		s.post(url.Values{"channel": {"#ops"}, "text": {"hi"}})
	}
	if len(p.events) > maxRecords || len(p.incidents) > maxRecords || len(p.open) > maxRecords || len(s.messages) > maxRecords {
		t.Errorf("%d events, %d incidents, %d of them open, %d messages; want at most %d each",
			len(p.events), len(p.incidents), len(p.open), len(s.messages), maxRecords)
	}
}
