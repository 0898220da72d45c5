package slack_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"log/slog"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/digest"
	"quell/notify/slack"
	"quell/routing"
)

// logged is a notifier with a log to read.
func logged(s *fake.Slack, c notify.SlackConfig) (notify.Notifier, *bytes.Buffer) {
	var log bytes.Buffer
	c.Token, c.Channel, c.APIURL = token, "#ops", s.APIURL()
	env := notify.Environment{HTTP: notify.NewHTTPClient(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	return slack.New(c, env), &log
}

// spread is the outage with n members more, and another root if that is not empty.
func spread(n int, root topology.Entity) *routing.Delivery {
	i := outage()
	for k := range n {
		i.Members = append(i.Members, topology.Entity(fmt.Sprintf("pod/shop/more-%d", k)))
	}
	i.MemberCount = len(i.Members)
	if root != "" {
		i.Roots[0].Entity = root
	}
	return telling(routing.Update, 6, "it spread", i)
}

// A picture shows the cascade as it became, and three are enough.
func TestPictureIsDrawnAgainWhenTheCascadeIsAnother(t *testing.T) {
	s := start(t)
	n, log := logged(s, notify.SlackConfig{})
	ref := mustSend(t, n, page(), notify.Sent{})
	for k, step := range []struct {
		d    *routing.Delivery
		want int
	}{
		{spread(0, ""), 1},
		{spread(6, ""), 1},
		{spread(7, ""), 2},
		{spread(13, ""), 2},
		{spread(13, "switch/rack-4"), 3},
		{spread(500, ""), 3},
		{telling(routing.Resolve, 17, recovered, resolved()), 3},
	} {
		ref = mustSend(t, n, step.d, notify.Sent{Ref: ref})
		if got := len(s.Files()); got != step.want {
			t.Errorf("step %d: %d pictures, want %d", k, got, step.want)
		}
	}
	for _, f := range s.Files() {
		if _, err := png.Decode(bytes.NewReader(f.Data)); err != nil || !strings.Contains(f.Alt, "root cause") || f.Channel+"/"+f.ThreadTS != message(ref) {
			t.Errorf("picture %+v: %v, want a PNG with words in the thread of %s", f.Name, err, ref)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

// What is alone needs no picture, nor does a notice; what is told of late gets one as soon as it has spread.
func TestPictureIsLeftOutWhereWordsSayAll(t *testing.T) {
	s := start(t)
	n, _ := logged(s, notify.SlackConfig{})
	ref := mustSend(t, n, telling(routing.Trigger, 5, "it lasts", lone()), notify.Sent{})
	mustSend(t, n, telling(routing.Notice, 1, "early", held()), notify.Sent{})
	silent, _ := logged(s, notify.SlackConfig{NoPictures: true})
	mustSend(t, silent, page(), notify.Sent{})
	if got := s.Files(); len(got) > 0 {
		t.Errorf("%d pictures, want none", len(got))
	}
	mustSend(t, n, spread(0, ""), notify.Sent{Ref: ref})
	if got := s.Files(); len(got) != 1 {
		t.Errorf("%d pictures after it spread, want one", len(got))
	}
}

// Whatever is wrong with pictures, the words arrive, and the log says once what to do.
func TestTextGoesOutWithoutItsPicture(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*fake.Slack)
		hint    string
	}{
		"missing scope": {func(s *fake.Slack) { s.GrantScopes("chat:write") }, "files:write"},
		"too large":     {code("files.getUploadURLExternal", "file_upload_size_restricted"), "file_upload_size_restricted"},
		"rate limit":    {status("files.getUploadURLExternal", 429), "http_429"},
		"upload fails":  {status("upload", 500), "http_500"},
		"not shared":    {code("files.completeUploadExternal", "not_in_channel"), "/invite"},
		"hangs":         {hang("upload"), "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			tc.prepare(s)
			n, log := logged(s, notify.SlackConfig{})
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if _, err := n.Notify(ctx, page(), notify.Sent{}); err != nil {
					t.Errorf("page: %v", err)
				}
				cancel()
			}
			if got := inChannel(s); len(got) != 2 || len(s.Files()) != 0 {
				t.Errorf("%d messages and %d pictures, want two pages without", len(got), len(s.Files()))
			}
			if got := log.String(); strings.Count(got, "picture not uploaded") != 1 || !strings.Contains(got, tc.hint) || strings.Contains(got, token) {
				t.Errorf("log %q, want one warning with %q", got, tc.hint)
			}
		})
	}
}

func code(method, code string) func(*fake.Slack) {
	return fault(method, fake.Fault{Code: code})
}

func status(method string, status int) func(*fake.Slack) {
	return fault(method, fake.Fault{Status: status, RetryAfter: "30"})
}

func hang(method string) func(*fake.Slack) { return fault(method, fake.Fault{Hang: true}) }

func fault(method string, f fake.Fault) func(*fake.Slack) {
	return func(s *fake.Slack) {
		s.SetFault(func(_ int, action string) fake.Fault {
			if action == method {
				return f
			}
			return fake.Fault{}
		})
	}
}

// The charts of a digest stand in its thread together, drawn of what the delivery says.
func TestDigestHasItsChartsInTheThread(t *testing.T) {
	s := start(t)
	n, log := logged(s, notify.SlackConfig{})
	var body bytes.Buffer
	week := digest.Build([]*correlate.Incident{chronicIncident(), resolved()}, night.Add(-7*24*time.Hour), night.Add(time.Hour), digest.Options{})
	if err := week.JSON(&body); err != nil {
		t.Fatal(err)
	}
	ref := mustSend(t, n, &routing.Delivery{Action: routing.Digest, Key: "week-9", Created: time.Now(), Digest: body.Bytes()}, notify.Sent{})
	got := s.Files()
	if len(got) < 2 || log.Len() > 0 {
		t.Fatalf("%d pictures, log %q, want the charts", len(got), log)
	}
	for _, f := range got {
		_, err := png.Decode(bytes.NewReader(f.Data))
		if err != nil || "C0000001/"+f.ThreadTS != message(ref) || !strings.HasPrefix(f.Alt, f.Title) || len(f.Title) >= len(f.Alt) {
			t.Errorf("picture %s %q: %v, want a chart with a title in the thread of %s", f.Name, f.Title, err, ref)
		}
	}
}

// A thread that takes nothing does not undo the page above it: people would be paged twice for what they read already.
func TestThreadThatIsClosedDoesNotFailThePage(t *testing.T) {
	s := start(t)
	n, log := logged(s, notify.SlackConfig{NoPictures: true})
	s.SetFault(func(k int, _ string) fake.Fault {
		if k == 2 {
			return fake.Fault{Code: "restricted_action_non_threadable_channel"}
		}
		return fake.Fault{}
	})
	if ref := mustSend(t, n, page(), notify.Sent{}); ref == "" || !strings.Contains(log.String(), "thread not written") {
		t.Errorf("reference %q, log %q, want the page and a warning", ref, log)
	}
}

// Slack's codes become sentences that say what to do; what is needed and granted is named.
func TestErrorsSayWhatToDo(t *testing.T) {
	for code, cure := range map[string]string{
		"channel_not_found": "/invite", "not_in_channel": "/invite", "is_archived": "unarchive", "invalid_auth": "token_file", "account_inactive": "install it again",
		"token_revoked": "install the app again", "msg_too_long": "longer",
	} {
		s := start(t)
		s.SetFault(func(int, string) fake.Fault { return fake.Fault{Code: code} })
		n, _ := logged(s, notify.SlackConfig{})
		if _, err := send(t, n, page(), notify.Sent{}); err == nil || !strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), cure) {
			t.Errorf("%s: %v, want a hint with %q", code, err, cure)
		}
	}
	s := start(t)
	s.GrantScopes("files:write")
	n, _ := logged(s, notify.SlackConfig{})
	_, err := send(t, n, page(), notify.Sent{})
	if got := fmt.Sprint(err); !strings.Contains(got, "needs chat:write, and has files:write") {
		t.Errorf("error %q, want the scopes", got)
	}
}
