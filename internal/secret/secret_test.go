package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"quell/internal/secret"
)

// TestTextNeverShowsItself writes a credential in each way in which one gets out by accident.
func TestTextNeverShowsItself(t *testing.T) {
	type config struct{ Token secret.Text }
	c := config{"xoxb-4711"}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("test", slog.Any("token", c.Token))
	for _, shown := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c.Token, c.Token), string(asJSON), string(asYAML), log.String()} {
		if strings.Contains(shown, "4711") || !strings.Contains(shown, "secret") {
			t.Errorf("%s shows the credential, or nothing in its place", shown)
		}
	}
}
