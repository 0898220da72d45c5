package callback

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/internal/secret"
)

// TestStrangersCannotFillTheMemory has more of them than are heard at once send bodies without an end, on the paths that are open to the
// world. Nobody has to prove anything for that.
func TestStrangersCannotFillTheMemory(t *testing.T) {
	mux := http.NewServeMux()
	secrets := func() []secret.Text { return []secret.Text{"whsec"} }
	New(Config{StoreID: "s1", PagerDuty: secrets}, &slackDesk{}, slog.New(slog.DiscardHandler)).Register(mux)
	NewSlack(SlackConfig{StoreID: "s1", Places: func() []SlackPlace { return nil }, Registerer: prometheus.NewRegistry()}, &slackDesk{}, slog.New(slog.DiscardHandler)).Register(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	all := make(map[string][]net.Conn)
	for _, path := range []string{"/api/v1/slack", "/api/v1/pagerduty"} {
		for range intakeMax + 1 {
			c, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(4 * intakeTime)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: quell\r\nContent-Length: 1000\r\n\r\nsome", path); err != nil {
				t.Fatal(err)
			}
			all[path] = append(all[path], c)
		}
	}
	for path, list := range all {
		statuses := make(map[int]int)
		for _, c := range list {
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s: no answer: %v", path, err)
			}
			_ = resp.Body.Close() // its status is all that counts
			statuses[resp.StatusCode]++
		}
		if statuses[http.StatusServiceUnavailable] != 1 || statuses[http.StatusRequestEntityTooLarge] != intakeMax {
			t.Errorf("%s: answers by status: %v, want one that is refused at once, and the others when their time is over", path, statuses)
		}
	}
}
