package replay

import (
	"encoding/json"
	"testing"

	"quell/correlate"
)

// TestRulesAreWrittenAsEncodingJSONDoes since decisions are put together by hand.
func TestRulesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	for _, r := range []*correlate.RuleID{
		{Section: "holds", Name: `a "quoted" name`, File: "rules/shop.yml", Line: 12},
		{Section: "events", File: "pack kubernetes", Line: 40},
	} {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendRule(nil, r)); got != `,"rule":`+string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := appendRule(nil, nil); len(got) != 0 {
		t.Errorf("no rule is written as %s", got)
	}
}
