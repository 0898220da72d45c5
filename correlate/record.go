package correlate

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/prometheus/common/model"
)

// recordVersion is the first byte of an encoded record.
const recordVersion = 1

// Kinds of inputs in a record. They are on disk: never reorder.
const (
	kindAlert     = 1
	kindEvent     = 2
	kindRefresh   = 14 // 3 was one that did not say when it was heard; no release wrote it
	kindTopology  = 9  // 4 was topology as JSON, which no release wrote
	kindCommand   = 5
	kindDelivery  = 6
	kindGap       = 7
	kindPolicy    = 8
	kindFeedback  = 13
	kindSilence   = 10
	kindHeartbeat = 11
	kindUnseen    = 12
)

// AppendRecord encodes the inputs of one step for the journal. It panics on a type that is no input.
func AppendRecord(b []byte, inputs []Input) []byte {
	b = append(b, recordVersion)
	b = binary.AppendUvarint(b, uint64(len(inputs)))
	for _, in := range inputs {
		b = appendInput(b, in)
	}
	return b
}

// ParseRecord decodes what [AppendRecord] made.
func ParseRecord(b []byte) ([]Input, error) {
	r := &wireReader{b: b}
	if v := r.byte(); r.err == nil && v != recordVersion {
		return nil, fmt.Errorf("correlate: record of version %d; this program knows %d", v, recordVersion)
	}
	inputs := make([]Input, 0, r.count())
	for range cap(inputs) {
		in := r.input()
		if r.err != nil {
			return nil, r.err
		}
		inputs = append(inputs, in)
	}
	if len(r.b) > 0 {
		r.fail()
	}
	return inputs, r.err
}

func appendInput(b []byte, in Input) []byte {
	switch in := in.(type) {
	case *Alert:
		return appendAlert(append(b, kindAlert), in)
	case *Event:
		return appendJSON(append(b, kindEvent), in)
	case *Refresh:
		return appendRefresh(append(b, kindRefresh), in)
	case *Topology:
		return appendTopology(append(b, kindTopology), in)
	case *Command:
		return appendJSON(append(b, kindCommand), in)
	case *Delivery:
		return appendJSON(append(b, kindDelivery), in)
	case *Gap:
		return appendJSON(append(b, kindGap), in)
	case *Policy:
		return appendJSON(append(b, kindPolicy), in)
	case *Feedback:
		return appendJSON(append(b, kindFeedback), in)
	case *Silence:
		return appendJSON(append(b, kindSilence), in)
	case *Heartbeat:
		return appendJSON(append(b, kindHeartbeat), in)
	case *Unseen:
		return appendUnseen(append(b, kindUnseen), in)
	}
	panic(fmt.Sprintf("correlate: unknown input %T", in))
}

func (r *wireReader) input() Input {
	switch r.byte() {
	case kindAlert:
		return r.alert()
	case kindRefresh:
		return r.refresh()
	case kindEvent:
		return readJSON(r, new(Event))
	case kindTopology:
		return r.topology()
	case kindCommand:
		return readJSON(r, new(Command))
	case kindDelivery:
		return readJSON(r, new(Delivery))
	case kindGap:
		return readJSON(r, new(Gap))
	case kindPolicy:
		return readJSON(r, new(Policy))
	case kindFeedback:
		return readJSON(r, new(Feedback))
	case kindSilence:
		return readJSON(r, new(Silence))
	case kindHeartbeat:
		return readJSON(r, new(Heartbeat))
	case kindUnseen:
		return r.unseen()
	}
	r.fail()
	return nil
}

// appendJSON is for inputs that are rare; alerts and refreshes have a form of their own.
func appendJSON(b []byte, in Input) []byte {
	j, err := json.Marshal(in)
	if err != nil {
		panic("correlate: input cannot be encoded: " + err.Error()) // no input has a field that could fail
	}
	return appendString(b, string(j))
}

func readJSON[T Input](r *wireReader, in T) Input {
	if b := r.bytes(); r.err == nil && json.Unmarshal(b, in) != nil {
		r.fail()
	}
	return in
}

func appendAlert(b []byte, a *Alert) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(a.Fingerprint))
	b = appendString(b, string(a.Labels))
	b = appendString(b, string(a.Annotations))
	b = appendString(b, a.GeneratorURL)
	b = appendString(b, a.Source)
	b = appendTime(b, a.StartsAt)
	b = appendTime(b, a.EndsAt)
	return appendTime(b, a.Expires)
}

func (r *wireReader) alert() *Alert {
	return &Alert{
		Fingerprint:  model.Fingerprint(r.uint64()),
		Labels:       r.labels(),
		Annotations:  r.labels(),
		GeneratorURL: r.string(),
		Source:       r.string(),
		StartsAt:     r.time(),
		EndsAt:       r.time(),
		Expires:      r.time(),
	}
}

// appendRefresh writes ascending numbers as runs of neighbours: a thousand alerts that came together cost a few bytes.
func appendRefresh(b []byte, in *Refresh) []byte {
	b = appendString(b, in.Source)
	b = appendTime(b, in.Expires)
	b = appendTime(b, in.Heard)
	runs, at := 0, len(b)
	var body []byte
	for i := 0; i < len(in.Alerts); runs++ {
		n := 1
		for i+n < len(in.Alerts) && in.Alerts[i+n] == in.Alerts[i]+uint64(n) {
			n++
		}
		body = binary.AppendUvarint(body, in.Alerts[i])
		body = binary.AppendUvarint(body, uint64(n))
		i += n
	}
	b = binary.AppendUvarint(b[:at], uint64(runs))
	return append(b, body...)
}

// refreshMax bounds what a broken record may ask for.
const refreshMax = 10_000_000

func (r *wireReader) refresh() *Refresh {
	in := &Refresh{Source: r.string(), Expires: r.time(), Heard: r.time()}
	total := uint64(0)
	for range r.count() {
		first, n := r.uvarint(), r.uvarint()
		if total += n; n > refreshMax || total > refreshMax {
			r.fail()
		}
		if r.err != nil {
			return in
		}
		for k := range n {
			in.Alerts = append(in.Alerts, first+k)
		}
	}
	return in
}
