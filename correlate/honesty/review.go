package honesty

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
)

// Review is a sample of what quell kept quiet about that operators are asked to judge. What they say unasked tells of the worst cases, so
// it makes no fair share; what they say of a sample that nobody chose does. Those who do not answer may still bend it.
type Review struct {
	// Asked runs are one of [reviewEvery], by chance; operators judged Answered of them, and False of these should have paged.
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	False    int `json:"false"`
	// Rate is that of False in Answered; nil if nobody answered.
	Rate *Estimate `json:"rate"`
	// Open are incidents of those that nobody judged yet, the newest first, at most [reviewShown].
	Open []string `json:"open"`
}

const (
	// reviewEvery is how many runs there are for one that operators are asked about.
	reviewEvery = 10
	// reviewShown is how many they are asked about at a time: more would not be read.
	reviewShown = 3
)

// sampled reports whether operators are asked about a run. It is chance, but the same for everybody who asks: what an incident's number
// hashes to has nothing to do with what happened in it.
func sampled(incident string, generation int) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(incident + "/" + strconv.Itoa(generation))) // a hash takes all
	x := h.Sum64()
	x ^= x >> 32 // the low bits of FNV follow those of the last byte
	return x%reviewEvery == 0
}

// add takes a run of an incident into the sample, if chance wants it and its time to come back is over.
func (v *Review) add(incident string, r *run, verdict Verdict) {
	if verdict == Pending || !sampled(incident, r.quiet[0].Number) {
		return
	}
	v.Asked++
	switch word := r.word(); {
	case word == nil:
		v.Open = append(v.Open, incident)
	case *word:
		v.False++
		fallthrough
	default:
		v.Answered++
	}
}

// finish makes the estimate and shortens the list.
func (v *Review) finish() {
	v.Rate = Wilson(v.False, v.Answered)
	slices.SortFunc(v.Open, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(b, a)) })
	v.Open = slices.Compact(v.Open)
	v.Open = v.Open[:min(len(v.Open), reviewShown)]
}
