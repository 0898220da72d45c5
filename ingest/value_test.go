package ingest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeValueKeepsIdentifiersAndTakesJSONApart(t *testing.T) {
	got, err := DecodeValue([]byte(` {"id": 1125899906842624001, "f": 1.50, "e": 1e3, "big": 12345678901234567890, "a": [true, false, null, "\u00e4\n"], "o": {}} `), 100)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": int64(1125899906842624001), "f": 1.5, "e": 1000.0, "big": 12345678901234567890.0,
		"a": []any{true, false, nil, "ä\n"}, "o": map[string]any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeValueRefusesWhatReadersCouldUnderstandDifferently(t *testing.T) {
	for body, want := range map[string]string{
		`{"a": 1, "a": 2}`:      `malformed body at byte 10: second key "a" in one object`,
		`[1] 2`:                 `malformed body at byte 4: "2" where the end of the body was expected`,
		`"` + "\xff" + `"`:      `malformed body at byte 1: string has invalid UTF-8`,
		`[1e999]`:               `malformed body at byte 1: number "1e999" is out of range`,
		`[1,2,3,4]`:             `malformed body at byte 7: more values than the limit`,
		strings.Repeat("[", 70): `malformed body at byte 4: more values than the limit`,
		``:                      `malformed body at byte 0: the body ends where a value was expected`,
		`{"a": nul}`:            `malformed body at byte 6: "n" where null was expected`,
	} {
		_, err := DecodeValue([]byte(body), 4)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.30q: got %v, want %s", body, err, want)
		}
	}
	if _, err := DecodeValue([]byte(strings.Repeat("[", 70)), 1000); err == nil || !strings.Contains(err.Error(), "nested deeper than 64") {
		t.Errorf("deep nesting: got %v", err)
	}
}

// FuzzDecodeValue compares with encoding/json: whatever is taken means the same there.
func FuzzDecodeValue(f *testing.F) {
	f.Add(`{"a": [1, 2.5, "x\u0041", null, true], "b": {"c": -0}}`)
	f.Add(`[[[[]]]]`)
	f.Fuzz(func(t *testing.T, body string) {
		v, err := DecodeValue([]byte(body), 10_000)
		if err != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		var got, want any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatalf("taken, but encoding/json says %v", err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
