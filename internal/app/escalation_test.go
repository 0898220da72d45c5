package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage"
	"quell/storage/mem"
)

const byPolicy = `
hold: {default: 5m, settle: 1m}
route: {receiver: oncall, escalation: night}
escalation_policies:
  - name: night
    steps:
      - {receiver: team, notify: notice, wait: 5m}
      - {receiver: oncall, wait: 15m}
      - {receiver: lead}
    repeat: {limit: 1, wait: 30m}
acknowledge: {timeout: 1h}
receivers:
  - {name: oncall, pagerduty_configs: [{routing_key_file: key}]}
  - {name: lead, pagerduty_configs: [{routing_key_file: key}]}
  - {name: team, slack_configs: [{token_file: key, channel: "#ops"}]}
`

// night is a loop with the policy, and receivers that accept what they get unless they refuse it.
type night struct {
	*bench
	all     []routing.Delivery // all that was ever handed over
	refuses map[string]bool
}

// through lets time pass in pieces, and tells the loop how the deliveries of each ended.
func (n *night) through(d time.Duration) (lines []string) {
	n.t.Helper()
	for range d / (10 * time.Second) {
		n.rest(10 * time.Second)
		for _, d := range n.rec.take() {
			n.all = append(n.all, d)
			r := notify.Result{Delivery: d}
			if n.refuses[d.Target.Receiver] {
				r.Err = errors.New("refused")
			}
			if err := n.loop.delivered(context.Background(), r); err != nil {
				n.t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s %s", d.Action, d.Target.Receiver))
		}
	}
	return lines
}

// atNight runs fn with the policy in force.
func atNight(t *testing.T, fn func(n *night)) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "key", "secret")
	c, err := config.Parse("quell.yml", []byte(byPolicy), dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := &night{
			bench:   &bench{t: t, store: &faultyStore{DB: mem.New("test")}, rec: &recorder{}, conf: c},
			refuses: make(map[string]bool),
		}
		n.start(compile)
		fn(n)
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	})
}

func (n *night) want(what string, got []string, want ...string) {
	n.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		n.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// One incident climbs its policy over a restart, is acknowledged, handed back when that lapses, moved on by a receiver that refuses, and ends.
// The journal, replayed, gives every delivery again, byte for byte but for its number.
func TestJournalGivesTheSameDeliveries(t *testing.T) {
	atNight(t, func(n *night) {
		n.mustPost(firing("Down", "service/db"))
		n.want("escalated", n.through(6*time.Minute), "notice team")
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		n.start(compile)
		n.want("after a restart", n.through(6*time.Minute), "trigger oncall")
		n.mustPost(&correlate.Command{Action: correlate.ActionAck, Incident: 1, By: "ada"})
		n.want("acknowledged", n.through(30*time.Minute), "acknowledge team", "acknowledge oncall")
		n.refuses["oncall"] = true
		n.want("lapsed, and refused", n.through(40*time.Minute),
			"notice team", "update oncall", "resolve oncall", "trigger oncall", "trigger lead")
		over := firing("Down", "service/db")
		over.EndsAt = time.Now()
		n.mustPost(over)
		n.want("over", n.through(5*time.Minute), "resolve team", "resolve oncall", "resolve lead")
		n.checkDeliveries()
		n.checkReplay()
	})
}

// checkDeliveries replays the journal into an empty engine with escalations beside it.
func (n *night) checkDeliveries() {
	n.t.Helper()
	e, err := correlate.New(compile, correlate.Policy{})
	if err != nil {
		n.t.Fatal(err)
	}
	none := correlate.Policy{}
	x := routing.NewEscalations(routing.Compile(&none, routing.Options{StoreID: "test"}))
	var again []routing.Delivery
	err = n.store.Journal(1, func(r storage.Record) error {
		inputs, err := correlate.ParseRecord(r.Data)
		if err != nil {
			return err
		}
		x.Hear(inputs)
		effects := e.Step(r.At, inputs)
		again = append(again, x.Step(r.At, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) {
			return e.Incident(id, correlate.MaxShown)
		})...)
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	for i := range n.all {
		n.all[i].ID = 0
	}
	if diff := cmp.Diff(n.all, again); diff != "" || len(again) == 0 {
		n.t.Errorf("the journal gives other deliveries (-sent +journal):\n%s", diff)
	}
}

// A page that is taken back before it left is told to nobody, and the incident says so, also in history.
func TestPageOfWhatHealedInTimeIsWithdrawn(t *testing.T) {
	atNight(t, func(n *night) {
		n.mustPost(firing("Down", "service/db"))
		n.through(6 * time.Minute)
		n.rest(5 * time.Minute)
		over := firing("Down", "service/db")
		over.EndsAt = time.Now()
		n.mustPost(over)
		n.rest(2 * time.Minute)
		var left []string
		for _, d := range n.rec.take() {
			left = append(left, string(d.Action)+" "+d.Target.Receiver)
			taken := d.Target.Receiver == "oncall" // the dispatcher had not sent the page when the resolve came
			if err := n.loop.delivered(context.Background(), notify.Result{Delivery: d, Withdrawn: taken}); err != nil {
				t.Fatal(err)
			}
		}
		n.want("decided", left, "trigger oncall", "resolve team", "resolve oncall")
		inc, err := (backend{&App{loop: n.loop, store: n.store}}).remembered(1)
		if err != nil || inc.Withdrawn == nil || inc.Escalation == nil {
			t.Fatalf("history has %+v: %v", inc, err)
		}
		if last := inc.Timeline[len(inc.Timeline)-1]; last.Decision != correlate.Withdraw {
			t.Errorf("its last word is %+v", last)
		}
	})
}
