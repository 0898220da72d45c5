package slack

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"quell/notify"
)

// A fault in drawing costs the picture, and nothing else: what is drawn comes from outside.
func TestFaultInDrawingIsAWarning(t *testing.T) {
	var log bytes.Buffer
	in := &integration{env: notify.Environment{HTTP: notify.NewHTTPClient(), Log: slog.New(slog.NewTextHandler(&log, nil))}}
	ok := in.upload(t.Context(), in.connect(), place{channel: "C1", ts: "1.2"}, func() []notify.Picture { panic("no drawing") })
	if ok || !strings.Contains(log.String(), "panicked") {
		t.Errorf("ok=%v, log %q, want a warning", ok, log.String())
	}
}
