package heal

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// Counts are fixed-point integers, so that every machine adds and decays them alike.
const (
	// countUnit stands for one case.
	countUnit = 1 << 20
	// countMax bounds each count: room for the sums, and a check on rows.
	countMax = 1 << 50
	// tick is the step in which counts decay. Within it none does.
	tick = int64(time.Hour)
)

var errRow = errors.New("heal: malformed row")

// table is the life table of one class: per bin, how many cases were at risk there, and how many of them healed, as of at.
// Both slices are as long as the last bin that anything reached.
type table struct {
	key     string // of the row
	changed bool   // it is on the model's list of these
	at      int64  // ticks since 1970
	risk    []int64
	healed  []int64
}

// fade multiplies the counts by the decay of the time since they were last touched.
func (t *table) fade(now int64, d decay) {
	if now <= t.at {
		return
	}
	f := d.over(now - t.at)
	t.at = now
	for b := range t.risk {
		t.risk[b] = f.of(t.risk[b])
		t.healed[b] = f.of(t.healed[b])
	}
}

// shares are what a spell adds to a table: how much of a case is at risk in the first and in the last bin that it passed, and a whole
// one in each between them. There are none if last is before first. They are the same for all levels of a path, so that the divisions,
// which are what counting costs, are made once.
type shares struct {
	first, last     int
	atFirst, atLast int64
	healed          bool
}

// shares counts a whole case at risk in every bin that a spell passed, and in those where it began or ended its share of the bin's
// width, as actuaries count what they lose sight of. A case that healed is at risk to the end of the bin in which it did.
func (s Spell) shares() shares {
	from, to := min(max(s.From, 0), Horizon), min(s.To, Horizon)
	if to < from {
		return shares{first: 0, last: -1}
	}
	c := shares{first: binOf(min(from, Horizon-1)), last: binOf(min(to, Horizon-1)), healed: s.Healed && s.To < Horizon}
	stop := to
	if c.healed {
		stop = binStart(c.last + 1)
	}
	c.atFirst = share(c.first, from, min(stop, binStart(c.first+1)))
	c.atLast = share(c.last, max(from, binStart(c.last)), stop)
	return c
}

// share is which part of a case is at risk in a bin from one age to another within it.
func share(b int, from, to time.Duration) int64 {
	return int64(to-from) / int64(time.Millisecond) * countUnit / (int64(binStart(b+1)-binStart(b)) / int64(time.Millisecond))
}

// take adds shares.
func (t *table) take(c shares) {
	if c.last < c.first {
		return
	}
	if n := c.last + 1; n > len(t.risk) {
		t.risk = append(t.risk, make([]int64, n-len(t.risk))...)
		t.healed = append(t.healed, make([]int64, n-len(t.healed))...)
	}
	risk := t.risk[c.first : c.last+1]
	risk[0] = min(risk[0]+c.atFirst, countMax)
	if len(risk) > 1 {
		for b := 1; b < len(risk)-1; b++ {
			risk[b] = min(risk[b]+countUnit, countMax)
		}
		risk[len(risk)-1] = min(risk[len(risk)-1]+c.atLast, countMax)
	}
	if c.healed {
		t.healed[c.last] = min(t.healed[c.last]+countUnit, countMax)
	}
}

// peak is the most cases that were ever at risk in one bin: how much the table knows.
func (t *table) peak() int64 {
	var most int64
	for _, n := range t.risk {
		most = max(most, n)
	}
	return most
}

// appendRow writes the table: its time, the number of bins, and per bin both counts.
func (t *table) appendRow(b []byte) []byte {
	b = binary.AppendVarint(b, t.at)
	b = binary.AppendUvarint(b, uint64(len(t.risk)))
	for k := range t.risk {
		b = binary.AppendUvarint(b, uint64(t.risk[k]))
		b = binary.AppendUvarint(b, uint64(t.healed[k]))
	}
	return b
}

// readTable reads what appendRow wrote, and nothing else.
func readTable(row []byte) (*table, error) {
	at, n := binary.Varint(row)
	if n <= 0 {
		return nil, errRow
	}
	row = row[n:]
	size, n := binary.Uvarint(row)
	if n <= 0 || size > binCount {
		return nil, errRow
	}
	row = row[n:]
	t := &table{at: at, risk: make([]int64, size), healed: make([]int64, size)}
	for k := range 2 * int(size) {
		v, n := binary.Uvarint(row)
		if n <= 0 || v > countMax {
			return nil, errRow
		}
		row = row[n:]
		if k%2 == 0 {
			t.risk[k/2] = int64(v)
		} else {
			t.healed[k/2] = int64(v)
		}
	}
	if len(row) > 0 {
		return nil, errRow
	}
	return t, nil
}

// factor is a fixed-point number from 0 to 1, in units of 1/2^32.
type factor uint64

const wholeFactor factor = 1 << 32

// of is the product with a count, rounded down.
func (f factor) of(n int64) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(f))
	return int64(hi<<32 | lo>>32)
}

// ratio is f as a number from 0 to 1.
func (f factor) ratio() float64 { return float64(f) / float64(wholeFactor) }

// decay is what is left of a count after one tick.
type decay factor

// over is what is left after a number of ticks, by squaring.
func (d decay) over(ticks int64) factor {
	result, power := wholeFactor, factor(d)
	for ; ticks > 0 && result > 0; ticks >>= 1 {
		if ticks&1 == 1 {
			result = factor(result.of(int64(power)))
		}
		power = factor(power.of(int64(power)))
	}
	return result
}
