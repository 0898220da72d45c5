package story

import "quell/internal/strictyaml"

// promtoolFile are keys of a file of tests that are promtool's, with what says the same here: its tests are about expressions of PromQL, ours
// about what becomes of the alerts.
func promtoolFile() strictyaml.Fields {
	return refused(map[string]string{
		"rule_files":          "write rules: [FILE], which are quell's; those of Prometheus are tested by promtool",
		"evaluation_interval": "nothing is evaluated here: each input says when it comes, at: 5m",
		"group_eval_order":    "remove it: each input says when it comes",
		"fuzzy_compare":       "remove it: nothing is computed here",
		"extra_args":          "remove it",
	})
}

// promtoolTest are those of one of its tests.
func promtoolTest() strictyaml.Fields {
	return refused(map[string]string{
		"interval":         "it stands beside values: inputs: [{at: 0s, series: 'NAME{label=\"value\"}', values: '1 1 0', interval: 1m}]",
		"input_series":     "write inputs: [{at: 0s, series: 'NAME{label=\"value\"}', values: '1 1 0'}], for alerts that fire while it is not 0",
		"alert_rule_test":  "what must come of the inputs stands under expect",
		"promql_expr_test": "expressions of PromQL are tested by promtool",
		"external_labels":  "write all labels of an alert in its series or fire",
		"external_url":     "remove it",
	})
}

// refused are keys that mean nothing here, with hints.
func refused(hints map[string]string) strictyaml.Fields {
	fields := make(strictyaml.Fields)
	for key, hint := range hints {
		fields[key] = strictyaml.Refuse("key "+strictyaml.Quote(key)+" is promtool's", hint)
	}
	return fields
}
