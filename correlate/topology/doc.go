// Package topology is the graph of what depends on what: entities, typed dependencies between them, and who reported each.
//
// A dependency runs from what depends to what it depends on, so trouble travels it backwards: where a pod "runs_on" a node, a failure of the
// node shows on the pod. How likely that is depends on the type ([Traits]). Where the type means that one is made of the other, as a workload
// is of its pods, trouble travels both ways. An edge stays as long as any source claims it.
//
// Entities are numbered ([Node]), so that the engine can keep what it knows about them in slices. Arcs are sorted by what is at their far end:
// the same graph gives the same answers in the same order, whatever its history.
//
// The package is pure: no clock, no I/O, no locks. One goroutine owns a [Graph].
package topology
