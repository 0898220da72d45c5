package correlate

import (
	"maps"
	"slices"
)

const pageSize = 512

// symptomTable finds symptoms by their numbers. Numbers are given out in order and neighbours live and go together, so pages of
// pointers cost a fraction of a map's hashing and growing. The zero value is empty.
type symptomTable struct {
	pages map[uint64]*symptomPage
	count int
	// recent are pages that were looked at, each where its number says. Most of what is asked for is on some, and looking in the map took longer
	// than what was done with the symptom.
	recent [recentPages]struct {
		number uint64
		page   *symptomPage // nil if there is none
	}
}

// recentPages is a power of two.
const recentPages = 64

type symptomPage struct {
	at    [pageSize]*symptom
	count int
}

func (t *symptomTable) get(num uint64) *symptom {
	number := num / pageSize
	r := &t.recent[number%recentPages]
	if r.page == nil || r.number != number {
		p := t.pages[number]
		if p == nil {
			return nil
		}
		r.number, r.page = number, p
	}
	return r.page.at[num%pageSize]
}

// put adds a symptom whose number is not in the table.
func (t *symptomTable) put(s *symptom) {
	p := t.pages[s.num/pageSize]
	if p == nil {
		if t.pages == nil {
			t.pages = make(map[uint64]*symptomPage)
		}
		p = new(symptomPage)
		t.pages[s.num/pageSize] = p
	}
	p.at[s.num%pageSize] = s
	p.count++
	t.count++
}

// remove takes a symptom out that is in the table.
func (t *symptomTable) remove(num uint64) {
	p := t.pages[num/pageSize]
	p.at[num%pageSize] = nil
	t.count--
	if p.count--; p.count == 0 {
		delete(t.pages, num/pageSize)
		if r := &t.recent[num/pageSize%recentPages]; r.page == p {
			r.page = nil
		}
	}
}

func (t *symptomTable) len() int { return t.count }

// numbers returns all numbers, ascending.
func (t *symptomTable) numbers() []uint64 {
	nums := make([]uint64, 0, t.count)
	for _, page := range slices.Sorted(maps.Keys(t.pages)) {
		for k, s := range t.pages[page].at {
			if s != nil {
				nums = append(nums, page*pageSize+uint64(k))
			}
		}
	}
	return nums
}

// after returns the lowest numbers above num, at most limit, ascending.
func (t *symptomTable) after(num uint64, limit int) []uint64 {
	nums := make([]uint64, 0, min(limit, t.count))
	for _, page := range slices.Sorted(maps.Keys(t.pages)) {
		if page < num/pageSize {
			continue
		}
		for k, s := range t.pages[page].at {
			if at := page*pageSize + uint64(k); s != nil && at > num {
				if len(nums) == limit {
					return nums
				}
				nums = append(nums, at)
			}
		}
	}
	return nums
}
