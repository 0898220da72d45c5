package expr

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// TestHostileExpressionsAreRefusedOrCheap compiles what is made to take long. The test fails by taking its time.
func TestHostileExpressionsAreRefusedOrCheap(t *testing.T) {
	deep := func(open, middle, end string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	for name, text := range map[string]string{
		"a megabyte":              strings.Repeat("labels.pod == 'x' && ", 50_000) + "true",
		"deep parentheses":        deep("(", "true", ")", MaxBytes/2-2),
		"deep parentheses, open":  deep("(", "true", "", MaxBytes-4),
		"deep lists":              deep("[", "1", "]", MaxBytes/2-1) + "",
		"deep ternaries":          deep("true ? ", "true", " : false", 1000),
		"deep calls":              deep("size(", "'x'", ")", 2000),
		"deep negations":          deep("!", "true", "", MaxBytes-4),
		"deep minus":              deep("-", "n", "", MaxBytes-1),
		"nested loops":            deep("body.all(x, ", "true", ")", 50),
		"loops in a row":          strings.Repeat("body.all(x, x.y.all(y, y == x)) && ", 400) + "true",
		"doubling texts":          deep("cel.bind(x, ", "labels.pod", ", x + x)", 40),
		"doubling lists":          deep("cel.bind(x, ", "[1, 2]", ", x + x)", 40),
		"a regular expression":    `labels.pod.matches("` + strings.Repeat("(a|b)*", 1600) + `")`,
		"a regular counted twice": `labels.pod.matches("((a{30}){30}){2}")`,
		"open brackets":           strings.Repeat("[{(", 5000),
		"dots":                    "labels" + strings.Repeat(".a", 8000),
		"quotes":                  strings.Repeat("'\"", 8000),
		"not text":                "labels.pod == \"\xff\xfe\"",
		"zero bytes":              strings.Repeat("\x00", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := testEnv.Compile(text, Any)
			if err != nil {
				t.Logf("%.120s", err)
				return
			}
			_, err = p.Value(testInput)
			t.Logf("compiles, %.120v", err)
		})
	}
}

// TestAnEvaluationThatCostsTooMuchIsStopped gives more items than an expression was reckoned with.
func TestAnEvaluationThatCostsTooMuchIsStopped(t *testing.T) {
	p, err := testEnv.Limit(10_000).Compile(`body.all(x, x > 0)`, Bool)
	if err != nil {
		t.Fatal(err)
	}
	few, many := make([]any, 10), make([]any, 20_000)
	for _, list := range [][]any{few, many} {
		for i := range list {
			list[i] = int64(i + 1)
		}
	}
	if ok, err := p.Bool(Values{"body": few}); err != nil || !ok {
		t.Errorf("few: got %v, %v", ok, err)
	}
	if _, err = p.Bool(Values{"body": many}); err == nil || !strings.HasPrefix(err.Error(), "stopped: ") {
		t.Errorf("many: got %v, want it to be stopped", err)
	}
}

// TestATextThatWouldGrowTooLongIsNotMade: two texts of a body make one as long as their product, before CEL knows what that costs.
func TestATextThatWouldGrowTooLongIsNotMade(t *testing.T) {
	list := make([]any, 20_000)
	for i := range list {
		list[i] = "x"
	}
	large := Values{"body": map[string]any{"t": strings.Repeat("a", 200_000), "l": list}}
	small := Values{"body": map[string]any{"t": "aa", "l": []any{"x", "y"}}}
	for text, want := range map[string]any{
		`body.t.replace("", body.t)`:                                         "aaaaaaaa",
		`body.t.replace("a", body.t)`:                                        "aaaa",
		`body.t.replace("a", body.t, 100)`:                                   "aaaa",
		`body.l.join(body.t)`:                                                "xaay",
		`body.l.map(x, string(body.t)).join()`:                               "aaaa",
		`"%s".format([body.l.map(x, body.t)])`:                               "[aa, aa]",
		`labels.pod.replace("-", ", ") + "x".replace("x", "%s").format([1])`: "cart, 11",
	} {
		p, err := testEnv.Compile(text, Any)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		small["labels"] = testInput["labels"]
		if got, err := p.Value(small); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
		if strings.Contains(text, "labels") {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = p.Value(large)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "stopped: ") {
			t.Errorf("%s: got %v, want it to be stopped", text, err)
		}
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 200 {
			t.Errorf("%s: took %d MiB", text, mib)
		}
	}
}

// FuzzExpression looks for expressions that panic, and for ones whose result differs from one evaluation to the next.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{
		`labels.pod.startsWith("cart-") && labels["x"] != "y"`, `body.map(k, body[k])`, `body.?a.?b.orValue([1, {"a": 2}])`, `regex.extract(labels.pod, "(.)")`,
		`"%s %d".format([labels.pod, n])`, `parseTime(body.when)`, `labels.transformMapEntry(k, v, {v: k})`, `cel.bind(x, labels, x.pod)`, `labels.a in ["b"]`,
		`{"a": 1, 2: 3, true: 4}.map(k, k)`, "labels.`a.b`", `n / 0`, `"ä" + '''x'''`, `timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin")`,
	} {
		f.Add(text, "cart-1")
	}
	f.Fuzz(func(t *testing.T, text, pod string) {
		p, err := testEnv.Compile(text, Any)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Offset < 0 || e.Offset > len(text) || e.Text == "" {
				t.Errorf("%q: got %#v", text, err)
			}
			return
		}
		in := Values{
			"labels": correlate.LabelsOf("pod", pod, "team", "shop"), "severity": "error", "entity.kind": "pod", "entity.name": pod, "n": int64(3),
			"body": map[string]any{"a": map[string]any{"b": pod}, "c": []any{int64(1), 2.5, nil}, "when": "2026-01-01T00:00:00Z"},
		}
		first, err1 := p.Value(in)
		second, err2 := p.Value(in)
		if diff := cmp.Diff(first, second, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); diff != "" {
			t.Errorf("%q differs: %s", text, diff)
		}
		if (err1 == nil) != (err2 == nil) || err1 != nil && err1.Error() != err2.Error() {
			t.Errorf("%q: got %v, then %v", text, err1, err2)
		}
		for _, d := range p.Demands() {
			if ok, err := p.Bool(Values{"labels": correlate.LabelsOf("none", "x"), "n": int64(1)}); ok || err != nil {
				t.Errorf("%q demands %v but gives %v, %v without", text, d, ok, err)
			}
		}
	})
}

// FuzzJSON looks for values that are read in spite of being none.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a": [1, 2.5, "x", null, true]}`, `[[[[]]]]`, `1e999`, `"\"["`, `{} {}`, `12345678901234567890`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := JSON(data, 10)
		if err != nil {
			return
		}
		p, err := testEnv.Compile("body", Any)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Value(Values{"body": v})
		if diff := cmp.Diff(v, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", data, err, diff)
		}
	})
}
