package servicegraph

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fakeProm speaks the part of Prometheus' API that a poller uses.
type fakeProm struct {
	*httptest.Server
	mu      sync.Mutex
	handler http.HandlerFunc
	query   string
	asked   int
}

func startPrometheus(t testing.TB) *fakeProm {
	t.Helper()
	f := new(fakeProm)
	f.Server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.CloseClientConnections() // a handler that hangs would keep Close waiting
		f.Close()
	})
	return f
}

// ServeHTTP implements [http.Handler].
func (f *fakeProm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked++
	if r.URL.Path == "/api/v1/query" {
		f.query = r.FormValue("query")
	}
	handler := f.handler
	f.mu.Unlock()
	handler(w, r)
}

func (f *fakeProm) lastQuery() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.query
}

func (f *fakeProm) handles(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler = h
}

func (f *fakeProm) answers(body string) {
	f.handles(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, body)
	})
}

// calls is an answer with a series for each pair of client and server, the first with the most traffic.
func calls(pairs ...string) string {
	series := make([]string, len(pairs))
	for i, p := range pairs {
		client, server, _ := strings.Cut(p, ">")
		series[i] = fmt.Sprintf(`{"metric":{"client":%q,"server":%q},"value":[1790000000,"%d"]}`, client, server, len(pairs)-i)
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
}
