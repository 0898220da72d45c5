package expr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJSONKeepsWholeNumbersWhole(t *testing.T) {
	got, err := JSON([]byte(`{"id": 9007199254740993, "big": 12345678901234567890, "ratio": 0.5, "list": [1, null, "1", true]}`), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": int64(9007199254740993), "big": 12345678901234567890.0, "ratio": 0.5, "list": []any{int64(1), nil, "1", true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSONIsOneValueOfBoundedDepth(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("[", 11) + strings.Repeat("]", 11): "JSON is nested deeper than 10",
		strings.Repeat("[", 10) + strings.Repeat("]", 10): "",
		`"[[[[[[[[[[[[[[["`: "",
		`{} {}`:             "more than one JSON value",
		``:                  "no JSON in it",
		`[1e999]`:           "number 1e999 is out of range",
		`{"a": }`:           "invalid character",
	} {
		_, err := JSON([]byte(text), 10)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestTextsAreMadeOfWhatIsSingle asks for text where something else is given.
func TestTextsAreMadeOfWhatIsSingle(t *testing.T) {
	in := Values{"body": map[string]any{"n": int64(3), "f": 3.0, "g": 1e20, "b": true, "null": nil, "list": []any{"a", int64(1)}, "t": "x", "map": map[string]any{"a": int64(1), "b": nil}}}
	for text, want := range map[string]string{
		`body.n`: "3", `body.f`: "3", `body.g`: "1e+20", `body.b`: "true", `body["null"]`: "", `body.t`: "x", `body.?nope`: "",
		`timestamp("2026-01-31T12:00:00Z")`: "2026-01-31T12:00:00Z",
		`body.list`:                         "error: the expression gives a list, want text",
		`body.map`:                          "error: the expression gives a map, want text",
	} {
		p, err := testEnv.Compile(text, String)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := p.String(in)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	p, err := testEnv.Compile(`body.map`, Labels)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Labels(in); err != nil || cmp.Diff(map[string]string{"a": "1", "b": ""}, got) != "" {
		t.Errorf("labels: got %v, %v", got, err)
	}
	if p, err = testEnv.Compile(`body.list`, Strings); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Strings(in); err != nil || cmp.Diff([]string{"a", "1"}, got) != "" {
		t.Errorf("strings: got %v, %v", got, err)
	}
}
