package routing

import (
	"slices"
	"time"

	"quell/correlate"
)

// Restate brings the messages about an incident up to date for something that changes nothing about who is told what: somebody silenced it,
// or said what its root was. Only chat is told, where a message shows how things stand; to a pager it is no news. It changes no state.
// inc is the incident as it is now.
func (x *Escalations) Restate(now time.Time, inc *correlate.Incident, reason string) []Delivery {
	e := x.byID[inc.ID]
	if e == nil || e.Generation != inc.Generation {
		return nil
	}
	chats := slices.DeleteFunc(e.targets(), func(t Target) bool { return !x.router.chat(t) })
	return x.router.fanOut(now, chats, Delivery{Action: Update, Key: x.router.Key(inc.ID, e.Generation), Incident: inc, Reason: reason})
}
