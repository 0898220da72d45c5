package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// builtin are the Defs of what setters of this package accept. Patterns say what they can; the reader says the rest.
var builtin = map[string]Schema{
	"duration": {
		Description: "A time span as Prometheus writes them, such as 90s, 5m, 1h30m or 7d.",
		Type:        []string{"string"}, MinLength: 1, Pattern: spanPattern, Examples: []any{"90s", "5m", "1h30m", "7d"},
	},
	"duration_or_zero": {
		Description: "A time span as Prometheus writes them, such as 90s, 5m, 1h30m or 7d, or 0 for none.",
		Type:        []string{"string", "integer"}, MinLength: 1, Pattern: "^0$|" + spanPattern,
		Minimum: new(float64), Maximum: new(float64), Examples: []any{"0s", "90s", "5m", "1h30m"},
	},
	"size": {
		Description: "A number of bytes, plain or with the unit KiB, MiB, GiB or TiB.",
		Type:        []string{"string", "integer"}, Pattern: `^\s*[0-9]+\s*([KMGT]iB|B)?$`, Examples: []any{"512KiB", "64MiB", "1GiB"},
	},
	"address": {
		Description: "An address that begins with http:// or https://.",
		Type:        []string{"string"}, Format: "uri", Pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]", Examples: []any{"https://example.org"},
	},
	"matcher": {
		Description: "One matcher of Alertmanager, or several with commas between them: a label that has a value (=), has not (!=), matches a regular " +
			"expression as a whole (=~) or does not (!~). A label that is not there counts as empty.",
		Type: []string{"string"}, Pattern: "=|!~", Examples: []any{`alertname="KubePodCrashLooping"`, `severity=~"error|critical"`, `namespace!="sandbox"`},
	},
}

// spanPattern is what Prometheus takes for a duration, other than "0"; it takes the empty text as well, which MinLength excludes.
const spanPattern = "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"

// ref is a reference to one of the built-in Defs, which the schema has from then on.
func (n Node) ref(name string) Schema {
	if n.sketch != nil {
		if _, known := n.sketch.walk.defs[name]; !known {
			def := builtin[name]
			n.sketch.walk.defs[name] = &def
		}
	}
	return Schema{Ref: name}
}

func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// bounded is a number from lo to hi.
func bounded(typ string, lo, hi float64) Schema {
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return Schema{Type: []string{typ}, Minimum: &lo, Maximum: &hi, within: plain(lo) + " to " + plain(hi)}
}

func (n Node) notedIntOrWord(fallback, lo, hi int, words map[string]int) bool {
	number := bounded("integer", float64(lo), float64(hi))
	names := slices.Sorted(maps.Keys(words))
	s := Schema{AnyOf: []*Schema{&number, {Enum: anys(names)}}, within: number.within + ", or " + strings.Join(names, " or ")}
	for _, name := range names {
		if words[name] == fallback {
			return n.noted(s, name)
		}
	}
	return n.noted(s, fallback)
}

func (n Node) notedDuration(fallback, lo, hi time.Duration) bool {
	s := n.ref("duration")
	if lo <= 0 {
		s = n.ref("duration_or_zero")
	}
	s.within = fmt.Sprintf("%v to %v", model.Duration(lo), model.Duration(hi))
	if fallback <= 0 {
		return n.noted(s, nil)
	}
	return n.noted(s, model.Duration(fallback).String())
}

func (n Node) notedSize(fallback, lo, hi int64) bool {
	s := n.ref("size")
	low, high := float64(lo), float64(hi)
	s.Minimum, s.Maximum, s.within = &low, &high, sizeText(lo)+" to "+sizeText(hi)
	if fallback == 0 {
		return n.noted(s, nil)
	}
	return n.noted(s, sizeText(fallback))
}

// sizeText writes a number of bytes with the largest unit that leaves a whole number.
func sizeText(bytes int64) string {
	text := fmt.Sprint(bytes)
	for _, u := range sizeUnits {
		if u.bytes > 1 && bytes >= u.bytes && bytes%u.bytes == 0 {
			text = fmt.Sprintf("%d%s", bytes/u.bytes, u.suffix)
		}
	}
	return text
}

// notedRefusal takes a note of a key that has no meaning: only null, which counts as not given, is allowed there.
func (n Node) notedRefusal(text, hint string) bool {
	if hint != "" {
		text += " (" + hint + ")"
	}
	return n.noted(Schema{Type: []string{"null"}, Deprecated: true, Description: "Refused: " + text + "."}, nil)
}
