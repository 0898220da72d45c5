package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Blocks of docs/gitops.md, and the commands in them.
var (
	yamlBlock  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	inWorkflow = regexp.MustCompile(`(?m)\bquell ((?:check|diff) [^|>\n]*)`)
)

// repository is what the documents' examples assume: a folder quell with rules.
var repository = map[string]string{
	"quell/quell.yml": `route: {receiver: oncall}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key}]
    slack_configs: [{token_file: slack.token, channel: "#ops"}]
rules: {files: ["rules/*.yml"]}
`,
	"quell/rules/shop.yml": "holds: [{name: cart, matchers: ['namespace=\"shop\"'], hold: 2m}]\n",
	"quell/pd.key":         "placeholder\n",
	"quell/slack.token":    "placeholder\n",
}

// layOut writes files below the working folder.
func layOut(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWorkflowsInDocumentsWork: examples are YAML, each command in them exists with its flags, those that need no server pass, and the values for
// the chart make a configuration that is fine.
func TestWorkflowsInDocumentsWork(t *testing.T) {
	text, err := os.ReadFile("../../docs/gitops.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	layOut(t, repository)
	commands := 0
	for _, block := range yamlBlock.FindAllSubmatch(text, -1) {
		var doc any
		if err := yaml.Unmarshal(block[1], &doc); err != nil {
			t.Errorf("%v:\n%s", err, block[1])
		}
		for _, found := range inWorkflow.FindAllSubmatch(block[1], -1) {
			commands++
			tryCommand(t, strings.Fields(string(found[1])))
		}
		if values, ok := doc.(map[string]any); ok && values["config"] != nil {
			tryValues(t, values)
		}
	}
	if commands < 3 {
		t.Errorf("found %d commands", commands)
	}
}

// tryCommand looks whether a command takes its arguments, and runs it if it needs no server.
func tryCommand(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err != nil {
		t.Errorf("quell %s: %v", strings.Join(args, " "), err)
		return
	}
	if args[0] == "diff" {
		return
	}
	var stdout, stderr bytes.Buffer
	if status := run(args, nil, &stdout, &stderr); status != statusFine {
		t.Errorf("quell %s: status %d\n%s%s", strings.Join(args, " "), status, &stdout, &stderr)
	}
}

// tryValues checks the configuration that values of the chart make.
func tryValues(t *testing.T, values map[string]any) {
	t.Helper()
	config, err := yaml.Marshal(values["config"])
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"chart/quell.yml": strings.ReplaceAll(string(config), "/etc/quell-secrets/", "secrets/") + "rules: {files: [\"rules/*.yml\"]}\n",
		"chart/revision":  "abc\n", "chart/secrets/quell-pagerduty/pd.key": "placeholder\n",
	}
	for name, rules := range values["rules"].(map[string]any) {
		b, err := yaml.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		files["chart/rules/"+name] = string(b)
	}
	layOut(t, files)
	tryCommand(t, []string{"check", "--strict", "-c", "chart"})
}
