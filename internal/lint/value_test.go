package lint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestValuesOfOtherNotationsAreReported: what Alertmanager, shells, regular expressions elsewhere and kubectl would take, and nothing here ever is.
func TestValuesOfOtherNotationsAreReported(t *testing.T) {
	for rule, want := range map[string]string{
		`matchers: ["alertname='Foo'"]`:             `alertname="'Foo'" asks for a value that has quotes in it (write "value", in straight double quotes)`,
		"matchers: ['alertname=\u201cFoo\u201d']":   "alertname=\"\u201cFoo\u201d\" asks for a value that has quotes in it (write \"value\", in straight double quotes)",
		`matchers: ['alertname="Kube.*"']`:          `alertname="Kube.*" asks for this very text, not for what the pattern matches (write =~ for a pattern)`,
		`matchers: ['alertname!="A|B"']`:            `alertname!="A|B" asks for this very text, not for what the pattern matches (write !~ for a pattern)`,
		`matchers: ['alertname=~"^Kube"']`:          `alertname=~"^Kube" asks for the value "Kube" and no other, since a pattern has to match all of it (write Kube.*)`,
		`matchers: ['alertname!~"Down$"']`:          `alertname!~"Down$" asks for the value "Down" and no other, since a pattern has to match all of it (write .*Down)`,
		`matchers: ['labels.job="x"']`:              `nothing is known to have the label "labels.job" (labels stand by their names in matchers: job)`,
		`when: 'labels.namspace == "shop"'`:         `nothing is known to have the label "namspace" (did you mean namespace?)`,
		`when: 'severity == "crit" || has(job)'`:    `severity is never "crit" (it is one of critical, error, warning, info, none; labels.severity is as the alert has it)`,
		`when: 'severity in ["error", "critcal"]'`:  `severity is never "critcal" (did you mean critical?)`,
		`when: 'entity.kind == "Pod"'`:              `nothing is of the kind "Pod" (did you mean pod?)`,
		`when: 'entity.kind in ["pod", "deploy"]'`:  `nothing is of the kind "deploy" (did you mean deployment?)`,
		`matchers: ['alertname="Foo"']`:             "",
		`matchers: ['alertname=~"^Kube.*"']`:        "",
		`matchers: ['alertname=~"^Kube$"']`:         "",
		`matchers: ['alertname=~"Kube"']`:           "",
		`matchers: ['path="/a|b"']`:                 "",
		`matchers: ['job="it''s"']`:                 "",
		`when: 'labels.severity == "page"'`:         "",
		`when: 'labels.exists(l, l == "namspace")'`: "",
		`when: '"labels.namspace" == labels.mine'`:  "",
		`when: 'entity.kind in ["pod", "host"]'`:    "",
		`when: 'labels.mine.labels.namspace == ""'`: "",
	} {
		got := said(plain, "holds:\n- {name: a, "+rule+", hold: 1m}\n", nil)
		_, got, _ = strings.Cut(strings.TrimSuffix(got, "\n"), "warning: ")
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

// TestNamesThatNothingHasAreReportedWhereTheyStand: kinds, ids and names that are plural, short, misspelt, or patterns. What a rule makes there is.
func TestNamesThatNothingHasAreReportedWhereTheyStand(t *testing.T) {
	got := said(plain, `critical:
- {name: a, entities: [svc/shop/cart, 'pods/shop/*', 'pod/shop/cart-.*', 'pop/fra', 'deploymnt/shop/x', 'rack-/x', 'node/web.*']}
dependencies:
- {from: deployments/shop/cart, to: service/shop/db}
events:
- {reason: ['Failed.*', BackOff], kind: [persistentvolumclaim, zones], meaning: heal, heals: ['*']}
causes:
- {cause: 'Kube.*', effect: 'alertname="B"', on: near, weight: 0.4}
expect:
- {name: a, matchers: [], after: {kind: [sts], entities: ['cronjobs/ops/backup']}}
entities:
- {name: zones, matchers: [], entity: {kind: zones, name_label: rack}}
inhibit:
- {name: a, source_matchers: ['x="1"'], target_matchers: ['x="2"'], equal: [namspace, rack]}
enrich:
- {name: a, matchers: [], owner: '{{ .Labels.taem }}', notes: ['{{ index .Labels "namespce" }} and {{ .Labels.rack }}']}
`, nil)
	want := `rules.yml:2:24: warning: nothing is of the kind "svc" (did you mean service?)
rules.yml:2:39: warning: nothing is of the kind "pods" (did you mean pod?)
rules.yml:2:54: warning: no entity is called "pod/shop/cart-.*" (* alone stands for any part of a name: pod/shop/cart-*)
rules.yml:2:85: warning: nothing is of the kind "deploymnt" (did you mean deployment?)
rules.yml:4:10: warning: nothing is of the kind "deployments" (did you mean deployment?)
rules.yml:6:13: warning: no name is "Failed.*" (write each name out: patterns are for matchers)
rules.yml:6:42: warning: nothing is of the kind "persistentvolumclaim" (did you mean persistentvolumeclaim?)
rules.yml:8:11: warning: no name is "Kube.*" (write each name out: patterns are for matchers)
rules.yml:8:29: warning: no name is "alertname=\"B\"" (write each name out: patterns are for matchers)
rules.yml:10:42: warning: nothing is of the kind "sts" (did you mean statefulset?)
rules.yml:10:59: warning: nothing is of the kind "cronjobs" (did you mean cronjob?)
rules.yml:14:77: warning: nothing is known to have the label "namspace" (did you mean namespace?)
rules.yml:16:46: warning: nothing is known to have the label "taem" (did you mean team?)
rules.yml:16:83: warning: nothing is known to have the label "namespce" (did you mean namespace?)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// TestARuleThatSuppressesEverythingIsReported: one matcher, or a condition, that some alert does not fulfil is enough for silence.
func TestARuleThatSuppressesEverythingIsReported(t *testing.T) {
	for rule, found := range map[string]bool{
		"matchers: []": true, `matchers: ['alertname=~".+"', 'job=~".*"']`: true, `matchers: ['job=~".+"']`: false, `matchers: ['job="x"']`: false,
		"when: 'labels.job == \"x\"'": false, "matchers: [], when: 'labels.job == \"x\"'": false,
	} {
		got := said(plain, "suppress:\n- {name: a, "+rule+"}\n", nil)
		if strings.Contains(got, "no alert pages") != found {
			t.Errorf("%s: %q", rule, got)
		}
	}
}
