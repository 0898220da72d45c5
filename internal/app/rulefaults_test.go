package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
)

// TestExpressionsThatFailAreCountedAndLoggedOnce asks a rule twice about an alert that its condition cannot be evaluated for.
func TestExpressionsThatFailAreCountedAndLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	reg := prometheus.NewRegistry()
	f := newRuleFaults(slog.New(slog.NewTextHandler(&out, nil)), reg)
	policy := &correlate.Policy{Rules: []correlate.RuleFile{{
		Name: "rules/shop.yml", Text: "holds:\n- {name: many, when: int(labels.replicas) > 3, hold: 20m}\n",
	}}}
	r, err := f.compile(policy)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, ok := r.Hold(correlate.LabelsOf("alertname", "X"), correlate.SeverityWarning); ok {
			t.Error("a rule applied although its condition went wrong")
		}
	}
	const want = `
# HELP quell_rule_errors_total Times that an expression of a rule went wrong, so that the rule did not apply, by the rule's section and its file or pack.
# TYPE quell_rule_errors_total counter
quell_rule_errors_total{section="holds",source="rules/shop.yml"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "rule does not apply"); n != 1 || !strings.Contains(out.String(), `rules/shop.yml:2 \"many\"`) {
		t.Errorf("logged %d times:\n%s", n, out.String())
	}
	// A reload begins anew.
	if r, err = f.compile(policy); err != nil {
		t.Fatal(err)
	}
	r.Hold(correlate.LabelsOf("alertname", "X"), correlate.SeverityWarning)
	if n := strings.Count(out.String(), "rule does not apply"); n != 2 {
		t.Errorf("logged %d times after a reload, want 2", n)
	}
}
