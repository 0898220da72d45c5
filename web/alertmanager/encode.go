package alertmanager

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"quell/correlate"
	"quell/correlate/silence"
)

const (
	// pieceBytes is how much of an answer is sent at once, so that it is never in memory as a whole.
	pieceBytes = 64 << 10
	// renewed is how far ahead the end of an alert is shown for which nobody said one, or that is lost: as long as Alertmanager gives one.
	renewed = 5 * time.Minute
	// timeLayout is how Alertmanager writes times.
	timeLayout = "2006-01-02T15:04:05.000Z07:00"
)

// What quell decided: the labels of a group are the first two, and the alerts of an incident have all as annotations, besides their own.
const (
	noteIncident = "quell_incident"
	noteRoot     = "quell_root"
	noteState    = "quell_state"
)

// encoder writes lists of alerts piece by piece.
type encoder struct {
	w   http.ResponseWriter
	now time.Time
	buf []byte
	// gone is true once the client takes nothing any more; nobody else wants to know.
	gone bool
}

// encoder begins a good answer.
func (a *API) encoder(w http.ResponseWriter) *encoder {
	w.Header().Set("Content-Type", "application/json")
	return &encoder{w: w, now: a.now(), buf: make([]byte, 0, pieceBytes+pieceBytes/4)}
}

// list writes n elements, in brackets and with commas between them.
func (e *encoder) list(n int, element func(k int)) {
	e.buf = append(e.buf, '[')
	for k := range n {
		if e.gone {
			return
		}
		if k > 0 {
			e.buf = append(e.buf, ',')
		}
		element(k)
		if len(e.buf) >= pieceBytes {
			e.send()
		}
	}
	e.buf = append(e.buf, ']')
}

// end sends what is left.
func (e *encoder) end() {
	e.buf = append(e.buf, '\n')
	e.send()
}

func (e *encoder) send() {
	if !e.gone {
		_, err := e.w.Write(e.buf)
		e.gone = err != nil
	}
	e.buf = e.buf[:0]
}

func (e *encoder) text(s string) { e.buf = append(e.buf, s...) }

func (e *encoder) group(g *group) {
	e.text(`{"alerts":`)
	e.list(len(g.alerts), func(k int) { e.alert(&g.alerts[k]) })
	e.text(`,"labels":{`)
	if g.incident != 0 {
		e.pair(noteIncident, g.incident.String())
		e.text(`,`)
		e.pair(noteRoot, string(g.root))
	}
	e.text(`},"receiver":{"name":`)
	e.quote(g.receiver)
	e.text(`},"routeLabels":{}}`)
}

func (e *encoder) alert(a *alert) {
	e.text(`{"annotations":`)
	e.annotations(a)
	e.text(`,"endsAt":`)
	e.time(e.endOf(a))
	e.text(`,"fingerprint":`)
	e.quote(a.Fingerprint.String())
	e.text(`,"receivers":`)
	e.list(len(a.verdict.receivers), func(k int) {
		e.text(`{"name":`)
		e.quote(a.verdict.receivers[k])
		e.text(`}`)
	})
	e.text(`,"startsAt":`)
	e.time(a.StartsAt)
	e.text(`,"status":`)
	e.status(a)
	e.text(`,"updatedAt":`)
	e.time(a.Seen)
	if isLink(a.Generator) {
		e.text(`,"generatorURL":`)
		e.quote(a.Generator)
	}
	e.text(`,"labels":{`)
	e.pairs(a.Labels, nil)
	e.text(`}}`)
}

// endOf is when an alert ends unless it is sent again. The lost ones of open incidents have not ended either, for all that is known.
func (e *encoder) endOf(a *alert) time.Time {
	if a.Expires.After(e.now) {
		return a.Expires
	}
	return e.now.Add(renewed)
}

func (e *encoder) status(a *alert) {
	e.text(`{"inhibitedBy":[`)
	state := "active"
	if a.suppressed() {
		state = "suppressed"
	}
	var inhibitors []string
	for _, fp := range a.inhibitors() {
		inhibitors = append(inhibitors, fp.String())
	}
	e.quoted(inhibitors)
	e.text(`],"mutedBy":[`)
	muters := silencers(a.SilencedBy, true)
	for k := range a.MutedBy {
		if a.MutedBy[k].Kind != correlate.Inhibited {
			muters = append(muters, a.MutedBy[k].String())
		}
	}
	e.quoted(muters)
	e.text(`],"silencedBy":[`)
	e.quoted(silencers(a.SilencedBy, false))
	e.text(`],"state":"` + state + `"}`)
}

// silencers returns the names of maintenance windows, or the ids of the silences.
func silencers(list []correlate.SilencedBy, maintenance bool) (names []string) {
	for _, s := range list {
		if s.Maintenance == maintenance {
			names = append(names, strings.TrimPrefix(s.ID, silence.WindowPrefix))
		}
	}
	return names
}

// quoted writes texts with commas between them.
func (e *encoder) quoted(list []string) {
	for k, text := range list {
		if k > 0 {
			e.text(`,`)
		}
		e.quote(text)
	}
}

// annotations writes those of an alert, and what quell decided.
func (e *encoder) annotations(a *alert) {
	e.text(`{`)
	v := a.verdict
	if v.incident == 0 {
		e.pairs(a.Annotations, nil)
		e.text(`}`)
		return
	}
	e.pair(noteIncident, v.incident.String())
	e.text(`,`)
	e.pair(noteRoot, string(v.root))
	e.text(`,`)
	e.pair(noteState, v.state)
	own := []string{noteIncident, noteRoot, noteState}
	if before := len(e.buf); a.Annotations != "" {
		e.text(`,`)
		if e.pairs(a.Annotations, own); len(e.buf) == before+1 {
			e.buf = e.buf[:before]
		}
	}
	e.text(`}`)
}

// pairs writes labels but those with the names that are left out.
func (e *encoder) pairs(l correlate.Labels, without []string) {
	first := true
	for name, value := range l.All() {
		if slices.Contains(without, name) {
			continue
		}
		if !first {
			e.text(`,`)
		}
		first = false
		e.pair(name, value)
	}
}

func (e *encoder) pair(name, value string) {
	e.quote(name)
	e.text(`:`)
	e.quote(value)
}

func (e *encoder) time(t time.Time) {
	e.text(`"`)
	e.buf = t.UTC().AppendFormat(e.buf, timeLayout)
	e.text(`"`)
}

// quote writes a string. Most are plain ASCII and need no escaping.
func (e *encoder) quote(s string) {
	if strings.IndexFunc(s, unusual) < 0 {
		e.text(`"`)
		e.text(s)
		e.text(`"`)
		return
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic("alertmanager: text cannot be encoded: " + err.Error()) // every string can
	}
	e.buf = append(e.buf, b...)
}

// unusual reports whether a character has to be escaped, or may have to be.
func unusual(c rune) bool {
	return c < ' ' || c >= unicode.MaxASCII || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&'
}

// isLink reports whether a text of a sender can be shown as a link: a browser does worse things with some than to follow them.
func isLink(s string) bool {
	return (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) && strings.IndexFunc(s, unusualInLink) < 0
}

func unusualInLink(c rune) bool { return c <= ' ' || c == unicode.MaxASCII }
