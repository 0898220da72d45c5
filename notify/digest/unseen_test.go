package digest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

// TestAlertsThatWereNeverSentAreTold: in all renderings, escaped, and with what is left out counted.
func TestAlertsThatWereNeverSentAreTold(t *testing.T) {
	until := time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC)
	views := []correlate.UnseenView{{Name: "Flappy<&|*", Reason: correlate.SilencedThere, Count: 50, TotalSeconds: 500, LongestSeconds: 42}}
	for k := range 25 {
		views = append(views, correlate.UnseenView{Name: fmt.Sprintf("Alert%02d", k), Reason: correlate.NotSent, Count: 1, TotalSeconds: 7, LongestSeconds: 7})
	}
	d := Build(nil, until.Add(-7*24*time.Hour), until, Options{Unseen: views})
	if d.Empty() || d.UnseenCount != 75 || d.MoreUnseen != 6 {
		t.Fatalf("got %d in all, %d left out, empty %v", d.UnseenCount, d.MoreUnseen, d.Empty())
	}
	var text, markdown, js strings.Builder
	for _, err := range []error{d.Text(&text), d.Markdown(&markdown), d.JSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for form, c := range map[string]struct{ got, want, more string }{
		"text":     {text.String(), "     50   10s      42s  silenced  Flappy<&|*\n", "and 6 more"},
		"markdown": {markdown.String(), "| 50 | 10s | 42s | silenced | Flappy&lt;&amp;&#124;\\* |\n", "and 6 more"},
		"json":     {js.String(), `"mean_seconds": 10,`, ""},
		"slack":    {string(d.Slack()), `50× Flappy\u0026lt;\u0026amp;|∗: silenced, mean 10s, longest 42s`, "and 21 more"},
	} {
		if !strings.Contains(c.got, c.want) || form != "json" && !strings.Contains(c.got, c.more) {
			t.Errorf("%s lacks %q, or how many are left out:\n%s", form, c.want, c.got)
		}
	}
}
