package webhook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"quell/correlate"
	"quell/rules/expr"
)

// fields evaluates the expressions of one outcome, and keeps the first error.
type fields struct {
	values  expr.Values
	outcome string
	err     error
}

func (f *fields) fail(field string, x *expression, err error) {
	if err != nil && f.err == nil {
		f.err = errors.New(x.says(f.outcome+"."+field, err))
	}
}

// text is empty where there is no expression.
func (f *fields) text(field string, x *expression) string {
	if !x.given() || f.err != nil {
		return ""
	}
	s, err := x.program.String(f.values)
	f.fail(field, x, err)
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (f *fields) bool(field string, x *expression, otherwise bool) bool {
	if !x.given() || f.err != nil {
		return otherwise
	}
	b, err := x.program.Bool(f.values)
	f.fail(field, x, err)
	return b
}

// time reads times as senders write them: a time, text of RFC 3339, seconds or milliseconds since 1970. Nothing, and empty text, is zero.
func (f *fields) time(field string, x *expression) time.Time {
	if !x.given() || f.err != nil {
		return time.Time{}
	}
	v, err := x.program.Value(f.values)
	if err != nil {
		f.fail(field, x, err)
		return time.Time{}
	}
	t, err := timeOf(v)
	f.fail(field, x, err)
	return t
}

func timeOf(v any) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return time.Time{}, nil
	case time.Time:
		return v, nil
	case int64:
		return unix(float64(v))
	case float64:
		return unix(v)
	case string:
		if v == "" {
			return time.Time{}, nil
		}
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return time.Time{}, fmt.Errorf("%.40q is no time of RFC 3339 (parseTime reads other forms)", v)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("a %T is no time", v)
}

// unix reads a number as seconds, or, where that would be after the year 5000, as milliseconds.
func unix(n float64) (time.Time, error) {
	const lastSecond = 1e11
	switch {
	case n == 0:
		return time.Time{}, nil
	case n < 0 || n >= 1000*lastSecond || n != n:
		return time.Time{}, errors.New("the number is no time in seconds or milliseconds since 1970")
	case n >= lastSecond:
		return time.UnixMilli(int64(n)), nil
	}
	whole := int64(n)
	return time.Unix(whole, int64((n-float64(whole))*1e9)), nil
}

// pairs puts names and values together; an empty value takes a name away.
func (f *fields) pairs(field string, from pairs) map[string]string {
	all := make(map[string]string)
	for i := range from {
		p := &from[i]
		if p.name != "" {
			all[p.name] = f.text(field+"."+p.name, &p.expression)
			continue
		}
		if f.err != nil {
			break
		}
		some, err := p.program.Labels(f.values)
		f.fail(field, &p.expression, err)
		maps.Copy(all, some)
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// says is the reason of an error, with its place.
func (x *expression) says(field string, err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*expr.Error](err); ok {
		text = e.Text + x.part(e.Offset)
	}
	return x.place(field) + text
}

// place is where an expression stands: "file:line:col: field: ".
func (x *expression) place(field string) string {
	if x.at == "" {
		return field + ": "
	}
	return x.at + ": " + field + ": "
}

// part shows where in an expression an offset is: " (character 10 of item.deep.down)".
func (x *expression) part(offset int) string {
	const shown = 80
	text := x.program.Text()
	if offset < 0 || offset >= len(text) {
		return ""
	}
	whole := bounded(strings.Join(strings.Fields(text), " "), shown)
	return fmt.Sprintf(" (character %d of %s)", utf8.RuneCountInString(text[:offset])+1, whole)
}

// word is a short text.
func word(s string) string { return bounded(s, maxWordBytes) }

// bounded cuts text at a rune's end.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// bounds cuts what is too long, and drops labels beyond the limit, the last by name, but none of those that say what the alert is.
func bounds(l correlate.Labels) correlate.Labels {
	var list []correlate.Label
	for name, value := range l.All() {
		list = append(list, correlate.Label{Name: name, Value: bounded(value, max(0, maxLabelBytes-len(name)))})
	}
	if len(list) > maxLabels {
		slices.SortStableFunc(list, func(a, b correlate.Label) int { return rank(a.Name) - rank(b.Name) })
		list = list[:maxLabels]
	}
	return correlate.NewLabels(list)
}

func rank(name string) int {
	switch name {
	case "alertname", "severity", "quell_entity", "webhook", "cluster", "namespace", "pod", "node", "service", "instance", "job":
		return 0
	}
	return 1
}

// annotationsOf packs annotations; what people read first gets room first.
func annotationsOf(all map[string]string) correlate.Labels {
	names := slices.Sorted(maps.Keys(all))
	first := func(name string) int {
		if i := slices.Index([]string{"summary", "description", "message", "runbook_url"}, name); i >= 0 {
			return i
		}
		return 4
	}
	slices.SortStableFunc(names, func(a, b string) int { return first(a) - first(b) })
	var list []correlate.Label
	room := maxAnnotationBytes
	for _, name := range names {
		if name == "" || len(name) >= room {
			continue
		}
		value := bounded(all[name], room-len(name))
		room -= len(name) + len(value)
		list = append(list, correlate.Label{Name: name, Value: value})
	}
	return correlate.NewLabels(list)
}
