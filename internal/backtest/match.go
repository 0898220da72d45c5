package backtest

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// pair is a case of the old run and the one of the new run that is about the same trouble; one of them may be nil. Where the other run has no
// case of its own for it, part is the one that most of it went into.
type pair struct {
	old, new *Case
	part     *Case
}

// overlap is how much a case of one run has in common with one of the other.
type overlap struct {
	old, new int
	// alike is twice what they share by what they have (Dice's coefficient).
	alike float64
	// apart is by how many nanoseconds one began after the other.
	apart int64
}

// match finds who is who in two runs: by the symptoms that cases share, at times that overlap. Each case has at most one counterpart; who has
// most in common gets it. It costs a look at each symptom of each case.
func match(olds, news []*Case, end time.Time) []pair {
	found := overlaps(olds, news, end)
	byOld, byNew := make([]int, len(olds)), make([]int, len(news))
	for i := range byOld {
		byOld[i] = -1
	}
	for i := range byNew {
		byNew[i] = -1
	}
	for _, o := range found {
		if byOld[o.old] < 0 && byNew[o.new] < 0 {
			byOld[o.old], byNew[o.new] = o.new, o.old
		}
	}
	pairs := make([]pair, 0, len(olds)+len(news))
	partOfNew, partOfOld := make(map[int]*Case), make(map[int]*Case)
	for _, o := range found { // the best comes first
		if byOld[o.old] < 0 && partOfNew[o.old] == nil {
			partOfNew[o.old] = news[o.new]
		}
		if byNew[o.new] < 0 && partOfOld[o.new] == nil {
			partOfOld[o.new] = olds[o.old]
		}
	}
	for i, c := range olds {
		p := pair{old: c, part: partOfNew[i]}
		if byOld[i] >= 0 {
			p.new = news[byOld[i]]
		}
		pairs = append(pairs, p)
	}
	for i, c := range news {
		if byNew[i] < 0 {
			pairs = append(pairs, pair{new: c, part: partOfOld[i]})
		}
	}
	return pairs
}

// overlaps lists what cases of two runs have in common, best first.
func overlaps(olds, news []*Case, end time.Time) []overlap {
	index := make(map[uint64][]int32) // ascending by when they were opened, as the lists are
	lives := make([]life, len(olds))
	for i, c := range olds {
		lives[i] = lifeOf(c, end)
		for _, s := range c.symptoms {
			index[s] = append(index[s], int32(i))
		}
	}
	var found []overlap
	shared := make([]int32, len(olds)) // how many symptoms, by case; all 0 but while a case is looked at
	var with []int32                   // the cases of which it is more than 0
	for n, c := range news {
		own := lifeOf(c, end)
		for _, s := range c.symptoms {
			list := index[s]
			// Cases that share a symptom hardly overlap with each other, so the few before the first that is too late are all there are.
			at := sort.Search(len(list), func(k int) bool { return lives[list[k]].began > own.ended })
			for k, misses := at-1, 0; k >= 0 && misses < 4; k-- {
				i := list[k]
				if lives[i].ended < own.began {
					misses++
					continue
				}
				if shared[i]++; shared[i] == 1 {
					with = append(with, i)
				}
			}
		}
		for _, i := range with {
			found = append(found, overlap{
				old: int(i), new: n, alike: 2 * float64(shared[i]) / float64(len(olds[i].symptoms)+len(c.symptoms)),
				apart: max(lives[i].began-own.began, own.began-lives[i].began),
			})
			shared[i] = 0
		}
		with = with[:0]
	}
	slices.SortFunc(found, overlap.compare)
	return found
}

// compare orders overlaps, the best first. It is asked a few million times for a month, so it looks only at what decides.
func (x overlap) compare(y overlap) int {
	switch {
	case x.alike != y.alike:
		return cmp.Compare(y.alike, x.alike)
	case x.apart != y.apart:
		return cmp.Compare(x.apart, y.apart)
	case x.old != y.old:
		return x.old - y.old
	}
	return x.new - y.new
}

// life is when a case began and was over, in nanoseconds since 1970: what is compared often.
type life struct{ began, ended int64 }

func lifeOf(c *Case, end time.Time) life { return life{c.Opened.UnixNano(), c.until(end).UnixNano()} }
