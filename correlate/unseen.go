package correlate

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// Unseen is what the event recorder of an Alertmanager tells about one alert, which may never reach quell by a webhook: it ends within
// group_wait, is silenced or inhibited there, or goes to other receivers. Events come late, out of order, and several times.
type Unseen struct {
	Kind UnseenKind
	// Fingerprint and Name are the alert's.
	Fingerprint model.Fingerprint
	Name        string
	// StartsAt and EndsAt are its times; zero where the event does not tell them, as EndsAt while it fires.
	StartsAt, EndsAt time.Time
	// At is when it was recorded.
	At time.Time
}

// UnseenKind is what happened to an alert in Alertmanager. The zero value is invalid.
type UnseenKind uint8

// Kinds. They are on disk: never reorder.
const (
	// UnseenFired says that it is in Alertmanager, UnseenEnded that it is over.
	UnseenFired UnseenKind = iota + 1
	UnseenEnded
	// UnseenSent says that somebody was notified, UnseenInhibited and UnseenSilenced that it was kept from that.
	UnseenSent
	UnseenInhibited
	UnseenSilenced
)

// UnseenReason is why an alert never reached quell, as far as anybody knows. The zero value is invalid.
type UnseenReason uint8

// Reasons. A later one says more than those before it. They are on disk: never reorder.
const (
	// NotSent is all that is known: it was too short, or no route leads here.
	NotSent UnseenReason = iota + 1
	SentElsewhere
	InhibitedThere
	SilencedThere
	// NotCounted stands for alerts of which nobody knows whether they were seen, since too many were looked at.
	NotCounted
)

var unseenReasons = [...]string{
	NotSent: "not sent", SentElsewhere: "sent elsewhere", InhibitedThere: "inhibited", SilencedThere: "silenced", NotCounted: "not counted",
}

// String returns the words that people read.
func (r UnseenReason) String() string { return wordOf(unseenReasons[:], int(r)) }

// MarshalText returns the words.
func (r UnseenReason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the words.
func (r *UnseenReason) UnmarshalText(b []byte) error {
	i, err := parseWord(unseenReasons[:], string(b))
	*r = UnseenReason(i)
	return err
}

var unseenReasonOf = map[UnseenKind]UnseenReason{UnseenSent: SentElsewhere, UnseenInhibited: InhibitedThere, UnseenSilenced: SilencedThere}

const (
	// unseenOpen is how long one is waited for whose end nobody tells.
	unseenOpen = int64(7 * 24 * time.Hour)
	// unseenGrain is how exactly is judged, so that a storm is judged in few steps.
	unseenGrain = int64(time.Minute)
	// unseenMax bounds the alerts that are waited for, unseenTallyMax the figures that are kept, unseenKept for how long.
	unseenMax      = 50_000
	unseenTallyMax = 20_000
	unseenKept     = 35 * 24
)

// OtherAlerts stands for all names of alerts that there was no room for.
const OtherAlerts = "(others)"

// unseenAlert is an alert in Alertmanager that has not been seen here so far. Times are Unix nanoseconds.
type unseenAlert struct {
	name         string
	starts, ends int64 // ends is 0 while nobody told
	due          int64 // when it is judged
	why          UnseenReason
}

// unseenKey is what is counted together: alerts of one name that ended in one hour, counted from 1970.
type unseenKey struct {
	hour int64
	why  UnseenReason
	name string
}

func (k unseenKey) compare(o unseenKey) int {
	return cmp.Or(cmp.Compare(k.hour, o.hour), cmp.Compare(k.why, o.why), cmp.Compare(k.name, o.name))
}

// unseenTally sums them up, in nanoseconds.
type unseenTally struct {
	count          uint64
	total, longest int64
}

// unseenState is all that the engine knows of what it does not see.
type unseenState struct {
	waiting map[model.Fingerprint]unseenAlert
	tallies map[unseenKey]unseenTally
	at      int64 // when the next timer for a judgement is due; 0 if there is none

	dirtyWaiting map[model.Fingerprint]struct{}
	dirtyTallies map[unseenKey]struct{}
}

func newUnseenState() unseenState {
	return unseenState{
		waiting: make(map[model.Fingerprint]unseenAlert), tallies: make(map[unseenKey]unseenTally),
		dirtyWaiting: make(map[model.Fingerprint]struct{}), dirtyTallies: make(map[unseenKey]struct{}),
	}
}

// UnseenNews reports whether an event says anything new: the caller may answer for others without a write.
func (e *Engine) UnseenNews(in *Unseen) bool {
	_, news := e.unseenNext(in)
	return news
}

// unseenNext is what is known of an alert after an event; news is false if that is no more than before.
func (e *Engine) unseenNext(in *Unseen) (a unseenAlert, news bool) {
	starts := toNano(in.StartsAt)
	if s := e.alerts[in.Fingerprint]; s != nil && (s.active() || starts != 0 && (starts == s.startsAt || starts < s.ended)) {
		return a, false // it is the episode that was seen here
	}
	a, known := e.unseen.waiting[in.Fingerprint]
	if !known || starts > a.ends && a.ends != 0 {
		a = unseenAlert{name: in.Name, starts: cmp0(starts, cmp0(toNano(in.At), e.now)), due: e.unseenDue(unseenOpen), why: NotSent}
		news = true
	}
	if in.Kind == UnseenEnded {
		if ends := cmp0(toNano(in.EndsAt), e.now); ends > a.ends {
			a.ends, a.due, news = ends, e.unseenDue(int64(e.policy.UnseenAfter)), true
		}
	}
	if why := unseenReasonOf[in.Kind]; why > a.why {
		a.why, news = why, true
	}
	return a, news
}

// unseenDue is when to judge what is waited for so long, rounded up.
func (e *Engine) unseenDue(wait int64) int64 {
	grain := min(unseenGrain, wait/10+1)
	return (e.now + wait + grain - 1) / grain * grain
}

// toldUnseen takes in an event.
func (e *Engine) toldUnseen(in *Unseen) {
	a, news := e.unseenNext(in)
	if !news {
		return
	}
	u := &e.unseen
	old, known := u.waiting[in.Fingerprint]
	switch {
	case known && old.starts != a.starts:
		e.countUnseen(old) // it began anew: what was before is over
	case !known && len(u.waiting) >= unseenMax:
		if in.Kind == UnseenEnded {
			a.name, a.why = OtherAlerts, NotCounted
			e.countUnseen(a)
		}
		return
	}
	u.waiting[in.Fingerprint] = a
	u.dirtyWaiting[in.Fingerprint] = struct{}{}
	e.watchUnseen(a.due)
}

// seenHere drops an alert from those that are waited for, once it came.
func (e *Engine) seenHere(a *Alert) {
	w, waiting := e.unseen.waiting[a.Fingerprint]
	if !waiting {
		return
	}
	if start := toNano(a.StartsAt); start == 0 || w.ends == 0 || start <= w.ends {
		delete(e.unseen.waiting, a.Fingerprint)
		e.unseen.dirtyWaiting[a.Fingerprint] = struct{}{}
	}
}

func (e *Engine) watchUnseen(at int64) {
	if at != 0 && (e.unseen.at == 0 || at < e.unseen.at) {
		e.unseen.at = at
		e.timer(timerUnseen, at, 0)
	}
}

// judgeUnseen counts what had its time to get here. It costs a look at each alert that is waited for, once a minute at most.
func (e *Engine) judgeUnseen(t timer) {
	u := &e.unseen
	if t.at != u.at {
		return
	}
	u.at = 0
	var due []model.Fingerprint
	next := int64(0)
	for fp, a := range u.waiting {
		if a.due <= e.now {
			due = append(due, fp)
		} else if next == 0 || a.due < next {
			next = a.due
		}
	}
	e.watchUnseen(next)
	slices.Sort(due)
	for _, fp := range due {
		e.countUnseen(u.waiting[fp])
		delete(u.waiting, fp)
		u.dirtyWaiting[fp] = struct{}{}
	}
}

// countUnseen adds to the figures of the hour in which an alert ended.
func (e *Engine) countUnseen(a unseenAlert) {
	u := &e.unseen
	ends := min(cmp0(a.ends, e.now), e.now)
	key := unseenKey{hour: ends / int64(time.Hour), why: a.why, name: a.name}
	if _, known := u.tallies[key]; !known {
		e.forgetTallies(e.now/int64(time.Hour) - unseenKept)
		if len(u.tallies) >= unseenTallyMax {
			key.name = OtherAlerts
		}
	}
	t, lasted := u.tallies[key], max(ends-a.starts, 0)
	u.tallies[key] = unseenTally{count: t.count + 1, total: t.total + lasted, longest: max(t.longest, lasted)}
	u.dirtyTallies[key] = struct{}{}
}

// forgetTallies drops the figures of hours before one.
func (e *Engine) forgetTallies(hour int64) {
	for key := range e.unseen.tallies {
		if key.hour < hour {
			delete(e.unseen.tallies, key)
			e.unseen.dirtyTallies[key] = struct{}{}
		}
	}
}

// UnseenView sums up the alerts of one name that never reached quell for one reason.
type UnseenView struct {
	Name   string       `json:"name"`
	Reason UnseenReason `json:"reason"`
	Count  uint64       `json:"count"`
	// TotalSeconds is how long they fired together, LongestSeconds the longest of them.
	TotalSeconds   float64 `json:"total_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
}

// Unseen sums up the alerts that Alertmanager told of, that ended in the hours from that of since to that before until, and that
// never reached quell by a webhook: the most frequent first.
func (e *Engine) Unseen(since, until time.Time) []UnseenView {
	from, to := since.UnixNano()/int64(time.Hour), (until.UnixNano()+int64(time.Hour)-1)/int64(time.Hour)
	sums := make(map[unseenKey]unseenTally)
	for key, t := range e.unseen.tallies {
		if key.hour < from || key.hour >= to {
			continue
		}
		key.hour = 0
		s := sums[key]
		sums[key] = unseenTally{s.count + t.count, s.total + t.total, max(s.longest, t.longest)}
	}
	list := make([]UnseenView, 0, len(sums))
	for key, t := range sums {
		list = append(list, UnseenView{key.name, key.why, t.count, time.Duration(t.total).Seconds(), time.Duration(t.longest).Seconds()})
	}
	slices.SortFunc(list, func(a, b UnseenView) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// UnseenWaiting returns how many alerts of which Alertmanager told may still get here.
func (e *Engine) UnseenWaiting() int { return len(e.unseen.waiting) }

func appendUnseen(b []byte, in *Unseen) []byte {
	b = append(b, byte(in.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(in.Fingerprint))
	b = appendString(b, in.Name)
	b = appendTime(b, in.StartsAt)
	b = appendTime(b, in.EndsAt)
	return appendTime(b, in.At)
}

func (r *wireReader) unseen() *Unseen {
	in := &Unseen{Kind: UnseenKind(r.byte()), Fingerprint: model.Fingerprint(r.uint64()), Name: r.string()}
	in.StartsAt, in.EndsAt, in.At = r.time(), r.time(), r.time()
	if in.Kind < UnseenFired || in.Kind > UnseenSilenced {
		r.fail()
	}
	return in
}

// Second bytes of the keys of rows about what is not seen.
const (
	unseenWaitingRow = 'a' // + fingerprint
	unseenTallyRow   = 't' // + hour, reason and name
)

// changedUnseen puts the rows that changed, as [Engine.Changes] does.
func (e *Engine) changedUnseen(key []byte, put func(key, value []byte)) {
	u := &e.unseen
	for _, fp := range inOrder(u.dirtyWaiting) {
		key = binary.BigEndian.AppendUint64(append(key[:0], rowUnseen, unseenWaitingRow), uint64(fp))
		a, waiting := u.waiting[fp]
		if !waiting {
			put(key, nil)
			continue
		}
		row := appendString(nil, a.name)
		for _, t := range [...]int64{a.starts, a.ends, a.due} {
			row = binary.AppendVarint(row, t)
		}
		put(key, append(row, byte(a.why)))
	}
	clear(u.dirtyWaiting)
	keys := make([]unseenKey, 0, len(u.dirtyTallies))
	for k := range u.dirtyTallies {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, unseenKey.compare)
	for _, k := range keys {
		key = binary.BigEndian.AppendUint64(append(key[:0], rowUnseen, unseenTallyRow), uint64(k.hour))
		key = append(append(key, byte(k.why)), k.name...)
		t, known := u.tallies[k]
		if !known {
			put(key, nil)
			continue
		}
		row := binary.AppendUvarint(nil, t.count)
		row = binary.AppendVarint(row, t.total)
		put(key, binary.AppendVarint(row, t.longest))
	}
	clear(u.dirtyTallies)
}

// touchUnseen marks all rows as changed.
func (e *Engine) touchUnseen() {
	for fp := range e.unseen.waiting {
		e.unseen.dirtyWaiting[fp] = struct{}{}
	}
	for k := range e.unseen.tallies {
		e.unseen.dirtyTallies[k] = struct{}{}
	}
}

func (e *Engine) loadUnseen(k, v []byte) error {
	if len(k) < 10 {
		return errWire
	}
	r, n := &wireReader{b: v}, binary.BigEndian.Uint64(k[2:])
	switch {
	case k[1] == unseenWaitingRow:
		a := unseenAlert{name: r.string(), starts: r.varint(), ends: r.varint(), due: r.varint(), why: UnseenReason(r.byte())}
		e.unseen.waiting[model.Fingerprint(n)] = a
		e.watchUnseen(a.due)
	case k[1] == unseenTallyRow && len(k) > 10:
		key := unseenKey{hour: int64(n), why: UnseenReason(k[10]), name: string(k[11:])}
		e.unseen.tallies[key] = unseenTally{count: r.uvarint(), total: r.varint(), longest: r.varint()}
	default:
		return errWire
	}
	return r.err
}
