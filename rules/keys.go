package rules

import (
	"maps"

	"quell/internal/strictyaml"
)

// keys describe the keys of rule files, for editors and for docs/rules. Ranges and defaults are added by what the readers say.
var keys = strictyaml.Docs{
	"": "A rule file: what alerts and events mean, what they are about, how long trouble may heal by itself, and what depends on what. All sections are " +
		"optional; in each, the first rule that matches wins, the files' before the packs'. docs/rules.md tells more.",

	"symptoms":            "How bad alerts are, what they tell of, and how long ago the trouble began.",
	"symptoms[].severity": "How bad the alert is, whatever its severity label says; none and info make no symptom.",
	"symptoms[].shows": "What the alert tells: state is trouble of the entity itself, effect is trouble that is felt there and may come from below; without it the " +
		"words of the alert's name say.",
	"symptoms[].delay": "How long the alert's own rule waits before it fires, its for: in Prometheus; trouble began that much earlier.",

	"target_labels":          "Which labels describe the exporter that measured something, not the thing itself.",
	"target_labels[].labels": "Names of labels that the built-in mapping of labels to entities does not look at.",

	"entities":                     "What alerts are about: which labels make up the id of an entity. A rule whose labels are empty on an alert does not apply to it.",
	"entities[].entity":            "The entity that the alert is about.",
	"entities[].depends_on":        "Entities that the labels name as well, and on which the alert's own depends.",
	"entities[].depends_on[].type": "The type of the dependency, such as runs_on or calls; without it depends_on.",

	"holds":             "How long an incident that begins with a symptom may heal by itself before it pages.",
	"holds[].hold":      "How long the incident may heal by itself before it pages; 0s pages at once. It is fixed, unless there is a threshold.",
	"holds[].max":       "The longest hold that a rule with a threshold may come to, where trouble like it heals late; without it hold.max of the configuration.",
	"holds[].threshold": "How likely it must be that trouble like it heals in time to wait on; with it, hold is for as long as too little is known.",

	"critical":            "What must not wait: trouble of these entities and of what they surely depend on, or symptoms with these labels, pages at once.",
	"critical[].entities": "Ids of entities; * stands for any part of a name, and an id without @cluster means all clusters.",

	"chronic":                  "How much self-healing is too much, before somebody is told of it.",
	"chronic[].budget":         "How long trouble may last within the window, all its episodes together, without anybody being told; without it 30m, at least twice the hold.",
	"chronic[].window":         "The time span in which episodes are counted, and for which what was told is not told again; without it 1d.",
	"chronic[].recoveries":     "How often trouble may end by itself within the window before it counts as recurring; without it 24.",
	"chronic[].flap_high":      "The penalty from which on trouble flaps: each time that it ends adds 1, and half of it goes in each half-life; without it 4.",
	"chronic[].flap_low":       "The penalty at which what flapped has come to rest; without it 1.5.",
	"chronic[].flap_half_life": "The time in which half of a penalty goes; without it 30m.",
	"chronic[].action":         "What is done about what flaps, recurs, or gets more frequent or slower to heal; without it notice.",
	"chronic[].over_budget":    "What is done about what was ill for longer than its budget; without it page.",

	"events":             "What Kubernetes events, and the states and changes of its objects, mean. A rule needs a reason, a kind or a component.",
	"events[].name":      "The name of the rule, unique in its section of the file; reasons show it.",
	"events[].reason":    "Reasons of events, of which one must be the event's; without it any.",
	"events[].kind":      "Kinds of the entities that events are about, in lower case, of which one must be the event's; without it any.",
	"events[].component": "Names of components that report events, such as kubelet or quell/state, of which one must be the event's; without it any.",
	"events[].meaning":   "What the event is: a symptom, the end of symptoms (heal), healing under way (progress) or given up (exhausted), a change, the end of an entity (gone), or nothing.",
	"events[].severity":  "How bad the symptom is; info makes no incident. Without it warning.",
	"events[].strength":  "How much the symptom weighs in the search for the root, beside an alert of the same severity; without it 0.7.",
	"events[].ttl":       "How long the symptom or the progress lasts after the event was last seen; without it hold.event_ttl, and 2m for progress.",
	"events[].state":     "Whether the event tells how the entity is, so that the symptom lasts until another event heals it.",
	"events[].heals":     "Reasons whose symptoms on the same entity the event ends; * alone is all of them.",

	"causes":          "What follows from what on entities of which one depends on the other.",
	"causes[].cause":  "The name of an alert, or the reason of an event, that comes first.",
	"causes[].effect": "The name of an alert, or the reason of an event, that follows from it.",
	"causes[].name":   "The name of the rule, unique in its section of the file.",
	"causes[].on":     "Where: near is on entities of which one depends on the other; same is on one entity, which is for the reader only.",
	"causes[].weight": "How much it counts in the search for the root that the cause is there.",
	"causes[].note":   "A note for the reader, such as what the rule was learnt from.",

	"dependencies":        "Which entities depend on which, beside the topology, for as long as the rule is in force.",
	"dependencies[].name": "The name of the rule, unique in its section of the file.",
	"dependencies[].from": "The entity that depends on the other one, by its id.",
	"dependencies[].to":   "The entity that is depended on, by its id.",
	"dependencies[].type": "The type of the dependency, such as calls; without it depends_on.",
	"dependencies[].note": "A note for the reader, such as who says so.",

	"edge_types":              "What types of dependencies do. What a rule does not say stays as it is built in.",
	"edge_types[].name":       "The type, as dependencies have it.",
	"edge_types[].weight":     "The chance that a failure of what is depended on shows on what depends on it.",
	"edge_types[].owns":       "Whether what depends is made of what it depends on, so that trouble travels both ways.",
	"edge_types[].redundancy": "How many of the dependencies of this type that one entity has must be healthy.",
}

// headKeys describe what rules of most sections begin with.
var headKeys = strictyaml.Docs{
	"name":     "The name of the rule, unique in its section of the file; reasons show it.",
	"matchers": "Alertmanager's matchers on the labels of the alert, all of which must match; [] matches every alert. Either these or when must be there.",
}

// whyKeys describe what rules that decide over pages end with.
var whyKeys = strictyaml.Docs{"why": "Why, in words that are shown with every decision that the rule makes."}

// FormKeys describe the keys of a form, which says which labels make up an entity.
var FormKeys = strictyaml.Docs{
	"kind":            "The kind of the entity, in lower case.",
	"name_label":      "The label that holds the entity's name.",
	"namespace_label": "The label that holds the entity's namespace; without it the entity is in none.",
	"cluster_label":   "The label that holds the entity's cluster; without it the cluster is what the alert's labels or the configuration say.",
	"matchers":        "Alertmanager's matchers on the labels, all of which must match for the form to count.",
}

// sectionKeys are all descriptions.
func sectionKeys() []strictyaml.Docs {
	all := append(expressionKeys(), keys, muteKeys, InhibitKeys.Under("inhibit[]"))
	for _, section := range []string{"symptoms[]", "target_labels[]", "entities[]", "holds[]", "critical[]", "chronic[]", "suppress[]", "expect[]", "enrich[]"} {
		all = append(all, headKeys.Under(section))
	}
	for _, section := range []string{"holds[]", "critical[]", "chronic[]", "suppress[]", "expect[]"} {
		all = append(all, whyKeys.Under(section))
	}
	for _, form := range []string{"entities[].entity", "entities[].depends_on[]"} {
		labels := maps.Clone(FormKeys)
		delete(labels, "matchers") // the rule has them
		all = append(all, labels.Under(form))
	}
	return all
}
