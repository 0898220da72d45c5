package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Functions beside CEL's own.
const (
	functionLabel           = "@label"
	functionFingerprint     = "fingerprint"
	functionParseTime       = "parseTime"
	overloadLabel           = "label_map_string"
	overloadFingerprint     = "fingerprint_string"
	overloadParseTime       = "parse_time_dyn"
	overloadParseTimeLayout = "parse_time_string_string"

	fingerprintDigits = 16
	maxTimeBytes      = 64
)

func functions() []cel.EnvOption {
	text := cel.StringType
	return []cel.EnvOption{
		cel.Function(functionLabel, cel.Overload(overloadLabel, []*cel.Type{kinds[Labels].cel, text}, text, cel.BinaryBinding(label))),
		cel.Function(functionFingerprint, cel.Overload(overloadFingerprint, []*cel.Type{text}, text, cel.UnaryBinding(fingerprint))),
		cel.Function(functionParseTime,
			cel.Overload(overloadParseTime, []*cel.Type{cel.DynType}, cel.TimestampType, cel.UnaryBinding(parseTime)),
			cel.Overload(overloadParseTimeLayout, []*cel.Type{text, text}, cel.TimestampType, cel.BinaryBinding(parseTimeLayout))),
	}
}

// label looks up what may be missing.
func label(of, name ref.Val) ref.Val {
	m, ok := of.(traits.Mapper)
	if !ok {
		return types.MaybeNoSuchOverloadErr(of)
	}
	if v, ok := m.Find(name); ok {
		return v
	}
	return types.String("")
}

// fingerprint tells texts apart in few letters: 16 hexadecimal digits of SHA-256.
func fingerprint(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	sum := sha256.Sum256([]byte(s))
	return types.String(hex.EncodeToString(sum[:fingerprintDigits/2]))
}

// layouts are the forms of time that senders use. Names of zones are not among them, but for UTC: they are ambiguous.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 UTC",
	"2006-01-02 15:04:05 -0700 UTC", time.RFC1123Z, "Mon, 02 Jan 2006 15:04:05 UTC", "Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02",
}

// parseTime reads a time in any of the forms that are common and clear. Numbers count from 1970, in seconds up to the year 5138, and
// beyond in milliseconds, microseconds or nanoseconds.
func parseTime(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Timestamp:
		return v
	case types.Int:
		return sinceEpoch(float64(v), int64(v))
	case types.Uint:
		return sinceEpoch(float64(v), int64(min(v, math.MaxInt64)))
	case types.Double:
		return sinceEpoch(float64(v), 0)
	case types.String:
		return parseTimeText(strings.TrimSpace(string(v)))
	}
	return types.NewErr("%s is no time", v.Type().TypeName())
}

func parseTimeText(s string) ref.Val {
	if len(s) > maxTimeBytes {
		return types.NewErr("text of %d bytes is no time", len(s))
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return sinceEpoch(float64(n), n)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return sinceEpoch(f, 0)
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return inRange(t)
		}
	}
	return types.NewErr("%q is no time", s)
}

func parseTimeLayout(text, layout ref.Val) ref.Val {
	s, ok := text.(types.String)
	l, ok2 := layout.(types.String)
	switch {
	case !ok || !ok2:
		return types.MaybeNoSuchOverloadErr(text)
	case len(s) > maxTimeBytes || len(l) > maxTimeBytes:
		return types.NewErr("text or layout of more than %d bytes is no time", maxTimeBytes)
	case strings.Contains(string(l), "MST"):
		return types.NewErr("layout %q has the name of a zone, which is ambiguous", string(l))
	}
	t, err := time.ParseInLocation(string(l), string(s), time.UTC)
	if err != nil {
		return types.NewErr("%q is no time of the form %q", string(s), string(l))
	}
	return inRange(t)
}

// sinceEpoch is a time by a number, whole if it was given as one. The units are told by size.
func sinceEpoch(f float64, whole int64) ref.Val {
	const seconds = 1e11
	if math.IsNaN(f) || math.Abs(f) >= seconds*1e9 {
		return types.NewErr("%v is no time", f)
	}
	unit := time.Second
	for limit := seconds; math.Abs(f) >= limit && unit > 1; limit *= 1000 {
		unit /= 1000
	}
	if whole != 0 {
		perSecond := int64(time.Second / unit)
		return inRange(time.Unix(whole/perSecond, whole%perSecond*int64(unit)).UTC())
	}
	s, fraction := math.Modf(f * unit.Seconds())
	return inRange(time.Unix(int64(s), int64(math.Round(fraction*1e9))).UTC())
}

// inRange keeps to the years that CEL knows.
func inRange(t time.Time) ref.Val {
	if t.Year() < 1 || t.Year() > 9999 {
		return types.NewErr("year %d is out of range", t.Year())
	}
	return types.Timestamp{Time: t.UTC()}
}
