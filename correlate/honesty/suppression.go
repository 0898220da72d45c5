package honesty

import (
	"fmt"
	"iter"
	"math"
	"time"
)

// Suppression estimates the rate of false suppressions. Its unit is a run: a trouble about which quell kept quiet, however often it came
// back and healed again before its incident could no longer be reopened. Counting each return would count one mistake many times, and
// the interval would claim more than is known.
//
// A run is false if in the end it needed a human: it came back within the reopen window, and then a page was sent or somebody took it on
// ([Suppression.CameBack]), or an operator says that it should have paged ([Suppression.Marked]). An operator's word counts more than
// what quell saw, either way.
//
// What quell cannot see: harm that somebody noticed without telling quell, and trouble that came back later, or as a part of another
// incident. So the rate is a lower bound unless operators say what they know.
type Suppression struct {
	// Judged runs are those of which it is known, False those of them that were wrong.
	Judged int `json:"judged"`
	False  int `json:"false"`
	// CameBack and Marked are the reasons; they add up to False.
	CameBack int `json:"came_back"`
	Marked   int `json:"marked"`
	// Pending runs may still come back, or came back and are held. Unknown ones came back, and nobody knows what became of that.
	Pending int `json:"pending"`
	Unknown int `json:"unknown"`
	// Critical counts runs that are not false, but showed a critical symptom while people heard nothing.
	Critical int `json:"critical"`
	// Rate is that of False in Judged, and WithCritical that of False and Critical: for those whose critical alerts are always seen by
	// users. Both are nil if nothing was judged.
	Rate         *Estimate `json:"rate"`
	WithCritical *Estimate `json:"rate_with_critical"`
}

// Verdict says whether it was right to keep quiet. The zero value is invalid.
type Verdict uint8

// Verdicts.
const (
	// Right: it healed, and did not come back while its incident could be reopened.
	Right Verdict = iota + 1
	// CameBack and then needed a human.
	CameBack
	// Marked by an operator: it should have paged.
	Marked
	// Pending: it may still come back.
	Pending
	// Unknown: it came back, and nobody knows what became of that.
	Unknown
)

// run is generations in a row about which quell kept quiet, and the one that followed, if one did.
type run struct {
	quiet []Generation
	next  *Generation
}

// runs yields the runs of an incident, each as long as can be.
func runs(list []Generation) iter.Seq[run] {
	return func(yield func(run) bool) {
		for k := 0; k < len(list); k++ {
			if !list[k].Quiet() {
				continue
			}
			end := k + 1
			for end < len(list) && list[end].Quiet() {
				end++
			}
			r := run{quiet: list[k:end]}
			if end < len(list) {
				r.next = &list[end]
			}
			if k = end; !yield(r) {
				return
			}
		}
	}
}

// lastRun is the run that the last generation belongs to, or follows; ok is false if there is none. Of a long history it looks
// at no more than that.
func lastRun(list []Generation) (r run, ok bool) {
	end := len(list)
	if end > 0 && !list[end-1].Quiet() {
		end--
		r.next = &list[end]
	}
	from := end
	for from > 0 && list[from-1].Quiet() {
		from--
	}
	r.quiet = list[from:end]
	return r, from < end
}

func (r *run) last() *Generation { return &r.quiet[len(r.quiet)-1] }

// verdict judges a run by what is known at a time; zero is after all that can come.
func (r *run) verdict(at time.Time) Verdict {
	switch word := r.word(); {
	case word != nil && *word:
		return Marked
	case word != nil:
		return Right
	case r.next == nil && !at.IsZero() && at.Before(r.last().BackUntil):
		return Pending
	case r.next == nil:
		return Right
	case r.next.PageFate() != NoPage:
		return CameBack
	}
	switch r.next.HoldFate() {
	case HoldHandled:
		return CameBack
	case HoldWaits:
		return Pending
	}
	return Unknown
}

// word is what operators said, nil if nobody did. Of two words, the one against silence counts.
func (r *run) word() (word *bool) {
	for k := range r.quiet {
		if w := r.quiet[k].ShouldHavePaged; w != nil && (word == nil || *w) {
			word = w
		}
	}
	return word
}

func (r *run) critical() bool {
	for k := range r.quiet {
		if r.quiet[k].Critical {
			return true
		}
	}
	return false
}

func (s *Suppression) add(v Verdict, critical bool) {
	switch v {
	case Pending:
		s.Pending++
		return
	case Unknown:
		s.Unknown++
		return
	case CameBack:
		s.CameBack++
		s.False++
	case Marked:
		s.Marked++
		s.False++
	case Right:
		if critical {
			s.Critical++
		}
	}
	s.Judged++
}

func (s *Suppression) estimate() {
	s.Rate, s.WithCritical = Wilson(s.False, s.Judged), Wilson(s.False+s.Critical, s.Judged)
}

// Estimate is a share and the interval in which the true one lies with 95 % confidence.
type Estimate struct {
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// String writes it for people: "2.8 % (0.5 % to 14.2 %)".
func (e *Estimate) String() string {
	return fmt.Sprintf("%s (%s to %s)", percent(e.Share), percent(e.Low), percent(e.High))
}

func percent(share float64) string {
	if share > 0 && share < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// normal95 is the 0.975 quantile of the standard normal distribution.
const normal95 = 1.959963984540054

// Wilson estimates a share from hits among several, and its score interval (E. B. Wilson, Probable inference, the law of succession, and
// statistical inference, JASA 22, 1927). Unlike the textbook one it stays honest for few cases and for shares near zero (Brown, Cai and
// DasGupta, Interval estimation for a binomial proportion, Statistical Science 16, 2001): of 0 among 30, up to 11 % are possible.
// It returns nil for none at all.
func Wilson(hits, of int) *Estimate {
	if of <= 0 {
		return nil
	}
	n, p := float64(of), float64(hits)/float64(of)
	const z2 = normal95 * normal95
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := normal95 / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	e := &Estimate{Share: p, Low: max(0, centre-half), High: min(1, centre+half)}
	if hits == 0 {
		e.Low = 0 // it is, and rounding must not say otherwise
	}
	if hits == of {
		e.High = 1
	}
	return e
}
