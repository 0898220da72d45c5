package rules

import "quell/internal/strictyaml"

// whenKeys describe conditions, sideKeys those that are about a part of a rule, and valueKeys what is made of labels.
var (
	whenKeys = strictyaml.Docs{"when": "A condition in CEL, such as labels.tier == \"gold\", that must be true as well; docs/expressions.md tells what it may use."}

	sideKeys = strictyaml.Docs{
		"inhibit[].source_when":    "A condition in CEL that the alert that inhibits must fulfil, beside source_matchers or instead of them.",
		"inhibit[].target_when":    "A condition in CEL that the alerts that are inhibited must fulfil, beside target_matchers or instead of them.",
		"heartbeats[].when":        HeartbeatWhen,
		"heartbeats[].events.when": "A condition in CEL that the events must fulfil as well; docs/expressions.md tells what it may use.",
	}

	valueKeys = strictyaml.Docs{
		"name":      "An expression in CEL that makes the entity's name of labels, instead of name_label.",
		"namespace": "An expression in CEL that makes the entity's namespace of labels, instead of namespace_label.",
		"cluster":   "An expression in CEL that makes the entity's cluster of labels, instead of cluster_label.",
	}
)

// HeartbeatWhen describes the condition of a heartbeat, which the configuration has too.
const HeartbeatWhen = "A condition in CEL that the alerts that are its beats must fulfil, beside matchers or instead of them."

// expressionKeys are the descriptions of all keys that hold expressions.
func expressionKeys() []strictyaml.Docs {
	var all []strictyaml.Docs
	for _, section := range []string{"symptoms[]", "target_labels[]", "entities[]", "holds[]", "critical[]", "chronic[]", "suppress[]", "expect[]", "enrich[]", "events[]"} {
		all = append(all, whenKeys.Under(section))
	}
	all = append(all, sideKeys)
	for _, form := range []string{"entities[].entity", "entities[].depends_on[]"} {
		all = append(all, valueKeys.Under(form))
	}
	return all
}
