// Package learn finds in the history of symptoms what may depend on what: kinds of alerts that follow each other on entities that are
// near each other, and entities that fall ill after others although no dependency between them is known.
//
// A [Learner] is told when symptoms start, in the order of time, and counts how often an effect starts within a window after a cause.
// [Learner.Proposals] compares the counts with what chance alone would give and keeps what withstands it. What comes out are
// proposals for people to review: that one thing follows another is a hint that it is caused by it, not a proof.
//
// The method is lift and precedence on point processes, with a Poisson null and control of the false discovery rate (Benjamini and
// Hochberg, 1995). It is pure: no clock, no I/O, no locks. One goroutine owns a Learner.
package learn
