// Package routing decides who is told what, and when. It turns the engine's effects into deliveries to the integrations of the receivers that
// the route tree names, either at once or step by step as an escalation [Policy] says.
//
// The route tree is Alertmanager's: an incident descends it by its labels and ends at receivers or policies ([Route]). [Escalations] follows every
// incident that somebody was told about: who has a message about it, who is next, and when. One round is [Escalations.Hear], which takes
// in the step's inputs before the engine does (how deliveries ended, other configurations), and then [Escalations.Step], which turns
// the engine's effects, and whatever is due by then, into deliveries. A [Router] answers what needs no memory, and [Conditions] are what
// quell says about itself until it is over.
//
// For example, a policy pages Ada, gives her five minutes, and then pages Bob. When an incident escalates, Step returns a trigger for Ada's
// PagerDuty and remembers that Bob is due in five minutes. If she acknowledges, her acknowledgement is an effect of the next step: it is passed on to
// wherever the incident was told, and Bob is left alone. If PagerDuty refuses the page, Hear notes that, and Bob is paged at once.
//
// The package is pure: effects, incidents and a time go in, deliveries come out. Its state is rows that the caller stores
// ([Escalations.Changes]) and gives back after a restart ([Escalations.Load]). A Router may be used concurrently; one goroutine owns the rest.
package routing
