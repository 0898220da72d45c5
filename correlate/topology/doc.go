// Package topology is the graph of what depends on what: entities, typed dependencies between them, and who told of each.
// It is pure: no clock, no I/O, no locks. One goroutine owns a [Graph].
package topology
