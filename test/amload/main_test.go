package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// server counts what it is sent.
type server struct {
	mu     sync.Mutex
	firing map[string]int
	ended  map[string]int
	posts  int
	bytes  int
	status int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var batch []alert
	if err != nil || json.Unmarshal(body, &batch) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts++
	s.bytes += len(body)
	for _, a := range batch {
		if a.EndsAt.After(time.Now()) {
			s.firing[a.Labels["pod"]]++
		} else {
			s.ended[a.Labels["pod"]]++
		}
	}
	w.WriteHeader(s.status)
}

func serve(t *testing.T, status int) (*server, string) {
	s := &server{firing: make(map[string]int), ended: make(map[string]int), status: status}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

// TestEveryAlertIsPostedOnceInEveryPass also measures the test's own process.
func TestEveryAlertIsPostedOnceInEveryPass(t *testing.T) {
	s, url := serve(t, http.StatusOK)
	results := filepath.Join(t.TempDir(), "results")
	args := []string{"-url", url, "-pid", strconv.Itoa(os.Getpid()), "-alerts", "1000", "-batch", "64", "-conns", "3", "-groups", "10", "-out", results}
	for _, name := range []string{"first", "second"} {
		if status := run(append(args, "-name", name), io.Discard, t.Output()); status != 0 {
			t.Fatalf("got exit status %d, want 0", status)
		}
	}
	if len(s.firing) != 1000 || len(s.ended) != 1000 || s.posts != 2*3*16 {
		t.Errorf("got %d firing, %d ended, %d posts, want 1000, 1000, 96", len(s.firing), len(s.ended), s.posts)
	}
	for pod, n := range s.firing {
		if n != 4 || s.ended[pod] != 2 {
			t.Fatalf("%s: got %d firing and %d ended, want 4 and 2", pod, n, s.ended[pod])
		}
	}
	if size := s.bytes / 6000; size < 600 || size > 650 {
		t.Errorf("an alert has %d bytes, want about 626", size)
	}
	var table strings.Builder
	if status := run([]string{"-compare", results}, &table, t.Output()); status != 0 {
		t.Fatalf("compare: got exit status %d, want 0", status)
	}
	if lines := strings.Count(table.String(), "\n"); lines != 1+3*3 || !strings.Contains(table.String(), "÷ first") {
		t.Errorf("got a table of %d lines, want 10 with ratios to the first:\n%s", lines, &table)
	}
}

func TestFailedPostsAreCountedAndFailTheRun(t *testing.T) {
	_, url := serve(t, http.StatusServiceUnavailable)
	var out, problems strings.Builder
	status := run([]string{"-url", url, "-alerts", "100", "-batch", "10", "-passes", "fire"}, &out, &problems)
	if status != 1 || !strings.Contains(out.String(), "10 failed") || !strings.Contains(problems.String(), "10 POSTs failed") {
		t.Errorf("got exit status %d, output %q, error %q, want 1 and 10 failed", status, &out, &problems)
	}
}

func TestWrongFlagsAreUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"-url", "http://127.0.0.1:1", "-batch", "0"}, {"-nonsense"}} {
		if status := run(args, io.Discard, io.Discard); status != 2 {
			t.Errorf("%v: got exit status %d, want 2", args, status)
		}
	}
	if status := run([]string{"-url", "http://127.0.0.1:1", "-passes", "sideways"}, io.Discard, io.Discard); status != 1 {
		t.Errorf("unknown pass: got exit status %d, want 1", status)
	}
}
