package routing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quell/correlate"
)

// One incident from its page to its end. The route changes after the page; what follows goes where the page went.
func TestWhatFollowsAPageGoesWhereThePageWent(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	s.want("escalate", s.decide(correlate.Escalate, correlate.Escalated),
		"trigger a/pagerduty[0] because; q.yml:3 route /0 to a", "trigger a/pagerduty[1] because; q.yml:3 route /0 to a",
		"trigger default/slack[0] because; q.yml:4 route /1 to default")
	other := &Config{Route: &Route{Receiver: "other"}, Receivers: map[string][]Target{"other": {{"other", "slack", 0}}}}
	s.want("reload", s.step([]correlate.Input{&correlate.Policy{Routing: other.Encode()}}))
	for _, next := range []struct {
		decision correlate.Decision
		state    correlate.State
		action   Action
	}{
		{correlate.Update, correlate.Escalated, Update},
		{correlate.Join, correlate.Escalated, ""},
		{correlate.Lost, correlate.Escalated, ""},
		{correlate.Acknowledge, correlate.Acknowledged, Acknowledge},
		{correlate.Reroot, correlate.Acknowledged, Update},
		{correlate.Merge, correlate.Acknowledged, Update},
		{correlate.Resolve, correlate.Resolved, Resolve},
		{correlate.Resolve, correlate.Resolved, ""}, // told already
	} {
		var want []string
		for _, target := range []Target{pd, pd2, slack} {
			if next.action != "" {
				want = append(want, fmt.Sprintf("%s %s because", next.action, target))
			}
		}
		s.want(next.decision.String(), s.decide(next.decision, next.state), want...)
	}
}

func TestWhatNeverPagedIsToldToNobody(t *testing.T) {
	for d := correlate.Open; d <= correlate.Lost; d++ {
		for state := correlate.Held; state <= correlate.Merged; state++ {
			s := newStage(t, router(t), incident(state, "a"))
			if got := s.decide(d, state); d != correlate.Escalate && d != correlate.Notice && got != nil {
				t.Errorf("%s of an incident that is %s: got %v", d, state, got)
			}
		}
	}
	s := newStage(t, router(t), incident(correlate.Escalated, "silent"))
	s.want("receiver without integrations", s.decide(correlate.Escalate, correlate.Escalated))
}

// However an incident that has paged ends, its page must not stay open for ever.
func TestEveryEndOfAPagedIncidentResolvesItsPage(t *testing.T) {
	for _, c := range []struct {
		decision correlate.Decision
		state    correlate.State
		reason   string
	}{
		{correlate.Resolve, correlate.Resolved, "because"},
		{correlate.SelfHeal, correlate.SelfHealed, "because"},
		{correlate.Resolve, correlate.Held, "because"}, // it was reopened in the same step
		{correlate.Merge, correlate.Merged, "continued as inc-3: because"},
	} {
		s := newStage(t, router(t), incident(correlate.Escalated, "a"))
		s.decide(correlate.Escalate, correlate.Escalated)
		if c.state == correlate.Merged {
			s.inc.MergedInto = 3
		}
		s.want(c.decision.String(), s.decide(c.decision, c.state),
			"resolve a/pagerduty[0] "+c.reason, "resolve a/pagerduty[1] "+c.reason, "resolve default/slack[0] "+c.reason)
	}
}

func TestTheKeyChangesWithTheGenerationOnly(t *testing.T) {
	for generation, want := range map[int]string{1: "quell/k3j5/inc-7/1", 2: "quell/k3j5/inc-7/2"} {
		inc := incident(correlate.Escalated, "a")
		inc.Generation = generation
		x := NewEscalations(router(t))
		for _, d := range []correlate.Decision{correlate.Escalate, correlate.Update, correlate.Acknowledge} {
			effects := []correlate.Effect{{Decision: d, Incident: 7, Generation: generation}}
			for _, d := range x.Step(now, effects, func(correlate.IncidentID) (*correlate.Incident, bool) { return inc, true }) {
				if d.Key != want || !d.Created.Equal(now) || !d.Expires.Equal(now.Add(DefaultExpire)) || d.Incident != inc {
					t.Errorf("generation %d: got %+v", generation, d)
				}
			}
		}
	}
}

// Chat is told of what could not be delivered; only of a page that nobody can read about anywhere, others are woken.
func TestWhatCannotBeDeliveredIsToldWhereSomebodyReadsIt(t *testing.T) {
	config := func(a, root []Target) *Router {
		return New(&Config{Route: &Route{Receiver: "root"}, Receivers: map[string][]Target{"a": a, "root": root}}, Options{StoreID: "k3j5"})
	}
	rootPager, rootChat := Target{"root", "pagerduty", 0}, Target{"root", "slack", 0}
	siblingChat := Target{"a", "slack", 0}
	for _, c := range []struct {
		name    string
		a, root []Target
		action  Action
		want    []Target
	}{
		{"the chat of its receiver", []Target{pd, pd2, siblingChat}, []Target{rootPager, rootChat}, Trigger, []Target{siblingChat}},
		{"the chat of the root", []Target{pd, pd2}, []Target{rootPager, rootChat}, Trigger, []Target{rootChat}},
		{"other pagers of its receiver", []Target{pd, pd2}, []Target{rootPager}, Trigger, []Target{pd2}},
		{"the pagers of the root", []Target{pd}, []Target{rootPager}, Trigger, []Target{rootPager}},
		{"nobody is woken for an update", []Target{pd, pd2}, []Target{rootPager}, Update, nil},
		{"chat is told of an update", []Target{pd}, []Target{rootChat}, Update, []Target{rootChat}},
		{"nobody but itself", []Target{pd}, []Target{pd}, Trigger, nil},
		{"a message about a failure does not breed", []Target{pd, siblingChat}, []Target{rootChat}, Operator, nil},
	} {
		d := Delivery{Action: c.action, Target: pd, Key: "quell/k3j5/inc-7/2", Incident: incident(correlate.Escalated, "a")}
		var got []Target
		for _, d := range config(c.a, c.root).Undelivered(now, &d, "HTTP 400") {
			got = append(got, d.Target)
			for _, part := range []string{"a/pagerduty[0]", "HTTP 400", "inc-7 [error] X on node/n3 (root node/n3)", "quell delivery list --dead"} {
				if !strings.Contains(d.Text, part) {
					t.Errorf("%s: %q does not say %q", c.name, d.Text, part)
				}
			}
			if d.Action != Operator || d.Key != "quell/k3j5/operator/undelivered/a/pagerduty[0]" {
				t.Errorf("%s: got action %s, key %s", c.name, d.Action, d.Key)
			}
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A page that waits for a receiver that is ill moves the policy on at once, and once; when it arrives after all, nobody else is told.
func TestAPageThatWaitsMovesThePolicyOnOnce(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Notice, chat, "")
	s.until(5 * time.Minute)
	waits := func() []string {
		return s.step([]correlate.Input{&correlate.Delivery{
			Incident: s.inc.ID, Generation: s.inc.Generation, Receiver: "first", Integration: "pagerduty[0]", Action: "trigger",
			Deferred: true, Error: "5 attempts in a row failed",
		}})
	}
	why := " first/pagerduty[0] cannot be reached at present (5 attempts in a row failed), its trigger waits; step 3 of 3 of policy night, route /0"
	s.want("deferred", waits(), "trigger second/pagerduty[0]"+why, "trigger second/slack[0]"+why, "trigger team/slack[0]"+why)
	s.restart()
	s.want("deferred again, by the next process", waits())
	if !s.x.Unheard(s.inc.ID, s.inc.Generation) {
		t.Error("nobody took the page, and it counts as heard")
	}
	s.want("it arrives after all", s.result(Trigger, page1, ""))
	s.result(Trigger, page2, "")
	s.result(Trigger, chat, "")
	if s.x.Unheard(s.inc.ID, s.inc.Generation) {
		t.Error("the page arrived, and counts as unheard")
	}
	s.want("by the clock from then on", actions(s.until(36*time.Minute)), "35m0s notice team/slack[0]")
}

// A page that was taken back since somebody else acknowledged the incident is no page that nobody saw; its receiver gets no news, which
// would page it, until it is paged anew.
func TestAPageTakenBackByAnAcknowledgementIsNotFollowed(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Trigger, pd2, "refused")
	s.result(Trigger, slack, "refused")
	s.decide(correlate.Acknowledge, correlate.Acknowledged)
	gone := &correlate.Delivery{Incident: 7, Generation: 2, Receiver: pd.Receiver, Integration: pd.Integration(), Action: "trigger", Withdrawn: true}
	if s.step([]correlate.Input{gone}); gone.Unseen {
		t.Error("the generation counts as unseen")
	}
	s.restart()
	s.want("news", actions(s.decide(correlate.Update, correlate.Acknowledged)), "update a/pagerduty[1]", "update default/slack[0]")
	s.inc.State = correlate.Escalated
	back := correlate.Effect{Decision: correlate.Update, Incident: 7, Generation: 2, Reason: "handed back", Worse: true, HandBack: true}
	if got := actions(s.step(nil, back)); !slices.Contains(got, "trigger a/pagerduty[0]") {
		t.Errorf("handed back: got %v", got)
	}
	if got := actions(s.decide(correlate.Update, correlate.Escalated)); !slices.Contains(got, "update a/pagerduty[0]") {
		t.Errorf("news after it: got %v", got)
	}
}

// What is given up and tried again may still arrive: until then the incident is not one that nobody heard of.
func TestARetriedPageMayStillArrive(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Trigger, pd, "HTTP 400")
	s.step([]correlate.Input{&correlate.Delivery{Incident: 7, Generation: 2, Receiver: pd.Receiver, Integration: pd.Integration(), Action: "trigger", Retried: "ada"}})
	if has := s.x.byID[7].entry(pd); has.End != "" {
		t.Errorf("the page's end is %q, want none", has.End)
	}
	s.result(Trigger, pd, "")
	if has := s.x.byID[7].entry(pd); has.End != endAccepted {
		t.Errorf("the page's end is %q, want accepted", has.End)
	}
}

func TestWhatIsDroppedIsCounted(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	for range 3 {
		s.want("superseded", s.step([]correlate.Input{&correlate.Delivery{
			Incident: 7, Generation: 2, Receiver: pd.Receiver, Integration: pd.Integration(), Action: "update", Superseded: true,
		}}))
	}
	s.restart()
	want := []correlate.DroppedDeliveries{{Target: "a/pagerduty[0]", Count: 3}}
	if diff := cmp.Diff(want, s.x.View(7).Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A receiver may have more or less time than its policy says; what counts is the one that is late first.
func TestReceiversHaveTheirOwnTimeToAccept(t *testing.T) {
	r := New(&Config{
		Route:         &Route{Receiver: "default", Routes: []*Route{{Matchers: when(t, "team=x"), Escalation: "p"}}},
		Receivers:     map[string][]Target{"default": {slack}, "first": {page1}, "second": {page2}, "team": {chat}},
		DeliverWithin: map[string]time.Duration{"first": 30 * time.Second, "second": 10 * time.Minute},
		Policies: []Policy{{Name: "p", DeliverWithin: time.Minute, Steps: []Step{
			{Receivers: []string{"first", "second"}, Wait: time.Hour}, {Receivers: []string{"second"}, Wait: time.Hour}, {Receivers: []string{"team"}},
		}}},
	}, Options{})
	s := newStage(t, r, incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.restart()
	s.want("the first is late", actions(s.until(time.Minute)), "30s trigger second/pagerduty[0]")
	s.want("the second has more", actions(s.until(11*time.Minute)), "10m30s trigger team/slack[0]")

	s = newStage(t, r, incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Trigger, page1, "")
	s.want("the first took it", actions(s.until(15*time.Minute)), "10m0s trigger second/pagerduty[0]")
}

func TestStepsFollowEachOtherUntilSomebodyAcknowledges(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
	s.want("escalate", s.decide(correlate.Escalate, correlate.Escalated), "notice team/slack[0] because; step 1 of 3 of policy night, route /0")
	s.result(Notice, chat, "")
	s.want("first page", s.until(5*time.Minute), "5m0s trigger first/pagerduty[0] nobody acknowledged it within 5m; step 2 of 3 of policy night, route /0")
	s.result(Trigger, page1, "")
	s.restart()
	s.want("second page", actions(s.until(20*time.Minute)),
		"20m0s trigger second/pagerduty[0]", "20m0s trigger second/slack[0]", "20m0s trigger team/slack[0]")
	s.result(Trigger, page2, "")
	s.result(Trigger, chat, "")
	s.want("acknowledge", actions(s.decide(correlate.Acknowledge, correlate.Acknowledged)),
		"acknowledge team/slack[0]", "acknowledge first/pagerduty[0]", "acknowledge second/pagerduty[0]", "acknowledge second/slack[0]")
	s.want("afterwards", s.until(10*time.Hour))
	s.want("resolve", actions(s.decide(correlate.Resolve, correlate.Resolved)),
		"resolve team/slack[0]", "resolve first/pagerduty[0]", "resolve second/pagerduty[0]", "resolve second/slack[0]")
}

// The steps begin anew as often as the policy says, and no more. Targets that have a message already are told so.
func TestStepsRepeatUpToTheLimit(t *testing.T) {
	s := newStage(t, ladder(t, Step{Receivers: []string{"first"}}), incident(correlate.Escalated, "x"))
	s.accepts = true
	s.decide(correlate.Escalate, correlate.Escalated)
	s.want("repeat", s.until(24*time.Hour), "30m0s trigger first/pagerduty[0] nobody acknowledged it within 30m; step 1 of 1, round 2 of 2 of policy night, route /0")
	if v := s.x.View(7); len(v.Climbs) != 1 || v.Climbs[0].State != "done" || v.Climbs[0].Next != nil {
		t.Errorf("got %+v", v.Climbs)
	}
}

// Whoever does not take a page, by refusing it or by saying nothing, must not keep it from the next step.
func TestAReceiverThatFailsMovesThePageOnAtOnce(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.want("a notice that is refused", s.result(Notice, chat, "no such channel"),
		"trigger first/pagerduty[0] notice did not reach team/slack[0]: no such channel; step 2 of 3 of policy night, route /0")
	s.restart()
	s.want("a page that nobody answers", s.until(3*time.Minute),
		"2m0s trigger second/pagerduty[0] first/pagerduty[0] did not accept it in time; step 3 of 3 of policy night, route /0",
		"2m0s trigger second/slack[0] first/pagerduty[0] did not accept it in time; step 3 of 3 of policy night, route /0",
		"2m0s trigger team/slack[0] first/pagerduty[0] did not accept it in time; step 3 of 3 of policy night, route /0")
	s.result(Trigger, chat, "")
	s.want("chat does not bear the page of a receiver that has a pager", s.result(Trigger, both, ""))
	s.want("the last step", actions(s.until(5*time.Minute)), "4m0s trigger default/slack[0]")
	s.want("then it goes by the clock", actions(s.until(time.Hour))[:1], "32m0s notice team/slack[0]")
}

// A receiver of two integrations has the page as soon as one of those that wake people took it.
func TestAReceiverHasFailedWhenAllItsPagersHave(t *testing.T) {
	r := New(&Config{
		Route:     &Route{Receiver: "default", Routes: []*Route{{Matchers: when(t, "team=a"), Escalation: "p"}}},
		Receivers: map[string][]Target{"default": {slack}, "a": {pd, pd2}, "first": {page1}},
		Policies:  []Policy{{Name: "p", Steps: []Step{{Receivers: []string{"a"}, Wait: time.Hour}, {Receivers: []string{"first"}}}}},
	}, Options{})
	s := newStage(t, r, incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.want("one fails", s.result(Trigger, pd, "refused"))
	s.want("the other takes it", s.result(Trigger, pd2, ""))
	s.want("nobody hurries", s.until(59*time.Minute))

	s = newStage(t, r, incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Trigger, pd, "refused")
	s.want("both fail", actions(s.result(Trigger, pd2, "refused")), "trigger first/pagerduty[0]")
}

func TestWhatIsOutOfItsHoursWaitsInOrder(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "office"))
	s.now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) // a Saturday
	s.want("at night", s.decide(correlate.Escalate, correlate.Escalated))
	if v := s.x.View(7); len(v.Climbs) != 1 || v.Climbs[0].State != "waiting" {
		t.Errorf("got %+v", v)
	}
	s.restart()
	s.accepts = true
	s.want("on Monday", actions(s.until(72*time.Hour)), "48h0m0s trigger team/slack[0]") // from Saturday, 9:00

	s = newStage(t, ladder(t), incident(correlate.Escalated, "office"))
	s.now = time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)
	s.decide(correlate.Escalate, correlate.Escalated)
	if at, _ := s.x.Deadline(); !at.Equal(time.Date(2026, 11, 20, 13, 5, 0, 0, time.UTC)) {
		t.Errorf("lunch ends at %v", at)
	}
	s.want("over before its hours", s.decide(correlate.Resolve, correlate.Resolved))
	if at, ok := s.x.Deadline(); ok {
		t.Errorf("something is due at %v", at)
	}
}

// A step out of its hours is passed over; if all are, the policy waits for the first that is not.
func TestStepsHaveHours(t *testing.T) {
	day, noon := Hours{Active: []string{"office"}}, Hours{Active: []string{"lunch"}}
	s := newStage(t, ladder(t, Step{Receivers: []string{"team"}, Hours: day, Wait: time.Hour}, Step{Receivers: []string{"first"}, Wait: time.Hour}, Step{Receivers: []string{"second"}, Hours: day}),
		incident(correlate.Escalated, "x"))
	s.want("a Saturday", actions(s.decide(correlate.Escalate, correlate.Escalated)), "trigger first/pagerduty[0]")
	s.result(Trigger, page1, "")
	s.want("the third is passed over, then they repeat", actions(s.until(100*time.Minute)), "1h30m0s trigger first/pagerduty[0]")

	s = newStage(t, ladder(t, Step{Receivers: []string{"team"}, Hours: day, Wait: time.Hour}, Step{Receivers: []string{"first"}, Hours: noon}), incident(correlate.Escalated, "x"))
	s.want("none is open", s.decide(correlate.Escalate, correlate.Escalated))
	s.accepts = true
	s.want("the second opens first", actions(s.until(200*time.Minute)), "3h0m0s trigger first/pagerduty[0]")
}

// An incident that got worse concerns those whom its severity matches only now. Who was paged is not paged again for it.
func TestWorsePagesThoseWhoMatchOnlyNow(t *testing.T) {
	r := New(&Config{
		Route:     &Route{Receiver: "default", Routes: []*Route{{Matchers: when(t, "severity=critical"), Receiver: "a"}}},
		Receivers: map[string][]Target{"default": {slack}, "a": {pd, slack}},
	}, Options{})
	s := newStage(t, r, incident(correlate.Escalated, "a"))
	s.want("escalate", actions(s.decide(correlate.Escalate, correlate.Escalated)), "trigger default/slack[0]")
	s.inc.Severity = correlate.SeverityCritical
	worse := correlate.Effect{Decision: correlate.Update, Incident: 7, Generation: 2, Reason: "because", Worse: true}
	s.want("worse", s.step(nil, worse), "update default/slack[0] because", "trigger a/pagerduty[0] because; route /0 to a")
	s.want("worse again", actions(s.step(nil, worse)), "update default/slack[0]", "update a/pagerduty[0]")
}

// A pager that holds an incident for acknowledged adds a further trigger in silence, so it is resolved there first. The key stays.
func TestWhatIsHandedBackWakesPeopleAgain(t *testing.T) {
	s := newStage(t, ladder(t, Step{Receivers: []string{"first", "team"}, Wait: time.Hour}, Step{Receivers: []string{"second"}}), incident(correlate.Escalated, "x"))
	s.accepts = true
	s.decide(correlate.Escalate, correlate.Escalated)
	s.until(time.Hour)
	s.decide(correlate.Acknowledge, correlate.Acknowledged)
	s.until(5 * time.Hour)
	s.inc.State = correlate.Escalated
	back := correlate.Effect{Decision: correlate.Update, Incident: 7, Generation: 2, Reason: "handed back", Worse: true, HandBack: true}
	s.want("handed back", actions(s.step(nil, back)), "resolve first/pagerduty[0]", "trigger first/pagerduty[0]", "trigger team/slack[0]",
		"update second/pagerduty[0]", "update second/slack[0]")
	s.restart()
	s.want("the steps begin anew", actions(s.until(6*time.Hour)),
		"6h0m0s resolve second/pagerduty[0]", "6h0m0s trigger second/pagerduty[0]", "6h0m0s trigger second/slack[0]")
	s.want("and go on", actions(s.until(390*time.Minute)), "6h30m0s trigger first/pagerduty[0]", "6h30m0s trigger team/slack[0]")
}

func TestNoticesGoToTheThreadOrWhereRoutesLead(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Held, "a"))
	s.want("held", s.decide(correlate.Notice, correlate.Held), "notice default/slack[0] because")
	s.want("told, not paged", s.decide(correlate.Update, correlate.Held))
	s.want("paged in the same message", actions(s.decide(correlate.Escalate, correlate.Escalated)),
		"trigger a/pagerduty[0]", "trigger a/pagerduty[1]", "trigger default/slack[0]")
	s.want("in the thread", s.decide(correlate.Notice, correlate.Escalated), "notice default/slack[0] because")
	s.decide(correlate.Resolve, correlate.Resolved)
	s.want("after the end", s.decide(correlate.Notice, correlate.Resolved), "notice default/slack[0] because")

	s = newStage(t, ladder(t), incident(correlate.Held, "office"))
	s.now = now.Add(-3 * time.Hour)
	s.want("out of hours", s.decide(correlate.Notice, correlate.SelfHealed))
	s.restart()
	s.want("on Monday", s.until(72*time.Hour), "48h0m0s notice team/slack[0] because")
}

// Nobody was woken if all pages were taken back, or failed; whatever arrived says otherwise.
func TestAGenerationIsUnseenIfNoPageArrived(t *testing.T) {
	end := func(target Target, problem string, withdrawn bool) *correlate.Delivery {
		return &correlate.Delivery{
			Incident: 7, Generation: 2, Receiver: target.Receiver, Integration: target.Integration(), Action: "trigger", Error: problem, Withdrawn: withdrawn,
		}
	}
	for _, c := range []struct {
		name string
		ends []*correlate.Delivery
		want []bool
	}{
		{"all withdrawn", []*correlate.Delivery{end(pd, "", true), end(pd2, "", true), end(slack, "", true)}, []bool{false, false, true}},
		{"one failed", []*correlate.Delivery{end(pd, "", true), end(pd2, "refused", false), end(slack, "", true)}, []bool{false, false, true}},
		{"one arrived", []*correlate.Delivery{end(pd, "", true), end(pd2, "", false), end(slack, "", true)}, []bool{false, false, false}},
	} {
		s := newStage(t, router(t), incident(correlate.Escalated, "a"))
		s.decide(correlate.Escalate, correlate.Escalated)
		s.decide(correlate.Resolve, correlate.Resolved)
		var got []bool
		for _, d := range c.ends {
			s.step([]correlate.Input{d})
			got = append(got, d.Unseen)
		}
		if !slices.Equal(c.want, got) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// While quell was away nobody could acknowledge anything, and receivers could not accept anything.
func TestAfterAGapWhatIsOverdueGetsSomeTime(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.restart()
	s.now = now.Add(time.Hour)
	s.want("at the restart", s.step([]correlate.Input{&correlate.Gap{From: now, To: s.now, Why: "restart"}}))
	s.result(Notice, chat, "")
	s.want("then", actions(s.until(time.Hour+2*time.Minute)), "1h2m0s trigger first/pagerduty[0]")
}

// A step that is due a moment after a gap has waited for an acknowledgement that could not come, as one has that was due before. After a
// short gap it gets no more than that lasted, and what is due later nothing.
func TestAfterAGapWhatIsDueSoonGetsSomeTime(t *testing.T) {
	for _, c := range []struct{ from, to, want time.Duration }{
		{time.Minute, 5*time.Minute - time.Second, 7*time.Minute - time.Second},
		{5*time.Minute - 30*time.Second, 5*time.Minute - time.Second, 5*time.Minute + 28*time.Second},
		{time.Minute, 2 * time.Minute, 5 * time.Minute},
	} {
		s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
		s.decide(correlate.Escalate, correlate.Escalated)
		s.result(Notice, chat, "")
		s.now = now.Add(c.to)
		s.want("at the restart", s.step([]correlate.Input{&correlate.Gap{From: now.Add(c.from), To: s.now, Why: "restart"}}))
		s.want("then", actions(s.until(c.want)), c.want.String()+" trigger first/pagerduty[0]")
	}
}

// A policy that a reload removed must not take its incidents with it.
func TestAPolicyThatIsGoneIsReplacedByTheRoutes(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Escalated, "x"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.result(Notice, chat, "")
	c := Config{Route: &Route{Receiver: "default"}, Receivers: map[string][]Target{"default": {slack}}}
	s.step([]correlate.Input{&correlate.Policy{Routing: c.Encode()}})
	s.want("when its next step is due", actions(s.until(time.Hour)), "5m0s trigger default/slack[0]")
}

func TestForgottenIncidentsLeaveNothingBehind(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	s.decide(correlate.Escalate, correlate.Escalated)
	s.decide(correlate.Resolve, correlate.Resolved)
	keys, reached := s.x.Forget(7)
	if diff := cmp.Diff([]string{"quell/k3j5/inc-7/1", "quell/k3j5/inc-7/2"}, keys); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Target{pd, pd2, slack}, reached); diff != "" {
		t.Error(diff)
	}
	s.step(nil)
	if len(s.rows) > 0 {
		t.Errorf("rows: %v", s.rows)
	}
}
