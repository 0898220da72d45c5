package replay

import (
	"bufio"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/topology"
)

// jsonPrinter writes JSON Lines, in the order in which scripts outside of this program expect the keys. Decisions are many and are
// put together by hand; what comes once is left to encoding/json.
type jsonPrinter struct {
	out *bufio.Writer
	b   []byte
	// encoded is the JSON of shared: the effects of a step on one incident share their roots.
	encoded []byte
	shared  []correlate.Root
}

func (p *jsonPrinter) decision(f *correlate.Effect) {
	b := append(p.b[:0], `{"t":"`...)
	b = appendStamp(b, f.At)
	b = append(b, `","decision":"`...)
	b = append(b, f.Decision.String()...)
	b = append(b, `","incident":"inc-`...)
	b = strconv.AppendUint(b, uint64(f.Incident), 10)
	b = append(b, `","reason":`...)
	b = appendText(b, f.Reason)
	b = appendRule(b, f.Rule)
	b = append(b, `,"roots":`...)
	b = append(b, p.roots(f.Roots)...)
	p.b = append(b, "}\n"...)
	_, _ = p.out.Write(p.b) // a write error comes back from Flush
}

// appendRule writes the key of the rule that decided, if any did.
func appendRule(b []byte, r *correlate.RuleID) []byte {
	if r == nil {
		return b
	}
	b = append(b, `,"rule":{"section":`...)
	b = appendText(b, r.Section)
	if r.Name != "" {
		b = appendText(append(b, `,"name":`...), r.Name)
	}
	b = appendText(append(b, `,"file":`...), r.File)
	b = strconv.AppendInt(append(b, `,"line":`...), int64(r.Line), 10)
	return append(b, '}')
}

// roots returns the JSON of a list of roots, which is good until the next call.
func (p *jsonPrinter) roots(roots []correlate.Root) []byte {
	if len(roots) > 0 && len(roots) == len(p.shared) && &roots[0] == &p.shared[0] {
		return p.encoded
	}
	b := append(p.encoded[:0], '[')
	for i := range roots {
		if i > 0 {
			b = append(b, ',')
		}
		r := &roots[i]
		b = append(b, `{"entity":`...)
		b = appendText(b, string(r.Entity))
		b = append(b, `,"score":`...)
		b = strconv.AppendFloat(b, math.Round(r.Score*1e4)/1e4, 'f', -1, 64)
		b = append(b, `,"silent":`...)
		b = strconv.AppendBool(b, r.Silent)
		b = append(b, `,"why":`...)
		b = appendText(b, r.Why)
		b = append(b, '}')
	}
	p.encoded, p.shared = append(b, ']'), roots
	return p.encoded
}

// refused prints nothing: the format knows decisions only, and a refused command is none.
func (p *jsonPrinter) refused(string, *correlate.Command, error) {}

func (p *jsonPrinter) incident(found page, members []topology.Entity) {
	type body struct {
		ID        correlate.IncidentID `json:"id"`
		State     correlate.State      `json:"state"`
		Outcome   string               `json:"outcome"`
		Opened    *moment              `json:"opened"`
		Escalated *moment              `json:"escalated"`
		Closed    *moment              `json:"closed"`
		Roots     json.RawMessage      `json:"roots"`
		Members   []topology.Entity    `json:"members"`
		Alerts    int                  `json:"alerts"`
		HealedBy  *correlate.Healing   `json:"healed_by,omitempty"`
		Chronic   []correlate.Chronic  `json:"chronic,omitempty"`
	}
	inc := found.incident
	p.value(struct {
		Incident body `json:"incident"`
	}{body{
		ID: inc.ID, State: inc.State, Outcome: inc.Outcome, Opened: (*moment)(&inc.Opened), Escalated: (*moment)(inc.Escalated),
		Closed: (*moment)(inc.Closed), Roots: p.roots(inc.Roots), Members: members, Alerts: inc.Alerts,
		HealedBy: inc.HealedBy, Chronic: inc.Chronic,
	}})
}

func (p *jsonPrinter) summary(s *summary) {
	p.value(struct {
		Summary *summary `json:"summary"`
	}{s})
}

// value writes a line.
func (p *jsonPrinter) value(v any) {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return // a write error, which comes back from Flush: nothing in v can fail
	}
}

// moment is a time in the notation of [stamp].
type moment time.Time

// MarshalText writes the time in UTC.
func (m *moment) MarshalText() ([]byte, error) { return appendStamp(nil, time.Time(*m)), nil }

func appendStamp(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, time.RFC3339Nano) }

// appendText writes a JSON string as encoding/json does without HTML escapes.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if c >= utf8.RuneSelf && r != utf8.RuneError {
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		switch {
		case r == utf8.RuneError:
			b = append(b, `\ufffd`...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i += size
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
