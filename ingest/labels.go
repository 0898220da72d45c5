package ingest

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/prometheus/common/model"
)

// pair is a label or annotation while it is read; it points into the body.
type pair struct{ name, value []byte }

// size is what limits count.
func (p pair) size() int { return len(p.name) + len(p.value) }

// firstLabels are kept first where an alert has more labels than allowed: those that say what it is about.
var firstLabels = []string{
	"alertname", "severity", "quell_entity", "cluster", "namespace", "pod", "node", "service", "instance", "job",
}

// firstAnnotations are kept first where an alert has more text than allowed: those that people read.
var firstAnnotations = []string{"summary", "description", "message", "runbook_url"}

// sortPairs sorts by name and returns the name that occurs twice, if one does.
func sortPairs(pairs []pair) (twice []byte, unique bool) {
	sorted := true
	for i := 1; i < len(pairs) && sorted; i++ {
		sorted = bytes.Compare(pairs[i-1].name, pairs[i].name) < 0
	}
	if sorted {
		return nil, true // as Go's encoding/json writes maps
	}
	slices.SortFunc(pairs, func(a, b pair) int { return bytes.Compare(a.name, b.name) })
	for i := 1; i < len(pairs); i++ {
		if bytes.Equal(pairs[i-1].name, pairs[i].name) {
			return pairs[i].name, false
		}
	}
	return nil, true
}

// dropEmpty removes pairs without a value, in place: to Prometheus an empty label is no label.
func dropEmpty(pairs []pair) []pair {
	return slices.DeleteFunc(pairs, func(p pair) bool { return len(p.value) == 0 })
}

// fingerprint is [correlate.Labels.Fingerprint] of sorted pairs, which need not be packed for it.
func fingerprint(pairs []pair) model.Fingerprint {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, p := range pairs {
		for _, c := range p.name {
			h = (h ^ uint64(c)) * prime
		}
		h = (h ^ 0xff) * prime
		for _, c := range p.value {
			h = (h ^ uint64(c)) * prime
		}
		h = (h ^ 0xff) * prime
	}
	return model.Fingerprint(h)
}

// pack appends sorted pairs to dst in the format of [correlate.Labels]. That package's own packers want a string for
// each name and value, which would cost sixteen allocations where one does.
func pack(dst []byte, pairs []pair) []byte {
	for _, p := range pairs {
		dst = binary.AppendUvarint(dst, uint64(len(p.name)))
		dst = append(dst, p.name...)
		dst = binary.AppendUvarint(dst, uint64(len(p.value)))
		dst = append(dst, p.value...)
	}
	return dst
}

// trimLabels applies the limits to sorted labels, in place, and reports whether anything was lost. Values are cut; a
// label whose name alone is too long is dropped, since a part of a name would be another label. Of too many,
// those in firstLabels are kept, then the first by name.
func (l *Limits) trimLabels(pairs []pair) (_ []pair, trimmed bool) {
	for i := range pairs {
		if p := &pairs[i]; p.size() > l.LabelBytes {
			p.value = cut(p.value, max(0, l.LabelBytes-len(p.name)))
			trimmed = true
		}
	}
	if trimmed {
		pairs = slices.DeleteFunc(pairs, func(p pair) bool { return len(p.name) >= l.LabelBytes })
	}
	if len(pairs) <= l.Labels {
		return pairs, trimmed
	}
	sortByRank(pairs, firstLabels)
	pairs = pairs[:l.Labels]
	sortPairs(pairs)
	return pairs, true
}

// trimAnnotations applies the limit to sorted annotations, in place, and reports whether anything was lost. Those in
// firstAnnotations get room first, then the others by name; the first without enough room is cut.
func (l *Limits) trimAnnotations(pairs []pair) (_ []pair, trimmed bool) {
	total := 0
	for _, p := range pairs {
		total += p.size()
	}
	if total <= l.AnnotationBytes {
		return pairs, false
	}
	sortByRank(pairs, firstAnnotations)
	room, n := l.AnnotationBytes, 0
	for ; n < len(pairs) && room > len(pairs[n].name); n++ {
		p := &pairs[n]
		p.value = cut(p.value, room-len(p.name))
		room -= p.size()
	}
	pairs = pairs[:n]
	sortPairs(pairs)
	return pairs, true
}

// sortByRank moves the pairs named in first to the front, in that order, and keeps the order of the others.
func sortByRank(pairs []pair, first []string) {
	rank := func(p pair) int {
		if i := slices.Index(first, string(p.name)); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return rank(a) - rank(b) })
}
