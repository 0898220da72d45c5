package ingest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

func TestHeartbeatsAreTakenIn(t *testing.T) {
	for _, c := range []struct {
		address, body string
		code          int
		want          *correlate.Heartbeat
		reason        string
	}{
		{"backup", "", 200, &correlate.Heartbeat{Name: "backup"}, ""},
		{"backup?status=ok&host=db1&zone=", "all well", 200, &correlate.Heartbeat{Name: "backup", Labels: correlate.LabelsOf("host", "db1"), Message: "all well"}, ""},
		{"backup?status=fail", "disk \xff full", 200, &correlate.Heartbeat{Name: "backup", Failed: true, Message: "disk \uFFFD full"}, ""},
		{"backup?exit_code=0", "", 200, &correlate.Heartbeat{Name: "backup"}, ""},
		{"backup?exit_code=137", "", 200, &correlate.Heartbeat{Name: "backup", Failed: true}, ""},
		{"backup", strings.Repeat("x", 5000), 200, &correlate.Heartbeat{Name: "backup", Message: strings.Repeat("x", 4096)}, ""},
		{"backup?status=broken", "", 400, nil, "neither ok nor fail"},
		{"backup?exit_code=x", "", 400, nil, "no number"},
		{"backup?host=a&host=b", "", 400, nil, "given twice"},
		{"backup?host=%ff", "", 400, nil, "no text"},
		{"backup?host=" + strings.Repeat("x", 300), "", 400, nil, "longer than 256"},
		{"a%20b", "", 400, nil, "no name"},
		{"a?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1", "", 400, nil, "more than 10 labels"},
	} {
		f := newFixture(Config{})
		w := f.post("/api/v1/heartbeat/"+c.address, c.body)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.reason) {
			t.Errorf("%s: got %d %s, want %d %s", c.address, w.Code, w.Body, c.code, c.reason)
		}
		var want []correlate.Input
		if c.want != nil {
			c.want.Source = "heartbeat/192.0.2.1" // where httptest's requests come from
			want = append(want, c.want)
		}
		if diff := cmp.Diff(want, f.store.inputs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.address, diff)
		}
	}
}

func TestHeartbeatsThatNobodyExpectsAreRefused(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{&correlate.HeartbeatError{Reason: "no heartbeat", Unknown: true}, 404},
		{&correlate.HeartbeatError{Reason: "told apart by host"}, 400},
		{errors.New("disk full"), 503},
	} {
		f := newFixture(Config{})
		f.store.err = c.err
		if w := f.post("/api/v1/heartbeat/x", ""); w.Code != c.code || !strings.Contains(w.Body.String(), c.err.Error()) {
			t.Errorf("%v: got %d %s, want %d", c.err, w.Code, w.Body, c.code)
		}
	}
}

// A GET may come from anything that looks at links.
func TestHeartbeatsTakeNoGET(t *testing.T) {
	f := newFixture(Config{})
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/heartbeat/backup", nil))
	if w.Code != http.StatusMethodNotAllowed || len(f.store.inputs) > 0 {
		t.Errorf("got %d and %v, want 405 and nothing", w.Code, f.store.inputs)
	}
}
