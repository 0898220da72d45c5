package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the tests do not depend on the machine

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/notify"
	"quell/notify/template"
	"quell/routing"
)

// write makes files in a new folder and returns it. Keys are names, and may have folders.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const minimal = "route: {receiver: oncall}\nreceivers: [{name: oncall}]\n"

// full uses every key.
const full = `
server: {listen: "0.0.0.0:80", external_url: "https://q.example", max_body_bytes: 1MiB, allow_remote: true}
storage: {path: db/q.db, retention: {journal_age: 7d, journal_bytes: 2GiB, incidents_age: 8d, dead_letters: 50, dead_letters_age: 3d}}
topology: {files: [a.json, b.json], catalogs: ["catalog/*.yaml"], catalog_entities: [{kind: deployment, name_label: name, namespace_label: type}]}
rules: {files: ["rules/*.yml", rules/z.yml, other.yml], packs: [kubernetes], disable: ["kubernetes/holds/failed-job"]}
hold: {default: 2m, max: 8m, threshold: 0.8, cases: 20, not_for: critical, blast_radius: 50, settle: 30s, reopen: 10m, event_ttl: 3m, lost_after: 1h, alert_timeout: never, restart_grace: 1m}
route:
  receiver: oncall
  routes:
    - matchers: ['team="a"', severity=~"error|critical"]
      continue: true
      routes:
        - receiver: team
    - matchers: ['severity="warning"']
      escalation: nobody-sleeps
      active_time_intervals: [office]
      mute_time_intervals: [holidays]
escalation_policies:
  - name: nobody-sleeps
    steps:
      - {receiver: team, notify: notice, wait: 10m, active_time_intervals: [office]}
      - {receivers: [oncall, team], notify: page, mute_time_intervals: [holidays]}
    repeat: {limit: 2, wait: 1h}
    deliver_within: 90s
time_intervals:
  - name: office
    time_intervals:
      - {times: [{start_time: "09:00", end_time: "17:30"}], weekdays: ["monday:friday"], location: Europe/Berlin}
  - name: holidays
    time_intervals: [{days_of_month: ["1", "-2:-1"], months: [january, "june:august"], years: [2026, "2027:2030"]}]
acknowledge: {timeout: 4h, hand_back: false}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key, url: "http://127.0.0.1:1"}, {routing_key_file: pd.key, change_events: false, pictures: false}]
    slack_configs: [{token_file: slack.token, channel: "#ops", api_url: "http://127.0.0.1:2/api"}]
  - name: team
    slack_configs: [{token_file: slack.token, channel: C1, pictures: false}]
digest: [{schedule: "30 9 * * MON", timezone: Europe/Berlin, receiver: team, since: 7d}]
safe_mode: {matchers: ['severity="page"']}
log: {level: debug, format: json}
event_recorder: {wait: 20m}
heartbeats: [{name: backup, interval: 1d, grace: 1h}]
dead_mans_switch: {interval: 2m}
kubernetes:
  clusters:
    - {name: eu, kubeconfig: eu.kubeconfig, context: admin, namespaces: [shop, bank], qps: 5, burst: 6, secrets: true}
    - {name: us}
limits: {max_entities: 4000, max_symptoms: 2000, max_pending_deliveries: 3000, queue: 40, request_bytes_in_memory: 5MiB}
service_graph:
  - name: tempo
    url: http://127.0.0.1:3/prometheus
    preset: tempo
    window: 10m
    interval: 2m
    ttl: 20m
    timeout: 10s
    cluster: eu
    max_edges: 100
    max_response_bytes: 1MiB
    http_config: {authorization: {type: Token, credentials_file: prom.token}, follow_redirects: true}
  - name: own
    url: http://127.0.0.1:3
    query: a > 0
    entities:
      client: [{kind: deployment, name_label: from, namespace_label: in, cluster_label: c, matchers: ['x="y"']}]
      server: [{kind: host, name_label: to}]
    http_config:
      basic_auth: {username: quell, password_file: prom.token}
      tls_config: {ca_file: ca.pem, server_name: prom, insecure_skip_verify: true}
webhooks:
  - name: shop
    preset: grafana
    mapping_file: shop.yml
    mapping: {each: body.alerts}
    auth: {hmac: {secret_file: hook.key, header: X-Sig, prefix: "v1=", algorithm: sha512, encoding: base64, timestamp_header: X-Time, separator: ".", tolerance: 1m}}
    labels: {cluster: eu}
    max_items: 10
  - {name: open, preset: flux, allow_unauthenticated: true}
  - {name: tok, preset: flux, auth: {bearer_file: hook.key}}
  - {name: basic, preset: flux, auth: {basic: {username: u, password_file: hook.key}}}
  - {name: aws, preset: cloudwatch, auth: {sns: {topic_arns: ["arn:aws:sns:eu-central-1:123456789012:a"], max_age: 1h}}}
`

var fullFiles = map[string]string{
	"quell.yml":   full,
	"a.json":      `{"entities": [{"id": "node/n1", "labels": {"zone": "a"}}]}`,
	"b.json":      `{"edges": [{"from": "pod/shop/x", "to": "node/n1", "type": "runs_on"}]}`,
	"rules/a.yml": "holds: []\n",
	"rules/z.yml": "events: []\n",
	"other.yml":   "symptoms: []\n",
	"pd.key":      " R123 \n",
	"slack.token": "xoxb-1\n",
	"prom.token":  "glc-1\n",
	"ca.pem":      certificate,
	"catalog/shop.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: n1}\nspec: {type: service, dependsOn: [component:pay]}\n" +
		"---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: pay}\n",

	"eu.kubeconfig": "",
	"hook.key":      "k\n",
	"shop.yml":      "become: {drill: {when: 'false', ignore: true}}\n",
}

// certificate signs nothing.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUdkoI37Zw2h45Tt3iaXdD9nIqgVkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwOTM4MDlaGA8yMTI2MTAyODA5Mzgw
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHog
7d2/vN3v8dpSGxO/vSNCxBCbe67yPi45fQ8z6j5nlVSa4UF+X78lR+6z+7NBDRre
9SjLamZXQ5yzMubIAhqjUzBRMB0GA1UdDgQWBBQeoRRfJLX8t/KVQHGeeEyF5E6N
RjAfBgNVHSMEGDAWgBQeoRRfJLX8t/KVQHGeeEyF5E6NRjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCYTqnPr12cN4RY8yqlnmmVCLhN/LMr6XQs
xu0Yru5sigIgcECP7vtB4FzeFve0Z8QsyIkjxR/Y3Vcz+WnM7CzhyJA=
-----END CERTIFICATE-----
`

func load(t testing.TB, dir string) *Config {
	t.Helper()
	c, err := Load(filepath.Join(dir, "quell.yml"))
	if err != nil {
		t.Fatalf("load:\n%v", err)
	}
	return c
}

func TestLoadReadsEveryKey(t *testing.T) {
	dir := write(t, fullFiles)
	c := load(t, dir)
	policy := c.Policy()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"listen", c.Listen, "0.0.0.0:80"},
		{"external_url", c.ExternalURL, "https://q.example"},
		{"max_body_bytes", c.MaxBodyBytes, int64(1 << 20)},
		{"path", c.StoragePath, in("db/q.db")},
		{"retention", c.Retention, Retention{JournalAge: 7 * day, JournalBytes: 2 << 30, IncidentsAge: 8 * day, DeadLetters: 50, DeadLettersAge: 3 * day}},
		{"topology", c.Topology, &topology.Update{
			Entities: []topology.Labeled{{ID: "node/n1", Labels: map[string]string{"zone": "a"}}},
			Edges:    []topology.Edge{{From: "pod/shop/x", To: "node/n1", Type: "runs_on"}},
		}},
		{"policy", policy, correlate.Policy{
			Hold: 2 * time.Minute, Settle: 30 * time.Second, Reopen: 10 * time.Minute, AlertTimeout: -1, EventTTL: 3 * time.Minute,
			HoldMax: 8 * time.Minute, LostAfter: time.Hour, RestartGrace: time.Minute, UnseenAfter: 20 * time.Minute, MaxSymptoms: 2000, MaxEntities: 4000, ConfigHash: c.Hash, Packs: []string{"kubernetes"}, Disabled: []string{"kubernetes/holds/failed-job"}, HoldThreshold: 0.8, HoldCases: 20, NotFor: correlate.SeverityCritical, AckTimeout: 4 * time.Hour, KeepAck: true, Routing: c.Routing().Encode(), BlastRadius: 50,
			Heartbeats: []correlate.HeartbeatRule{{Name: "backup", Interval: day, Grace: time.Hour, Severity: correlate.SeverityCritical, Rule: correlate.RuleID{Section: "heartbeat", Name: "backup", File: "quell.yml", Line: 42}}},
			Rules:      []correlate.RuleFile{{Name: "rules/a.yml", Text: "holds: []\n"}, {Name: "rules/z.yml", Text: "events: []\n"}, {Name: "other.yml", Text: "symptoms: []\n"}},
		}},
		{"targets", c.Targets(), map[string][]routing.Target{
			"oncall": {{Receiver: "oncall", Type: "pagerduty", Index: 0}, {Receiver: "oncall", Type: "pagerduty", Index: 1}, {Receiver: "oncall", Type: "slack", Index: 0}},
			"team":   {{Receiver: "team", Type: "slack", Index: 0}},
		}},
		{"templates", c.NotifyConfig().Templates.ID(), template.Default().ID()},
		{"notify", notify.Config{Receivers: c.Receivers, ExternalURL: c.NotifyConfig().ExternalURL, MaxPending: c.NotifyConfig().MaxPending}, notify.Config{
			ExternalURL: "https://q.example", MaxPending: 3000,
			Receivers: []notify.Receiver{
				{
					Name:      "oncall",
					PagerDuty: []notify.PagerDutyConfig{{RoutingKey: "R123", URL: "http://127.0.0.1:1"}, {RoutingKey: "R123", NoChangeEvents: true, NoPictures: true}},
					Slack:     []notify.SlackConfig{{Token: "xoxb-1", Channel: "#ops", APIURL: "http://127.0.0.1:2/api/"}},
				},
				{Name: "team", Slack: []notify.SlackConfig{{Token: "xoxb-1", Channel: "C1", NoPictures: true}}},
			},
		}},
		{"safe_mode", c.SafeMode.String(), `{severity="page"}`},
		{"dead_mans_switch", *c.DeadMansSwitch, DeadMansSwitch{Interval: 2 * time.Minute, Method: "GET"}},
		{"log", c.Log, Log{Level: "debug", Format: "json"}},
		{"limits", c.Limits, Limits{MaxPendingDeliveries: 3000, Queue: 40, RequestBytesInMemory: 5 << 20}},
		{"warnings", len(c.Warnings), 0},
		{"files", c.Files(), []string{
			in("quell.yml"), in("a.json"), in("b.json"), in("catalog/shop.yaml"), in("rules/a.yml"), in("rules/z.yml"), in("other.yml"),
			in("pd.key"), in("pd.key"), in("slack.token"), in("slack.token"), in("prom.token"), in("prom.token"), in("ca.pem"), in("shop.yml"), in("hook.key"), in("hook.key"), in("hook.key"),
		}},
		{"catalogs", c.Catalogs, []*correlate.Topology{{Source: "catalog catalog/shop.yaml", Update: topology.Update{
			Entities: []topology.Labeled{{ID: "deployment/service/n1"}, {ID: "component/pay"}},
			Edges:    []topology.Edge{{From: "deployment/service/n1", To: "component/pay", Type: "depends_on"}}, Replace: true,
		}}}},
	} {
		if diff := cmp.Diff(f.want, f.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.name, diff)
		}
	}
	matches := c.Route.Match(correlate.LabelsOf("team", "a", "severity", "error"))
	if want := []routing.Match{{Receiver: "team", Path: "/0/0", Pos: "quell.yml:13:11"}}; !cmp.Equal(want, matches) {
		t.Errorf("route: got %+v, want %+v", matches, want)
	}
	if err := policy.Validate(); err != nil {
		t.Errorf("policy: %v", err)
	}
	notifyConfig := c.NotifyConfig()
	if err := notifyConfig.Validate(); err != nil {
		t.Errorf("notify: %v", err)
	}
}

func TestTheSmallestConfigurationTakesAllDefaults(t *testing.T) {
	c := load(t, write(t, map[string]string{"quell.yml": minimal}))
	want := DefaultPolicy()
	want.ConfigHash, want.Routing = c.Hash, c.Routing().Encode()
	if diff := cmp.Diff(want, c.Policy()); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	if c.Listen != "127.0.0.1:9095" || c.SafeMode.String() != `{severity="critical"}` || c.Topology != nil {
		t.Errorf("got %+v", c)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, "no integration") {
		t.Errorf("got warnings %v", c.Warnings)
	}
}

// The file has one of each mistake. The expected text is what a user of `quell check` sees.
func TestLoadNamesEveryProblemAtOnce(t *testing.T) {
	want, err := os.ReadFile("testdata/bad.want")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load("testdata/bad.yml")
	if _, ok := errors.AsType[Problems](err); !ok {
		t.Fatalf("got %v, want problems", err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLoadOfAMissingFileIsAProblem(t *testing.T) {
	if _, err := Load("testdata/none.yml"); err == nil || err.Error() != "testdata/none.yml: cannot be read: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestOnlyLoopbackIsListenedOnUnlessAllowed(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.8.8.8:1": true,
		":9095": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "[::]:1": false, "example.org:1": false, "9095": false, "127.0.0.1": false,
		"127.0.0.1:99999": false, "127.0.0.1:http": true,
	} {
		_, err := Parse("q.yml", []byte(minimal+"server: {listen: '"+listen+"'}\n"), t.TempDir())
		if (err == nil) != ok {
			t.Errorf("%s: got %v, want ok %v", listen, err, ok)
		}
	}
	if _, err := Parse("q.yml", []byte(minimal+"server: {listen: ':1', allow_remote: true}\n"), t.TempDir()); err != nil {
		t.Errorf("allowed: got %v", err)
	}
}

// Names are as requests have them; what is an address with a scheme or a port would never be asked by.
func TestAllowedHostsAreNames(t *testing.T) {
	c, err := Parse("q.yml", []byte(minimal+"server: {allowed_hosts: [Quell.Example., quell.quell.svc]}\n"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"quell.example", "quell.quell.svc"}, c.AllowedHosts); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, bad := range []string{"https://q.example", "q.example:9095", "*.example", "a b"} {
		if _, err := Parse("q.yml", []byte(minimal+"server: {allowed_hosts: ['"+bad+"']}\n"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no name of a host") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// Whoever changes a key file must not see the configuration change; whoever changes anything else must.
func TestTheHashCoversAllFilesButSecretsAndNotTheirPlace(t *testing.T) {
	hash := func(change string) string {
		files := make(map[string]string)
		for name, text := range fullFiles {
			files[name] = text
		}
		if change != "" {
			files[change] = strings.Replace(files[change], "n1", "n2", 1) + "\n"
		}
		return load(t, write(t, files)).Hash
	}
	before := hash("")
	for name := range fullFiles {
		secret := slices.Contains([]string{"pd.key", "slack.token", "prom.token", "ca.pem", "eu.kubeconfig", "hook.key"}, name)
		if after := hash(name); (after == before) != secret {
			t.Errorf("%s changed: hash %s, was %s", name, after, before)
		}
	}
	if again := hash(""); again != before {
		t.Errorf("in another folder: hash %s, was %s", again, before)
	}
}

func TestSecretsNeverShowInProblems(t *testing.T) {
	const secret = "R0123456789"
	dir := write(t, map[string]string{"two.key": secret + " " + secret, "empty.key": " \n", "dir/x": ""})
	for _, c := range []struct{ value, want string }{
		{"routing_key: " + secret, "secrets do not belong in this file (put it in a file of its own and write routing_key_file: PATH)"},
		{"routing_key_file: " + secret, "secret file cannot be read: no such file or directory"},
		{"routing_key_file: two.key", "secret file holds more than one word"},
		{"routing_key_file: empty.key", "secret file is empty"},
		{"routing_key_file: dir", "secret file cannot be read: not a regular file"},
	} {
		_, err := Parse("q.yml", []byte("route: {receiver: a}\nreceivers: [{name: a, pagerduty_configs: [{"+c.value+"}]}]\n"), dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, want %s", c.value, err, c.want)
		}
	}
}

func TestASecretThatEverybodyCanReadIsAWarning(t *testing.T) {
	dir := write(t, fullFiles)
	if err := os.Chmod(filepath.Join(dir, "pd.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := load(t, dir)
	if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[0].Text, "everybody") {
		t.Errorf("got %v, want a warning for each use", c.Warnings)
	}
}

// Digests follow the wall clock of their time zone, through the change to winter time.
func TestDigestsComeByTheClockOfTheirTimeZone(t *testing.T) {
	d := load(t, write(t, fullFiles)).Digests[0]
	at := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC) // Tuesday
	for _, want := range []string{"2026-10-26T08:30:00Z", "2026-11-02T08:30:00Z"} {
		at = d.Next(at)
		if got := at.Format(time.RFC3339); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := d.Next(time.Date(2026, 10, 12, 0, 0, 0, 0, time.UTC)).Format(time.RFC3339); got != "2026-10-12T07:30:00Z" {
		t.Errorf("in summer: got %s", got)
	}
}

func TestBadSchedulesAreProblems(t *testing.T) {
	for _, schedule := range []string{"", "* * * *", "@daily", "@every 1m", "TZ=0", "TZ=UTC * * * * *", "CRON_TZ=x * * * *", "61 * * * *", "0 0 31 2 *", "a b c d e"} {
		_, err := Parse("q.yml", []byte(minimal+"digest: [{receiver: oncall, schedule: '"+schedule+"'}]\n"), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "q.yml:3:") || !strings.Contains(err.Error(), "schedule") && !strings.Contains(err.Error(), "never comes") {
			t.Errorf("%q: got %v", schedule, err)
		}
	}
}

// The example that comes with quell and those in the documentation must load, without warnings that they do not mean.
func TestExamplesLoad(t *testing.T) {
	example, err := os.ReadFile("../../quell.yml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	pagerduty, err := os.ReadFile("../../docs/pagerduty.md")
	if err != nil {
		t.Fatal(err)
	}
	ruleDoc, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	doc = slices.Concat(doc, kubernetes, pagerduty, ruleDoc)
	dir := write(t, map[string]string{"pd.key": "k", "pd-webhook.secret": "k", "lead.key": "k", "slack.token": "t", "topology.json": "{}", "rules/a.yml": "", "prod-us.kubeconfig": ""})
	texts := []string{string(example), regexp.MustCompile(`(?m)^( *)# (routes:|  - matchers|      receiver|pagerduty_configs|  - routing_key_file|slack_configs|  - token_file|    channel|  - name: shop|digest:|  - schedule|    timezone|    receiver: oncall|kubernetes:|  clusters:|    - \{name)`).ReplaceAllString(string(example), "$1$2")}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		text := block[1]
		if !strings.Contains(text, "receivers:") {
			text = minimal + text // a part
		}
		texts = append(texts, text)
	}
	if len(texts) != 8 {
		t.Fatalf("got %d configurations, want 8", len(texts))
	}
	for _, text := range texts {
		c, err := Parse("example", []byte(text), dir)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		for _, w := range c.Warnings {
			if !strings.Contains(w.Text, "no integration") {
				t.Errorf("%s\n%v", text, w)
			}
		}
	}
}

// What the engine would refuse is told where it can still be mended.
func TestTopologyFilesMustFitTheLimit(t *testing.T) {
	var edges []string
	for i := range 600 {
		edges = append(edges, fmt.Sprintf(`{"from": "pod/%d", "to": "pod/%d"}`, i, (i+1)%600+1000*(i%2)))
	}
	files := maps.Clone(fullFiles)
	files["quell.yml"] = "topology: {files: [t.json]}\nlimits: {max_entities: 1000}\n" + minimal
	files["t.json"] = `{"edges": [` + strings.Join(edges, ",") + `]}`
	if _, err := Load(filepath.Join(write(t, files), "quell.yml")); err != nil {
		t.Errorf("900 entities below a limit of 1000: %v", err)
	}
	files["t.json"] = strings.ReplaceAll(files["t.json"], `"to": "pod`, `"to": "node`)
	_, err := Load(filepath.Join(write(t, files), "quell.yml"))
	want := "quell.yml:1:19: the topology files name 1200 entities, and the limit is 1000 (raise limits.max_entities)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoadReadsClusters(t *testing.T) {
	dir := write(t, fullFiles)
	want := []Cluster{
		{Name: "eu", Kubeconfig: filepath.Join(dir, "eu.kubeconfig"), Context: "admin", Namespaces: []string{"shop", "bank"}, QPS: 5, Burst: 6, Secrets: true},
		{Name: "us", QPS: 20, Burst: 40},
	}
	if diff := cmp.Diff(want, load(t, dir).Clusters); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClustersAreToldApart(t *testing.T) {
	for text, want := range map[string]string{
		"[{name: a}, {name: a}]":                "q.yml:1:43: second cluster of name \"a\"",
		"[{name: a}, {}]":                       "of several clusters each needs a name",
		"[{}, {}]":                              "of several clusters each needs a name",
		"[{name: a@b}]":                         "\"a@b\" is no name for a cluster",
		"[{name: a/b}]":                         "\"a/b\" is no name for a cluster",
		"[{context: c}]":                        "a context without a kubeconfig",
		"[{kubeconfig: nowhere}]":               "kubeconfig \"nowhere\" cannot be read: no such file or directory",
		"[{kubeconfig: .}]":                     "is not a regular file",
		"[{namespaces: [a, A, a]}]":             "\"A\" is no namespace",
		"[{namespaces: [b, b]}]":                "namespace \"b\" is listed twice",
		"[{qps: 0}]":                            "\"0\" is not between 1 and 1000",
		"[{burst: 0}]":                          "\"0\" is not between 1 and 10000",
		"[" + strings.Repeat("{}, ", 101) + "]": "101 clusters are more than one quell can watch",
	} {
		_, err := Parse("q.yml", []byte("kubernetes: {clusters: "+text+"}\n"+minimal), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
	if _, err := Parse("q.yml", []byte("kubernetes: {clusters: [{}]}\n"+minimal), t.TempDir()); err != nil {
		t.Errorf("one cluster without a name: %v", err)
	}
}

// Every key that the reader knows is in the documentation, so that none is forgotten there.
func TestEveryKeyIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range regexp.MustCompile(`([a-z_]+):[^a-z]`).FindAllStringSubmatch(full, -1) {
		if k := key[1]; k != "http" && k != "https" && !regexp.MustCompile("[`.]"+k+"[`.\\[]|### "+k+"\n").Match(doc) {
			t.Errorf("key %s is not documented", k)
		}
	}
}

// FuzzParse looks for configurations that panic or take long. Files that the text names are looked for in an empty folder.
func FuzzParse(f *testing.F) {
	f.Add(full)
	f.Add(minimal)
	if bad, err := os.ReadFile("testdata/bad.yml"); err == nil {
		f.Add(string(bad))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, `/\`) {
			t.Skip("may name files of this machine")
		}
		start := time.Now()
		c, err := Parse("q.yml", []byte(text), dir)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if err != nil {
			return
		}
		if len(c.Route.Match("")) == 0 {
			t.Error("no route for an incident without labels")
		}
		p := c.Policy()
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		nc := c.NotifyConfig()
		if err := nc.Validate(); err != nil {
			t.Error(err)
		}
	})
}
