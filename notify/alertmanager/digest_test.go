//go:build !slim

package alertmanager

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/notify"
	"quell/notify/digest"
	"quell/notify/template"
	"quell/routing"
)

// sampleDigest is a digest of a week in which one incident healed.
func sampleDigest(t *testing.T) *routing.Delivery {
	t.Helper()
	var healed *correlate.Incident
	for _, s := range template.Samples() {
		if s.Name == "healed" {
			healed = s.Delivery.Incident
		}
	}
	since := time.Date(2026, 10, 27, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	if err := digest.Build([]*correlate.Incident{healed}, since, since.Add(7*24*time.Hour), digest.Options{Location: time.UTC}).JSON(&b); err != nil {
		t.Fatal(err)
	}
	return &routing.Delivery{ID: 9, Target: routing.Target{Receiver: "team"}, Action: routing.Digest, Key: "quell/digest/1", Digest: b.Bytes(), Created: since.Add(7 * 24 * time.Hour)}
}

// TestDigestsAreShownWhereverPeopleRead sends a digest to each kind, and looks for its headline and its text in what arrives.
func TestDigestsAreShownWhereverPeopleRead(t *testing.T) {
	title, _, err := digestText(sampleDigest(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range integrationKinds {
		in, end := connect(t, k.typ, k.yaml)
		if k.answer != nil {
			end.answer = k.answer
		}
		_, err := in.Notify(t.Context(), sampleDigest(t), notify.Sent{})
		told := end.told()
		if TakesDigests(k.typ) {
			if err != nil || !strings.Contains(told, title) || !strings.Contains(told, "KubeNodeNotReady on node") {
				t.Errorf("%s: got %v and\n%s", k.typ, err, told)
			}
			continue
		}
		if rejected, ok := errors.AsType[*notify.RejectedError](err); !ok || rejected.Reason != "digest" || told != "" {
			t.Errorf("%s: got %v, want that it takes none", k.typ, err)
		}
	}
}

// TestDigestsAreMailedWithTheirCharts looks for the charts that the HTML shows.
func TestDigestsAreMailedWithTheirCharts(t *testing.T) {
	in, s := connectMail(t, "")
	if _, err := in.Notify(t.Context(), sampleDigest(t), notify.Sent{}); err != nil {
		t.Fatal(err)
	}
	mails := s.told()
	if len(mails) != 1 {
		t.Fatalf("got %d mails", len(mails))
	}
	shown := readMail(t, mails[0])
	html := shown[strings.Index(shown, "==== text/html"):]
	n := strings.Count(html, `src="cid:`)
	if n == 0 || strings.Count(shown, "==== image/png <") != n {
		t.Errorf("got %d pictures shown:\n%s", n, shown)
	}
	for _, part := range strings.Split(html, `src="cid:`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		if !strings.Contains(shown, "==== image/png <"+id+">") {
			t.Errorf("no picture %s", id)
		}
	}
	if strings.Contains(shown, "In-Reply-To: <") {
		t.Error("a digest is in a thread")
	}
}
