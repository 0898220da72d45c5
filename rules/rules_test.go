package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules/packs"
)

// anyRule compares what events mean, whichever rule says so.
var anyRule = cmpopts.IgnoreFields(correlate.EventMeaning{}, "Rule")

func compileText(t *testing.T, text string) *Set {
	t.Helper()
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "test.yml", Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compilePacks(t testing.TB) *Set {
	t.Helper()
	s, err := compile(&correlate.Policy{Packs: packs.Names()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryPackCompilesAlone(t *testing.T) {
	names := packs.Names()
	if diff := cmp.Diff([]string{
		"awesome-prometheus-alerts", "cert-manager", "coredns", "ingress-nginx", "istio", "kafka", "kube-prometheus", "kubernetes", "linkerd", "mysql",
		"postgres", "rabbitmq", "redis",
	}, names); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
	for _, name := range names {
		if _, err := Compile(&correlate.Policy{Packs: []string{name}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompileNamesEveryProblemOfEveryFile(t *testing.T) {
	_, err := Compile(&correlate.Policy{
		Rules: []correlate.RuleFile{
			{Name: "b.yml", Text: "holds:\n- {name: x, matchers: [], hold: 25h}\n- {name: x, matchers: [], hold: 1m, wy: z}\n"},
			{Name: "a.yml", Text: `
entities:
- name: db
  matchers: ['job=~"("']
  entity: {kind: Database}
  depends_on: [{kind: a/b, name_label: x}]
events:
- {meaning: heal}
- {reason: [X], meaning: ignore, ttl: 5m, heals: [Y]}
- {reason: [X], meaning: symptom, severity: none, state: true, ttl: 1m}
symptoms:
- {name: s, matchers: ['a=b'], severity: sev1}
target_labels:
- {name: l, matchers: ['a=b']}
`},
		},
		Packs: []string{"kubernetes", "nope"},
	})
	const want = `a.yml:4:14: bad matcher "job=~\"(\"": error parsing regexp: missing closing ): ` + "`^(?:()$`" + ` (correct the pattern; \ before a character takes it as it is)
a.yml:5:11: key "name_label" is missing (or name, an expression)
a.yml:5:18: kind "Database" is not lower-case (write database)
a.yml:6:23: kind "a/b" has a character that ids reserve
a.yml:8:3: event rule for every event (give a reason, kind or component)
a.yml:8:3: meaning heal without heals (list the reasons that it ends, or ["*"])
a.yml:9:3: heals does not go with meaning ignore
a.yml:9:3: ttl goes with the meanings symptom, exhausted and progress only
a.yml:10:3: a state has no ttl (it lasts until another event heals it)
a.yml:10:45: "none" is none of info, warning, error, critical
a.yml:12:42: "sev1" is none of none, info, warning, error, critical
a.yml:14:3: key "labels" is missing
b.yml:2:33: 25h is not between 0s and 1d
b.yml:3:10: second rule of name "x" (the first is in line 2: give each its own, or put both into one)
b.yml:3:37: unknown key "wy" (did you mean why?)
packs: unknown pack "nope" (there are awesome-prometheus-alerts, cert-manager, coredns, ingress-nginx, istio, kafka, kube-prometheus, kubernetes, linkerd, mysql, postgres, rabbitmq, redis)`
	if err == nil {
		t.Fatal("got no error")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

type mapping struct {
	name   string
	labels correlate.Labels
	want   topology.Entity
	edges  []topology.Edge
}

func edge(from, to topology.Entity, typ string) topology.Edge {
	return topology.Edge{From: from, To: to, Type: typ}
}

// plainMappings have one alert per way to name an entity.
var plainMappings = []mapping{
	{"named outright", correlate.LabelsOf("quell_entity", "queue/orders", "pod", "x"), "queue/orders", nil},
	{"named outright but badly", correlate.LabelsOf("quell_entity", "orders", "pod", "x", "namespace", "shop"), "pod/shop/x", nil},
	{
		"pod with all around it",
		correlate.LabelsOf("pod", "cart-1", "namespace", "shop", "node", "n3", "service", "cart", "deployment", "cart", "cluster", "eu"),
		"pod/shop/cart-1@eu",
		[]topology.Edge{
			edge("pod/shop/cart-1@eu", "node/n3@eu", "runs_on"),
			edge("service/shop/cart@eu", "pod/shop/cart-1@eu", "selects"),
			edge("deployment/shop/cart@eu", "pod/shop/cart-1@eu", "owns"),
		},
	},
	{"other cluster label", correlate.LabelsOf("node", "n3", "k8s_cluster", "eu"), "node/n3@eu", nil},
	{"node over workload", correlate.LabelsOf("node", "n3", "deployment", "x"), "node/n3", nil},
	{"node by instance", correlate.LabelsOf("job", "node-exporter", "instance", "n3:9100"), "node/n3", nil},
	{"node by IPv6 instance", correlate.LabelsOf("job", "kubelet", "instance", "[fd00::1]:10250"), "node/fd00::1", nil},
	{"node by instance without a port", correlate.LabelsOf("job", "node-exporter", "instance", "n3"), "node/n3", nil},
	{"claim", correlate.LabelsOf("persistentvolumeclaim", "data", "namespace", "shop", "instance", "x:1"), "persistentvolumeclaim/shop/data", nil},
	{"stateful set", correlate.LabelsOf("statefulset", "db", "namespace", "shop"), "statefulset/shop/db", nil},
	{"daemon set", correlate.LabelsOf("daemonset", "cni", "namespace", "kube-system"), "daemonset/kube-system/cni", nil},
	{"deployment over service", correlate.LabelsOf("deployment", "cart", "service", "cart", "namespace", "shop"), "deployment/shop/cart", nil},
	{"job", correlate.LabelsOf("job_name", "nightly-1", "namespace", "shop", "job", "x"), "job/shop/nightly-1", nil},
	{"cron job", correlate.LabelsOf("cronjob", "nightly", "namespace", "shop"), "cronjob/shop/nightly", nil},
	{"autoscaler", correlate.LabelsOf("horizontalpodautoscaler", "cart", "namespace", "shop"), "horizontalpodautoscaler/shop/cart", nil},
	{"service", correlate.LabelsOf("service", "cart", "namespace", "shop"), "service/shop/cart", nil},
	{"service without namespace", correlate.LabelsOf("service", "cart"), "service/cart", nil},
	{"ingress", correlate.LabelsOf("ingress", "www", "namespace", "shop"), "ingress/shop/www", nil},
	{"device", correlate.LabelsOf("device", "7"), "device/7", nil},
	{"device of an instance", correlate.LabelsOf("device", "sda", "instance", "db1:9100"), "device/db1:9100/sda", nil},
	{"instance", correlate.LabelsOf("instance", "https://shop.example/", "job", "blackbox"), "instance/https:__shop.example_", nil},
	{"namespace", correlate.LabelsOf("namespace", "shop", "alertname", "X"), "namespace/shop", nil},
	{"nothing but a name", correlate.LabelsOf("alertname", "X", "severity", "critical", "cluster", "eu"), "alert/X@eu", nil},
	{"nothing that is known", correlate.LabelsOf("alertname", "X", "team", "a"), "alert/X-" + topology.Entity(correlate.LabelsOf("alertname", "X", "team", "a").Fingerprint().String()), nil},
	{"alert name that makes no id", correlate.LabelsOf("alertname", "a\nb"), "alert/" + topology.Entity(correlate.LabelsOf("alertname", "a\nb").Fingerprint().String()), nil},
	{"name that makes no id", correlate.LabelsOf("pod", "a\nb", "node", "n3"), "node/n3", nil},
	{"name too long for an id", correlate.LabelsOf("pod", strings.Repeat("x", 2000), "node", "n3"), "node/n3", nil},
}

// exporterMappings are alerts whose labels describe what measured them as well.
var exporterMappings = []mapping{
	{
		"honor_labels off: the pod is the exporter's",
		correlate.LabelsOf("alertname", "X", "job", "kube-state-metrics", "pod", "prom-kube-state-metrics-1", "namespace", "monitoring",
			"exported_namespace", "shop", "exported_pod", "cart-1", "service", "prom-kube-state-metrics", "instance", "10.0.0.1:8080"),
		"pod/shop/cart-1", nil,
	},
	{
		"node alert of kube-state-metrics with the exporter's labels",
		correlate.LabelsOf("alertname", "KubeNodeNotReady", "job", "kube-state-metrics", "pod", "kube-state-metrics-1", "namespace", "monitoring", "node", "n3"),
		"node/n3", nil,
	},
	{
		"deployment alert with the exporter's labels",
		correlate.LabelsOf("alertname", "KubeDeploymentReplicasMismatch", "job", "kube-state-metrics", "pod", "kube-state-metrics-1",
			"container", "kube-rbac-proxy-main", "namespace", "shop", "deployment", "cart"),
		"deployment/shop/cart", nil,
	},
	{
		"own rule on a metric of kube-state-metrics",
		correlate.LabelsOf("alertname", "MyCronJobLate", "job", "kube-state-metrics", "pod", "kube-state-metrics-1", "service", "kube-state-metrics",
			"instance", "10.0.0.1:8080", "namespace", "shop", "cronjob", "nightly"),
		"cronjob/shop/nightly", nil,
	},
	{
		"the exporter itself is ill",
		correlate.LabelsOf("alertname", "KubePodCrashLooping", "job", "kube-state-metrics", "pod", "kube-state-metrics-1", "namespace", "monitoring"),
		"pod/monitoring/kube-state-metrics-1", nil,
	},
	{
		"node exporter's own pod is not the subject",
		correlate.LabelsOf("alertname", "NodeFilesystemAlmostOutOfSpace", "job", "node-exporter", "instance", "n3", "pod", "node-exporter-x",
			"namespace", "monitoring", "container", "node-exporter", "device", "/dev/sda1"),
		"node/n3", nil,
	},
	{
		"claim measured by a kubelet",
		correlate.LabelsOf("alertname", "KubePersistentVolumeFillingUp", "job", "kubelet", "node", "n3", "instance", "10.0.0.1:10250",
			"namespace", "shop", "persistentvolumeclaim", "data", "service", "kubelet"),
		"persistentvolumeclaim/shop/data", nil,
	},
}

// The packs are on, as users have them.
func TestAlertsMapToWhatTheyAreAbout(t *testing.T) {
	s := compilePacks(t)
	for _, c := range slices.Concat(plainMappings, exporterMappings) {
		got, edges := s.Entity(c.labels)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if diff := cmp.Diff(c.edges, edges); diff != "" {
			t.Errorf("%s: edges (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestUsersEntityRulesComeFirstAndNeedTheirLabels(t *testing.T) {
	s := compileText(t, `
entities:
- name: database
  matchers: ['alertname=~"Postgres.*"']
  entity: {kind: database, name_label: instance, namespace_label: namespace, cluster_label: region}
  depends_on:
  - {kind: node, name_label: node, type: runs_on}
  - {kind: service, name_label: primary, namespace_label: namespace}
`)
	e, edges := s.Entity(correlate.LabelsOf("alertname", "PostgresDown", "instance", "db1:5432", "namespace", "shop", "region", "eu", "node", "n3", "pod", "p"))
	if want := topology.Entity("database/shop/db1:5432@eu"); e != want {
		t.Errorf("got %s, want %s", e, want)
	}
	if diff := cmp.Diff([]topology.Edge{{From: e, To: "node/n3", Type: "runs_on"}}, edges); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
	if e, _ := s.Entity(correlate.LabelsOf("alertname", "PostgresDown", "pod", "p")); e != "pod/p" {
		t.Errorf("without its label: got %s, want pod/p", e)
	}
}

func TestSymptomRulesOverrideTheSeverityLabel(t *testing.T) {
	s, err := compile(&correlate.Policy{
		Rules: []correlate.RuleFile{{Name: "a.yml", Text: `symptoms: [{name: nightly, matchers: ['job="batch"'], severity: warning}]`}},
		Packs: packs.Names(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels correlate.Labels
		want   correlate.Severity
	}{
		{correlate.LabelsOf("alertname", "Watchdog", "severity", "critical"), correlate.SeverityNone},
		{correlate.LabelsOf("alertname", "InfoInhibitor", "severity", "major"), correlate.SeverityNone},
		{correlate.LabelsOf("alertname", "X", "job", "batch", "severity", "critical"), correlate.SeverityWarning},
		{correlate.LabelsOf("alertname", "X", "severity", "page"), correlate.SeverityCritical},
		{correlate.LabelsOf("alertname", "X"), correlate.SeverityUnset},
	} {
		if got := s.Severity(c.labels); got != c.want {
			t.Errorf("%v: got %v, want %v", c.labels, got, c.want)
		}
	}
}

// packMeanings are events, and what the packs make of them.
var packMeanings = []struct {
	name  string
	event correlate.Event
	want  correlate.EventMeaning
}{
	{
		"a pull that is retried is a symptom although Normal",
		correlate.Event{Entity: "pod/shop/cart", Reason: "BackOff"},
		correlate.EventMeaning{Symptom: true, TTL: 2 * time.Minute, Severity: correlate.SeverityWarning},
	},
	{
		"a lost node is a symptom although Normal",
		correlate.Event{Entity: "node/n3", Reason: "NodeNotReady"},
		correlate.EventMeaning{Symptom: true, TTL: time.Hour, Severity: correlate.SeverityError},
	},
	{
		"a pod of a lost node is a shorter one",
		correlate.Event{Entity: "pod/shop/cart", Reason: "NodeNotReady", Warning: true},
		correlate.EventMeaning{Symptom: true, TTL: 2 * time.Minute, Severity: correlate.SeverityWarning},
	},
	{
		"a scheduled pod is healed of not being scheduled",
		correlate.Event{Entity: "pod/shop/cart", Reason: "Scheduled"},
		correlate.EventMeaning{Heals: []string{"FailedScheduling"}},
	},
	{
		"a node on its way is worth waiting for",
		correlate.Event{Entity: "pod/shop/cart", Reason: "TriggeredScaleUp", Component: "cluster-autoscaler"},
		correlate.EventMeaning{Progress: true, TTL: 5 * time.Minute},
	},
	{
		"a job that failed for good is not",
		correlate.Event{Entity: "job/shop/import", Reason: "BackoffLimitExceeded", Warning: true},
		correlate.EventMeaning{Symptom: true, Exhausted: true, TTL: time.Hour, Severity: correlate.SeverityError},
	},
	{
		"a rollout is a change",
		correlate.Event{Entity: "deployment/shop/cart", Reason: "ScalingReplicaSet"},
		correlate.EventMeaning{Change: true, Heals: []string{"ReplicaSetCreateError"}},
	},
	{
		"noise says nothing",
		correlate.Event{Entity: "node/n3", Reason: "InvalidDiskCapacity", Warning: true},
		correlate.EventMeaning{},
	},
	{
		"noise of another kind is not known to be noise",
		correlate.Event{Entity: "pod/shop/cart", Reason: "InvalidDiskCapacity", Warning: true},
		correlate.EventMeaning{Symptom: true, Severity: correlate.SeverityWarning},
	},
	{
		"a lost node that is seen is a symptom until it is seen to be ready",
		correlate.Event{Entity: "node/n3", Reason: "NodeNotReady", Component: "quell/state"},
		correlate.EventMeaning{Symptom: true, State: true, Severity: correlate.SeverityError},
	},
	{
		"a pod that starts is no trouble",
		correlate.Event{Entity: "pod/shop/cart", Reason: "PodStarting", Component: "quell/state"},
		correlate.EventMeaning{Symptom: true, State: true, Severity: correlate.SeverityInfo, Heals: []string{"PodUnschedulable", "FailedScheduling"}},
	},
	{
		"a deleted pod has no symptoms",
		correlate.Event{Entity: "pod/shop/cart", Reason: "Deleted", Component: "quell/state"},
		correlate.EventMeaning{Heals: []string{"*"}, Gone: true},
	},
	{
		"an unknown Warning is a symptom",
		correlate.Event{Entity: "widget/w", Reason: "Exploded", Warning: true},
		correlate.EventMeaning{Symptom: true, Severity: correlate.SeverityWarning},
	},
	{"an unknown Normal event says nothing", correlate.Event{Entity: "widget/w", Reason: "Painted"}, correlate.EventMeaning{}},
}

func TestEventsMeanWhatThePackSays(t *testing.T) {
	s := compilePacks(t)
	for _, c := range packMeanings {
		if diff := cmp.Diff(c.want, s.Event(&c.event), anyRule); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// An event that ends a symptom which lasts must be told apart from one that nothing can end. This finds reasons in
// heals that no rule makes a symptom: typos, or symptoms that somebody removed.
func TestThePackHealsOnlyWhatItMakesASymptom(t *testing.T) {
	s := compilePacks(t)
	symptoms := make(map[string]bool)
	for _, r := range s.events.rows {
		for _, reason := range r.reasons {
			symptoms[reason] = symptoms[reason] || r.meaning.Symptom
		}
	}
	for _, r := range s.events.rows {
		for _, healed := range r.meaning.Heals {
			if healed != "*" && !symptoms[healed] {
				t.Errorf("%s heals %s, which is no symptom", r.reasons, healed)
			}
		}
	}
}

func TestEarlierEventRulesWinByComponentAndKind(t *testing.T) {
	s := compileText(t, `
events:
- {component: [my-controller], meaning: ignore}
- {reason: [Failed], kind: [pod], meaning: symptom, severity: critical, ttl: 1m}
- {kind: [pod], meaning: heal, heals: ["*"]}
`)
	for _, c := range []struct {
		event correlate.Event
		want  correlate.EventMeaning
	}{
		{correlate.Event{Entity: "pod/a", Reason: "Failed", Component: "my-controller", Warning: true}, correlate.EventMeaning{}},
		{correlate.Event{Entity: "pod/a", Reason: "Failed"}, correlate.EventMeaning{Symptom: true, TTL: time.Minute, Severity: correlate.SeverityCritical}},
		{correlate.Event{Entity: "pod/a", Reason: "Fine"}, correlate.EventMeaning{Heals: []string{"*"}}},
	} {
		if diff := cmp.Diff(c.want, s.Event(&c.event), anyRule); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.event, diff)
		}
	}
}

func TestEventRulesTellProgressFromExhaustion(t *testing.T) {
	s := compileText(t, `
events:
- {reason: [Retrying], meaning: progress, ttl: 5m}
- {reason: [Trying], meaning: progress, heals: [GaveUp]}
- {reason: [GaveUp], meaning: exhausted, state: true, severity: error, strength: 0.9}
- {reason: [Full], meaning: exhausted, severity: info, ttl: 1m}
- {reason: [Odd], meaning: symptom, strength: 0.2}
`)
	for reason, want := range map[string]correlate.EventMeaning{
		"Retrying": {Progress: true, TTL: 5 * time.Minute},
		"Trying":   {Progress: true, Heals: []string{"GaveUp"}},
		"GaveUp":   {Symptom: true, Exhausted: true, State: true, Severity: correlate.SeverityError, Strength: 0.9},
		"Full":     {Symptom: true, Exhausted: true, Severity: correlate.SeverityInfo, TTL: time.Minute},
		"Odd":      {Symptom: true, Severity: correlate.SeverityWarning, Strength: 0.2},
	} {
		if diff := cmp.Diff(want, s.Event(&correlate.Event{Entity: "pod/a", Reason: reason}), anyRule); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

func TestEventRulesRefuseWhatDoesNotGoTogether(t *testing.T) {
	for rule, want := range map[string]string{
		"{reason: [A], meaning: progress, state: true}":             "severity, strength and state go with the meanings symptom and exhausted only",
		"{reason: [A], meaning: heal, heals: [B], ttl: 1m}":         "ttl goes with the meanings symptom, exhausted and progress only",
		"{reason: [A], meaning: exhausted, state: true, ttl: 1m}":   "a state has no ttl",
		"{reason: [A], meaning: change, strength: 0.5}":             "severity, strength and state go",
		"{reason: [A], meaning: symptom, strength: 2}":              `"2" is not between 0.01 and 1`,
		"{reason: [A], meaning: exhausting}":                        `"exhausting"`,
		"{reason: [A], meaning: gone, heals: [B], severity: error}": "heals does not go with meaning gone",
	} {
		_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: "events: [" + rule + "]"}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", rule, err, want)
		}
	}
}

// FuzzRules looks for rule files that panic, and for compiled rules that break what the engine relies on: every alert gets an
// entity with a valid id.
func FuzzRules(f *testing.F) {
	f.Add("holds: [{name: a, matchers: ['pod=~\"x|y\"'], hold: 5m}]", "A", "x", "shop")
	f.Add("events: [{reason: [A], meaning: heal, heals: ['*']}]", "A", "x", "shop")
	f.Add("entities: [{name: a, matchers: [], entity: {kind: x, name_label: pod}}]", "A", "b/@c", "\x00")
	f.Fuzz(func(t *testing.T, text, alertname, pod, namespace string) {
		s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "f.yml", Text: text}}})
		if err != nil {
			return
		}
		l := correlate.LabelsOf("alertname", alertname, "pod", pod, "namespace", namespace, "cluster", pod)
		e, edges := s.Entity(l)
		if _, err := topology.ParseEntity(string(e)); err != nil {
			t.Errorf("entity of %v: %v", l, err)
		}
		u := topology.Update{Edges: edges}
		if err := u.Validate(); err != nil {
			t.Errorf("edges of %v: %v", l, err)
		}
		s.Hold(l, s.Severity(l))
		s.Event(&correlate.Event{Entity: e, Reason: alertname, Component: pod})
	})
}
