// Package heal estimates how long trouble takes to heal by itself, and until when waiting for that pays.
//
// A [Model] keeps a life table for every class of trouble: who was still ill at an age, and who healed then. Classes form paths from
// general to specific ([Path]): everything, a kind of entity, an alert on it, one workload, and the conditions that it is under. What
// has not healed when it is last seen is censored: it counts as having lasted so long, and says nothing of what comes after
// (Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958, over bins as actuaries have them). Counts decay
// with a half-life, since systems change. A class with little data borrows from the one above it: its hazard in each bin is
// (healed + k × hazard above) / (at risk + k), the posterior mean of a beta prior around the class above (Susarla and van Ryzin,
// "Nonparametric Bayesian estimation of survival curves from incomplete observations", JASA 71, 1976, with a beta process per level).
//
// The package is pure. Its state is integers, so that what is stored and loaded, or replayed, is the same to the last bit, and no
// transcendental function is used where decisions are made. A Model is not safe for concurrent use.
package heal
