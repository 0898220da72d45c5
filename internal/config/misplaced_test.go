package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestKeysThatBelongElsewhereSayWhere: sections of rule files, tests, and what is Prometheus'.
func TestKeysThatBelongElsewhereSayWhere(t *testing.T) {
	const rest = "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://127.0.0.1:1'}]}]\n"
	for key, want := range map[string]string{
		"holds":      `quell.yml:3:1: unknown key "holds" (it belongs to a rule file, which rules.files names: docs/rules.md)`,
		"suppress":   `quell.yml:3:1: unknown key "suppress" (it belongs to a rule file, which rules.files names: docs/rules.md)`,
		"tests":      `quell.yml:3:1: unknown key "tests" (it belongs to a file of tests: quell test FILE plays it)`,
		"rule_files": `quell.yml:3:1: unknown key "rule_files" (write rules: {files: ["rules/*.yml"]}, which are quell's; those of Prometheus say what fires)`,
		"groups":     `quell.yml:3:1: unknown key "groups" (it belongs to Prometheus)`,
		"recievers":  `quell.yml:3:1: unknown key "recievers" (did you mean receivers?)`,
		"rules":      `quell.yml:3:8: want a map, got a list (write rules: {files: ["rules/*.yml"], packs: [kubernetes, kube-prometheus]})`,
	} {
		_, err := Load(filepath.Join(write(t, map[string]string{"quell.yml": rest + key + ": []\n"}), "quell.yml"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", key, err, want)
		}
	}
}
