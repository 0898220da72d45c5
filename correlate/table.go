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
}

type symptomPage struct {
	at    [pageSize]*symptom
	count int
}

func (t *symptomTable) get(num uint64) *symptom {
	if p := t.pages[num/pageSize]; p != nil {
		return p.at[num%pageSize]
	}
	return nil
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
