package english_test

import (
	"testing"

	"quell/internal/english"
)

// TestNounsFollowTheirNumbers goes through the ends of nouns that have plurals of their own.
func TestNounsFollowTheirNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"1 page": english.Count(1, "page"), "2 pages": english.Count(2, "page"), "0 entities": english.Count(0, "entity"),
		"1 entity": english.Count(1, "entity"), "-1 days": english.Count(-1, "day"), "3 gateways": english.Count(3, "gateway"),
		"2 classes": english.Count(2, "class"), "2 ingresses": english.Count(2, "ingress"), "2 boxes": english.Count(2, "box"),
		"2 patches": english.Count(2, "patch"), "2 meshes": english.Count(2, "mesh"), "2 ys": english.Count(2, "y"), "2 ": english.Count(2, ""),
		"queries": english.Noun(5, "query"), "query": english.Noun(1, "query"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTimesHaveWordsForOnceAndTwice looks at each of its cases.
func TestTimesHaveWordsForOnceAndTwice(t *testing.T) {
	for n, want := range []string{"0 times", "once", "twice", "3 times"} {
		if got := english.Times(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
