//go:build !slim

package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"quell/internal/fake"
	"quell/notify"
)

// checkFailure compares kind, reason and whether something may have arrived, and looks for secrets in the text.
func checkFailure(t *testing.T, got, want error) {
	t.Helper()
	if rejected, ok := errors.AsType[*notify.RejectedError](want); ok {
		if e, ok := errors.AsType[*notify.RejectedError](got); !ok || e.Reason != rejected.Reason {
			t.Errorf("got %v, want rejected (%s)", got, rejected.Reason)
		}
	}
	if retry, ok := errors.AsType[*notify.RetryError](want); ok {
		e, ok := errors.AsType[*notify.RetryError](got)
		if !ok || e.Reason != retry.Reason || e.Unsent != retry.Unsent || e.After < retry.After {
			t.Errorf("got %#v, want %#v", got, retry)
		}
	}
	if got != nil && strings.Contains(got.Error(), "s3cret") {
		t.Errorf("a secret is in %v", got)
	}
}

// TestEveryKindTellsWhatToTryAgain gives each kind the answers of a receiver that fails, all of which repeat its secrets.
func TestEveryKindTellsWhatToTryAgain(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret-aws")
	t.Setenv("AWS_CA_BUNDLE", "")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for _, k := range integrationKinds {
		for _, c := range []struct {
			status int
			want   error
		}{
			{400, &notify.RejectedError{Reason: "http_4xx"}},
			{403, &notify.RejectedError{Reason: "http_403"}},
			{429, &notify.RetryError{Reason: "http_429", After: time.Second, Unsent: true}},
			{500, &notify.RetryError{Reason: "http_5xx"}},
			{302, &notify.RejectedError{Reason: "http_3xx"}},
			{0, &notify.RetryError{Reason: "timeout"}},
		} {
			t.Run(fmt.Sprint(k.typ, c.status), func(t *testing.T) {
				t.Parallel()
				in, end := connect(t, k.typ, k.yaml)
				ctx := fake.NewDeadline(t.Context())
				end.answer = failing(k.yaml, c.status, ctx.Pass)
				_, err := in.Notify(ctx, story()[0], notify.Sent{})
				if err == nil {
					t.Fatal("got no error")
				}
				checkFailure(t, err, c.want)
			})
		}
	}
}

// failing answers with a status and all secrets that the settings hold; with none it does not answer until time is over.
func failing(yaml string, status int, timeOver func()) func(*http.Request, string) (int, string) {
	var echo []string
	for name, secret := range secrets {
		if strings.Contains(yaml, "_file: "+name) {
			echo = append(echo, secret)
			if u, err := url.Parse(secret); err == nil && u.Host != "" {
				echo = append(echo, path.Base(u.Path))
			}
		}
	}
	text, _ := json.Marshal(strings.Join(echo, " ")) // text always can be
	return func(r *http.Request, _ string) (int, string) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/gettoken"):
			return 200, `{"errcode":0,"access_token":"s3cret-access"}`
		case status == 0:
			timeOver()
			<-r.Context().Done()
			return 200, ""
		}
		return status, fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%s,"message":%s}`, status, text, text)
	}
}

// TestRedirectsAreNotFollowed sends the receiver elsewhere, with the secret that is in the request.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, c := range []struct {
		extra string
		want  bool
	}{{"", false}, {"follow_redirects: false", false}, {"follow_redirects: true", true}} {
		in, end := connect(t, "webhook", `{url: "http://hooks.example/quell", http_config: {authorization: {credentials_file: token}, `+c.extra+`}}`)
		end.answer = answers(http.StatusTemporaryRedirect, "")
		end.location = "http://hooks.example/elsewhere"
		_, _ = in.Notify(t.Context(), story()[0], notify.Sent{})
		got := strings.Contains(end.told(), "/elsewhere")
		if got != c.want {
			t.Errorf("%q: followed is %t, want %t", c.extra, got, c.want)
		}
	}
}

// TestAnswersWithoutEndAreCutOff has a receiver that answers for ever.
func TestAnswersWithoutEndAreCutOff(t *testing.T) {
	in, end := connect(t, "webhook", `{url: "http://hooks.example/quell"}`)
	end.answer = answers(400, strings.Repeat("x", 2*maxAnswerBytes))
	_, err := in.Notify(t.Context(), story()[0], notify.Sent{})
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("got %.100v", err)
	}
}

// TestPathsOfAddressesAreNotTold has a web server that repeats what was asked for, as most do that do not know it: the path is all that
// protects many a webhook.
func TestPathsOfAddressesAreNotTold(t *testing.T) {
	in, end := connect(t, "webhook", `{url: "http://hooks.example/hook/T0KEN-in-path?key=T0KEN-in-query"}`)
	for _, said := range []string{"Cannot POST /hook/T0KEN-in-path", "no route for /hook/T0KEN-in-path?key=T0KEN-in-query"} {
		end.answer = answers(http.StatusNotFound, said)
		_, err := in.Notify(t.Context(), story()[0], notify.Sent{})
		if err == nil || strings.Contains(err.Error(), "T0KEN") || !strings.Contains(err.Error(), "404") {
			t.Errorf("got %v", err)
		}
	}
}

// TestAttemptsThatAreCalledOffEndAtOnce stops while a mail server says nothing: a process that is to end does not wait for it.
func TestAttemptsThatAreCalledOffEndAtOnce(t *testing.T) {
	in, s := connectMail(t, "")
	greeted := make(chan struct{})
	in.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		defer close(greeted)
		return (&net.Dialer{}).DialContext(ctx, network, s.Addr().String())
	}
	s.refuse["EHLO"] = "hang"
	d := story()[0]
	d.Incident.Roots = nil // then there is no picture to draw
	timed, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	ctx, cancel := context.WithCancel(timed)
	go func() {
		<-greeted
		cancel()
	}()
	began := time.Now()
	_, err := in.Notify(ctx, d, notify.Sent{})
	if took := time.Since(began); err == nil || took > 10*time.Second {
		t.Errorf("it took %s, and got %v", took, err)
	}
}
