package digest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/digest"
	"quell/notify/slack"
	"quell/routing"
)

// digestOf is a digest that shows texts from outside in every place where it shows any.
func digestOf(a, b string, count int) *digest.Digest {
	at := time.Date(2026, 10, 19, 9, 0, 0, 0, time.UTC)
	end, page := at.Add(time.Hour), at.Add(time.Minute)
	var list []*correlate.Incident
	for n := range count {
		i := correlate.Incident{
			ID: correlate.IncidentID(3*n + 1), State: correlate.SelfHealed, Opened: at, Closed: &end, Alerts: 1, Title: a, Class: fmt.Sprint(b, n),
			Roots:    []correlate.Root{{Entity: topology.Entity(a), Why: b}},
			HealedBy: &correlate.Healing{What: b, Entity: topology.Entity(a)},
			Symptoms: []correlate.SymptomView{{Entity: topology.Entity("pod/" + a + b), Name: b}},
			Chronic:  []correlate.Chronic{{Kind: correlate.Flapping, Since: at, Subject: fmt.Sprint(n, a), Reason: b}},
			Episodes: []correlate.Episodes{{Name: fmt.Sprint(n, b), Count: 9, Within: [7]int{9}}},
		}
		other, lost := i, i
		other.ID, other.Roots = i.ID+1, []correlate.Root{{Entity: topology.Entity(b), Why: a}}
		other.Generations = []honesty.Generation{
			{Number: 1, Opened: at, Paged: page, Recovered: end, Closed: end, End: honesty.Cleared},
			{Number: 2, Opened: at, Paged: page, Closed: end, End: honesty.ByHand},
		}
		lost.ID, lost.State, lost.Lost, lost.Escalated = i.ID+2, correlate.Resolved, 1, &page
		list = append(list, &i, &other, &lost)
	}
	return digest.Build(list, at, at.Add(24*time.Hour), digest.Options{
		StoreName: a, Title: b, Matchers: a, ExternalURL: "https://quell.example/?a=1&b=(", KnownSince: at.AddDate(-1, 0, 0),
		Unseen: []correlate.UnseenView{{Name: a, Reason: correlate.NotSent, Count: 1}},
	})
}

func render(t *testing.T, f func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever titles, entities, classes and reasons say, every rendering keeps its shape: as many lines and table cells as with
// harmless texts, in the widths and limits, without terminal escapes, mentions or links that we did not make. Slack's
// limits are checked by the fake, through the integration that posts digests.
func FuzzRenderingsKeepTheirShape(f *testing.F) {
	for _, hostile := range []string{
		"x", "a\nb\r\n# c", "\x1b[31mred\x1b[0m", "\x9b2J", "<!channel> <@U1>", "<http://evil|x>", "&<>&", "`code`", "a`b", "a|b\\|c\\\\|d", "\xff\xfe",
		"\u202egnp.exe", "\u2028", "[x](javascript:y)", "**_~#!", "https://evil.example www.evil.example",
		strings.Repeat("&", 10<<10), strings.Repeat("|", 10<<10), strings.Repeat("😀", 10<<8), strings.Repeat("\u202e", 10<<10), "%s%d%!", "",
	} {
		f.Add(hostile, "b", uint8(2))
		f.Add("a", hostile, uint8(1))
		f.Add(hostile, hostile, uint8(30))
	}
	s, err := fake.StartSlack()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	env := notify.Environment{HTTP: notify.NewHTTPClient()}
	integration := slack.New(notify.SlackConfig{Token: "xoxb-1", Channel: "#ops", APIURL: s.APIURL(), NoPictures: true}, env)
	var posted fake.SlackMessage
	s.OnEvent(func(e fake.SlackEvent) { posted = e.Message })

	f.Fuzz(func(t *testing.T, a, b string, count uint8) {
		d := digestOf(a, b, int(count))
		checkText(t, render(t, d.Text))
		harmless := digestOf(harmless(a, "x"), harmless(b, "y"), int(count))
		checkMarkdown(t, render(t, d.Markdown), render(t, harmless.Markdown))
		var again digest.Digest
		if err := json.Unmarshal([]byte(render(t, d.JSON)), &again); err != nil || again.Figures != d.Figures {
			t.Errorf("JSON reads back as %+v (%v), want %+v", again.Figures, err, d.Figures)
		}
		checkSlack(t, d.Slack())
		delivery := routing.Delivery{Action: routing.Digest, Key: "d", Digest: json.RawMessage(render(t, d.JSON)), Created: d.Until}
		if _, err := integration.Notify(t.Context(), &delivery, notify.Sent{}); err != nil {
			t.Fatal(err)
		}
		if len(posted.Blocks) < len(`[{"type":"header"`) {
			t.Error("Slack refused the blocks")
		}
	})
}

// harmless stands for a text of which nothing is left, or something.
func harmless(s, word string) string {
	if strings.TrimSpace(notify.Line(s, 100)) == "" {
		return ""
	}
	return word
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, unwanted) || !utf8.ValidString(text) {
		t.Errorf("text %.300q has characters that it should not have", text)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("line of %d columns, want at most 100: %q", n, line)
		}
	}
}

// checkMarkdown compares with the same digest of harmless texts, which differ in nothing that has a meaning. Blank reasons
// and roots may be left out, but never a cell.
func checkMarkdown(t *testing.T, text, harmless string) {
	t.Helper()
	if strings.ContainsFunc(text, unwanted) || !utf8.ValidString(text) {
		t.Errorf("Markdown %.300q has characters that it should not have", text)
	}
	// A backslash is always ours: those from outside are character references.
	text, harmless = escaped.Replace(text), escaped.Replace(harmless)
	for _, mark := range []string{"\n", "|", "<", ">", "`", "\n#", "](", "://", `\\`} {
		if got, want := strings.Count(text, mark), strings.Count(harmless, mark); got != want {
			t.Errorf("%d of %q, want %d in:\n%.600s", got, mark, want, text)
		}
	}
}

var escaped = strings.NewReplacer(`\[`, "", `\]`, "", `\#`, "")

func checkSlack(t *testing.T, raw json.RawMessage) {
	t.Helper()
	var m struct {
		Text   string
		Blocks []struct{ Text struct{ Text string } }
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, b := range m.Blocks {
		text := b.Text.Text
		total += utf8.RuneCountInString(text)
		if strings.ContainsFunc(text, unwanted) {
			t.Errorf("text %.300q has characters that it should not have", text)
		}
		if at := slackFormat.FindString(slackOurs.ReplaceAllString(text, "")); at != "" {
			t.Errorf("text %.300q formats at %q", text, at)
		}
		for rest := text; strings.Contains(rest, "<"); {
			_, rest, _ = strings.Cut(rest, "<")
			if !strings.HasPrefix(rest, "https://quell.example/") {
				t.Errorf("markup that is no link of ours: %.100q", rest)
			}
		}
		for rest := text; strings.Contains(rest, "&"); {
			_, rest, _ = strings.Cut(rest, "&")
			if !strings.HasPrefix(rest, "amp;") && !strings.HasPrefix(rest, "lt;") && !strings.HasPrefix(rest, "gt;") {
				t.Errorf("an escape is cut in two before %.100q", rest)
			}
		}
	}
	if total > 12_000 {
		t.Errorf("the blocks hold %d runes, want at most 12000", total)
	}
}

// slackOurs is what we write in bold, and our links; slackFormat is where Slack would begin a format otherwise.
var (
	slackOurs   = regexp.MustCompile(`^\*[A-Z][a-z, ]+\*|<https://[^>]*>`)
	slackFormat = regexp.MustCompile("(^|[^\\pL\\pN])[*_~][^\\s]|`")
)

// unwanted are control characters but the line break, and what turns the direction of writing.
func unwanted(r rune) bool {
	return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r == 0x2028 || r == 0x2029
}

func TestSlackCountsWhatItHasNoRoomFor(t *testing.T) {
	d := digestOf(strings.Repeat("long ", 100), strings.Repeat("class ", 100), 30)
	var m struct {
		Blocks []struct{ Text struct{ Text string } }
	}
	if err := json.Unmarshal(d.Slack(), &m); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"*Healed by itself*": 60, "*Paged though it healed*": 30, "*Flapping and chronic*": 30, "*Noisiest alerts*": 30, "*Paged*": 30}
	for _, b := range m.Blocks {
		text := b.Text.Text
		all, known := 0, false
		for title, n := range want {
			if strings.HasPrefix(text, title) {
				all, known = n, true
				delete(want, title)
			}
		}
		if !known {
			continue
		}
		listed, left, lead := strings.Count(text, "• "), 0, "and "
		if all == 60 {
			listed, lead = 2*listed, "others: " // Each class has two incidents.
		}
		last := text[strings.LastIndex(text, "\n")+1:]
		if _, err := fmt.Sscanf(last, lead+"%d", &left); err != nil {
			t.Fatalf("last line %q, want it to begin with %q", last, lead)
		}
		if listed+left != all || listed == 0 && all == 60 {
			t.Errorf("%d listed and %d left, want %d together in:\n%s", listed, left, all, text)
		}
	}
	if len(want) > 2 { // the last ones have no room
		t.Errorf("no section %v", want)
	}
}
