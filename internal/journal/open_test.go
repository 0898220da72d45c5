package journal

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAnAddressThatDoesNotAnswerIsGivenUp: a job of a pipeline must not hang, nor fill its machine's memory, because of what answers there.
func TestAnAddressThatDoesNotAnswerIsGivenUp(t *testing.T) {
	write := func(w http.ResponseWriter, text string) bool {
		_, err := w.Write([]byte(text))
		return err == nil && http.NewResponseController(w).Flush() == nil
	}
	head := string(AppendHead(nil, &Head{Last: 3}))
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"silent":         {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, errStalled.Error()},
		"half a head":    {func(w http.ResponseWriter, r *http.Request) { write(w, head[:5]); <-r.Context().Done() }, errStalled.Error()},
		"half a journal": {func(w http.ResponseWriter, r *http.Request) { write(w, head+`{"seq":1,`); <-r.Context().Done() }, errStalled.Error()},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for text := strings.Repeat("a", 1<<20); write(w, text); {
			}
		}, "its first line is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(c.answer))
			defer s.Close()
			wait := 200 * time.Millisecond
			if name == "endless" {
				wait = time.Minute
			}
			j, err := Open(t.Context(), s.URL, Options{Wait: wait})
			if err == nil {
				err = errors.Join(j.Read(t.Context(), func(*Record) error { return nil }), j.Close())
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
