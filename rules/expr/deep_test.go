package expr

import (
	"fmt"
	"strings"
	"testing"
)

// largeBody is what a sender may post: texts of 200 kB, twice, lists of 20,000 items, twice, and a map of as many keys.
func largeBody() map[string]any {
	numbers, more, texts, keys := make([]any, 20_000), make([]any, 20_000), make([]any, 20_000), make(map[string]any)
	for i := range numbers {
		numbers[i], more[i], texts[i] = int64(i), int64(i), fmt.Sprint("text ", i)
		keys[fmt.Sprint("key ", i)] = int64(i)
	}
	long := strings.Repeat("a", 200_000)
	return map[string]any{
		"t": long, "u": long[1:] + "b", "digits": strings.Repeat("1", 200_000), "one": []any{int64(1)},
		"l": numbers, "m": more, "texts": texts, "keys": keys, "when": "2026-01-01T12:00:00Z",
	}
}

// costOf evaluates an expression, and returns what it did cost by CEL's own count.
func costOf(t *testing.T, e *Environment, text string, body any) (cost uint64, err error) {
	t.Helper()
	p, err := e.Compile(text, Any)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	_, details, err := p.program.Eval(&Scope{Values{"body": body}})
	if err == nil {
		_, err = p.Value(Values{"body": body})
	} else {
		err = p.failure(err)
	}
	if details == nil || details.ActualCost() == nil {
		t.Fatalf("%s: nobody counts what it costs", text)
	}
	return *details.ActualCost(), err
}

// TestAHostileExpressionEndsWithinItsCost repeats on a large body what takes long and is one call each. Every one is stopped, and did not cost
// more than the limit and the call that broke it. Without the costs each would take minutes or years, or all memory.
func TestAHostileExpressionEndsWithinItsCost(t *testing.T) {
	const limit = 300_000
	body := largeBody()
	env := testEnv.Limit(limit)
	longest := uint64(0) // of a single call: all of a body
	for _, v := range body {
		switch v := v.(type) {
		case string:
			longest = max(longest, uint64(len(v)))
		case []any:
			longest = max(longest, costPerKey*uint64(len(v)))
		}
	}
	many := func(x string, n int) string { return strings.TrimSuffix(strings.Repeat(x+" + ", n), " + ") }
	ten := func(x string) string { return "[" + strings.TrimSuffix(strings.Repeat(x+", ", 10), ", ") + "]" }
	for name, text := range map[string]string{
		"equal lists":          `body.l.all(x, body.l == body.m)`,
		"different lists":      `body.l.all(x, !(body.l != body.m))`,
		"equal maps":           `body.l.all(x, body.keys == body.keys)`,
		"equal texts":          `body.l.all(x, body.t != body.u)`,
		"texts in order":       `body.l.all(x, body.t < body.u)`,
		"a list in lists":      `body.l.all(x, body.l in [body.one, body.m])`,
		"a text in texts":      `body.l.all(x, !(body.u in [body.t, body.t, body.t]))`,
		"a text in its copies": `body.u in body.l.map(x, body.t)`,
		"lists of lists":       "cel.bind(a, " + ten("body.l") + ", cel.bind(b, " + ten("a") + ", cel.bind(c, " + ten("b") + ", cel.bind(d, " + ten("c") + ", d == " + ten("c") + "))))",
		"fingerprints":         `body.l.all(x, fingerprint(body.t) != "")`,
		"base64":               `body.l.all(x, base64.encode(bytes(body.t)) != "")`,
		"base64, decoded":      `body.l.all(x, base64.decode(body.t).size() > 0)`,
		"sizes":                `body.l.all(x, body.t.size() > 0)`,
		"numbers of texts":     `body.l.all(x, double(body.digits) > 0.0)`,
		"times":                `body.l.all(x, parseTime("2026-01-01") != timestamp("2026-01-02T00:00:00Z"))`,
		"time zones":           `body.l.all(x, timestamp(body.when).getHours("Europe/Berlin") > 0)`,
		"sorted keys":          `body.l.all(x, body.keys.exists(k, true))`,
		"a text that doubles":  "cel.bind(a, " + many("body.t", 8) + ", cel.bind(b, " + many("a", 8) + ", " + many("b", 8) + ")).size()",
		"a list that doubles":  "cel.bind(a, " + many("body.l", 8) + ", cel.bind(b, " + many("a", 8) + ", " + many("b", 8) + ")).size()",
		"empty lists":          "cel.bind(a, " + ten("[]") + ", cel.bind(b, " + ten("a") + ", cel.bind(c, " + ten("b") + ", cel.bind(d, " + ten("c") + ", cel.bind(e, " + ten("d") + ", cel.bind(f, " + ten("e") + `, "%s".format([[f, f, f, f]]))))))) + body.t`,
	} {
		t.Run(name, func(t *testing.T) {
			cost, err := costOf(t, env, text, body)
			if err == nil || !strings.Contains(err.Error(), "stopped: ") {
				t.Errorf("got %v, want it to be stopped", err)
			}
			if cost > limit+longest {
				t.Errorf("cost %d, want at most %d and one call", cost, limit)
			}
		})
	}
}

// TestWhatIsLookedAtIsPaidFor makes each function that reads all of what it is given read 200 kB, or 20,000 items, once.
func TestWhatIsLookedAtIsPaidFor(t *testing.T) {
	body := largeBody()
	for text, least := range map[string]uint64{
		`fingerprint(body.t)`:                  20_000,
		`base64.encode(bytes(body.t))`:         40_000,
		`base64.decode(body.t)`:                20_000,
		`size(body.t)`:                         20_000,
		`body.t.size()`:                        20_000,
		`body.t == body.u`:                     20_000,
		`body.t < body.u`:                      20_000,
		`body.t in [body.u]`:                   20_000,
		`body.t + body.u`:                      40_000,
		`body.l == body.m`:                     20_000,
		`body.l != body.m`:                     20_000,
		`-1 in body.l`:                         20_000,
		`body.l in [body.m]`:                   20_000,
		`body.keys == body.keys`:               20_000,
		`body.l + body.m`:                      4_000,
		`body.keys.exists(k, true)`:            60_000,
		`parseTime(body.when) == null`:         40,
		`timestamp(body.when).getHours("UTC")`: 300,
		`optional.of(body.l) == body.?m`:       20_000,
		`[body.l, body.l] == [body.m, body.m]`: 40_000,
		`{"a": body.l} == {"a": body.m}`:       20_000,
		`bytes(body.t) == bytes(body.t + "b")`: 60_000,
	} {
		if cost, err := costOf(t, testEnv, text, body); err != nil || cost < least || cost > 3*least+100 {
			t.Errorf("%s: got the cost %d, %v, want %d or a little more", text, cost, err, least)
		}
	}
}

// TestAResultThatIsLargerThanWhatItIsMadeOfIsNotMade writes lists of lists of one list, which take no room until they are written out.
func TestAResultThatIsLargerThanWhatItIsMadeOfIsNotMade(t *testing.T) {
	body := largeBody()
	text := `cel.bind(a, [body.l, body.l, body.l, body.l, body.l, body.l, body.l, body.l, body.l, body.l], [a, a, a, a, a, a, a, a, a, a])`
	p, err := testEnv.Compile(text, Any)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Value(Values{"body": body}); err == nil || !strings.Contains(err.Error(), "stopped: the result") {
		t.Errorf("got %v, want it to be stopped", err)
	}
	if _, err := p.List(Values{"body": body}); err == nil || !strings.Contains(err.Error(), "stopped: the result") {
		t.Errorf("as a list: got %v, want it to be stopped", err)
	}
}
