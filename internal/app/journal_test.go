package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/journal"
)

// A running quell gives its journal to those who ask on the same machine: from the first record on, whole, as it was told.
func TestJournalIsGivenWhileQuellRuns(t *testing.T) {
	url := serveFor(t, benchConfig)
	for _, path := range [...]string{"/api/v2/alerts", "/api/v2/alerts"} {
		resp, err := http.Post(url+path, "application/json", bytes.NewReader(prometheusBody(0, 3, "x", time.Now().Add(time.Hour))))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %s, %v", resp.Status, err)
		}
	}
	read := func() (head journal.Head, alerts []string, policies int) {
		j, err := journal.Open(context.Background(), url, journal.Options{Notes: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		err = j.Read(t.Context(), func(r *journal.Record) error {
			for _, in := range r.Inputs {
				switch in := in.(type) {
				case *correlate.Alert:
					alerts = append(alerts, in.Labels.Get("pod"))
				case *correlate.Policy:
					policies++
				}
			}
			return nil
		})
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
		return j.Head(), alerts, policies
	}
	head, alerts, policies := read()
	if head.First != 1 || head.Last == 0 || head.Cut() || head.StoreID == "" || policies != 1 {
		t.Errorf("got head %+v and %d policies", head, policies)
	}
	want := []string{"svc-0-7d9f8b6c5d-0000000", "svc-1-7d9f8b6c5d-0000001", "svc-2-7d9f8b6c5d-0000002"}
	if d := cmp.Diff(want, alerts); d != "" {
		t.Errorf("alerts (-want +got):\n%s", d)
	}
}
