package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Files of events have many lines, and a pipe of them never ends: one line says what it is.
func TestFirstLineSaysWhatIsImported(t *testing.T) {
	event := `{"timestamp":"2026-01-02T03:04:05Z","alertCreated":{"alert":{}}}` + "\n"
	for name, c := range map[string]struct {
		text   string
		config bool
	}{
		"one event":              {event, false},
		"events":                 {strings.Repeat(event, 100), false},
		"events beyond a buffer": {strings.Repeat(event, 2*importBytes/len(event)), false},
		"a cut event":            {strings.TrimSpace(event), false},
		"nothing":                {"", false},
		"a configuration":        {"route:\n  receiver: x\nreceivers:\n  - name: x\n", true},
		"one as JSON":            {`{"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if config, err := isConfiguration(nil, path); config != c.config || err != nil {
				t.Errorf("file: got %v, %v, want %v", config, err, c.config)
			}
			r, w := io.Pipe()
			defer r.Close()
			go func() { _, _ = io.WriteString(w, c.text); _ = w.CloseWithError(io.EOF) }()
			if config, err := isConfiguration(bufio.NewReaderSize(r, importBytes), "-"); config != c.config || err != nil {
				t.Errorf("standard input: got %v, %v, want %v", config, err, c.config)
			}
		})
	}
	r, w := io.Pipe()
	defer r.Close()
	go func() { _, _ = io.WriteString(w, event) }()
	if config, err := isConfiguration(bufio.NewReaderSize(r, importBytes), "-"); config || err != nil {
		t.Errorf("a pipe that never ends: got %v, %v, want events", config, err)
	}
}

// Events that are followed outlive a file that is rotated in the middle of a line, an event that is none, and a quell that is started anew.
func TestFollowedEventsOutliveWhatIsBroken(t *testing.T) {
	var got []string
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { http.Error(w, `{"error":"busy"}`, http.StatusServiceUnavailable) },
		func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"accepted":2}`) },
		func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"accepted":1,"rejected":[{"index":0,"reason":"no data"}],"rejected_total":1}`)
		},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
		answers[min(len(got), len(answers))-1](w)
	}))
	defer s.Close()
	cmd, said := new(cobra.Command), new(bytes.Buffer)
	cmd.SetContext(t.Context())
	cmd.SetErr(said)
	x := &eventImport{cmd: cmd, client: &client{root: s.URL}, pause: time.Millisecond}
	for _, text := range []string{"{\"a\":1}\n{\"half\":{\"b\":2}\n{\"c\":3}\n", "{\"d\":4}\n{\"e\":5}\n"} {
		if err := x.lines("stdin", strings.NewReader(text), true); err != nil {
			t.Fatal(err)
		}
	}
	first := `[{"a":1},{"c":3}]`
	if want := []string{first, first, `[{"d":4},{"e":5}]`}; !slices.Equal(got, want) {
		t.Errorf("posted %q, want %q", got, want)
	}
	if x.taken != 3 || x.passed != 2 {
		t.Errorf("%d taken and %d passed over, want 3 and 2", x.taken, x.passed)
	}
	for _, want := range []string{"stdin:2: the line is no JSON, passed over", "busy; waiting for it", "1 of 2 events passed over"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("said %q, want %q in it", said, want)
		}
	}
}
