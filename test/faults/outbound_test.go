package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quell/internal/fake"
	"quell/internal/fake/dice"
)

// TestCase27ProviderOutage lets PagerDuty fail in several ways for some seconds.
func TestCase27ProviderOutage(t *testing.T) {
	// After so short an outage the next attempt is at most eight seconds away.
	r := newRig(t, options{late: 12 * time.Second})
	over := time.Now().Add(3 * time.Second)
	r.pd.SetFault(func(n int, _ string) fake.Fault {
		switch {
		case time.Now().After(over):
			return fake.Fault{}
		case n%2 == 0:
			return fake.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"}
		}
		return fake.Fault{Status: http.StatusInternalServerError}
	})
	r.start()
	lasting, short := ill("pod/shop/lasting"), ill("pod/shop/short")
	r.fails(lasting, short)
	r.eventually(pageBudget, "Slack knows of both", func() bool { return inChannel(r.slack) == 2 })
	// It is over before its page could arrive: nobody has to hear of it, and its resolve must not come before its trigger.
	r.heals(short)
	r.world[short.entity()].unpageable = true
	r.paged(lasting.entity())
	r.heals(lasting)
	r.verify()
}

// TestCase28ProviderRefuses: an answer that says that trying again is pointless is believed, and people are told elsewhere.
func TestCase28ProviderRefuses(t *testing.T) {
	r := newRig(t, options{})
	var tried atomic.Int64
	r.pd.SetFault(func(_ int, action string) fake.Fault {
		if action == "trigger" {
			tried.Add(1)
		}
		return fake.Fault{Status: http.StatusForbidden}
	})
	r.start()
	x := ill("pod/shop/x")
	r.fails(x)
	r.world[x.entity()].unpageable = true
	r.eventually(r.hold+pageBudget, "Slack says that PagerDuty could not be paged", func() bool {
		for _, m := range r.slack.Messages() {
			if strings.Contains(m.Text, "could not page oncall/pagerduty[0]") {
				return true
			}
		}
		return false
	})
	r.heals(x)
	r.eventually(pageBudget, "Slack shows the end", func() bool { return r.incidents()[1].state.String() == "resolved" })
	if n := tried.Load(); n != 1 {
		t.Errorf("PagerDuty was asked to page %d times, want once", n)
	}
	r.verify()
}

// TestCase29AnswerLost: the receivers take the page and the answer never arrives.
func TestCase29AnswerLost(t *testing.T) {
	r := newRig(t, options{})
	var cutAtPagerDuty, cutAtSlack atomic.Int64
	r.pd.SetFault(func(_ int, action string) fake.Fault {
		return fake.Fault{DropAnswer: action == "trigger" && cutAtPagerDuty.Add(1) <= 2}
	})
	r.slack.SetFault(func(_ int, method string) fake.Fault {
		return fake.Fault{DropAnswer: method == "chat.postMessage" && cutAtSlack.Add(1) == 1}
	})
	r.start()
	x := ill("pod/shop/x")
	r.fails(x)
	r.eventually(r.hold+pageBudget, "a third attempt", func() bool { return len(r.pd.Events()) >= 3 })
	r.heals(x)
	r.verify()
	if n := inChannel(r.slack); n != 1 {
		t.Errorf("got %d messages in the channel, want the one found by its metadata", n)
	}
}

// TestCase30KilledBeforeTheRecord kills quell when a receiver has taken the page and has not answered yet.
func TestCase30KilledBeforeTheRecord(t *testing.T) {
	for _, receiver := range []string{"PagerDuty", "Slack"} {
		t.Run(receiver, func(t *testing.T) {
			r := newRig(t, options{})
			r.start()
			var once sync.Once
			process := r.process.cmd.Process
			kill := func() { once.Do(func() { _ = process.Kill() }) }
			if receiver == "PagerDuty" {
				r.pd.OnEvent(func(fake.PDEvent) { kill() })
			} else {
				r.slack.OnEvent(func(fake.SlackEvent) { kill() })
			}
			x := ill("pod/shop/x")
			r.fails(x)
			r.wait(r.process, r.hold+pageBudget)
			r.start()
			r.paged(x.entity())
			r.eventually(pageBudget, "Slack knows", func() bool { return inChannel(r.slack) > 0 })
			r.heals(x)
			r.verify()
			if n := inChannel(r.slack); n != 1 {
				t.Errorf("got %d messages in the channel, want the one found by its metadata", n)
			}
		})
	}
}

// TestCase31HangingProvider: a receiver that takes connections and never answers holds up nobody else.
func TestCase31HangingProvider(t *testing.T) {
	hanging, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	var hangs atomic.Bool
	hangs.Store(true)
	hanging.SetFault(func(int, string) fake.Fault { return fake.Fault{Hang: hangs.Load()} })
	r := started(t, options{
		routes:    "  routes: [{receiver: hanging, matchers: ['severity=\"critical\"'], continue: true}, {receiver: oncall}]",
		receivers: fmt.Sprintf("  - {name: hanging, pagerduty_configs: [{routing_key_file: pd.key, url: %q}]}", hanging.URL()),
	})
	all := make([]*alert, 4)
	for i := range all {
		all[i] = ill(fmt.Sprintf("pod/shop/p%d", i))
	}
	r.fails(all...)
	for _, a := range all {
		r.paged(a.entity())
	}
	r.eventually(pageBudget, "Slack knows all", func() bool { return inChannel(r.slack) == len(all) })
	hangs.Store(false)
	r.eventually(40*time.Second, "the one that hung has all pages", func() bool { return len(hanging.Incidents()) == len(all) })
	r.heals(all...)
	r.verify()
	for _, i := range hanging.Incidents() {
		if i.Resolved.IsZero() {
			t.Errorf("%s was not resolved at the receiver that hung", i.Summary)
		}
	}
}

// TestCase34HugeIncident pages for an incident that is larger than what PagerDuty and Slack take.
func TestCase34HugeIncident(t *testing.T) {
	r := started(t, options{})
	alerts := make([]*alert, 400)
	for i := range alerts {
		alerts[i] = ill("pod/shop/x", "n", fmt.Sprint(i))
		for k := range 20 {
			alerts[i].labels[fmt.Sprintf("label_%d", k)] = strings.Repeat("ü€", 300)
		}
		alerts[i].labels["alertname"] = strings.Repeat("Длинное", 200)
	}
	r.fails(alerts...)
	r.paged("pod/shop/x")
	r.eventually(pageBudget, "Slack knows", func() bool { return inChannel(r.slack) == 1 })
	r.heals(alerts...)
	r.verify()
}

// raceServices are the services that the pages of case 35 go to, so that no rate limit of ours hides the race.
const raceServices = 25

// TestCase35ResolveRacesTrigger lets incidents recover within 50 ms of their deadline, and a few so clearly before it that they must
// not page, though they have not settled when it comes.
func TestCase35ResolveRacesTrigger(t *testing.T) {
	var routes, receivers strings.Builder
	r, random := newRig(t, options{hold: 2 * time.Second}), dice.New(t)
	for i := range raceServices {
		fmt.Fprintf(&routes, "    - {receiver: team-%d, matchers: ['team=\"%d\"']}\n", i, i)
		fmt.Fprintf(&receivers, "  - {name: team-%d, pagerduty_configs: [{routing_key_file: key-%d, url: %q}]}\n", i, i, r.pd.URL())
		r.write(fmt.Sprintf("key-%d", i), fmt.Sprintf("%s%02d", routingKey[:30], i))
	}
	r.routes, r.receivers = "  routes:\n"+routes.String(), receivers.String()
	r.write("quell.yml", r.config())
	r.start()
	for round := range times(1, 20) {
		var all sync.WaitGroup
		for i := range 2 * raceServices {
			a := ill(fmt.Sprintf("pod/race-%d/p%d", round, i), "team", fmt.Sprint(i%raceServices))
			margin := time.Duration(random.IntN(100)-50) * time.Millisecond
			if i%5 == 0 {
				margin = -700 * time.Millisecond
			}
			all.Go(func() {
				sent := time.Now()
				if answer := r.send(a); answer.status != http.StatusOK {
					t.Errorf("got %v, want 200", answer)
				}
				r.began(a)
				time.Sleep(time.Until(sent.Add(r.hold + margin)))
				if answer := r.send(a.ended()); answer.status != http.StatusOK {
					t.Errorf("got %v, want 200", answer)
				}
				r.recovered(a)
			})
		}
		all.Wait()
	}
	r.verify()
	t.Logf("%d of %d were paged", len(r.pd.Incidents()), times(1, 20)*2*raceServices)
}
