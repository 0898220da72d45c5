package config

import (
	"slices"

	"quell/internal/strictyaml"
	"quell/notify/alertmanager"
	"quell/rules"
)

// keys describe the keys of the configuration for editors. Ranges and defaults are added by what the readers say.
var keys = strictyaml.Docs{
	"": "The configuration of quell: who is told of incidents, how long they may heal by themselves before that, and where quell learns of them. " +
		"docs/configuration.md tells more. Relative paths are relative to the file.",

	"server":                    "The HTTP server, to which senders post and on which people look.",
	"server.listen":             "The address of the HTTP server, as host:port.",
	"server.allow_remote":       "Whether the server may listen where other machines reach it. Without token_file whoever reaches the port can post alerts and read incidents.",
	"server.token_file":         "The file with the token that who asks from another machine has to know: as a bearer token, or as the password of any user.",
	"server.journal_token_file": "A file with a token that is enough to read the journal and the configuration from other machines, as a backtest of a pull request does.",
	"server.allowed_hosts":      "Names under which quell is asked, besides that of external_url; others are refused then. Addresses and localhost are always fine.",
	"server.external_url":       "How people reach quell, for links in messages; without it there are none.",
	"server.max_body_bytes":     "The largest request body, in bytes, compressed as well as decompressed; more is answered with 413.",

	"storage":                            "Where quell keeps its state, and for how long.",
	"storage.path":                       "The database file.",
	"storage.retention":                  "How long, and up to which size, the past is kept.",
	"storage.retention.journal_age":      "How long the journal of inputs is kept, for replays.",
	"storage.retention.journal_bytes":    "The size of the journal, in bytes, beyond which its oldest records go even if they are younger.",
	"storage.retention.incidents_age":    "How long a closed incident can be looked up.",
	"storage.retention.dead_letters":     "How many deliveries that were given up are kept, to be tried again; the oldest go first.",
	"storage.retention.dead_letters_age": "How long deliveries that were given up are kept.",

	"topology":                  "What depends on what, from files.",
	"topology.files":            "JSON files with entities and dependencies; what a file no longer says after a reload goes.",
	"topology.catalogs":         "Backstage's catalog files, or patterns such as catalog/*.yaml.",
	"topology.catalog_entities": "Which entities the entries of catalogs are, where their annotations do not say; the first form that fits counts.",

	"service_graph":                      "From which Prometheus servers quell learns who calls whom.",
	"service_graph[].name":               "The name of the graph, by which explanations tell sources apart.",
	"service_graph[].url":                "The base address of Prometheus, or of what speaks its API, without credentials.",
	"service_graph[].preset":             "What counts the calls; or else there is a query.",
	"service_graph[].query":              "PromQL that gives an instant vector, in which each series with a value above 0 is a call.",
	"service_graph[].window":             "Over how long a preset looks for requests.",
	"service_graph[].interval":           "The time between two queries.",
	"service_graph[].ttl":                "How long a dependency lasts after its last request; at least three intervals.",
	"service_graph[].timeout":            "How long one query may take.",
	"service_graph[].cluster":            "The cluster of the entities on both sides.",
	"service_graph[].entities":           "Which entities the two sides of a call are; a query needs both.",
	"service_graph[].entities.client":    "Which entity calls; the first form that fits counts.",
	"service_graph[].entities.server":    "Which entity is called; the first form that fits counts.",
	"service_graph[].max_edges":          "How many dependencies of one answer are taken; those with the least traffic are left out.",
	"service_graph[].max_response_bytes": "The largest answer, in bytes; a larger one is a failure.",
	"service_graph[].http_config":        "How to reach the server, with the keys that Prometheus has for it.",

	"rules":         "Which rules are in force: those of your files in this order, and then those of the packs.",
	"rules.files":   "Rule files, or patterns such as rules/*.yml.",
	"rules.disable": "Rules of packs that are out of force: PACK/SECTION/NAME, PACK/SECTION/* or PACK/*.",

	"reload":               "How changes of the configuration and of all files that it names get into force.",
	"reload.watch":         "Whether files are looked at for changes; without it a reload has to be asked for.",
	"reload.interval":      "How often files are looked at; a change is in force after one to two of these.",
	"reload.revision_file": "A file that says what the configuration is called where it comes from, such as a commit.",
	"rules.packs":          "The rule packs that come with quell and are in force (quell packs list); [] is none, and without the key kubernetes and kube-prometheus are.",

	"hold":               "How long incidents may heal by themselves before they page, where no rule says otherwise.",
	"hold.default":       "How long an incident is held where too little is known of trouble like it.",
	"hold.max":           "The longest that an incident may be held because trouble like it heals, or because a healing is under way.",
	"hold.threshold":     "How likely it must be that trouble like it heals within max to wait for all of that; never keeps default fixed.",
	"hold.cases":         "Of how many incidents like it it must be known whether they healed for that to count.",
	"hold.not_for":       "The severity from which on nothing is held; none holds everything.",
	"hold.blast_radius":  "An incident pages at once when more entities than this are ill in it, or surely depend on its root.",
	"hold.settle":        "How long all symptoms must stay clear before an incident counts as over.",
	"hold.reopen":        "How long after its end an incident is continued when a symptom comes back.",
	"hold.event_ttl":     "How long a Kubernetes event is a symptom after it was last seen, where no rule says otherwise.",
	"hold.alert_timeout": "When a firing alert that is not reported again counts as lost.",
	"hold.lost_after":    "How long an incident whose symptoms were lost stays open before it is given up.",
	"hold.restart_grace": "How long senders may take after a restart to report recovery, before overdue holds page.",

	"silences":              "The bounds of silences.",
	"silences.max_duration": "How long a silence may last that nobody forces.",
	"silences.retention":    "How long a silence that ended is still shown.",
	"silences.max":          "How many silences are kept, ended ones included.",

	"maintenance":                  "Windows that come again and again; what is still ill when one closes pages then.",
	"maintenance[].name":           "The name of the window, unique; incidents show it.",
	"maintenance[].matchers":       "Alertmanager's matchers on the labels of what is silenced, all of which must match.",
	"maintenance[].entities":       "Ids of entities that are silenced, with all that depends on them, such as node/n3@prod-eu or cluster/prod-eu.",
	"maintenance[].time_intervals": "When the window is open, in Alertmanager's form.",
	"maintenance[].comment":        "Why, for those who see it.",
	"maintenance[].force":          "Whether the window may have matchers that demand nothing.",

	"inhibit_rules": "Alertmanager's inhibit_rules: while an alert that matches the source is active, targets say nothing new.",

	"heartbeats":            "Who is expected to report over and over; silence beyond interval and grace is an incident.",
	"heartbeats[].name":     "The name of the heartbeat, which becomes part of its entity and of the address to report to; * stands for all other names.",
	"heartbeats[].when":     rules.HeartbeatWhen + " docs/expressions.md tells more.",
	"heartbeats[].matchers": "The alerts that are its beats, such as Watchdog; without matchers it reports to /api/v1/heartbeat/NAME.",
	"heartbeats[].per":      "Labels of which each combination of values is a heartbeat of its own, such as cluster.",
	"heartbeats[].interval": "The time between two beats.",
	"heartbeats[].grace":    "How late a beat may be; without it half the interval, between 1m and 1h.",
	"heartbeats[].severity": "How bad it is when the heartbeat is missing.",
	"heartbeats[].entity":   "What is ill while it is missing, such as cronjob/ops/backup; {label} stands for the value of a label of per.",

	"event_recorder":      "What Alertmanager's event recorder posts here.",
	"event_recorder.wait": "How long after its end an alert may take to get here by a webhook before it counts as never sent.",

	"kubernetes":                       "The Kubernetes clusters that quell watches; changes take effect after a restart.",
	"kubernetes.clusters":              "The clusters; of several, each needs a name.",
	"kubernetes.clusters[].name":       "The name of the cluster, which is appended to its entities; it should be what the label cluster has in your alerts.",
	"kubernetes.clusters[].kubeconfig": "The file with the server's address and credentials; without it the service account of the pod that quell runs in.",
	"kubernetes.clusters[].context":    "Which of the kubeconfig's contexts to use; without it the current one.",
	"kubernetes.clusters[].namespaces": "The namespaces that are watched; without it all.",
	"kubernetes.clusters[].qps":        "How many requests a second quell sends in the long run; watches do not count.",
	"kubernetes.clusters[].burst":      "How many requests quell sends at once.",
	"kubernetes.clusters[].secrets":    "Whether the metadata of secrets is watched, so that their changes show; their content is never asked for.",

	"route":       "The root of the route tree, as in Alertmanager: it takes every incident that no route below it does.",
	"child_route": "A route below another one.",

	"escalation_policies":                                 "Who is told one after the other, until somebody acknowledges the incident or it is over.",
	"escalation_policies[].name":                          "What routes call the policy.",
	"escalation_policies[].steps":                         "The steps, taken in order, at most 20.",
	"escalation_policies[].steps[].receiver":              "The receiver that the step tells.",
	"escalation_policies[].steps[].receivers":             "The receivers that the step tells.",
	"escalation_policies[].steps[].notify":                "Whether the step pages, or gives notice to chats and wakes nobody.",
	"escalation_policies[].steps[].wait":                  "How long people have to acknowledge before the next step; needed on all steps but the last.",
	"escalation_policies[].steps[].active_time_intervals": "Names of time intervals: the step is taken while one of them lasts, and else passed over.",
	"escalation_policies[].steps[].mute_time_intervals":   "Names of time intervals: the step is passed over while one of them lasts.",
	"escalation_policies[].repeat":                        "How the steps begin anew if nobody acknowledges; without it they do not.",
	"escalation_policies[].repeat.limit":                  "How often the steps begin anew.",
	"escalation_policies[].repeat.wait":                   "How long after the last step they do.",
	"escalation_policies[].deliver_within":                "How long receivers have to accept what a step sends them, before the next step is taken at once; without it 2m.",

	"time_intervals":                  "Hours that routes and steps name, as in Alertmanager.",
	"time_intervals[].name":           "What routes and steps call it.",
	"time_intervals[].time_intervals": "The intervals, of which one must last.",

	"acknowledge":           "What ends an acknowledgement.",
	"acknowledge.timeout":   "How long an acknowledgement lasts unless it is renewed; then the policies begin anew.",
	"acknowledge.hand_back": "Whether an acknowledged incident that becomes worse is escalated again.",

	"receivers":                                           "Who can be told, by name.",
	"receivers[].name":                                    "What routes and digests call the receiver.",
	"receivers[].rate_per_minute":                         "How many attempts each integration takes a minute; more wait, the most urgent first. Without it 60.",
	"receivers[].burst":                                   "How many attempts each integration takes at once; without it 10, or rate_per_minute if that is less.",
	"receivers[].timeout":                                 "How long one attempt may take, answer included; without it 10s.",
	"receivers[].deliver_within":                          "How long the receiver has to accept a page, before the next step is taken at once; without it what the policy says.",
	"receivers[].pagerduty_configs":                       "Services of PagerDuty (Events API v2).",
	"receivers[].pagerduty_configs[].routing_key_file":    "The file with the integration key.",
	"receivers[].pagerduty_configs[].url":                 "The base address; without it https://events.pagerduty.com.",
	"receivers[].pagerduty_configs[].change_events":       "Whether the service is told what was changed before an incident, as change events.",
	"receivers[].pagerduty_configs[].pictures":            "Whether pages link the drawing of the cascade, which takes an https address in server.external_url.",
	"receivers[].pagerduty_configs[].webhook_secret_file": "The file with the signing secret of a webhook subscription (version 3), so that what people do at PagerDuty counts here.",
	"receivers[].pagerduty_configs[].description":         "The template of the summary; without it quell's.",
	"receivers[].pagerduty_configs[].details":             "Templates of details, by name, which are added to quell's.",
	"receivers[].pagerduty_configs[].details.*":           "The template of one detail.",
	"receivers[].slack_configs":                           "Channels of Slack, told by a bot.",
	"receivers[].slack_configs[].token_file":              "The file with the bot token (xoxb-…).",
	"receivers[].slack_configs[].channel":                 "The channel: its name with #, or its id.",
	"receivers[].slack_configs[].signing_secret_file":     "The file with the app's signing secret, so that people can act by buttons; the app's request address is /api/v1/slack.",
	"receivers[].slack_configs[].app_token_file":          "The file with an app-level token (xapp-…): buttons in Socket Mode, where quell needs no address of its own.",
	"receivers[].slack_configs[].allowed_users":           "Member IDs of those who may act by buttons; without it whoever sees the channel may, but for people of other workspaces.",
	"receivers[].slack_configs[].allowed_users[]":         "A member ID, such as U012AB3CD.",
	"receivers[].slack_configs[].api_url":                 "The base address of Slack's API; without it https://slack.com/api/.",
	"receivers[].slack_configs[].title":                   "The template of the headline; without it quell's.",
	"receivers[].slack_configs[].text":                    "The template of what stands below the headline; without it quell's.",
	"receivers[].slack_configs[].pictures":                "Whether drawings of cascades and charts of digests are uploaded, which takes the scope files:write.",
	"templates":                                           "Files of templates that receivers may use, or patterns such as templates/*.tmpl.",

	"digest":              "Periodic reports of what happened and healed.",
	"digest[].schedule":   `When the report is due: a cron expression of five fields, such as "0 9 * * MON".`,
	"digest[].timezone":   "The time zone of the schedule, such as Europe/Berlin; without it UTC.",
	"digest[].receiver":   "The receiver of the report, which needs a chat, e-mail or a webhook.",
	"digest[].since":      "The time span that the report covers; without it since the report before.",
	"digest[].title":      "What stands above the report; without it Self-heal digest.",
	"digest[].matchers":   "Alertmanager's matchers on the labels that all alerts of an incident share; without it the report is about all incidents.",
	"digest[].night":      "When the readers sleep, in their time zone; without it 22:00 to 07:00.",
	"digest[].night.from": `When the night begins, such as "22:00".`,
	"digest[].night.to":   `When the night ends, such as "07:00".`,

	"dead_mans_switch":          "Whom quell tells that it works, while, and only while, it does.",
	"dead_mans_switch.url_file": "The file with the address to ping, which mostly holds a secret.",
	"dead_mans_switch.url":      "The address to ping, where it is no secret.",
	"dead_mans_switch.interval": "The time between two pings.",
	"dead_mans_switch.method":   "The method of the ping.",

	"safe_mode":          "What happens to alerts while a fault in quell keeps it from explaining them.",
	"safe_mode.matchers": `The alerts that go straight to their receivers then; without it those of severity="critical".`,

	"log":        "What quell logs, to standard error.",
	"log.level":  "The least important messages that are logged.",
	"log.format": "How messages are written.",

	"limits":                         "How much quell keeps in memory at most.",
	"limits.max_entities":            "How many entities the topology may have; an update that would exceed it is refused as a whole.",
	"limits.max_symptoms":            "How many symptoms are kept in memory; alerts beyond it are escalated unexplained.",
	"limits.max_pending_deliveries":  "How many deliveries are kept in memory; others wait in the store.",
	"limits.queue":                   "How many requests may wait for the next commit; the next one gets 503 and comes back.",
	"limits.request_bytes_in_memory": "How many bytes the bodies of all requests under way may have together.",

	"global": "What receivers by Alertmanager's packages fall back to, with the keys of its section global.",
}

// routeKeys describe what all routes have, and childKeys what those below the root have besides.
var (
	routeKeys = strictyaml.Docs{
		"receiver":   "The receiver that is told; that of the root is also told what concerns quell itself. Without it that of the route above.",
		"escalation": "The escalation policy that is followed, instead of a receiver.",
		"routes":     "Routes below this one; an incident goes to the first that matches.",
	}
	childKeys = strictyaml.Docs{
		"matchers": "Alertmanager's matchers on the labels that all alerts of an incident share, and on those that quell adds, all of which must match.",
		"continue": "Whether the incident goes on to the next sibling too.",

		"active_time_intervals": "Names of time intervals: incidents that end here are told while one of them lasts.",
		"mute_time_intervals":   "Names of time intervals: incidents that end here are told while none of them lasts.",
	}
)

// hoursKeys describe one of Alertmanager's time intervals.
var hoursKeys = strictyaml.Docs{
	"times":              "Times of the day, of which one must last; without it all day.",
	"times[].start_time": "When it begins, as in 09:00.",
	"times[].end_time":   "When it is over, as in 17:30, up to 24:00.",
	"weekdays":           "Days of the week, and ranges such as monday:friday.",
	"days_of_month":      "Days of the month, and ranges such as 1:5; -1 is the last.",
	"months":             "Months by name or number, and ranges such as june:august.",
	"years":              "Years, and ranges such as 2027:2030.",
	"location":           "The time zone, such as Europe/Berlin; without it UTC.",
}

// httpKeys describe how to reach a server that quell asks itself.
var httpKeys = strictyaml.Docs{
	"authorization":                   "The header Authorization that is sent.",
	"authorization.type":              "The kind of the credentials; without it Bearer.",
	"authorization.credentials_file":  "The file with the credentials.",
	"basic_auth":                      "The user name and password that are sent.",
	"basic_auth.username":             "The user name.",
	"basic_auth.password_file":        "The file with the password.",
	"tls_config":                      "How the connection is encrypted.",
	"tls_config.ca_file":              "The file with the certificates of those who may sign the server's; without it the system's.",
	"tls_config.cert_file":            "The file with the certificate that quell shows.",
	"tls_config.key_file":             "The file with its private key.",
	"tls_config.server_name":          "The name that the server's certificate must be for; without it that of the address.",
	"tls_config.insecure_skip_verify": "Whether any certificate is taken, so that anybody can pretend to be the server.",
	"follow_redirects":                "Whether redirects are followed, and credentials go where they lead.",
}

// sectionKeys are all descriptions.
func sectionKeys() []strictyaml.Docs {
	all := []strictyaml.Docs{
		keys, routeKeys.Under("route"), routeKeys.Under("child_route"), childKeys.Under("child_route"),
		hoursKeys.Under("maintenance[].time_intervals[]"), hoursKeys.Under("time_intervals[].time_intervals[]"),
		rules.InhibitKeys.Under("inhibit_rules[]"), httpKeys.Under("service_graph[].http_config"), webhookKeys,
	}
	for _, forms := range []string{"topology.catalog_entities[]", "service_graph[].entities.client[]", "service_graph[].entities.server[]"} {
		all = append(all, rules.FormKeys.Under(forms))
	}
	for _, typ := range slices.Sorted(slices.Values(alertmanager.Types())) {
		all = append(all, strictyaml.Docs{"receivers[]." + typ + "_configs": "Receivers by Alertmanager's own notifier, with the keys that it has there; docs/receivers.md tells what is different."})
	}
	return all
}
