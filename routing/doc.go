// Package routing decides who is told what: it turns the engine's effects into deliveries to the integrations of the receivers
// that the route tree names, at once or step by step as an escalation [Policy] says.
//
// The package is pure: effects, incidents and a time go in, deliveries come out. Incidents that were told are followed by
// [Escalations], whose state are rows that the caller stores ([Escalations.Changes]) and gives back after a restart
// ([Escalations.Load]). What needs no memory, a [Router] answers.
package routing
