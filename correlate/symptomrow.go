package correlate

import (
	"encoding/binary"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

func (e *Engine) symptomRow(b []byte, s *symptom) []byte {
	b = binary.AppendUvarint(b, s.num)
	b = binary.BigEndian.AppendUint64(b, uint64(s.fingerprint))
	b = appendString(b, string(e.graph.Entity(s.node)))
	b = binary.AppendUvarint(b, uint64(s.incident))
	b = append(b, byte(s.condition), byte(s.severity))
	b = appendBool(b, s.explicit)
	b = append(b, s.eventByte())
	b = binary.AppendVarint(b, int64(s.count))
	for _, t := range [...]int64{s.startsAt, s.began, s.since, s.ended, s.noted} {
		b = binary.AppendVarint(b, t)
	}
	for _, str := range [...]string{s.name, s.source, s.generator, s.eventID, string(s.labels), string(s.annotations)} {
		b = appendString(b, str)
	}
	if s.owner != "" {
		b = appendString(b, string(s.owner)) // the last field, since rows were once without it
	}
	return b
}

// eventByte says in a row what s is: 0 an alert, 1 an event, 2 a state, 3 an event about what is gone.
func (s *symptom) eventByte() byte {
	switch {
	case s.gone:
		return 3
	case s.state:
		return 2
	case s.fades:
		return 1
	}
	return 0
}

func (e *Engine) loadSymptom(v []byte) error {
	r := &wireReader{b: v}
	s := &symptom{num: r.uvarint(), fingerprint: model.Fingerprint(r.uint64())}
	s.node = e.graph.Intern(topology.Entity(r.string()))
	s.incident = IncidentID(r.uvarint())
	s.condition, s.severity = condition(r.byte()), Severity(r.byte())
	s.explicit = r.bool()
	isEvent := r.byte()
	s.fades, s.state, s.gone, s.count = isEvent > 0, isEvent == 2, isEvent == 3, int32(r.varint())
	for _, t := range [...]*int64{&s.startsAt, &s.began, &s.since, &s.ended, &s.noted} {
		*t = r.varint()
	}
	s.name, s.source, s.generator = e.strings.get(r.string()), e.strings.get(r.string()), e.strings.get(r.string())
	s.eventID, s.labels, s.annotations = r.string(), r.labels(), r.labels()
	if len(r.b) > 0 {
		s.owner = topology.Entity(e.strings.get(r.string()))
	}
	s.seen = s.since
	if r.err != nil || len(r.b) > 0 || isEvent > 3 || s.condition < conditionActive || s.condition > conditionLost {
		return errWire
	}
	e.symptoms.put(s)
	return nil
}

func (e *Engine) expiryRow(b []byte, block uint64) []byte {
	last := int64(0)
	for off := range uint64(expiryBlock) {
		s := e.symptoms.get(block*expiryBlock + off)
		if s == nil || s.expires == 0 && s.seen == s.since {
			continue
		}
		b = binary.AppendUvarint(b, off)
		b = binary.AppendVarint(b, s.expires-last)
		b = binary.AppendVarint(b, s.seen-s.since)
		last = s.expires
	}
	return b
}

func (e *Engine) loadExpiry(k, v []byte) error {
	if len(k) != 9 {
		return errWire
	}
	block, last := binary.BigEndian.Uint64(k[1:]), int64(0)
	for r := (&wireReader{b: v}); len(r.b) > 0; {
		off, d, again := r.uvarint(), r.varint(), r.varint()
		s := e.symptoms.get(block*expiryBlock + off)
		if r.err != nil {
			return errWire
		}
		if last += d; s != nil { // its row may have been damaged and left out
			s.expires = last
			s.seen = s.since + again
		}
	}
	return nil
}
