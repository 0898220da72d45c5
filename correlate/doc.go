// Package correlate is the pure core of quell: the vocabulary (inputs, incidents, effects) and the engine that turns
// alerts and events into incidents and decides what happens to them.
//
// The engine knows no clock, disk, network, goroutine, lock or log. The caller gives it the time and what was heard
// ([Engine.Step]), stores the effects together with what changed ([Engine.Changes]), and then performs them. Equal inputs at
// equal times give equal effects and equal state, byte for byte: that is what replay, backtests and high availability stand on.
//
// How symptoms become incidents: a symptom joins the incident of the deepest thing that can explain it, found by walking from
// its entity over dependencies and owners (see cone.go). A symptom that explains others (they depend on it, and it accounts for at
// least half of their incident) becomes their root even if it comes last. Where many things fail that have only a silent
// dependency or owner in common, that one becomes the root. Everything else is an incident of its own.
package correlate
