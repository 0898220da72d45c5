// Package demo plays a bad morning of a shop in front of a real quell: one node dies, three pods restart and recover, and one
// rollout goes wrong, all within half an hour that passes in fast motion.
//
// Only the surroundings are played. The cluster is a list of names, Alertmanager and Prometheus are the bodies that they
// would post, PagerDuty and Slack are servers on this machine that record what they are told. quell is the same as in
// `quell serve`, with its own rule packs, whose times are divided like all others.
package demo
