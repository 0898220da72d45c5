package story

import (
	"strings"
	"testing"
)

// TestValuesAreExpandedAsPromtoolDoes: its documents are the reference; # fires, . does not.
func TestValuesAreExpandedAsPromtoolDoes(t *testing.T) {
	for values, want := range map[string]string{
		"0 1 0": ".#.", "1x3": "####", "1x0 0": "#.", "_x3 1": "...#", "_ stale 5": "..#", "0+1x3": ".###", "1-1x3": "#.##", "-2+1x4": "##.##", "1e3x1": "##",
		"1e-3 0e+1": "#.", "-1": "#", "NaN 0.0": "#.", "2+0x2": "###",
	} {
		list, err := expand(values)
		var got strings.Builder
		for _, fires := range list {
			if fires {
				got.WriteByte('#')
			} else {
				got.WriteByte('.')
			}
		}
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v, want %s", values, got.String(), err, want)
		}
	}
	for _, values := range []string{"1+x3", "+x3", "1+1", "a", "1x-1", "1x99999999", "0+1x1.5"} {
		if list, err := expand(values); err == nil {
			t.Errorf("%s: got %v, want an error", values, list)
		}
	}
}
