package rules

import "quell/internal/strictyaml"

// muteKeys describe the sections that say what need not page, and what helps people.
var muteKeys = strictyaml.Docs{
	"events[].when": "A condition in CEL that must hold beside reason, kind and component; docs/expressions.md tells what it may say.",

	"suppress":             "Symptoms that need nobody, unless they last; they are listed with the rule, and show in digests.",
	"suppress[].for":       "How long such a symptom may last, or come and go, until it pages after all.",
	"suppress[].to":        "Where it is told: in digests only, or once in chat as well; without it in digests.",
	"suppress[].incidents": "Whether, while such a symptom is on an incident's root, all of the incident is suppressed that is not worse.",

	"inhibit": "Alertmanager's inhibit_rules: while an alert that matches the source is active, targets say nothing new.",

	"expect":                  "Symptoms that changes bring about, which are expected for a while.",
	"expect[].after":          "The changes after which it is expected; at least one of the keys is needed.",
	"expect[].after.reason":   "Reasons of the events that tell of the change, such as Rollout.",
	"expect[].after.kind":     "Kinds of what was changed, in lower case.",
	"expect[].after.entities": "Ids of what was changed, in which * stands for any part of a name.",
	"expect[].for":            "How long after the change it is expected.",
	"expect[].not_for":        "The severity from which on nothing is expected.",

	"heartbeats":                   "Who is expected to report over and over; silence beyond interval and grace is an incident.",
	"heartbeats[].name":            "The name of the heartbeat, which becomes part of its entity and of the address to report to.",
	"heartbeats[].matchers":        "The alerts that are its beats, such as Watchdog.",
	"heartbeats[].events":          "The events that are its beats; at least one of the keys is needed.",
	"heartbeats[].events.reason":   "Reasons of the events.",
	"heartbeats[].events.kind":     "Kinds of what the events are about, in lower case.",
	"heartbeats[].events.entities": "Ids of what the events are about, in which * stands for any part of a name.",
	"heartbeats[].per":             "Labels of which each combination of values is a heartbeat of its own, such as cluster.",
	"heartbeats[].interval":        "The time between two beats.",
	"heartbeats[].grace":           "How late a beat may be; without it half the interval, between 1m and 1h.",
	"heartbeats[].severity":        "How bad it is when the heartbeat is missing.",
	"heartbeats[].entity":          "What is ill while it is missing, such as cronjob/ops/backup; {label} stands for the value of a label of per.",

	"enrich":                "What helps people: whose trouble it is, and where to look.",
	"enrich[].owner":        "Whose it is, such as a team; labels may be put into it.",
	"enrich[].runbook":      "The https address of the runbook; labels may be put into it.",
	"enrich[].dashboards":   "The https addresses of dashboards; labels may be put into them.",
	"enrich[].links":        "Other https addresses, by name.",
	"enrich[].links[].name": "What the link is called.",
	"enrich[].links[].url":  "The https address; labels may be put into it.",
	"enrich[].notes":        "Sentences that help; labels may be put into them.",
}

// InhibitKeys describe the keys of an inhibit rule, which the configuration has too.
var InhibitKeys = strictyaml.Docs{
	"name":            "The name of the rule; reasons show it.",
	"source_matchers": "Alertmanager's matchers on the labels of the alert that inhibits.",
	"target_matchers": "Alertmanager's matchers on the labels of the alerts that are inhibited.",
	"equal":           "Labels that must have the same values on source and target; one that is missing counts as empty.",
	"why":             "Why, in words that are shown wherever the rule is.",
}
