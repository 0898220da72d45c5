package honesty

import "time"

// Tally counts generations that are over for good, for counters that never fall. It is a part of the engine's state, so that a restart
// changes nothing. Its JSON names are on disk: names may be added, not changed.
type Tally struct {
	Pages Pages `json:"pages"`
	Holds Holds `json:"holds"`
	// DelaySeconds is the sum of delays, and Delays[k] counts those up to DelayBounds[k], but not up to the bound before; the last one
	// counts what is longer than all.
	DelaySeconds float64 `json:"delay_seconds"`
	Delays       [10]int `json:"delays"`
	// Suppression counts runs, without estimates.
	Suppression Suppression `json:"suppression"`
	// ShouldHavePaged and NeedNotHavePaged count what operators said, about whatever.
	ShouldHavePaged  int `json:"should_have_paged"`
	NeedNotHavePaged int `json:"need_not_have_paged"`
}

// DelayBounds are the upper bounds of [Tally.Delays], in seconds.
var DelayBounds = [9]float64{30, 60, 120, 300, 600, 900, 1800, 3600, 7200}

// Seal counts the last generation of a list, which is over. A generation that is followed by another one is sealed when that begins, the
// last one of an incident when it can no longer be reopened; only then final is true. A run is judged when what came after it is known.
func (t *Tally) Seal(list []Generation, final bool) {
	if len(list) == 0 {
		return
	}
	g := &list[len(list)-1]
	t.Pages.add(g.PageFate())
	t.Holds.add(g.HoldFate())
	if g.HoldFate() == HoldPaged {
		t.delay(g.Delay().Seconds())
	}
	if r, ok := lastRun(list); ok && (r.next != nil || final) {
		t.Suppression.add(r.verdict(time.Time{}), r.critical())
	}
}

func (t *Tally) delay(seconds float64) {
	k := 0
	for k < len(DelayBounds) && seconds > DelayBounds[k] {
		k++
	}
	t.Delays[k]++
	t.DelaySeconds += seconds
}

// Hear counts an operator's word.
func (t *Tally) Hear(shouldHavePaged bool) {
	if shouldHavePaged {
		t.ShouldHavePaged++
	} else {
		t.NeedNotHavePaged++
	}
}
