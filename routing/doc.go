// Package routing decides who is told what: it turns the engine's effects into deliveries to the integrations of the receivers
// that the route tree names.
//
// The package is pure: effects, incidents and a time go in, deliveries come out. What it must remember from one call to
// the next, namely where the page of an incident went, the caller keeps in its store and hands back ([Change.Sent]).
package routing
