package pagerduty_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/fake"
	"quell/notify"
	"quell/notify/pagerduty"
	"quell/routing"
)

// changed puts n changes on the timeline of an incident, one a minute, the last a minute before it was opened.
func changed(n int) *correlate.Incident {
	inc := incident()
	for k := range n {
		inc.Timeline = append(inc.Timeline, correlate.TimelineEntry{
			At: opened.Add(time.Duration(k-n) * time.Minute), Decision: correlate.Changed, Reason: fmt.Sprintf("deployment/shop/d%d: Rollout, image d:%d", k, k),
		})
	}
	return inc
}

// tell sends a delivery and returns the new reference.
func tell(t *testing.T, n notify.Notifier, action routing.Action, inc *correlate.Incident, ref string) string {
	t.Helper()
	got, err := n.Notify(t.Context(), delivery(action, inc), notify.Sent{Ref: ref})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func sources(p *fake.PagerDuty) (list []string) {
	for _, c := range p.Changes() {
		list = append(list, c.Payload.Source)
	}
	return list
}

func TestEachChangeIsToldOnceUnderAKey(t *testing.T) {
	p := start(t)
	n := notifierFor(p.URL())
	ref := tell(t, n, routing.Trigger, changed(2), "")
	ref = tell(t, n, routing.Update, changed(2), ref)
	want := []string{"deployment/shop/d1", "deployment/shop/d0"}
	if diff := cmp.Diff(want, sources(p)); diff != "" {
		t.Fatalf("changes beside a page and its update (-want +got):\n%s", diff)
	}
	inc := changed(2)
	inc.Timeline = append(inc.Timeline, correlate.TimelineEntry{At: opened.Add(time.Minute), Decision: correlate.Changed, Reason: "node/n3: Drained"})
	ref = tell(t, notifierFor(p.URL()), routing.Update, inc, ref) // a restart between them
	tell(t, n, routing.Acknowledge, inc, ref)
	tell(t, n, routing.Resolve, inc, ref)
	if diff := cmp.Diff(append(want, "node/n3"), sources(p)); diff != "" {
		t.Errorf("changes after one more (-want +got):\n%s", diff)
	}
}

func TestChangesOfAnEarlierLifeAreOldNews(t *testing.T) {
	p := start(t)
	inc := changed(1)
	inc.Timeline[0].At = opened.Add(-2 * time.Hour)
	if ref := tell(t, notifierFor(p.URL()), routing.Trigger, inc, ""); ref != "" || len(p.Changes()) != 0 {
		t.Errorf("told %v, reference %q, want nothing", sources(p), ref)
	}
}

// A pager's rate is for pages: five changes beside one message, the newest, and a share of the rate over all.
func TestChangeEventsAreFew(t *testing.T) {
	p := start(t)
	n := notifierFor(p.URL())
	refs := make([]string, 0, 3)
	for range 3 {
		refs = append(refs, tell(t, n, routing.Trigger, changed(30), ""))
	}
	if got := sources(p); len(got) != 10 || got[0] != "deployment/shop/d29" || got[4] != "deployment/shop/d25" || got[5] != "deployment/shop/d29" {
		t.Errorf("told %v, want the newest five of each of two pages", got)
	}
	if refs[2] != "" || len(refs[0]) != 5*9-1 {
		t.Errorf("references %q, want five changes in two of them", refs)
	}
}

// Whatever becomes of change events, the page has arrived, in time, and is not sent again; and who failed is left in peace.
func TestChangeEventsNeverFailThePage(t *testing.T) {
	for _, fault := range []fake.Fault{
		{Status: 400}, {Status: 403}, {Status: 404}, {Status: 429, RetryAfter: "3600"}, {Status: 500}, {Hang: true}, {DropAnswer: true}, {SlowBody: true},
	} {
		p := start(t)
		asked := 0
		var ctx *fake.Deadline
		p.SetFault(func(_ int, action string) fake.Fault {
			if action != "change" {
				return fake.Fault{}
			}
			asked++
			if fault.Hang || fault.SlowBody {
				ctx.Pass()
			}
			return fault
		})
		n := notifierFor(p.URL())
		for range 3 {
			ctx = fake.NewDeadline(t.Context())
			began := time.Now()
			_, err := n.Notify(ctx, delivery(routing.Trigger, changed(3)), notify.Sent{})
			if err != nil || time.Since(began) > 10*time.Second {
				t.Errorf("%+v: %v after %v, want the page accepted", fault, err, time.Since(began))
			}
		}
		if got := len(p.Incidents()); got != 1 || p.Incidents()[0].Triggers != 3 {
			t.Errorf("%+v: %d incidents, want one with three triggers", fault, got)
		}
		if fault.SlowBody { // if its status was clear, it took that one
			continue
		}
		if asked != 1 {
			t.Errorf("%+v: %d change events were tried, want one", fault, asked)
		}
	}
}

func TestNoChangeAndNoPictureIsToldWhereTheyAreNotWanted(t *testing.T) {
	p := start(t)
	env := notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: "https://quell.example"}
	tell(t, pagerduty.New(notify.PagerDutyConfig{RoutingKey: routingKey, URL: p.URL(), NoChangeEvents: true, NoPictures: true}, env), routing.Trigger, changed(2), "")
	if e := p.Events()[0]; len(p.Changes()) != 0 || len(e.Images) != 0 {
		t.Errorf("%d change events and %d pictures, want none", len(p.Changes()), len(e.Images))
	}
}

// A picture that PagerDuty's pages cannot load must not be there: they load over HTTPS only, and nobody's password is to be shown.
func TestPicturesAreLinkedOverHTTPSOnly(t *testing.T) {
	p := start(t)
	for base, want := range map[string]string{
		"https://quell.example":      "https://quell.example/api/v1/incidents/inc-7/cascade.png",
		"https://quell.example/ops/": "https://quell.example/ops/api/v1/incidents/inc-7/cascade.png",
		"http://quell.example":       "",
		"https://u:p@quell.example":  "",
		"":                           "",
	} {
		n := pagerduty.New(notify.PagerDutyConfig{RoutingKey: routingKey, URL: p.URL()}, notify.Environment{HTTP: notify.NewHTTPClient(), ExternalURL: base})
		tell(t, n, routing.Trigger, incident(), "")
		got, events := "", p.Events()
		if images := events[len(events)-1].Images; len(images) == 1 && images[0].Alt != "" {
			got = images[0].Src
		}
		if got != want {
			t.Errorf("external_url %q: picture %q, want %q", base, got, want)
		}
	}
}

// FuzzChangeEvent: whatever an event told, a change event of it is accepted.
func FuzzChangeEvent(f *testing.F) {
	for _, hostile := range []string{"", "a: b", ": ", "\xff\xfe: \x00", "pod/\u202e/<b>: {{ .X }}"} {
		f.Add(hostile, int64(0))
	}
	p := start(f)
	f.Fuzz(func(t *testing.T, reason string, at int64) {
		inc := incident()
		inc.Opened = time.Unix(at%1e11, 0)
		inc.Timeline = []correlate.TimelineEntry{{At: inc.Opened, Decision: correlate.Changed, Reason: reason}}
		counted := 0
		p.SetFault(func(_ int, action string) fake.Fault {
			if action == "change" {
				counted++
			}
			return fake.Fault{}
		})
		before := len(p.Changes())
		env := notify.Environment{HTTP: http.DefaultClient, ExternalURL: "https://quell.example"}
		if _, err := pagerduty.New(notify.PagerDutyConfig{RoutingKey: routingKey, URL: p.URL()}, env).Notify(t.Context(), delivery(routing.Trigger, inc), notify.Sent{}); err != nil {
			t.Fatal(err)
		}
		if got := len(p.Changes()) - before; got != 1 && before < 15_000 || counted != 1 {
			t.Errorf("%d of %d change events were accepted", got, counted)
		}
	})
}
