package config

import (
	"fmt"
	"slices"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules"
)

// maxHeartbeats bounds the rules for heartbeats; what one rule learns the engine bounds.
const maxHeartbeats = 1000

// heartbeats reads who is expected to report over and over.
func (l *loader) heartbeats(n strictyaml.Node) {
	n.List(l.heartbeat)
	if count := len(l.config.policy.Heartbeats); count > maxHeartbeats {
		n.Problem(fmt.Sprintf("%d heartbeats are more than %d", count, maxHeartbeats), "tell them apart with per:")
	}
}

func (l *loader) heartbeat(n strictyaml.Node) {
	h := rules.ReadHeartbeat(n, l.heartbeatName, nil)
	h.Rule = ruleID("heartbeat", h.Name, n)
	l.config.policy.Heartbeats = append(l.config.policy.Heartbeats, h)
}

// heartbeatName stores a name that becomes part of a path and of an entity's id.
func (l *loader) heartbeatName(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		same := func(h correlate.HeartbeatRule) bool { return h.Name == *to }
		switch {
		case *to == "" || *to == correlate.AnyHeartbeat && !slices.ContainsFunc(l.config.policy.Heartbeats, same):
		case slices.ContainsFunc(l.config.policy.Heartbeats, same):
			n.Problem("second heartbeat of name "+strictyaml.Quote(*to), "")
		case *to == correlate.SelfHeartbeat:
			n.Problem(strictyaml.Quote(*to)+" is the heartbeat of this quell itself", "take another name")
		default:
			rules.CheckHeartbeatName(n, *to)
		}
	}
}
