package ingest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
)

const (
	// maxURLBytes bounds links, and other single texts of a webhook.
	maxURLBytes = 8 << 10
	// bytesPerAlert is a low guess of an alert's size in a body, from which the first room for alerts is made.
	bytesPerAlert = 512
)

// Batch is what a body of alerts holds.
type Batch struct {
	// Alerts are those that can be used, in the order of the body. They share no memory with the body.
	Alerts []correlate.Alert
	Rejections
	// Trimmed counts alerts that lost labels, annotations or parts of a link to [Limits].
	Trimmed int
	// Skewed counts alerts with a time so far in the future that it was replaced by the present.
	Skewed int
}

// Rejections are the items of a body that cannot be used.
type Rejections struct {
	// Rejected are the first of them, at most [MaxRejections], in the order of the body.
	Rejected []Rejection
	// RejectedCount counts all.
	RejectedCount int
}

// MaxRejections is how many rejections of one body are listed.
const MaxRejections = 100

func (r *Rejections) reject(index int, reason string) {
	if r.RejectedCount++; r.RejectedCount <= MaxRejections {
		r.Rejected = append(r.Rejected, Rejection{Index: index, Reason: reason})
	}
}

// Rejection says why one item of a body was not taken.
type Rejection struct {
	// Index counts the items of the body from 0, good ones included.
	Index int `json:"index"`
	// Reason is for people; text of the sender in it is quoted and bounded.
	Reason string `json:"reason"`
}

// report is one alert as it stands in a body.
type report struct {
	labels, annotations correlate.Labels
	fingerprint         model.Fingerprint
	status              string
	startsAt, endsAt    time.Time
	generatorURL        string
	trimmed             bool
}

// alertReader reads arrays of alerts. The buffers in it are used for one alert after the other.
type alertReader struct {
	scanner
	lim Limits
	now time.Time
	// hasStatus is true if alerts say themselves whether they fire.
	hasStatus bool

	current report
	// refusal is the first reason why the current alert cannot be taken; empty if it can.
	refusal string
	// pairs are the labels or annotations that were read last; hasNUL is true if one holds the character NUL.
	pairs  []pair
	hasNUL bool
	packed []byte
	// link and source are those of the last alert that had one. Neighbours mostly come from the same rule, and
	// then share both strings. The link is compared as it stands, since it mostly has to be unescaped.
	link struct {
		raw     []byte
		text    string
		trimmed bool
	}
	source struct{ link, name string }

	batch Batch
}

func newAlertReader(body []byte, now time.Time, lim Limits) *alertReader {
	return &alertReader{
		// Room for a usual alert; for a body of one, growing would cost more than reading.
		scanner: scanner{data: body, keys: make([][]byte, 0, 24), scratch: make([]byte, 0, 256)},
		pairs:   make([]pair, 0, 16),
		packed:  make([]byte, 0, 512),
		lim:     lim.withDefaults(),
		now:     now.UTC().Round(0),
	}
}

// refuse notes why the current alert cannot be taken.
func (r *alertReader) refuse(format string, args ...any) {
	if r.refusal == "" {
		r.refusal = fmt.Sprintf(format, args...)
	}
}

// alerts reads an array and adds what finish makes of each report to the batch. finish may refuse.
func (r *alertReader) alerts(finish func(*alertReader, *report) correlate.Alert) error {
	if isNull, err := r.null(); isNull || err != nil {
		return err
	}
	if err := r.openArray(); err != nil {
		return err
	}
	r.batch.Alerts = make([]correlate.Alert, 0, min((len(r.data)-r.pos)/bytesPerAlert+1, r.lim.Items))
	for n := 0; ; n++ {
		more, err := r.nextElement(n)
		if err != nil || !more {
			return err
		}
		if n >= r.lim.Items {
			return r.fail(r.pos, "more than %d alerts", r.lim.Items)
		}
		if err := r.alert(); err != nil {
			return err
		}
		r.finish(n, finish)
	}
}

// finish adds the current alert to the batch.
func (r *alertReader) finish(n int, finish func(*alertReader, *report) correlate.Alert) {
	var a correlate.Alert
	if r.refusal == "" {
		a = finish(r, &r.current)
	}
	if r.refusal != "" {
		r.batch.reject(n, r.refusal)
		return
	}
	if r.current.trimmed {
		r.batch.Trimmed++
	}
	r.batch.Alerts = append(r.batch.Alerts, a)
}

// alert reads one element into r.current. An error means that the body is malformed; an alert that is merely
// wrong is read to its end and refused.
func (r *alertReader) alert() error {
	r.current, r.refusal, r.scratch = report{}, "", r.scratch[:0]
	if r.peek() != '{' {
		r.refuse("the alert is not an object")
		return r.skip()
	}
	m, err := r.openObject()
	for err == nil {
		key, more, e := r.next(&m)
		if e != nil || !more {
			return e
		}
		err = r.member(string(key))
	}
	return err
}

func (r *alertReader) member(key string) (err error) {
	a := &r.current
	switch key {
	case "labels":
		return r.labels()
	case "annotations":
		return r.annotations()
	case "startsAt":
		a.startsAt, err = r.time("startsAt")
	case "endsAt":
		a.endsAt, err = r.time("endsAt")
	case "generatorURL":
		return r.generatorURL()
	case "status":
		if r.hasStatus {
			return r.status()
		}
		return r.skip()
	default:
		return r.skip()
	}
	return err
}

func (r *alertReader) labels() error {
	if err := r.readPairs("labels"); err != nil || r.refusal != "" {
		return err
	}
	if r.hasNUL {
		r.refuse("labels has a NUL")
		return nil
	}
	r.pairs = dropEmpty(r.pairs)
	if len(r.pairs) == 0 {
		return nil // finish refuses it, as it does an alert without "labels"
	}
	// The identity is that of the labels as sent: two alerts that differ only in what is cut off stay two.
	r.current.fingerprint = fingerprint(r.pairs)
	kept, trimmed := r.lim.trimLabels(r.pairs)
	r.current.trimmed = r.current.trimmed || trimmed
	r.current.labels = r.pack(kept)
	return nil
}

func (r *alertReader) annotations() error {
	if err := r.readPairs("annotations"); err != nil || r.refusal != "" {
		return err
	}
	kept, trimmed := r.lim.trimAnnotations(r.pairs)
	r.current.trimmed = r.current.trimmed || trimmed
	r.current.annotations = r.pack(kept)
	return nil
}

func (r *alertReader) pack(pairs []pair) correlate.Labels {
	r.packed = pack(r.packed[:0], pairs)
	return correlate.Labels(r.packed)
}

// readPairs reads an object of strings into r.pairs and sorts them.
func (r *alertReader) readPairs(field string) error {
	r.pairs, r.hasNUL = r.pairs[:0], false
	if isNull, err := r.null(); isNull || err != nil {
		return err
	}
	if r.peek() != '{' {
		r.refuse("%s is not an object", field)
		return r.skip()
	}
	if err := r.enter('{', "an object"); err != nil {
		return err
	}
	for n := 0; ; n++ {
		k, more, err := r.nextKey(n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if n >= maxOpenKeys {
			return r.fail(k.at, "more than %d %s", maxOpenKeys, field)
		}
		if err := r.readPair(field, k); err != nil {
			return err
		}
	}
	if twice, unique := sortPairs(r.pairs); !unique {
		r.refuse("%s has %s twice", field, quote(twice))
	}
	return nil
}

func (r *alertReader) readPair(field string, k span) error {
	name, fault := k.decode(&r.scratch)
	if fault != "" {
		r.refuse("a name in %s has %s", field, fault)
	} else if len(name) == 0 {
		r.refuse("a name in %s is empty", field)
	}
	if r.peek() != '"' {
		r.pairs = append(r.pairs, pair{name: name})
		return r.noText(field + "." + quote(name))
	}
	t, err := r.text("a string")
	if err != nil {
		return err
	}
	value, fault := t.decode(&r.scratch)
	if fault != "" {
		r.refuse("%s.%s has %s", field, quote(name), fault)
	}
	if (k.marks|t.marks)&escaped != 0 { // a raw one is a fault already
		r.hasNUL = r.hasNUL || bytes.IndexByte(name, 0) >= 0 || bytes.IndexByte(value, 0) >= 0
	}
	r.pairs = append(r.pairs, pair{name: name, value: value})
	return nil
}

// noText reads a value that should be a string and is not: null stands for an empty one, all else refuses the alert.
func (r *alertReader) noText(field string) error {
	if isNull, err := r.null(); isNull || err != nil {
		return err
	}
	r.refuse("%s is not a string", field)
	return r.skip()
}

// field reads a string of the current alert. Null is the empty string.
func (r *alertReader) field(name string) ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.noText(name)
	}
	t, err := r.text("a string")
	if err != nil {
		return nil, err
	}
	b, fault := t.decode(&r.scratch)
	if fault != "" {
		r.refuse("%s has %s", name, fault)
	}
	return b, nil
}

func (r *alertReader) status() error {
	b, err := r.field("status")
	switch string(b) {
	case "firing":
		r.current.status = "firing"
	case "resolved":
		r.current.status = "resolved"
	default:
		r.refuse("status %s is neither firing nor resolved", quote(b))
	}
	return err
}

// time reads a time of the current alert. Zero stands for a missing one.
func (r *alertReader) time(name string) (time.Time, error) {
	b, err := r.field(name)
	if err != nil || len(b) == 0 {
		return time.Time{}, err
	}
	t, ok := parseTime(b)
	if !ok {
		r.refuse("%s %s is not a time of RFC 3339", name, quote(b))
	}
	return t, nil
}

func (r *alertReader) generatorURL() error {
	if r.peek() != '"' {
		return r.noText("generatorURL")
	}
	t, err := r.text("a string")
	if err != nil {
		return err
	}
	if !bytes.Equal(t.raw, r.link.raw) {
		b, fault := t.decode(&r.scratch)
		if fault != "" {
			r.refuse("generatorURL has %s", fault)
			return nil
		}
		r.link.raw, r.link.text, r.link.trimmed = t.raw, string(cut(b, maxURLBytes)), len(b) > maxURLBytes
	}
	if len(t.raw) > 0 {
		r.current.generatorURL = r.link.text
		r.current.trimmed = r.current.trimmed || r.link.trimmed
	}
	return nil
}

// alertOf begins the alert that both formats make of a report: all but its times and source.
func alertOf(a *report) correlate.Alert {
	return correlate.Alert{
		Fingerprint:  a.fingerprint,
		Labels:       a.labels,
		Annotations:  a.annotations,
		GeneratorURL: a.generatorURL,
	}
}
