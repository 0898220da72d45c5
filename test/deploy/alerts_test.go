package deploy

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"quell/internal/app"
	"quell/internal/fake"
)

// alertRule is a rule of alerts.yml.
type alertRule struct {
	Alert, Expr string
	Labels      map[string]string
	Annotations map[string]string
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	decode(t, chart+"/alerts.yml", &file)
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("alerts.yml holds no rules")
	}
	return rules
}

// TestManifestsHoldEveryAlert: who applies them without Helm is told of the same.
func TestManifestsHoldEveryAlert(t *testing.T) {
	var manifest struct {
		Spec struct {
			Groups []struct{ Rules []alertRule }
		}
	}
	decode(t, root+"/deploy/manifests/monitoring/prometheusrule.yaml", &manifest)
	var got []alertRule
	for _, g := range manifest.Spec.Groups {
		got = append(got, g.Rules...)
	}
	if diff := cmp.Diff(alertRules(t), got); diff != "" {
		t.Errorf("the manifest's alerts (-chart's +its):\n%s", diff)
	}
}

// start runs quell with a configuration file until the test ends, and returns its address.
func start(t *testing.T, path string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan net.Addr, 1), make(chan error, 1)
	// goroutine: the clean-up waits for it.
	go func() {
		ended <- app.Run(ctx, app.Options{
			ConfigPath: path, Listen: "127.0.0.1:0", Version: "test", Stderr: t.Output(), Started: func(a net.Addr) { started <- a },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("quell ended: %v", err)
		}
	})
	select {
	case addr := <-started:
		return "http://" + addr.String()
	case err := <-ended:
		ended <- err
		t.Fatalf("quell does not start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("quell does not start")
	}
	return ""
}

// status asks for a path, and returns the answer's status.
func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestProbesAndMonitorAskPathsThatExist runs quell with the chart's own configuration.
func TestProbesAndMonitorAskPathsThatExist(t *testing.T) {
	sets := renderings(t)
	url := start(t, lay(t, sets["bare"]))
	for name, list := range sets {
		_, c := quellPod(t, list)
		for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if p.HTTPGet.Port != c.Ports[0].Name {
				t.Errorf("%s: a probe asks port %q, want %q", name, p.HTTPGet.Port, c.Ports[0].Name)
			}
			if got := status(t, url+p.HTTPGet.Path); got != http.StatusOK {
				t.Errorf("%s: a probe asks for %s, which is answered with %d", name, p.HTTPGet.Path, got)
			}
		}
		if c.LivenessProbe.HTTPGet.Path == c.ReadinessProbe.HTTPGet.Path {
			t.Errorf("%s: a quell in safe mode would be killed", name)
		}
	}
	m := only(t, sets["full"], "ServiceMonitor")
	if got := status(t, url+m.Spec.Endpoints[0].Path); got != http.StatusOK {
		t.Errorf("the monitor asks for %s, which is answered with %d", m.Spec.Endpoints[0].Path, got)
	}
	s := only(t, sets["full"], "Service")
	if m.Spec.Endpoints[0].Port != s.Spec.Ports[0].Name || s.Metadata.Labels[m.Spec.JobLabel] != "quell" {
		t.Errorf("the monitor asks port %q of the job %q", m.Spec.Endpoints[0].Port, s.Metadata.Labels[m.Spec.JobLabel])
	}
}

const troubled = `storage: {path: quell.db}
hold: {default: 1s, settle: 1s}
kubernetes: {clusters: [{kubeconfig: kubeconfig}]}
route: {receiver: oncall}
receivers: [{name: oncall, pagerduty_configs: [{routing_key_file: key, url: %q}]}]
webhooks: [{name: shop, preset: grafana, auth: {bearer_file: key}}]
`

// TestAlertsNameWhatQuellExports: a quell that had a bad body, a stranger at a webhook and a page that was refused for good, and watches a cluster, exports each
// metric, with each label value, that an alert selects.
func TestAlertsNameWhatQuellExports(t *testing.T) {
	pager, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pager.Close() })
	pager.SetFault(func(int, string) fake.Fault { return fake.Fault{Status: http.StatusBadRequest} })
	dir := t.TempDir()
	api, _ := emptyCluster(t)
	for name, text := range map[string]string{"quell.yml": fmt.Sprintf(troubled, pager.URL()), "key": fake.RoutingKey, "kubeconfig": kubeconfig(api)} {
		write(t, filepath.Join(dir, name), text)
	}
	url := start(t, filepath.Join(dir, "quell.yml"))
	post(t, url+"/api/v1/alertmanager", "not JSON", http.StatusBadRequest)
	post(t, url+"/api/v1/webhook/shop", "{}", http.StatusUnauthorized)
	post(t, url+"/api/v2/alerts", `[{"labels": {"alertname": "Down", "severity": "critical"}}]`, http.StatusOK)

	var missing []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		exported := scrape(t, url+"/metrics")
		missing = nil
		for _, rule := range alertRules(t) {
			for _, selector := range selectors.FindAllStringSubmatch(rule.Expr, -1) {
				if !exports(t, exported, selector[1], selector[2]) {
					missing = append(missing, rule.Alert+" selects "+selector[0])
				}
			}
		}
		if missing == nil {
			return
		}
	}
	t.Errorf("quell does not export\n%s", strings.Join(missing, "\n"))
}

func post(t *testing.T, url, body string, want int) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		t.Fatalf("%s answers %d, want %d", url, resp.StatusCode, want)
	}
}

// scrape returns what quell exports at the moment.
func scrape(t *testing.T, url string) (samples model.Vector) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		list, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, f)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, list...)
	}
	return samples
}

// selectors finds quell's metrics in an expression, with what is between their braces.
var selectors = regexp.MustCompile(`\b(quell_\w+)\{([^}]*)\}`)

// exports reports whether one of a metric's series matches all matchers but that of the job, which Prometheus adds.
func exports(t *testing.T, exported model.Vector, name, matchers string) bool {
	t.Helper()
	ms, err := labels.ParseMatchers("{" + matchers + "}")
	if err != nil {
		t.Fatalf("%s{%s}: %v", name, matchers, err)
	}
	return slices.ContainsFunc(exported, func(s *model.Sample) bool {
		series := model.LabelSet(s.Metric).Merge(model.LabelSet{"job": "quell"})
		return string(series[model.MetricNameLabel]) == name && labels.Matchers(ms).Matches(series)
	})
}

// TestEveryAlertIsTestedAndSaysWhatToDo: promtool's tests have a case in which it fires.
func TestEveryAlertIsTestedAndSaysWhatToDo(t *testing.T) {
	b, err := os.ReadFile("testdata/alerts.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	fires := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?:alertname: |exp_samples: \[\{labels: 'ALERTS\{alertname=")(Quell\w+)`).FindAllStringSubmatch(string(b), -1) {
		fires[m[1]] = true
	}
	var names []string
	for _, rule := range alertRules(t) {
		names = append(names, rule.Alert)
		if s := rule.Labels["severity"]; s != "critical" && s != "warning" || rule.Labels["service"] != "quell" {
			t.Errorf("%s has labels %v", rule.Alert, rule.Labels)
		}
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s does not say what happened and what to do", rule.Alert)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(fires))); diff != "" {
		t.Errorf("alerts (-there +tested):\n%s", diff)
	}
}

// TestPrometheusRuleHoldsTheAlertsButThoseNotWanted: the chart wraps alerts.yml without changing it.
func TestPrometheusRuleHoldsTheAlertsButThoseNotWanted(t *testing.T) {
	var want, got []string
	for _, rule := range alertRules(t) {
		if rule.Alert != "QuellHearsNothing" {
			want = append(want, rule.Alert+": "+rule.Expr+rule.Annotations["description"])
		}
	}
	for _, g := range only(t, renderings(t)["full"], "PrometheusRule").Spec.Groups {
		for _, r := range g.Rules {
			notes, _ := r["annotations"].(map[string]any)
			got = append(got, fmt.Sprintf("%v: %v%v", r["alert"], r["expr"], notes["description"]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-file +rendered):\n%s", diff)
	}
}
