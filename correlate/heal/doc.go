// Package heal estimates how long trouble takes to heal by itself, and how long it pays to wait for that.
//
// A [Model] keeps a life table for every class of trouble: for each bin of ages, how many cases were still ill when they reached it, and
// how many of them healed in it. Classes form paths from general to specific ([Path]): everything, a kind of entity, an alert on it, one
// workload, and the conditions that it is under. A case that is lost sight of before it heals is censored: it counts as having lasted that long, and
// says nothing about what comes after (Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958; the
// bins are those of an actuary's life table). Counts decay with a half-life, since systems change.
//
// A class with little data borrows from the one above it. Its hazard in each bin, the chance to heal there, is
//
//	(healed + k × hazard above) / (at risk + k)
//
// which is the posterior mean of a beta prior around the class above (Susarla and van Ryzin, "Nonparametric Bayesian estimation of
// survival curves from incomplete observations", JASA 71, 1976, with one beta process per level).
//
// The package is pure. Its state is integers, so that what is stored and loaded, or replayed, is the same to the last bit, and no
// transcendental function is used where decisions are made. A Model is not safe for concurrent use.
//
// # A worked example
//
// Of 100 cases of a class, 60 heal within a minute, 20 more in the quarter of an hour after that, and 20 not at all. The budget is 30
// minutes, and the rule's threshold is 0.8: a page saved is worth 1 − 0.8 = 0.2, and 30 minutes of delay for trouble that lasts cost 0.8.
// Waiting until an age costs
//
//	share not healed by then × 0.2  +  share that outlasts the budget × 0.8 × age/30m
//
// which is 0.20 for paging at once, 0.4×0.2 + 0.2×0.8×1/30 = 0.085 for one minute, and 0.2×0.2 + 0.2×0.8×16/30 = 0.125 for sixteen. So
// the page is due after about a minute; ages are those at which bins begin. With a threshold of 0.6, at which a needless page weighs more, the same three cost 0.40, 0.164
// and 0.144, and it pays to wait for the slow ones as well. The example of [Estimate.Until] plays both.
package heal
