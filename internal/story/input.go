package story

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/internal/strictyaml"
)

// rawKinds are bodies as recordings have them, by the key of a line.
var rawKinds = []string{"alertmanager", "kubernetes", "event", "topology", "silence", "heartbeat"}

// inputs reads what happens: an item for each moment.
func (t *Test) inputs(n strictyaml.Node) {
	n.List(t.input)
	if len(t.Moments) > maxMoments {
		n.Problem(errTooLong.Error(), "put them into several tests")
	}
}

// given is one command of an input, before it is known how often it comes.
type given struct {
	node  strictyaml.Node
	texts []string
	apart bool // each is a step of its own
}

// item is one input of a YAML file.
type item struct {
	t        *Test
	at       time.Time
	repeat   series
	lasts    time.Duration
	interval time.Duration
	given    []given
	raw      []Moment
	deleted  bool
	series   string
	values   *strictyaml.Node // nil if not given
}

// input reads one item: a time, and commands of the script's language, bodies of a recording, or a series.
func (t *Test) input(n strictyaml.Node) {
	in := &item{t: t, at: t.Start, repeat: series{times: 1}, interval: time.Minute}
	fields := strictyaml.Fields{
		"at":       at(t.Start, &in.at),
		"times":    strictyaml.Int(&in.repeat.times, 1, maxMoments),
		"every":    duration(&in.repeat.every),
		"for":      duration(&in.lasts),
		"deleted":  strictyaml.Bool(&in.deleted),
		"series":   strictyaml.Name(&in.series),
		"values":   func(n strictyaml.Node) { in.values = &n },
		"interval": duration(&in.interval),
	}
	for _, verb := range slices.Sorted(maps.Keys(verbs)) {
		fields[verb] = func(n strictyaml.Node) { in.command(verb, n) }
	}
	for _, kind := range rawKinds {
		if kind == "event" || kind == "silence" { // they have short forms, too
			fields[kind] = func(n strictyaml.Node) {
				if n.IsMap() {
					in.body(kind, n)
					return
				}
				in.command(kind, n)
			}
			continue
		}
		fields[kind] = func(n strictyaml.Node) { in.body(kind, n) }
	}
	n.Map(fields, "at")
	if only(n, modifiers) {
		n.Problem("nothing happens", "give one of "+strings.Join(verbNames, ", ")+", series, "+strings.Join(rawKinds, ", "))
	}
	in.add(n)
}

// modifiers are the keys of an input that say when and how often, but not what.
var modifiers = []string{"at", "times", "every", "for", "deleted", "interval"}

// only reports whether a map has no keys but these.
func only(n strictyaml.Node, keys []string) bool {
	for _, key := range n.Keys() {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

// at reads a time of a story: a duration from its start.
func at(start time.Time, to *time.Time) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var text string
		strictyaml.Plain(&text)(n)
		if text == "" {
			return
		}
		if text == "0" {
			text = "0s"
		}
		when, err := offset(start, text)
		if err == nil && when.Before(start) {
			err = errors.New("it is before the start")
		}
		if err != nil {
			n.Problem(err.Error(), "times count from the start: 0s, 5m, 1h30m")
			return
		}
		*to = when
	}
}

func duration(to *time.Duration) strictyaml.Setter {
	return strictyaml.Duration(to, 0, maxSpan)
}

// maxSpan bounds durations within a story.
const maxSpan = 366 * 24 * time.Hour

// command takes a verb with its arguments, or a list of them.
func (in *item) command(verb string, n strictyaml.Node) {
	g := given{node: n, apart: verb == "ack" || verb == "close"}
	one := func(n strictyaml.Node) {
		var text string
		strictyaml.Plain(&text)(n)
		g.texts = append(g.texts, strings.TrimSpace(verb+" "+text))
	}
	switch {
	case n.IsList():
		n.List(one)
	case verb == "tick":
		g.texts = []string{"tick"}
	default:
		one(n)
	}
	in.given = append(in.given, g)
}

// body takes a body as a recording has it.
func (in *item) body(kind string, n strictyaml.Node) {
	m := Moment{Kind: kind, Text: kind, Line: n.Later().Line}
	if n.IsMap() || n.IsList() {
		m.Raw = asJSON(n)
	} else {
		var text string
		strictyaml.Name(&text)(n)
		if m.Raw = []byte(text); !json.Valid(m.Raw) {
			n.Problem("it is neither a map nor JSON", "")
			return
		}
	}
	in.raw = append(in.raw, m)
}

// add makes moments of what was read.
func (in *item) add(n strictyaml.Node) {
	switch {
	case in.deleted && !slices.ContainsFunc(in.raw, func(m Moment) bool { return m.Kind == "kubernetes" }):
		n.Problem("deleted can only stand beside kubernetes", "")
	case in.series != "":
		in.addSeries(n)
	case in.values != nil:
		n.Problem("values without a series", "")
	}
	for _, m := range in.raw {
		m.At, m.Deleted = in.at, in.deleted
		in.t.Moments = append(in.t.Moments, m)
	}
	first := len(in.t.Moments)
	for _, g := range in.given {
		for _, text := range g.texts {
			moments, err := repeated(text, clock{in.t.Start, in.at}, in.repeat)
			if err == nil && in.lasts > 0 {
				moments, err = in.end(text, moments)
			}
			if err != nil {
				g.node.Problem(err.Error(), "")
				continue
			}
			for i := range moments {
				moments[i].Line = g.node.Later().Line
			}
			in.t.Moments = append(in.t.Moments, moments...)
		}
	}
	if in.repeat.times == 1 && in.lasts == 0 {
		in.batch(first)
	}
}

// batch makes one step of the commands of an item: what stands together comes together. What an operator does is a step of its own.
func (in *item) batch(first int) {
	moments := in.t.Moments[first:]
	if len(moments) < 2 || slices.ContainsFunc(in.given, func(g given) bool { return g.apart }) {
		return
	}
	for _, m := range moments[1:] {
		moments[0].Inputs = append(moments[0].Inputs, m.Inputs...)
		moments[0].Text += "; " + m.Text
	}
	in.t.Moments = in.t.Moments[:first+1]
}

// end lets alerts resolve that last for a while.
func (in *item) end(text string, moments []Moment) ([]Moment, error) {
	rest, ok := strings.CutPrefix(text, "fire ")
	if !ok {
		return nil, errors.New("for goes with fire only")
	}
	s := in.repeat
	ends, err := repeated("resolve "+rest, clock{in.t.Start, in.at.Add(in.lasts)}, s)
	return append(moments, ends...), err
}

// addSeries makes an alert fire and resolve as a series says.
func (in *item) addSeries(n strictyaml.Node) {
	if in.values == nil {
		n.Problem("series without values", `write values: "0 1x10 0"`)
		return
	}
	var text string
	strictyaml.Plain(&text)(*in.values)
	values, err := expand(text)
	if err != nil {
		in.values.Problem(err.Error(), `write values as promtool has them: "0 1x10 0"`)
		return
	}
	firing := false
	for i, v := range values {
		if v == firing {
			continue
		}
		verb := "resolve "
		if firing = v; firing {
			verb = "fire "
		}
		m, err := clock{in.t.Start, in.at.Add(time.Duration(i) * in.interval)}.command(verb + in.series)
		if err != nil {
			n.Problem(err.Error(), "")
			return
		}
		m.Line = n.Later().Line
		in.t.Moments = append(in.t.Moments, m)
	}
}

// expand reads values as promtool has them, as far as they can be of an alert: N, NxTIMES, N+STEPxTIMES, N-STEPxTIMES, _, _xTIMES and stale.
// All but zero and nothing mean that it fires.
func expand(text string) ([]bool, error) {
	var values []bool
	for word := range strings.FieldsSeq(text) {
		value, times, repeats := strings.Cut(word, "x")
		n := 1
		if repeats {
			more, err := strconv.Atoi(times)
			if err != nil || more < 0 || more > maxMoments {
				return nil, fmt.Errorf("%s is no value", strictyaml.Quote(word))
			}
			n = more + 1 // 1x2 is 1 1 1
			if value == "_" {
				n = more
			}
		}
		if len(values)+n > maxMoments {
			return nil, errTooLong
		}
		if value == "_" || value == "stale" {
			values = append(values, make([]bool, n)...)
			continue
		}
		step := 0.0
		if sign := strings.LastIndexAny(value, "+-"); repeats && sign > 0 && value[sign-1] != 'e' {
			var err error
			if step, err = strconv.ParseFloat(value[sign:], 64); err != nil {
				return nil, fmt.Errorf("%s is no value", strictyaml.Quote(word))
			}
			value = value[:sign]
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no value", strictyaml.Quote(word))
		}
		for i := range n {
			values = append(values, v+float64(i)*step != 0)
		}
	}
	return values, nil
}

// asJSON writes a value as JSON.
func asJSON(n strictyaml.Node) []byte {
	var b bytes.Buffer
	comma := func(first *bool) {
		if !*first {
			b.WriteByte(',')
		}
		*first = false
	}
	first := true
	switch {
	case n.IsMap():
		b.WriteByte('{')
		n.Entries(func(key string, n strictyaml.Node) {
			comma(&first)
			quoted, _ := json.Marshal(key) // text has no values that JSON lacks
			b.Write(quoted)
			b.WriteByte(':')
			b.Write(asJSON(n))
		})
		b.WriteByte('}')
	case n.IsList():
		b.WriteByte('[')
		n.List(func(n strictyaml.Node) {
			comma(&first)
			b.Write(asJSON(n))
		})
		b.WriteByte(']')
	default:
		text, ok := n.Scalar()
		if !ok {
			return []byte("null")
		}
		if !json.Valid([]byte(text)) { // 0x1f, .inf
			quoted, _ := json.Marshal(text)
			return quoted
		}
		b.WriteString(text)
	}
	return b.Bytes()
}
