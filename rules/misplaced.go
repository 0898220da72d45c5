package rules

import "quell/internal/strictyaml"

// Sections are the sections of a rule file, in the order of docs/rules.md.
func Sections() []string {
	return []string{
		"symptoms", "entities", "target_labels", "holds", "critical", "chronic", "events", "causes", "dependencies", "edge_types", "suppress", "inhibit",
		"expect", "heartbeats", "enrich",
	}
}

// ofOthers are keys that people write at the top of a rule file although they belong somewhere else, with what to do.
var ofOthers = turned(map[string][]string{
	"it belongs to a configuration: does a pattern of rules.files match too much?": {
		"route", "receivers", "rules", "storage", "server", "global", "templates", "time_intervals", "escalation_policies", "kubernetes", "topology",
		"service_graph", "digest", "limits", "reload", "log", "dead_mans_switch", "safe_mode", "acknowledge",
	},
	"it belongs to a file of tests, which quell test plays: leave that out of rules.files":                 {"config", "packs", "start"},
	"it belongs to quell.yml, and mappings have files of their own: docs/webhooks.md":                      {"webhooks", "mapping", "become", "each"},
	"write suppress; for some hours quell silence add, and for hours of the week maintenance in quell.yml": {"silences", "silence", "maintenance", "mute"},
	"write dependencies, and edge_types for what their types do":                                           {"edges", "links"},
	"write suppress, inhibit or expect":                                                                    {"ignore", "drop", "filters"},
	"write holds":                                                                                          {"delays", "waits", "hold"},
	"write causes, for what follows from what, and dependencies":                                           {"correlations", "correlate"},
	"write entities, which are found by labels":                                                            {"mappings", "relabel_configs"},
	"write enrich": {"annotations", "enrichment", "runbooks", "owners"},
})

// ofOtherRules are keys that people know from rules of others, with those of which one may be meant.
var ofOtherRules = map[string][]string{
	"for": {"hold", "delay", "ttl"}, "wait": {"hold"}, "duration": {"hold", "for", "ttl"}, "until": {"for"}, "every": {"interval"}, "alert": {"matchers"},
	"selector": {"matchers"}, "labels": {"matchers"}, "expr": {"when"}, "if": {"when"}, "condition": {"when"}, "cel": {"when"}, "team": {"owner"},
	"runbook_url": {"runbook"}, "dashboard_url": {"dashboards"}, "description": {"why", "note", "notes"}, "comment": {"why", "note"}, "reason": {"why"},
	"probability": {"weight"}, "propagation": {"weight"}, "priority": {"severity"}, "level": {"severity"},
}

// turned has for each key what it was listed under.
func turned(lists map[string][]string) map[string]string {
	all := make(map[string]string)
	for hint, keys := range lists {
		for _, key := range keys {
			all[key] = hint
		}
	}
	return all
}

// hinting is a rule with hints for keys of other rules, as far as it has one that may be meant.
func hinting(n strictyaml.Node, fields strictyaml.Fields) strictyaml.Node {
	return n.Hinting(func(key string) string {
		for _, own := range ofOtherRules[key] {
			if fields[own] != nil {
				return "did you mean " + own + "?"
			}
		}
		return ""
	})
}
