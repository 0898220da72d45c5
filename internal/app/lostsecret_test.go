package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quell/internal/config"
)

const secretConfig = `server: {listen: "127.0.0.1:0"}
route: {receiver: a}
receivers:
  - name: a
    webhook_configs: [{url: "http://127.0.0.1:1/hook"}]
    pagerduty_configs: [{routing_key_file: pd.key, url: "http://127.0.0.1:1"}]
    slack_configs: [{token_file: slack.token, channel: "#ops", api_url: "http://127.0.0.1:1"}]
webhooks:
  - name: ci
    preset: cloudevents
    auth: {bearer_file: ci.token}
`

// TestAStartWithoutASecretGoesOnWithTheOthers: a quell whose secrets went away, or were cut off, starts with the configuration that it had,
// tells which are missing, keeps what is for them, and lets nobody in who knows no secret; once they are back they are in force.
func TestAStartWithoutASecretGoesOnWithTheOthers(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", secretConfig)
	whole := func() {
		for name, text := range map[string]string{"pd.key": "0123", "slack.token": "xoxb-1", "ci.token": "4567"} {
			writeFile(t, dir, name, text)
			if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole()
	hash := ""
	runOnce(t, dir, func(_ context.Context, a *App) { hash = a.current.Load().config.Hash })
	if err := errors.Join(os.Remove(filepath.Join(dir, "pd.key")), os.Remove(filepath.Join(dir, "ci.token"))); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "slack.token", "")
	runOnce(t, dir, func(ctx context.Context, a *App) {
		st, err := admin{a}.Status(ctx)
		if err != nil || st.Config.Hash != hash || len(st.Config.Problems) != 3 || st.Config.RefusedSince == nil {
			t.Errorf("status tells %v %+v", err, st.Config)
		}
		if err := (admin{a}).Ready(); err != nil {
			t.Errorf("not ready: %v", err)
		}
		c := a.current.Load().config
		if r := &c.Receivers[0]; !r.PagerDuty[0].RoutingKey.Absent() || !r.Slack[0].Token.Absent() || len(r.Others) != 1 {
			t.Errorf("receivers are %+v", r)
		}
		first := string(c.Webhooks[0].Auth.Bearer)
		again, err := config.ParseSnapshotWithoutSecrets(filepath.Join(dir, "quell.yml"), c.Snapshot())
		if err != nil || len(first) < 40 || first == string(again.Webhooks[0].Auth.Bearer) {
			t.Errorf("a secret that is not there is %q: everybody would know it (%v)", first, err)
		}
		whole()
		if err := a.reload(ctx, byWatch, ""); err != nil {
			t.Fatal(err)
		}
		if c := a.current.Load().config; c.Receivers[0].PagerDuty[0].RoutingKey != "0123" || c.Webhooks[0].Auth.Bearer != "4567" || a.refused.Load() != nil {
			t.Error("the secrets are back and not in force")
		}
	})
}
