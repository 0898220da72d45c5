package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake"
	"quell/storage"
	"quell/storage/bolt"
	"quell/web"
)

// slackWorld is a quell that posts to a fake Slack and hears it.
type slackWorld struct {
	*running
	slack *fake.Slack
}

const slackYAML = `
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
hold: {default: 1s}
route: {receiver: team}
receivers:
  - name: team
    slack_configs: [{token_file: token, channel: "#ops", api_url: %q, %s}]
`

// slackIn starts quell in a folder that may have been one's before; keys are those of the app.
func slackIn(t *testing.T, dir string, f *fake.Slack, keys string) *slackWorld {
	t.Helper()
	for name, text := range map[string]string{"token": "xoxb-test", "sign": "signing-secret", "app": "xapp-1-test"} {
		writeFile(t, dir, name, text)
	}
	writeFile(t, dir, "quell.yml", fmt.Sprintf(slackYAML, f.APIURL(), keys))
	return &slackWorld{runIn(t, dir), f}
}

func startFakeSlack(t *testing.T) *fake.Slack {
	t.Helper()
	f, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// fire has something fail that pages.
func (w *slackWorld) fire() {
	w.t.Helper()
	body := `[{"labels": {"alertname": "Down", "severity": "critical", "quell_entity": "service/shop/db"}}]`
	resp, err := http.Post(w.base+"/api/v2/alerts", "application/json", strings.NewReader(body))
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatal(resp, err)
	}
	waitFor(w.t, "the message", func() bool { return len(w.slack.Messages()) > 0 })
}

var anna = fake.SlackPerson{ID: "U012AB3CD", Name: "anna"}

// payload is a click on a button of the incident's message.
func (w *slackWorld) payload(who fake.SlackPerson, action string) []byte {
	w.t.Helper()
	m := w.slack.Messages()[0]
	b, err := w.slack.Payload(fake.SlackClick{Person: who, TS: m.TS, Action: action})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// stale is a click on a button that the message has no longer.
func (w *slackWorld) stale(who fake.SlackPerson, action string) {
	w.t.Helper()
	m := w.slack.Messages()[0]
	b, err := w.slack.Payload(fake.SlackClick{Person: who, TS: m.TS, Action: action, Value: fmt.Sprint(m.Metadata.EventPayload["key"])})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", b); err != nil {
		w.t.Fatal(err)
	}
}

// click posts a click to quell.
func (w *slackWorld) click(who fake.SlackPerson, action string) {
	w.t.Helper()
	if _, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", w.payload(who, action)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *slackWorld) incident() *correlate.Incident {
	w.t.Helper()
	inc := new(correlate.Incident)
	w.get("/api/v1/incidents/inc-1", inc)
	return inc
}

// edited waits until the message was edited n times, and something of that stands in its thread.
func (w *slackWorld) edited(n int, inThread string) {
	w.t.Helper()
	waitFor(w.t, fmt.Sprintf("edit %d that says %q", n, inThread), func() bool {
		list := w.slack.Messages()
		return list[0].Edits >= n && slices.ContainsFunc(list[1:], func(m fake.SlackMessage) bool {
			return m.ThreadTS == list[0].TS && strings.Contains(strings.ToLower(m.Text), strings.ToLower(inThread))
		})
	})
}

// told waits until who clicked, and nobody else, was told a text. What follows a click leaves after the answer to it: the next one may be first.
func (w *slackWorld) told(text string) {
	w.t.Helper()
	waitFor(w.t, fmt.Sprintf("who clicked to be told %q", text), func() bool {
		return slices.ContainsFunc(w.slack.Whispers(), func(told fake.SlackWhisper) bool { return strings.Contains(told.Text, text) })
	})
}

// audits reads the audit log of a store that nobody uses any more.
func audits(t *testing.T, path string) (list []auditEntry) {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // it was only read
	err = db.Scan(storage.Audit, nil, nil, func(_, v []byte) error {
		var e auditEntry
		if err := json.Unmarshal(v, &e); err != nil {
			return err
		}
		list = append(list, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestClickAtSlackCountsShowsAndIsAudited goes the whole way: an alert, its message, clicks of two people, the message edited, the log.
func TestClickAtSlackCountsShowsAndIsAudited(t *testing.T) {
	dir, f := t.TempDir(), startFakeSlack(t)
	t.Run("while it runs", func(t *testing.T) {
		w := slackIn(t, dir, f, "signing_secret_file: sign")
		w.fire()
		w.click(anna, "quell_acknowledge")
		if inc := w.incident(); inc.State != correlate.Acknowledged || inc.AckedBy != "anna at Slack" {
			t.Errorf("the incident is %s, acknowledged by %q", inc.State, inc.AckedBy)
		}
		w.edited(1, "acknowledged by anna at Slack")
		w.stale(fake.SlackPerson{ID: "U0BERT", Name: "bert"}, "quell_acknowledge")
		w.told("Nothing was done: incident inc-1 was acknowledged by anna at Slack already.")
		w.click(anna, "quell_resolve")
		w.edited(2, "resolved by anna at Slack")
		w.stale(anna, "quell_silence_1h")
		w.told("incident inc-1 is resolved already")
	})
	var got []string
	for _, e := range audits(t, dir+"/quell.db") {
		if strings.HasPrefix(e.By, "anna") {
			from, _, _ := strings.Cut(e.From, " by ")
			got = append(got, strings.Join([]string{e.Action, e.On, e.By, from}, ", "))
		}
	}
	want := []string{"ack, inc-1, anna at Slack, Slack user U012AB3CD of T0000001", "resolve, inc-1, anna at Slack, Slack user U012AB3CD of T0000001"}
	if !slices.Equal(got, want) {
		t.Errorf("audit log: %q, want %q", got, want)
	}
}

// TestSilenceFromSlackShowsInItsMessage: what is silenced pages nobody, so nothing else would edit the message.
func TestSilenceFromSlackShowsInItsMessage(t *testing.T) {
	w := slackIn(t, t.TempDir(), startFakeSlack(t), "signing_secret_file: sign")
	w.fire()
	w.click(anna, "quell_silence_1h")
	w.edited(1, "silenced by anna at Slack until ")
	w.stale(anna, "quell_silence_1h")
	w.told("incident inc-1 is silenced already, by anna at Slack")
	w.stale(anna, "quell_silence_fixed") // longer than the other
	w.edited(2, "silenced by anna at Slack until ")
	var list struct{ Silences []web.Silence }
	w.get("/api/v1/silences", &list)
	inc := w.incident()
	if len(list.Silences) != 2 || inc.Silenced == nil || !inc.Silenced.All {
		t.Fatalf("silences %+v, incident %+v", list.Silences, inc.Silenced)
	}
	for _, s := range list.Silences {
		lasts := s.EndsAt.Sub(s.StartsAt)
		if s.Incident != 1 || s.Root != "service/shop/db" || s.CreatedBy != "anna at Slack" || lasts > 720*time.Hour || lasts < time.Hour-time.Minute {
			t.Errorf("silence %+v lasts %s", s, lasts)
		}
	}
	if !slices.ContainsFunc(inc.Timeline, func(e correlate.TimelineEntry) bool { return strings.Contains(e.Reason, "silenced until it is over") }) {
		t.Errorf("the timeline does not tell: %+v", inc.Timeline)
	}
	req, err := http.NewRequest(http.MethodDelete, w.base+"/api/v1/silences/"+list.Silences[0].ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	w.edited(3, "ended by api")
}

// TestNotTheRootBecomesFeedback: the dialog offers what the engine ranked, and its answer is kept, shown and said once.
func TestNotTheRootBecomesFeedback(t *testing.T) {
	w := slackIn(t, t.TempDir(), startFakeSlack(t), "signing_secret_file: sign")
	w.fire()
	w.click(anna, "quell_not_root")
	waitFor(t, "the dialog", func() bool { return len(w.slack.Views()) == 1 })
	v := w.slack.Views()[0]
	for range 2 { // the second one is a dialog that was sent again
		b, err := w.slack.Submission(v, anna, "none", "the deploy at noon")
		if err != nil {
			t.Fatal(err)
		}
		v.ID += "again"
		if reply, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", b); err != nil || len(reply) > 0 {
			t.Fatalf("%s %v", reply, err)
		}
	}
	w.edited(1, "anna at Slack says: service/shop/db was not the root; the deploy at noon")
	inc := w.incident()
	if len(inc.Feedback) != 1 || inc.Feedback[0].NotRoot != "service/shop/db" || inc.Feedback[0].By != "anna at Slack" {
		t.Errorf("feedback %+v", inc.Feedback)
	}
}

// TestClickBeforeARestartIsDoneOnce: quell ends between the action and Slack's answer, and the click comes again to the next one.
func TestClickBeforeARestartIsDoneOnce(t *testing.T) {
	dir, f := t.TempDir(), startFakeSlack(t)
	var click []byte
	t.Run("first life", func(t *testing.T) {
		w := slackIn(t, dir, f, "signing_secret_file: sign")
		w.fire()
		click = w.payload(anna, "quell_silence_1h")
		if _, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", click); err != nil {
			t.Fatal(err)
		}
	})
	w := slackIn(t, dir, f, "signing_secret_file: sign")
	if _, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", click); err != nil {
		t.Fatal(err)
	}
	w.told("is silenced already")
	w.click(anna, "quell_acknowledge")
	if inc := w.incident(); inc.AckedBy != "anna at Slack" {
		t.Errorf("acknowledged by %q", inc.AckedBy)
	}
}

// TestSocketModeNeedsNoAddressAndFollowsReloads: quell opens the connection itself, tells how it does, and closes it when it is configured no longer.
func TestSocketModeNeedsNoAddressAndFollowsReloads(t *testing.T) {
	f := startFakeSlack(t)
	w := slackIn(t, t.TempDir(), f, "app_token_file: app, allowed_users: [U012AB3CD]")
	w.fire()
	status := func() []web.SlackSocketStatus {
		var st web.Status
		w.get("/api/v1/status", &st)
		return st.SlackSockets
	}
	waitFor(t, "the socket", func() bool { open, _ := f.Sockets(); return open == 1 && status()[0].Connected })
	if st := status()[0]; !slices.Equal(st.Channels, []string{"#ops"}) || st.Since == nil || st.Connects != 1 || st.Error != "" {
		t.Errorf("status %+v", st)
	}
	if _, err := f.SendEnvelope("e-1", w.payload(fake.SlackPerson{ID: "U0BERT", Name: "bert"}, "quell_resolve")); err != nil {
		t.Fatal(err)
	}
	w.told("`U0BERT`")
	if _, err := f.SendEnvelope("e-2", w.payload(anna, "quell_acknowledge")); err != nil {
		t.Fatal(err)
	}
	if inc := w.incident(); inc.AckedBy != "anna at Slack" {
		t.Errorf("acknowledged by %q", inc.AckedBy)
	}
	// Over HTTP nobody listens for this app.
	if _, err := w.slack.Post(w.base+"/api/v1/slack", "signing-secret", w.payload(anna, "quell_resolve")); err == nil || !strings.Contains(err.Error(), "no secret") {
		t.Errorf("over HTTP: %v", err)
	}
	w.reload(fmt.Sprintf(slackYAML, f.APIURL(), "signing_secret_file: sign"))
	waitFor(t, "the socket to be closed", func() bool { open, _ := f.Sockets(); return open == 0 && len(status()) == 0 })
	w.click(anna, "quell_resolve")
}
