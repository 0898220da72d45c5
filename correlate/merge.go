package correlate

import (
	"cmp"
	"fmt"

	"quell/correlate/topology"
)

// reroot gives i another root.
func (e *Engine) reroot(i *incident, n topology.Node, why string) {
	e.setRoot(i, n)
	i.rootWhy = why
	e.emit(i, Reroot, fmt.Sprintf("root is now %s: %s", e.graph.Entity(n), why))
	e.tell(i)
}

// setRoot keeps rootOf in step.
func (e *Engine) setRoot(i *incident, n topology.Node) {
	if i.state.Open() {
		if e.local(i.root).root == i.id {
			e.local(i.root).root = 0
		}
		e.local(n).root = i.id
	}
	e.local(n).rooted++
	e.local(i.root).rooted--
	if e.mutes.whole > 0 {
		e.mutesLess(i.id) // what mutes the whole of it is on its root
	}
	old := i.root
	i.root = n
	e.release(old)
	e.rerankSoon(i)
	e.dirty.incidents[i.id] = struct{}{}
}

// merge makes two incidents one, rooted as into is, and returns the one that stays, see survivor.
func (e *Engine) merge(from, into *incident, why string) *incident {
	root, rootWhy := into.root, into.rootWhy
	stay, gone := survivor(from, into)
	e.local(gone.root).root = 0
	state, by, taken := gone.state, gone.ackedBy, gone.taken
	was := calmness{stay: e.calm(stay), gone: e.calm(gone)}
	unseen := e.newName(stay, gone.symptoms...)
	e.settleStretch(stay)
	e.settleStretch(gone)
	e.unwatch(gone, e.now)
	e.learn(stay, e.now, false) // it may be older from now on
	switch {                    // what was calm has waited for nothing
	case was.gone:
		gone.heldFrom = stay.heldFrom
	case was.stay:
		stay.heldFrom = gone.heldFrom
	}
	mute := e.partSilence(gone)
	e.move(gone, stay)
	e.followSilences(gone.id, stay.id)
	if stay.watched != 0 {
		e.nextCheckpoint(stay)
	}
	gone.state, gone.closed, gone.mergedInto = Merged, e.now, stay.id
	gone.closeReason, gone.rankDue = "merged into "+stay.id.String(), 0
	e.timer(timerForget, e.now+int64(e.policy.Reopen), uint64(gone.id))
	e.emit(gone, Merge, fmt.Sprintf("merged into %s: %s", stay.id, why)).Other = stay.id
	rerooted := stay.root != root
	e.setRoot(stay, root)
	stay.rootWhy = rootWhy
	if rerooted {
		e.emit(stay, Reroot, fmt.Sprintf("root is now %s: %s", e.graph.Entity(root), why))
	}
	if state == Acknowledged && stay.state == Escalated {
		// What became another incident does not last longer.
		e.acknowledge(stay, by, fmt.Sprintf("acknowledged as %s, which it continues", gone.id), taken.Until)
	}
	e.mergeHolds(stay, gone, was, mute)
	if e.worsened(stay, unseen) {
		return stay
	}
	if !stay.told() || stay.severity > stay.toldSeverity {
		e.afterActive(stay, "") // those who would have been paged for the other one
	} else {
		e.tell(stay)
	}
	return stay
}

// survivor says which of two incidents stays when they become one: the older, unless people know only the younger. Then that one stays,
// since a page must not be sent again for trouble that was paged.
func survivor(a, b *incident) (stay, gone *incident) {
	if a.told() == b.told() && a.id < b.id || a.told() && !b.told() {
		return a, b
	}
	return b, a
}

// calmness says which of two incidents were calm before they became one.
type calmness struct{ stay, gone bool }

// mergeHolds decides until when the incident that stays is held: what was calm brings no deadline along, what a silence hid waits for that to
// end, and of two deadlines the earlier one counts. mute is what the other incident waited for.
func (e *Engine) mergeHolds(stay, gone *incident, was calmness, mute partingMute) {
	switch {
	case was.gone:
	case mute.waited && stay.state == Held && e.covered(stay) != nil:
		e.waitForSilence(stay, e.covered(stay))
	case mute.waited && stay.state == Held && was.stay:
		e.setHoldBy(stay, e.now, gone.holdReason, gone.holdRule) // its hold is over
	case was.stay && stay.state == Held:
		e.takeHold(stay, gone)
	default:
		e.takeEarlier(stay, gone)
	}
	e.joinSilence(stay, mute)
}

// move takes all symptoms of one incident to another.
func (e *Engine) move(from, to *incident) {
	for _, num := range from.symptoms {
		s := e.symptoms.get(num)
		s.incident = to.id
		e.mark(s)
		e.resite(e.local(s.node).site)
	}
	to.unsorted = to.unsorted || from.unsorted ||
		len(to.symptoms) > 0 && len(from.symptoms) > 0 && to.symptoms[len(to.symptoms)-1] > from.symptoms[0]
	to.symptoms = append(to.symptoms, from.symptoms...)
	to.active += from.active
	to.lost += from.lost
	to.severity = max(to.severity, from.severity)
	to.common = common(to.common, from.common)
	to.opened, to.heldFrom = min(to.opened, from.opened), min(to.heldFrom, from.heldFrom)
	to.relapse = cmp.Or(to.relapse, from.relapse)
	if to.active > 0 {
		to.recovered, to.settleAt, to.calmAt = 0, 0, 0
	}
	to.generations.begunBefore(&from.generations)
	e.inheritChronic(to, from)
	to.inheritEpisodes(from)
	for _, around := range from.gathers {
		e.gatherLater(to, around)
	}
	from.symptoms, from.active, from.lost, from.severity, from.common, from.gathers = nil, 0, 0, 0, "", nil
}
