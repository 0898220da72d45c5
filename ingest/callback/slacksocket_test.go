package callback

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"quell/internal/secret"
)

// listen runs a socket until stop is called.
func (r *slackRig) listen() (k *SlackSocket, stop func()) {
	r.t.Helper()
	k = r.front.Socket(r.front.cfg.Places()[0])
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the socket ended with %v", err)
		}
	}
	r.t.Cleanup(stop)
	return k, stop
}

// connected waits for a socket that was opened n times.
func (r *slackRig) connected(k *SlackSocket, n int) {
	r.t.Helper()
	await(r.t, "the socket", func() bool {
		open, _ := r.slack.Sockets()
		st := k.Status()
		return open == 1 && st.Connected && st.Connects == n
	})
}

func TestEnvelopeIsAcknowledgedWhenItsActionIsDurable(t *testing.T) {
	r := newSlackRig(t, nil)
	k, _ := r.listen()
	r.connected(k, 1)
	hold := make(chan struct{})
	r.desk.hold = hold
	_, ack, err := r.slack.StartEnvelope("e-1", r.payload(anna, slackAck, slackKey))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ack:
		t.Fatal("acknowledged before anything was done")
	case <-time.After(50 * time.Millisecond): // a real wait: nothing tells that something does not come
	}
	close(hold)
	select {
	case <-ack:
	case <-time.After(time.Minute):
		t.Fatal("not acknowledged")
	}
	if diff := cmp.Diff([]string{"ack inc-7/2 by anna at Slack (Slack user U012AB3CD of T0000001 by Slack's socket)"}, r.desk.done()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSocketAsksAndHearsAsThePathDoes(t *testing.T) {
	r := newSlackRig(t, nil)
	k, _ := r.listen()
	r.connected(k, 1)
	if _, err := r.slack.SendEnvelope("e-1", r.payload(anna, slackNotRoot, slackKey)); err != nil {
		t.Fatal(err)
	}
	await(t, "the dialog", func() bool { return len(r.slack.Views()) == 1 })
	v := r.slack.Views()[0]
	for id, choice := range map[string]string{"e-2": "7", "e-3": "1"} {
		b, err := r.slack.Submission(v, anna, choice, "")
		if err != nil {
			t.Fatal(err)
		}
		reply, err := r.slack.SendEnvelope(id, b)
		if err != nil {
			t.Fatal(err)
		}
		if refused := strings.Contains(string(reply), `"response_action":"errors"`); refused != (choice == "7") {
			t.Errorf("%s: %s", choice, reply)
		}
	}
	if len(r.desk.said) != 1 || r.desk.said[0].Root != "zone/a" {
		t.Errorf("said %+v", r.desk.said)
	}
}

func TestSocketComesBackWhateverClosesIt(t *testing.T) {
	r := newSlackRig(t, nil)
	k, _ := r.listen()
	r.connected(k, 1)
	r.slack.Disconnect("refresh_requested")
	r.connected(k, 2)
	payload := r.payload(anna, slackAck, slackKey)
	hold := make(chan struct{})
	r.desk.hold = hold
	over, _, err := r.slack.StartEnvelope("e-1", payload)
	if err != nil {
		t.Fatal(err)
	}
	r.slack.DropSockets() // with an action under way
	<-over
	close(hold)
	r.connected(k, 3)
	// Slack sends what was not acknowledged again, and it is done once.
	if _, err := r.slack.SendEnvelope("e-1", payload); err != nil {
		t.Fatal(err)
	}
	if did := r.desk.done(); len(did) != 1 {
		t.Errorf("did %q", did)
	}
}

func TestSocketLivesWithWhatItDoesNotKnow(t *testing.T) {
	r := newSlackRig(t, nil)
	k, _ := r.listen()
	r.connected(k, 1)
	for _, text := range []string{
		`{"type":"of the future","envelope_id":"e-9"}`, `{"type":"interactive","envelope_id":"e-8","payload":"text"}`, `[]`, `{`, `null`,
		`{"type":"events_api","envelope_id":"e-7","payload":{"type":"event_callback","event":{"type":"of the future"}}}`,
	} {
		if err := r.slack.SendRaw(text); err != nil {
			t.Fatal(err)
		}
	}
	// The library cannot read this one, since the app has a number for an id in it; it is a click all the same.
	payload := strings.Replace(string(r.payload(anna, slackAck, slackKey)), `"api_app_id":"A0000001"`, `"api_app_id":17`, 1)
	if _, err := r.slack.SendEnvelope("e-1", []byte(payload)); err != nil {
		t.Fatal(err)
	}
	if did := r.desk.done(); len(did) != 1 || k.Status().Connects != 1 {
		t.Errorf("did %q, connected %d times", did, k.Status().Connects)
	}
}

// TestConnectionIsToldInTheOrderThatItHadThem drops connections while envelopes are worked on: whoever told a later opening before an earlier
// attempt would believe the socket closed.
func TestConnectionIsToldInTheOrderThatItHadThem(t *testing.T) {
	r := newSlackRig(t, nil)
	k := r.front.Socket(r.front.cfg.Places()[0])
	k.client = socketmode.New(api.New(""))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); k.follow(ctx, nil) }()
	const times = 2000
	for range times {
		k.client.Events <- socketmode.Event{Type: socketmode.EventTypeConnecting}
		k.client.Events <- socketmode.Event{Type: socketmode.EventTypeConnected}
	}
	await(t, "all openings", func() bool { return k.Status().Connects == times })
	if !k.Status().Connected {
		t.Error("closed, it says")
	}
	cancel()
	<-ended
}

func TestWrongTokenIsAWarningAndNoEnd(t *testing.T) {
	for token, want := range map[string]string{
		"xapp-1-wrong": "invalid_auth: app_token_file holds no valid app-level token (xapp-…)",
		"xoxb-1-bot":   "not_allowed_token_type: app_token_file needs an app-level token (xapp-…), no bot token",
	} {
		r := newSlackRig(t, func(p *SlackPlace) { p.AppToken = secret.Text(token) })
		r.slack.RequireAppToken("xapp-1-right")
		k, stop := r.listen()
		await(t, "the error", func() bool { return k.Status().Error != "" })
		if st := k.Status(); st.Error != want || st.Connected {
			t.Errorf("got %+v, want %q", st, want)
		}
		stop()
	}
}

// TestNothingIsLeftOfAClosedSocket counts goroutines: the library leaves one that ends when its connection is closed.
func TestNothingIsLeftOfAClosedSocket(t *testing.T) {
	r := newSlackRig(t, nil)
	_ = r.payload(anna, slackAck, slackKey) // what starts goroutines of its own has started
	before := runtime.NumGoroutine()
	for n := range 3 {
		k, stop := r.listen()
		r.connected(k, 1)
		if n == 1 {
			if _, err := r.slack.SendEnvelope("e", r.payload(anna, slackAck, slackKey)); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		await(t, "Slack to see it closed", func() bool { open, _ := r.slack.Sockets(); return open == 0 })
		if k.Status().Connected {
			t.Error("it says that it is connected")
		}
	}
	await(t, "the last goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

func TestConnectionsAreOpenedNoFasterThanSlackAllows(t *testing.T) {
	p := &pace{}
	at := now
	var waits []time.Duration
	for range 9 {
		w := p.wait(at)
		waits = append(waits, w)
		at = at.Add(w) // and the connection is closed at once
	}
	want := []time.Duration{0, 1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := p.wait(at.Add(4 * time.Hour)); w != 0 {
		t.Errorf("after a connection that lasted: %s", w)
	}
}
