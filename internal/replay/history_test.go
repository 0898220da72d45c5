package replay

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

const nodeStory = `{"t":"2026-01-02T03:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"NodeDown","quell_entity":"node/n3","severity":"critical"}}]}}
{"t":"2026-01-02T03:30:00Z","command":{"action":"ack","root":"node/n3","by":"anna"}}
{"t":"2026-01-02T03:31:00Z","command":{"action":"ack","root":"node/n4","by":"anna"}}
{"t":"2026-01-02T04:00:00Z","alertmanager":{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"NodeDown","quell_entity":"node/n3","severity":"critical"},"endsAt":"2026-01-02T04:00:00Z"}]}}
`

// TestPlayReturnsWhatHappened: incidents as they ended and as they were when they paged, and the commands that named a root.
func TestPlayReturnsWhatHappened(t *testing.T) {
	var progress bytes.Buffer
	h, err := Play(t.Context(), Options{Policy: policy(), Files: []string{"-"}, Stdin: strings.NewReader(nodeStory), Progress: &progress})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	if len(h.Incidents) != 1 || !h.Begin.Equal(begin) || !h.End.Equal(begin.Add(time.Hour)) {
		t.Fatalf("%d incidents from %v to %v", len(h.Incidents), h.Begin, h.End)
	}
	inc := h.Incidents[0]
	if inc.State != correlate.Resolved || inc.AckedBy != "anna" || inc.Closed == nil {
		t.Errorf("it ended %v, acknowledged by %q, closed %v", inc.State, inc.AckedBy, inc.Closed)
	}
	if paged := h.Paged[inc.ID]; paged == nil || paged.State != correlate.Escalated || paged.Active != 1 {
		t.Errorf("it paged as %+v", paged)
	}
	if got, want := progress.String(), "stdin:3: ack inc-0 was refused: no open incident is rooted in node/n4"; !strings.HasPrefix(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestPlayStopsWhereRunStops with the same error.
func TestPlayStopsWhereRunStops(t *testing.T) {
	o := Options{Policy: policy(), Files: []string{"-"}, Stdin: strings.NewReader("{}\n")}
	if _, err := Play(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "stdin:1: ") {
		t.Errorf("got %v", err)
	}
}
