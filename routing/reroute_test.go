package routing

import (
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate"
)

// reconfigure puts another configuration in force.
func (s *stage) reconfigure(r *Router) []string {
	s.t.Helper()
	return s.step([]correlate.Input{&correlate.Policy{Routing: r.config.Encode()}})
}

// Steps are taken out of a policy, or put into it, while an incident climbs it: nobody who is behind them is left out.
func TestAChangedPolicyGoesOnBehindTheStepThatWasTaken(t *testing.T) {
	step := func(receiver string) Step { return Step{Receivers: []string{receiver}, Wait: 10 * time.Minute} }
	quiet := Step{Receivers: []string{"team"}, Notice: true, Wait: 10 * time.Minute}
	before := []Step{quiet, step("first"), step("second")}
	for _, c := range []struct {
		what  string
		after []Step
		want  []string
	}{
		{"an earlier step is gone", before[1:], []string{"20m0s trigger second/pagerduty[0]", "20m0s trigger second/slack[0]"}},
		{"the step that was taken is gone", []Step{quiet, step("second")}, []string{"20m0s trigger second/pagerduty[0]", "20m0s trigger second/slack[0]"}},
		{"a step before it is new", []Step{quiet, step("default"), step("first"), step("second")}, []string{"20m0s trigger second/pagerduty[0]", "20m0s trigger second/slack[0]"}},
		{"a step behind it is new", []Step{quiet, step("first"), step("team")}, []string{"20m0s trigger team/slack[0]"}},
		{"nothing is left", []Step{quiet}, nil},
	} {
		s := newStage(t, ladder(t, before...), incident(correlate.Escalated, "x"))
		s.accepts = true
		s.decide(correlate.Escalate, correlate.Escalated)
		s.want(c.what+", before", actions(s.until(15*time.Minute)), "10m0s trigger first/pagerduty[0]")
		s.reconfigure(ladder(t, c.after...))
		s.restart()
		s.want(c.what, actions(s.until(29*time.Minute)), c.want...)
	}
}

// The receiver of a page that did not leave yet is taken out of the configuration, with its step: the page moves on, in the last resort to the
// receiver of the root route.
func TestAPageToAReceiverThatIsGoneMovesOn(t *testing.T) {
	quiet, first, second := Step{Receivers: []string{"team"}, Notice: true, Wait: time.Minute}, Step{Receivers: []string{"first"}, Wait: time.Hour}, Step{Receivers: []string{"second"}}
	for what, c := range map[string]struct {
		after []Step
		want  []string
	}{
		"another step is left": {[]Step{quiet, second}, []string{"trigger second/pagerduty[0]", "trigger second/slack[0]"}},
		"no step is left":      {[]Step{quiet}, []string{"trigger default/slack[0]"}},
	} {
		s := newStage(t, ladder(t, quiet, first, second), incident(correlate.Escalated, "x"))
		s.decide(correlate.Escalate, correlate.Escalated)
		s.result(Notice, chat, "")
		s.want(what, actions(s.until(time.Minute)), "1m0s trigger first/pagerduty[0]")
		s.want(what, s.reconfigure(ladder(t, c.after...)))
		s.restart()
		s.want(what, actions(s.result(Trigger, page1, "this integration is not configured any more")), c.want...)
	}
}

// On a Saturday a page waits for Monday. Then the hours are changed, renamed, or taken away: it comes in the hours of now.
func TestWhatWaitsForHoursWaitsForThoseOfNow(t *testing.T) {
	office := `[{"times":[{"start_time":"09:00","end_time":"17:00"}],"weekdays":["monday:friday"]}]`
	sunday := `[{"times":[{"start_time":"09:00","end_time":"17:00"}],"weekdays":["sunday"]}]`
	route := func(r *Router, h Hours) *Router {
		r.config.Route.Routes[1].Hours = h
		return r
	}
	with := func(name, text string) *Router {
		r := ladder(t)
		r.config.TimeIntervals = map[string][]timeinterval.TimeInterval{name: intervals(t, text)}
		return route(r, Hours{Active: []string{name}})
	}
	gone := ladder(t)
	gone.config.Route.Routes, gone.config.TimeIntervals = gone.config.Route.Routes[:1], nil
	for _, c := range []struct {
		what string
		to   *Router
		want []string
	}{
		{"the same", with("office", office), []string{"48h0m0s trigger team/slack[0]"}},
		{"other hours", with("office", sunday), []string{"24h0m0s trigger team/slack[0]"}},
		{"another name", with("work", office), []string{"48h0m0s trigger team/slack[0]"}},
		{"no hours", route(ladder(t), Hours{}), []string{"1h0m0s trigger team/slack[0]"}},
		{"no such route", gone, []string{"1h0m0s trigger default/slack[0]"}},
	} {
		s := newStage(t, with("office", office), incident(correlate.Escalated, "office"))
		s.accepts = true
		s.want(c.what+", at the page", s.decide(correlate.Escalate, correlate.Escalated))
		s.now = now.Add(time.Hour)
		got := actions(s.reconfigure(c.to))
		for k := range got {
			got[k] = "1h0m0s " + got[k]
		}
		s.restart()
		s.want(c.what, append(got, actions(s.until(60*24*time.Hour))...), c.want...)
	}
}

// A notice that waits for hours that nobody configures any more is told.
func TestANoticeWhoseHoursAreGoneIsTold(t *testing.T) {
	s := newStage(t, ladder(t), incident(correlate.Held, "office"))
	s.want("on a Saturday", s.decide(correlate.Notice, correlate.Held))
	gone := ladder(t)
	gone.config.Route.Routes, gone.config.TimeIntervals = nil, nil
	s.want("reload", actions(s.reconfigure(gone)), "notice team/slack[0]")
}
