package config

import (
	"fmt"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules"
)

// maxInhibitRules bounds inhibit_rules. Many cost nothing when alerts come; reading them does.
const maxInhibitRules = 10_000

// inhibitRules reads Alertmanager's key of that name, as rule files have it under inhibit.
func (l *loader) inhibitRules(n strictyaml.Node) {
	n.List(func(n strictyaml.Node) {
		in := correlate.Inhibition{Name: fmt.Sprint(len(l.config.policy.Inhibit) + 1), File: configFile, Line: n.Line()}
		read := rules.ReadInhibition(n, strictyaml.Fields{"name": strictyaml.Name(&in.Name)})
		in.SourceMatchers, in.TargetMatchers, in.Equal, in.Why = written(read.Sources), written(read.Targets), read.Equal, read.Why
		l.config.policy.Inhibit = append(l.config.policy.Inhibit, in)
	})
	if count := len(l.config.policy.Inhibit); count > maxInhibitRules {
		n.Problem(fmt.Sprintf("%d inhibit rules are more than %d", count, maxInhibitRules), "equal: [LABEL] may say what many rules do")
	}
}

// configFile is how reasons name the configuration, wherever it lies.
const configFile = "quell.yml"

// written are matchers as a policy has them.
func written(ms labels.Matchers) []string {
	list := make([]string, len(ms))
	for k, m := range ms {
		list[k] = m.String()
	}
	return list
}
