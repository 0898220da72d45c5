package replay

import (
	"strings"
	"testing"
)

func TestSilencesThatAreNoneStopAReplay(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"s1","matcher":[]}`: "unknown field",
		`{"id":"s1"}`:              "invalid silence",
	} {
		if _, err := parseSilence([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
