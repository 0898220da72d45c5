package expr

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

var testEnv = New(
	Variable{"labels", Labels}, Variable{"severity", String}, Variable{"entity.kind", String}, Variable{"entity.name", String},
	Variable{"body", Any}, Variable{"n", Int},
)

var testInput = Values{
	"labels": correlate.LabelsOf("app.kubernetes.io/name", "cart", "pod", "cart-1", "team", "shop"), "severity": "critical",
	"entity.kind": "pod", "entity.name": "cart-1",
	"body": map[string]any{
		"z": int64(1), "a": "x", "m": 2.5, "null": nil, "tags": []any{"env:prod", "team:shop"}, "when": int64(1700000000123),
		"nested": map[string]any{"deep": true},
	},
}

// TestExpressionsGiveWhatTheySay evaluates expressions that people write, and compares values.
func TestExpressionsGiveWhatTheySay(t *testing.T) {
	for text, want := range map[string]any{
		`labels.pod.startsWith("cart-") && labels.team != "infra"`: true,
		`severity in ["critical", "error"]`:                        true,
		`entity.kind == "pod" && entity.name == labels.pod`:        true,
		"labels.`app.kubernetes.io/name`":                          "cart",
		`labels["app.kubernetes.io/name"]`:                         "cart",
		`labels.pod.replace("-1", "")`:                             "cart",
		`labels.pod.matches("^cart-[0-9]+$")`:                      true,
		`regex.extract(labels.pod, "cart-([0-9]+)")`:               "1",
		`regex.replace(labels.pod, "-[0-9]+$", "")`:                "cart",
		`cel.bind(x, labels.pod, x + "/" + x)`:                     "cart-1/cart-1",
		`math.greatest(1, 2, 3)`:                                   int64(3),
		`base64.encode(b"a")`:                                      "YQ==",
		`fingerprint("a")`:                                         "ca978112ca1bbdca",
		// What is missing in labels is empty, as it is for matchers, and nowhere else.
		`labels.nope == "" && labels["nope"] == "" && labels.nope != "x"`: true,
		`has(labels.nope) || "nope" in labels`:                            false,
		`has(labels.pod) && "pod" in labels`:                              true,
		`labels.?nope.orValue("none")`:                                    "none",
		`body.?nope.?x.orValue("none")`:                                   "none",
		`body.?nope.x`:                                                    nil,
		`labels.size()`:                                                   int64(3),
		// The variable of a loop hides labels.
		`labels.exists(labels, labels == "pod")`: true,
		// Loops over maps go by their keys.
		`labels.map(k, k)`: []any{"app.kubernetes.io/name", "pod", "team"},
		`body.map(k, k)`:   []any{"a", "m", "nested", "null", "tags", "when", "z"},
		`{"b": 1, "a": 2, "c": 3, "d": 4, "e": 5}.map(k, k)`:                    []any{"a", "b", "c", "d", "e"},
		`{2: 1, 10: 1, 1: 1}.map(k, k)`:                                         []any{int64(1), int64(2), int64(10)},
		`body.tags.transformMapEntry(i, v, {v.split(":")[0]: v.split(":")[1]})`: map[string]any{"env": "prod", "team": "shop"},
		`body.tags.transformMapEntry(i, v, {v: i}).map(k, k)`:                   []any{"env:prod", "team:shop"},
		`body`:                                       testInput["body"],
		`body.z == 1 && body.m > body.z`:             true,
		`parseTime(body.when)`:                       time.Date(2023, 11, 14, 22, 13, 20, 123e6, time.UTC),
		`parseTime("1700000000")`:                    time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC),
		`parseTime("2024-02-03 04:05:06 UTC")`:       time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		`parseTime("2024-02-03T04:05:06.789+02:00")`: time.Date(2024, 2, 3, 2, 5, 6, 789e6, time.UTC),
		`parseTime("03/02/2024", "02/01/2006")`:      time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC),
		`duration("90s")`:                            90 * time.Second,
	} {
		p, err := testEnv.Compile(text, Any)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := p.Value(testInput)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
