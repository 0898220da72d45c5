package callback

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers stands for the network.
type answers func(*http.Request) (*http.Response, error)

// RoundTrip answers.
func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// paced is the client that a socket opens connections with.
func paced(f answers) *pace {
	s := &Slack{cfg: SlackConfig{HTTP: &http.Client{Transport: f}}}
	return &s.Socket(SlackPlace{}).pace
}

// TestSlackThatNeverAnswersIsAskedAgain: the library waits for an answer for as long as it takes, and buttons would do nothing for as long.
func TestSlackThatNeverAnswersIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := paced(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://slack.com/api/apps.connections.open", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp, err := p.Do(r)
		if err == nil {
			_ = resp.Body.Close() // there is none
			t.Fatal("there was an answer")
		}
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("waited for %s", waited)
		}
	})
}

// TestSlackIsNotObeyedForADay: the library would not ask again before Slack says so, whatever it says.
func TestSlackIsNotObeyedForADay(t *testing.T) {
	for header, want := range map[string]string{
		"30": "30", "600": "600", "86400": "600", "99999999999999999999": "600", "-5": "1", "soon": "1", "": "1", "Sat, 21 Nov 2037 16:00:00 GMT": "1",
	} {
		p := paced(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {header}}, Body: io.NopCloser(strings.NewReader(""))}, nil
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://slack.com/api/apps.connections.open", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Retry-After"); got != want {
			t.Errorf("%q became %q, want %q", header, got, want)
		}
	}
}
