package ingest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// webhookWith is a valid webhook with alerts as given.
func webhookWith(alerts ...string) string {
	return `{"version":"4","externalURL":"http://am:9093","alerts":[` + strings.Join(alerts, ",") + `]}`
}

const goodAlert = `{"status":"firing","labels":{"alertname":"A"},"startsAt":"2026-11-21T11:00:00Z"}`

// Case 52: what other readers could understand otherwise makes a body malformed, wherever it stands.
func TestDecoderRefusesAmbiguousAndBrokenBodies(t *testing.T) {
	tests := map[string]string{
		"empty":                       ``,
		"white space":                 " \n",
		"cut off":                     `{"version":"4","alerts":[`,
		"cut off in a string":         `{"version":"4`,
		"cut off behind a backslash":  `{"version":"4\`,
		"trailing garbage":            webhookWith(goodAlert) + `x`,
		"second document":             webhookWith(goodAlert) + webhookWith(goodAlert),
		"byte order mark":             "\ufeff" + webhookWith(goodAlert),
		"array instead of object":     `[]`,
		"no version":                  `{"alerts":[]}`,
		"other version":               `{"version":"5","alerts":[]}`,
		"version is a number":         `{"version":4,"alerts":[]}`,
		"version in capitals":         `{"VERSION":"4","alerts":[]}`,
		"no alerts":                   `{"version":"4"}`,
		"alerts is an object":         `{"version":"4","alerts":{}}`,
		"long s for s":                `{"verſion":"4","alerts":[]}`,
		"duplicate key":               `{"version":"4","alerts":[],"version":"4"}`,
		"duplicate key, escaped":      `{"version":"4","alerts":[],"\u0076ersion":"4"}`,
		"duplicate key in an alert":   webhookWith(`{"status":"firing","labels":{"a":"b"},"labels":{"c":"d"}}`),
		"duplicate unknown key":       webhookWith(`{"status":"firing","labels":{"a":"b"},"x":1,"x":2}`),
		"duplicate key where skipped": `{"version":"4","alerts":[],"commonLabels":{"a":"1","a":"2"}}`,
		"duplicate among many":        `{"version":"4","alerts":[],"x":{` + manyKeys(20) + `,"k3":1}}`,
		"bad UTF-8 where skipped":     `{"version":"4","alerts":[],"x":"` + "\xff" + `"}`,
		"bad UTF-8 in a key":          `{"version":"4","alerts":[],"` + "\xc3" + `":1}`,
		"surrogate where skipped":     `{"version":"4","alerts":[],"x":"\ud800"}`,
		"low surrogate first":         `{"version":"4","alerts":[],"x":"\udc00\ud800"}`,
		"newline where skipped":       "{\"version\":\"4\",\"alerts\":[],\"x\":\"\n\"}",
		"unknown escape":              `{"version":"4","alerts":[],"x":"\x41"}`,
		"short unicode escape":        `{"version":"4","alerts":[],"x":"\u00g0"}`,
		"bad UTF-8 in group key":      `{"version":"4","alerts":[],"groupKey":"` + "\xff" + `"}`,
		"negative count":              `{"version":"4","alerts":[],"truncatedAlerts":-1}`,
		"count with a fraction":       `{"version":"4","alerts":[],"truncatedAlerts":1.5}`,
		"trailing comma in array":     webhookWith(goodAlert, ``),
		"trailing comma in object":    `{"version":"4","alerts":[],}`,
		"missing comma":               `{"version":"4" "alerts":[]}`,
		"missing colon":               `{"version" "4","alerts":[]}`,
		"single quotes":               `{'version':'4','alerts':[]}`,
		"leading zero":                `{"version":"4","alerts":[],"x":01}`,
		"plus sign":                   `{"version":"4","alerts":[],"x":+1}`,
		"bare point":                  `{"version":"4","alerts":[],"x":1.}`,
		"bare exponent":               `{"version":"4","alerts":[],"x":1e}`,
		"bare minus":                  `{"version":"4","alerts":[],"x":-}`,
		"NaN":                         `{"version":"4","alerts":[],"x":NaN}`,
		"wrong literal":               `{"version":"4","alerts":[],"x":nul}`,
		"10,000 levels":               `{"version":"4","alerts":[],"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
		"65 levels":                   `{"version":"4","alerts":[],"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeWebhook([]byte(body), received, Limits{})
			var bad *BodyError
			if !errors.As(err, &bad) {
				t.Fatalf("got %+v, error %v, want a *BodyError", got, err)
			}
			if bad.Offset < 0 || bad.Offset > len(body) || len(bad.Reason) > 300 {
				t.Errorf("got offset %d of %d, reason %q", bad.Offset, len(body), bad.Reason)
			}
		})
	}
}

func manyKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = `"k` + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + `":0`
	}
	return strings.Join(keys, ",")
}

// What is merely unknown is skipped, however odd it is.
func TestDecoderSkipsUnknownKeys(t *testing.T) {
	tests := map[string]string{
		"number too large": `1e400`,
		"many digits":      `-` + strings.Repeat("9", 1000) + `.5E-3`,
		"literals":         `[true, false, null, {}, [], "", 0, -0]`,
		"62 more levels":   strings.Repeat("[", 63) + strings.Repeat("]", 63),
		"escapes":          `"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`,
		"many keys":        `{` + manyKeys(40) + `}`,
	}
	for name, value := range tests {
		t.Run(name, func(t *testing.T) {
			body := `{"x":` + value + `,"STATUS":"x","ſtatus":"y",` + webhookWith(goodAlert)[1:] + " \r\n\t"
			got, err := DecodeWebhook([]byte(body), received, Limits{})
			if err != nil || len(got.Alerts) != 1 || len(got.Rejected) != 0 {
				t.Fatalf("got %+v, error %v, want one alert", got, err)
			}
			if !json.Valid([]byte(body)) {
				t.Error("the test's own body is not valid JSON")
			}
		})
	}
}

// Goal: offsets help to find the place.
func TestBodyErrorTellsTheOffset(t *testing.T) {
	body := `{"version":"4","alerts":[],"a":1,"a":2}`
	_, err := DecodeWebhook([]byte(body), received, Limits{})
	want := `malformed body at byte 34: second key "a" in one object`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// special is compared with the obvious loop, on words that are full of what it looks for.
func TestSpecialFindsTheFirstQuoteBackslashOrControl(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte{'"', '"' + 1, '"' - 1, '\\', '\\' + 1, 0, 0x1f, ' ', 0x7f, 0x80, 0xa2, 0xff, 'a', '!'}
	for range 200_000 {
		var w uint64
		var b [8]byte
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
			w |= uint64(b[i]) << (8 * i)
		}
		want, high := 8, marks(0)
		for i := 7; i >= 0; i-- {
			if b[i] == '"' || b[i] == '\\' || b[i] < ' ' {
				want = i
			}
			if b[i] >= 0x80 {
				high = wide
			}
		}
		if got, gotHigh := special(w); got != want || gotHigh != high {
			t.Fatalf("special(%q): got %d, %d, want %d, %d", b, got, gotHigh, want, high)
		}
	}
}

func TestCutNeverSplitsARune(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"a😀", 4, "a"}, {"😀", 0, ""}, {"é", 1, ""}, {"", 0, ""},
	} {
		if got := string(cut([]byte(test.in), test.n)); got != test.want {
			t.Errorf("cut(%q, %d): got %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

func TestParseTimeReadsAllOfRFC3339(t *testing.T) {
	for in, want := range map[string]time.Time{
		"2026-11-21T12:00:00Z":                time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		"2026-11-21T13:30:00+01:30":           time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		"2026-11-20T22:00:00.123456789-14:00": time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC),
		"2024-02-29T00:00:00.5Z":              time.Date(2024, 2, 29, 0, 0, 0, 500_000_000, time.UTC),
		"0001-01-01T00:00:00Z":                {},
		"0001-01-01T00:00:00+14:00":           {},
		"0001-12-31T23:59:59Z":                {},
	} {
		if got, ok := parseTime([]byte(in)); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: got %v, %t, want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"2026-02-30T00:00:00Z", "2026-11-21", "2026-11-21 12:00:00Z", "now", "1700000000", "2026-11-21T12:00:00", "2026-11-21T12:00:60Z"} {
		if got, ok := parseTime([]byte(in)); ok {
			t.Errorf("%s: got %v, want a refusal", in, got)
		}
	}
}
