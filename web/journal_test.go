package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func (m *memory) Journal(_ context.Context, since time.Time, w io.Writer) error {
	if _, err := io.WriteString(w, `{"journal":{"last":1}}`+"\n"+since.Format(time.RFC3339)+"\n"); err != nil {
		return err
	}
	return m.err
}

// An answer that cannot be completed is cut off, so that nobody takes a part for the whole; and what is asked for wrongly is told.
func TestJournalThatFailsIsCutOff(t *testing.T) {
	f := newFixture(0)
	f.memory.err = errors.New("disk is gone")
	r := httptest.NewRequest(http.MethodGet, "/api/v1/journal", nil)
	r.RemoteAddr = "127.0.0.1:1"
	func() {
		defer func() {
			if got := recover(); got != any(http.ErrAbortHandler) {
				t.Errorf("got panic %v", got)
			}
		}()
		f.mux.ServeHTTP(httptest.NewRecorder(), r)
	}()
	f.memory.err = nil
	bad := httptest.NewRequest(http.MethodGet, "/api/v1/journal?since=yesterday", nil)
	bad.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, bad)
	if w.Code != http.StatusBadRequest {
		t.Errorf("since=yesterday: got %d", w.Code)
	}
	if w := f.ask(http.MethodGet, "/api/v1/journal?since=2026-01-02T00:00:00Z", ""); w.Code != http.StatusOK || !strings.HasSuffix(w.Body.String(), "2026-01-02T00:00:00Z\n") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

// endless is a backend with a journal that is as long as anybody reads.
type endless struct{ *memory }

func (endless) Journal(ctx context.Context, _ time.Time, w io.Writer) error {
	record := bytes.Repeat([]byte("x"), 1<<16)
	for ctx.Err() == nil {
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Readers that stop reading keep their places for a piece's time only. Meanwhile others are told to come back, and whoever reads on is not
// disturbed.
func TestReadersOfTheJournalThatStallLoseTheirPlaces(t *testing.T) {
	for name, piece := range map[string]time.Duration{"given up": 100 * time.Millisecond, "patient": time.Hour} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			web := New(endless{new(memory)}, new(admin), slog.New(slog.DiscardHandler))
			web.pieceTime = piece
			web.Register(mux)
			s := httptest.NewServer(mux)
			defer s.Close()
			ask := func() *http.Response {
				t.Helper()
				resp, err := http.Get(s.URL + "/api/v1/journal")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = resp.Body.Close() })
				return resp
			}
			var stalled []*http.Response
			for range journalReaders { // an answer that has begun has its place
				stalled = append(stalled, ask())
			}
			if piece == time.Hour {
				resp := ask()
				text, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !bytes.Contains(text, []byte("too many read")) {
					t.Errorf("got %s, Retry-After %q, %s", resp.Status, resp.Header.Get("Retry-After"), text)
				}
				s.CloseClientConnections()
				return
			}
			for range journalReaders { // places come back without a word from those who hold them
				web.archive <- struct{}{}
			}
			for _, resp := range stalled {
				if n, err := io.Copy(io.Discard, resp.Body); err == nil {
					t.Errorf("a journal that was given up ends well after %d bytes", n)
				}
			}
			for range journalReaders {
				<-web.archive
			}
			web.pieceTime = time.Minute // a busy machine is not to fail the test
			if n, err := io.CopyN(io.Discard, ask().Body, 64<<20); err != nil {
				t.Errorf("who reads on gets %d bytes: %v", n, err)
			}
			s.CloseClientConnections() // this journal has no end
		})
	}
}
