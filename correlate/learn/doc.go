// Package learn looks through the history of symptoms for what may depend on what: kinds of alerts that follow each other on neighbouring
// entities, and entities that fall ill after others although no dependency between them is known.
//
// A [Learner] is told when symptoms start, in the order of time, and counts how often an effect starts within a window after a cause.
// [Learner.Proposals] compares the counts with what chance alone would give, and keeps the pairs that stand out. They are proposals for
// people to review: that one thing follows another hints that it is caused by it, and proves nothing.
//
// The method is lift and precedence on point processes, with a Poisson null and control of the false discovery rate (Benjamini and
// Hochberg, 1995). The package is pure: no clock, no I/O, no locks. One goroutine owns a Learner.
package learn
