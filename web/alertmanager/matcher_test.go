package alertmanager

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Goal: matchers mean here what they mean to Alertmanager. Method: its own parser, with its default settings, must agree.
func FuzzMatcherMeansWhatItMeansToAlertmanager(f *testing.F) {
	for _, s := range []string{
		"a=b", `a="b"`, `a=~"b|c"`, "a!~b", `"ünï code"=x`, `a="\u00e9"`, "a=b,c=d", "{a=b}", "{a=b", "a=b}", "", "a", "a=~(", `a="b\"c\\d\n"`, "a= b ", "ü=x", `a='b'`, "a=\"b", "😀=😀",
	} {
		f.Add(s)
	}
	theirs := compat.FallbackMatcherParser(slog.New(slog.DiscardHandler))
	show := func(m *labels.Matcher, err error) string {
		if err != nil {
			return err.Error()
		}
		return m.Type.String() + m.Name + "=" + m.Value
	}
	f.Fuzz(func(t *testing.T, s string) {
		if diff := cmp.Diff(show(theirs(s, "test")), show(parseMatcher(s))); diff != "" {
			t.Errorf("%q (-Alertmanager +quell):\n%s", s, diff)
		}
	})
}
