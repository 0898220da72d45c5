package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake"
)

// Credentials of an app with buttons.
const (
	slackSigning  = "planted-signing-secret-5d0a"
	slackAppToken = "xapp-planted-app-token-77b1"
)

// buttons makes the channel at Slack one with buttons, by keys of the configuration.
func buttons(t *testing.T, keys string) *rig {
	t.Helper()
	r := newRig(t, options{slack: ", " + keys})
	r.write("slack.sign", slackSigning+"\n")
	r.write("slack.app", slackAppToken+"\n")
	r.start()
	return r
}

// click makes a click on the button of the message that names an entity, by who is called anna there.
func (r *rig) click(entity, action string) []byte {
	r.Helper()
	var payload []byte
	r.eventually(pageBudget, "Slack knows of "+entity, func() bool {
		for _, m := range r.slack.Messages() {
			if m.ThreadTS != "" || !strings.Contains(m.Text, entity) {
				continue
			}
			var err error
			payload, err = r.slack.Payload(fake.SlackClick{
				Person: fake.SlackPerson{ID: "U012AB3CD", Name: "anna"}, TS: m.TS, Action: action,
			})
			return err == nil
		}
		return false
	})
	return payload
}

// ackedBy asks who acknowledged the incident of an entity.
func (r *rig) ackedBy(entity string) string {
	r.Helper()
	for id, inc := range r.incidents() {
		if inc.root != entity {
			continue
		}
		var whole correlate.Incident
		if a := r.get("/api/v1/incidents/" + id.String()); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &whole) != nil {
			r.Fatalf("incident: %v", a)
		}
		return whole.AckedBy
	}
	r.Fatalf("no incident of %s", entity)
	return ""
}

// edited waits until the message of an entity says in its thread who did something.
func (r *rig) edited(entity, said string) {
	r.Helper()
	r.eventually(pageBudget, "the message of "+entity+" says "+said, func() bool {
		list := r.slack.Messages()
		for _, m := range list {
			if m.ThreadTS != "" || !strings.Contains(m.Text, entity) || m.Edits == 0 {
				continue
			}
			for _, line := range list {
				if line.ThreadTS == m.TS && strings.Contains(strings.ToLower(line.Text), strings.ToLower(said)) {
					return true
				}
			}
		}
		return false
	})
}

// TestClickThatSlackHeardOfSurvivesACrash kills quell as soon as Slack has its answer, over HTTP and over a socket: what was answered is done,
// and a click that comes again is not done twice.
func TestClickThatSlackHeardOfSurvivesACrash(t *testing.T) {
	for name, keys := range map[string]string{"HTTP": "signing_secret_file: slack.sign", "socket": "app_token_file: slack.app"} {
		t.Run(name, func(t *testing.T) {
			r := buttons(t, keys)
			send := func(payload []byte) error {
				if name == "HTTP" {
					_, err := r.slack.Post(r.address.Load().(string)+"/api/v1/slack", slackSigning, payload)
					return err
				}
				r.eventually(pageBudget, "the socket", func() bool { open, _ := r.slack.Sockets(); return open == 1 })
				_, err := r.slack.SendEnvelope(fmt.Sprint(time.Now().UnixNano()), payload)
				return err
			}
			for k := range 3 {
				x := ill(fmt.Sprintf("pod/shop/x%d", k))
				r.fails(x)
				r.paged(x.entity())
				payload := r.click(x.entity(), "quell_acknowledge")
				err := send(payload)
				r.process.kill()
				r.eventually(pageBudget, "Slack sees the end", func() bool { open, _ := r.slack.Sockets(); return open == 0 })
				r.start()
				if err != nil {
					t.Fatal(err)
				}
				if by := r.ackedBy(x.entity()); by != "anna at Slack" {
					t.Fatalf("Slack heard that it was done, and %s was acknowledged by %q", x.entity(), by)
				}
				r.edited(x.entity(), "acknowledged by anna at Slack")
				before := len(r.slack.Whispers())
				if err := send(payload); err != nil {
					t.Fatal(err)
				}
				r.eventually(pageBudget, "who clicked is told that it was done already", func() bool { return len(r.slack.Whispers()) > before })
				r.heals(x)
			}
			r.verify()
		})
	}
}
