package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/strictyaml"
)

const enrichRules = `
enrich:
- name: shop
  matchers: [namespace="shop"]
  owner: team-{{ .Labels.team }}
  runbook: "https://wiki.example.com/{{ .Labels.alertname }}?of={{ .Entity.Name }}#{{ .Entity.Kind }}"
  dashboards: ["https://grafana.example.com/d/pods?var-pod={{ .Labels.pod }}&var-ns={{.Labels.namespace}}"]
  links: [{name: logs, url: 'https://logs.example.com/{{ index .Labels "app.kubernetes.io/name" }}/all'}]
  notes: ["{{ .Entity }} may be restarted at any time", "asks for {{ .Labels.gone }}"]
- name: all
  matchers: [namespace=~".+"]
  owner: platform
  links: [{name: status, url: "https://status.example.com"}]
`

func TestEnrichmentFillsLabelsInAndEscapesThem(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: enrichRules}}})
	if err != nil {
		t.Fatal(err)
	}
	l := correlate.LabelsOf("alertname", "Pod Down", "namespace", "shop", "team", "a&b", "pod", "cart&1=../x", "app.kubernetes.io/name", "a/b")
	want := correlate.Enrichment{
		Owner:   "team-a&b",
		Runbook: "https://wiki.example.com/Pod%20Down?of=cart-1#pod",
		Links: []correlate.EnrichmentLink{
			{Name: "dashboard", URL: "https://grafana.example.com/d/pods?var-pod=cart%261%3D..%2Fx&var-ns=shop"},
			{Name: "logs", URL: "https://logs.example.com/a%2Fb/all"},
			{Name: "status", URL: "https://status.example.com"},
		},
		Notes: []string{"pod/shop/cart-1 may be restarted at any time"},
	}
	if diff := cmp.Diff(want, s.Enrich(l, "pod/shop/cart-1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What names a label that is not there is left out, and the next rule has its say; a step up in a path is none.
func TestEnrichmentLeavesOutWhatLacksALabel(t *testing.T) {
	s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: enrichRules}}})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Enrich(correlate.LabelsOf("namespace", "shop", "app.kubernetes.io/name", ".."), "node/n1")
	want := correlate.Enrichment{
		Owner: "platform", Links: []correlate.EnrichmentLink{{Name: "status", URL: "https://status.example.com"}},
		Notes: []string{"node/n1 may be restarted at any time"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMistakesInEnrichmentHavePositions(t *testing.T) {
	_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
enrich:
- {name: a, matchers: [a="b"]}
- {name: b, matchers: [a="b"], runbook: "http://wiki.example.com/x"}
- {name: c, matchers: [a="b"], runbook: "https://{{ .Labels.host }}/x"}
- {name: d, matchers: [a="b"], runbook: "https://wiki.example.com{{ .Labels.port }}"}
- {name: e, matchers: [a="b"], notes: ["{{ if .Labels.x }}", "{{ .Annotations.x }}"]}
- {name: f, matchers: [a="b"], links: [{url: "https://u@wiki.example.com/x"}]}
`}}})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, part := range []string{
		"a.yml:3:3: enrich rule that adds nothing", "a.yml:4:41: the address does not begin with https://", "a.yml:5:41: the host of an address cannot come from a label",
		"a.yml:6:41: the host of an address cannot come from a label", `a.yml:7:40: no place for a value: "{{ if .Labels.x }}"`, `a.yml:7:62: no place for a value: "{{ .Annotations.x }}"`,
		`a.yml:8:40: key "name" is missing`, "is no address",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in\n%v", part, err)
		}
	}
}

// A pattern is parsed without a panic, whatever it is, and what it makes of an address begins as the pattern does.
func FuzzAddresses(f *testing.F) {
	f.Add("https://a.example.com/{{ .Labels.x }}?y={{ .Entity.Name }}", "../..//evil?x#y@z")
	f.Add(`https://a/{{ index .Labels "x" }}`, "")
	f.Add("https://a{{ .Labels.x }}", "b")
	f.Fuzz(func(t *testing.T, text, value string) {
		var p pattern
		problems := strictyaml.Read("a.yml", []byte(strictyaml.Quote(text)), addressPattern(&p))
		if len(problems) > 0 || len(p) == 0 {
			return
		}
		l := correlate.LabelsOf("x", strings.ToValidUTF8(value, "?"))
		address, ok := p.address(l, "pod/a/b")
		if !ok {
			return
		}
		if host, _, _ := strings.Cut(strings.TrimPrefix(p[0].text, "https://"), "/"); !strings.HasPrefix(address, "https://"+strings.SplitN(host, "?", 2)[0]) {
			t.Errorf("%q of %q leads elsewhere", address, text)
		}
	})
}
