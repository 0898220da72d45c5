package config

import (
	"slices"

	"quell/rules"
)

// ofOthers says where a key belongs that people write at the top of a configuration, or "".
func ofOthers(key string) string {
	switch {
	case slices.Contains(rules.Sections(), key):
		return "it belongs to a rule file, which rules.files names: docs/rules.md"
	case key == "tests":
		return "it belongs to a file of tests: quell test FILE plays it"
	case key == "rule_files":
		return `write rules: {files: ["rules/*.yml"]}, which are quell's; those of Prometheus say what fires`
	case key == "groups" || key == "scrape_configs" || key == "alerting":
		return "it belongs to Prometheus"
	}
	return ""
}
