package packs

import (
	"strings"
	"testing"
)

// TestPacksSayWhatTheyAreFor reads the sentence that lists of packs show.
func TestPacksSayWhatTheyAreFor(t *testing.T) {
	for _, name := range Names() {
		about := About(name)
		if !strings.HasSuffix(about, ".") || strings.Contains(about, "#") || len(about) < 20 || len(about) > 200 {
			t.Errorf("%s: %q is no sentence that fits on a line or two", name, about)
		}
	}
	const want = "CoreDNS: the alerts of its mixin."
	if got := About("coredns"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestThereIsNothingToSayOfAPackThatIsNone(t *testing.T) {
	for _, name := range []string{"", "nope", "../packs", "testdata/upstream/redis"} {
		if text, ok := Text(name); ok || text != "" || About(name) != "" {
			t.Errorf("%q is a pack", name)
		}
	}
}
