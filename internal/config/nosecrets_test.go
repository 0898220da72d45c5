package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What has secrets that are not there can be tested, but not served. A secret that is there is still read and checked.
func TestLoadWithoutSecretsMakesUpThoseThatAreNotThere(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "quell.yml")
	text := "route: {receiver: r}\nreceivers: [{name: r, pagerduty_configs: [{routing_key_file: pd.key}], slack_configs: [{token_file: s.token, app_token_file: a.token, channel: x}]}]\ndead_mans_switch: {url_file: ping.url, interval: 1m}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("Load took a configuration without its secrets")
	}
	c, err := LoadWithoutSecrets(path)
	if err != nil || !c.Receivers[0].PagerDuty[0].RoutingKey.Absent() {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pd.key"), []byte("two words"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadWithoutSecrets(path); err == nil || !strings.Contains(err.Error(), "more than one word") {
		t.Errorf("got %v", err)
	}
}
