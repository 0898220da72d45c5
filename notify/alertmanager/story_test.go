//go:build !slim

package alertmanager

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/notify"
	"quell/routing"
)

// TestNewsThatSayNothingNewMakeNoMessage repeats an update to a kind that knows keys, to one that shows messages, and to one that rings.
func TestNewsThatSayNothingNewMakeNoMessage(t *testing.T) {
	for _, c := range []struct {
		typ         string
		same, fresh bool
	}{{"opsgenie", true, true}, {"discord", false, true}, {"pushover", false, false}} {
		var yaml string
		var answer func(*http.Request, string) (int, string)
		for _, k := range integrationKinds {
			if k.typ == c.typ {
				yaml, answer = k.yaml, k.answer
			}
		}
		in, end := connect(t, c.typ, yaml)
		end.answer = answer
		ref, err := in.Notify(t.Context(), story()[0], notify.Sent{})
		if err != nil || end.told() == "" {
			t.Fatalf("%s: got %v", c.typ, err)
		}
		news := *story()[0]
		news.Action = routing.Update
		if _, err := in.Notify(t.Context(), &news, notify.Sent{Ref: ref}); err != nil || (end.told() != "") != c.same {
			t.Errorf("%s: the same again: got %v, want told %t", c.typ, err, c.same)
		}
		if _, err := in.Notify(t.Context(), story()[1], notify.Sent{Ref: ref}); err != nil || (end.told() != "") != c.fresh {
			t.Errorf("%s: another root: got %v, want told %t", c.typ, err, c.fresh)
		}
		again := news
		again.Action, again.Again = routing.Trigger, true
		if _, err := in.Notify(t.Context(), &again, notify.Sent{Ref: ref}); err != nil || end.told() == "" {
			t.Errorf("%s: a page again: got %v, want told", c.typ, err)
		}
	}
}

func TestNoticesGoOnlyWhereTheyAreWanted(t *testing.T) {
	for yaml, want := range map[string]bool{"{webhook_url_file: hook.url}": true, "{webhook_url_file: hook.url, notices: false}": false} {
		in, end := connect(t, "discord", yaml)
		d := story()[0]
		d.Action = routing.Notice
		_, err := in.Notify(t.Context(), d, notify.Sent{})
		if rejected, ok := errors.AsType[*notify.RejectedError](err); ok == want || ok && rejected.Reason != "notice" || (end.told() != "") != want {
			t.Errorf("%s: got %v, want told %t", yaml, err, want)
		}
	}
}

func TestResolvesAreLeftOutWhereNobodyWantsThem(t *testing.T) {
	in, end := connect(t, "webhook", `{url: "http://hooks.example/", send_resolved: false}`)
	if _, err := in.Notify(t.Context(), story()[3], notify.Sent{}); err != nil || end.told() != "" {
		t.Errorf("got %v", err)
	}
}

// TestBrokenTemplatesLoseNoPage sends with templates that fail for this incident only.
func TestBrokenTemplatesLoseNoPage(t *testing.T) {
	in, end := connect(t, "discord", `{webhook_url_file: hook.url, title: '{{ if eq .Incident.Why "unheard of" }}{{ index .Incident.Affected 99 }}{{ end }}', message: mine}`)
	var broken []string
	in.env.Broken = func(_ *routing.Delivery, field string, _ error) { broken = append(broken, field) }
	d := story()[0]
	d.Reason = "unheard of"
	if _, err := in.Notify(t.Context(), d, notify.Sent{}); err != nil {
		t.Fatal(err)
	}
	if told := end.told(); !strings.Contains(told, `"title": "Escalated: KubeNodeNotReady`) || !strings.Contains(told, `"description": "mine"`) || len(broken) == 0 {
		t.Errorf("got broken %q and\n%s", broken, told)
	}
}

// TestSNSSubjectsAreWhatSNSTakes gives it what Amazon refuses: line breaks, other letters, and more than 100.
func TestSNSSubjectsAreWhatSNSTakes(t *testing.T) {
	for in, want := range map[string]string{"x\ny": "x", "über…": "?ber.", strings.Repeat("a", 101): strings.Repeat("a", 100), " a ": "a"} {
		if got := plainASCII(in, maxSNSSubject); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzNoLabelBreaksAMessage puts any text wherever labels get to, and reads what the receivers would get: JSON that says how many alerts
// there are, HTML of Telegram's few tags and balanced, HTML of mails with as many elements as any, nothing that is executed again.
func FuzzNoLabelBreaksAMessage(f *testing.F) {
	for _, seed := range []string{"x", "{{ .Status }}", `{{ template "quell.text" . }}`, "</b><script>alert(1)</script>", "*_`[a](b)~~@everyone <@U1> &amp;", "\xff\x00\u202e", strings.Repeat("&", 9000), "```", `"}]}`} {
		f.Add(seed)
	}
	kinds := make(map[string]*integration)
	for _, typ := range []string{"discord", "telegram", "email"} {
		for _, k := range integrationKinds {
			if k.typ == typ {
				kinds[typ] = integrate(f, typ, k.yaml, "127.0.0.1:1")
			}
		}
	}
	kinds["email"] = integrate(f, "email", `{to: a@example.com, from: q@example.com, smarthost: "localhost:25"}`, "127.0.0.1:1")
	f.Fuzz(func(t *testing.T, text string) {
		d := story()[0]
		fill(d.Incident, text)
		m, err := kinds["discord"].message(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.receiver.DiscordConfigs[0].Title; strings.Contains(got, "{{") && !strings.HasPrefix(got, "{{ ") {
			t.Errorf("the title is executed: %q", got)
		}
		if _, err := json.Marshal(kinds["discord"].alerts(d)); err != nil {
			t.Error(err)
		}
		message := kinds["telegram"].words(kinds["telegram"].settings, d, notify.Field{Name: "message", Text: telegramHTML, HTML: true})
		message = kinds["telegram"].telegram(d, notify.Field{Name: "message", Text: `{{ template "telegram.default.message" . }}`, HTML: true}, message)
		checkTelegram(t, message)
		mailed, err := kinds["email"].message(d)
		if err != nil {
			t.Fatal(err)
		}
		b, subject, err := kinds["email"].show(mailed.receiver.EmailConfigs[0], d)
		if err != nil || strings.ContainsAny(notify.Line(subject, maxSubjectRunes), "\r\n") {
			t.Errorf("subject %q: %v", subject, err)
		}
		checkMail(t, b.html)
	})
}

// fill puts text wherever an incident has words of others.
func fill(i *correlate.Incident, text string) {
	i.Title, i.HoldReason = text, text
	for n := range i.Roots {
		i.Roots[n].Why, i.Roots[n].Entity = text, topology.Entity(text)
	}
	for n := range i.Symptoms {
		s := &i.Symptoms[n]
		s.Name, s.Entity, s.Generator = text, topology.Entity(text), text
		s.Labels, s.Annotations = correlate.LabelsOf("alertname", text, text, text), correlate.LabelsOf("summary", text, "runbook_url", text)
	}
}

// checkTelegram holds a message to what Telegram takes.
func checkTelegram(t *testing.T, message string) {
	t.Helper()
	if n := utf8.RuneCountInString(message); n > maxTelegramRunes {
		t.Errorf("%d runes", n)
	}
	open := ""
	for z := html.NewTokenizer(strings.NewReader(message)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if open != "" {
				t.Errorf("<%s> is not closed in %q", open, message)
			}
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if open != "" || string(name) != "b" && string(name) != "a" {
				t.Errorf("<%s> within <%s> in %q", name, open, message)
			}
			open = string(name)
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) != open {
				t.Errorf("</%s> closes <%s> in %q", name, open, message)
			}
			open = ""
		}
	}
}

// checkMail holds the HTML of a mail to harmless elements.
func checkMail(t *testing.T, page string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		token := z.Token()
		if token.Data == "script" && kind == html.StartTagToken {
			t.Errorf("a script in %q", page)
		}
		for _, a := range token.Attr {
			if strings.HasPrefix(a.Key, "on") || (a.Key == "href" || a.Key == "src") && strings.Contains(a.Val, "javascript:") {
				t.Errorf("attribute %s=%q", a.Key, a.Val)
			}
		}
	}
}

// TestLongTelegramTextsEndBetweenCharacters cuts texts of which each character becomes several.
func TestLongTelegramTextsEndBetweenCharacters(t *testing.T) {
	for n := range 8 {
		got := telegramText("a <b>", strings.Repeat("x", n)+strings.Repeat("<&>", 3000))
		checkTelegram(t, got)
		if text := html.UnescapeString(got); strings.HasSuffix(strings.TrimSuffix(got, "…"), "&am") || strings.Count(text, "\ufffd") > 0 || strings.Contains(strings.TrimPrefix(got, "<b>"), "<&") {
			t.Errorf("got …%q", got[len(got)-20:])
		}
	}
}
