package servicegraph

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// ask sends one query of a graph with this configuration.
func ask(ctx context.Context, t *testing.T, prom *fakeProm, c Config) error {
	t.Helper()
	c.Name, c.Preset, c.URL = "test", "tempo", prom.URL
	c = c.withDefaults()
	source, err := newClient(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = source.instant(ctx, c.promQL())
	return err
}

// TestWhatPrometheusMayAnswerInsteadIsAnError, and says what was wrong.
func TestWhatPrometheusMayAnswerInsteadIsAnError(t *testing.T) {
	prom := startPrometheus(t)
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:1: parse error: unknown function"}`, "parse error"},
		{422, `{"status":"error","errorType":"execution","error":"query processing would load too many samples"}`, "too many samples"},
		{503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, "timed out"},
		{502, `<html>Bad Gateway</html>`, "server_error"},
		{401, `Unauthorized`, "401"},
		{200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, "matrix"},
		{200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[]}]}}`, ""},
		{200, `{"status":"success","data":{"resultType":"vector","result":[`, ""},
		{200, ``, ""},
	} {
		prom.handles(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, c.body)
		})
		if err := ask(t.Context(), t, prom, Config{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: got %v, want %s", c.status, c.body, err, c.want)
		}
	}
}

// TestAnswerThatIsTooLargeIsCutOff: it neither fills memory nor counts as half a graph.
func TestAnswerThatIsTooLargeIsCutOff(t *testing.T) {
	prom := startPrometheus(t)
	pairs := make([]string, 1000)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("client-%d>server-%d", i, i)
	}
	prom.answers(calls(pairs...))
	if err := ask(t.Context(), t, prom, Config{MaxResponseBytes: 10_000}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v, want that it is too large", err)
	}
	if err := ask(t.Context(), t, prom, Config{}); err != nil {
		t.Errorf("with room for it: %v", err)
	}
}

// TestQueryEndsWithItsContextWhilePrometheusHangs before and in the middle of its answer.
func TestQueryEndsWithItsContextWhilePrometheusHangs(t *testing.T) {
	prom := startPrometheus(t)
	for _, begun := range []string{"", `{"status":"success",`} {
		asked := make(chan struct{})
		prom.handles(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, begun)
			_ = http.NewResponseController(w).Flush()
			close(asked)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		go func() {
			<-asked
			cancel()
		}()
		if err := ask(ctx, t, prom, Config{}); err == nil || ctx.Err() != context.Canceled {
			t.Errorf("got %v, want that it was ended", err)
		}
	}
}

// TestCredentialsComeFromFilesAndMayChange while quell runs.
func TestCredentialsComeFromFilesAndMayChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prom := startPrometheus(t)
	var got string
	prom.handles(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = fmt.Fprint(w, calls())
	})
	bearer := promconfig.DefaultHTTPClientConfig
	bearer.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: path}
	c := Config{Name: "test", Preset: "tempo", URL: prom.URL, HTTP: bearer}.withDefaults()
	source, err := newClient(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"one", "two"} {
		write(token)
		if _, _, err := source.instant(t.Context(), "x"); err != nil || got != "Bearer "+token {
			t.Errorf("got %q, %v, want token %s", got, err, token)
		}
	}
	basic := promconfig.DefaultHTTPClientConfig
	basic.BasicAuth = &promconfig.BasicAuth{Username: "quell", PasswordFile: path}
	if err := ask(t.Context(), t, prom, Config{HTTP: basic}); err != nil || got != "Basic cXVlbGw6dHdv" {
		t.Errorf("got %q, %v, want quell:two", got, err)
	}
}
