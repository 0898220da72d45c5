package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quell/internal/fake"
	"quell/internal/fake/dice"
)

// moods are how a receiver that breaks answers for a while.
var moods = []fake.Fault{
	{Status: http.StatusInternalServerError},
	{Status: http.StatusTooManyRequests, RetryAfter: "1"},
	{Status: http.StatusServiceUnavailable, RetryAfter: "2"},
	{DropAnswer: true},
	{SlowBody: true},
	{Hang: true},
	{},
}

// moody returns faults that change every second or two until some moment, and none after it.
func moody(over time.Time) func(int, string) fake.Fault {
	var mu sync.Mutex
	var until time.Time
	var now fake.Fault
	return func(int, string) fake.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch t := time.Now(); {
		case t.After(over):
			return fake.Fault{}
		case t.After(until):
			until, now = t.Add(time.Second+time.Duration(rand.IntN(1000))*time.Millisecond), moods[rand.IntN(len(moods))]
		}
		return now
	}
}

// TestCase27ReceiversBreakWhileQuellIsKilled: both receivers are slow, ask for patience, fail, cut connections and hang in turn, and quell is
// killed in between. In the end every fault that lasted was paged, PagerDuty had one incident for each, and the channel shows
// each in one message.
func TestCase27ReceiversBreakWhileQuellIsKilled(t *testing.T) {
	r, random := newRig(t, options{late: 75 * time.Second}), dice.New(t)
	over := time.Now().Add(time.Duration(times(12, 60)) * time.Second)
	r.pd.SetFault(moody(over))
	r.slack.SetFault(moody(over))
	r.start()
	var lasting []*alert
	for i := 0; time.Now().Before(over); i++ {
		stays, goes := ill(fmt.Sprintf("pod/shop/stays-%d", i)), ill(fmt.Sprintf("pod/shop/goes-%d", i))
		r.fails(stays, goes)
		lasting = append(lasting, stays)
		time.Sleep(r.hold + time.Duration(random.IntN(1500))*time.Millisecond)
		r.world[goes.entity()].unpageable = true // its page may have been taken back
		r.heals(goes)
		if random.IntN(2) == 0 {
			r.process.kill()
			r.start()
		}
	}
	for _, a := range lasting {
		r.paged(a.entity())
	}
	r.heals(lasting...)
	r.verify()
	seen := make(map[string]bool)
	for _, m := range r.slack.Messages() {
		if m.ThreadTS != "" {
			continue
		}
		key := fmt.Sprint(m.Metadata.EventPayload["key"])
		if seen[key] {
			t.Errorf("the channel has a second message of %s: %s", key, m.Text)
		}
		seen[key] = true
	}
	if len(seen) < len(lasting) {
		t.Errorf("the channel shows %d incidents, want at least the %d that lasted", len(seen), len(lasting))
	}
}

// integration is what the status says of one.
type integration struct {
	Receiver, Integration, Breaker string
	Pending, Dead                  int
}

func (r *rig) integration(receiver string) (found integration) {
	r.Helper()
	var status struct{ Integrations []integration }
	if err := json.Unmarshal([]byte(r.get("/api/v1/status").body), &status); err != nil {
		return found // it is asked again
	}
	for _, in := range status.Integrations {
		if in.Receiver == receiver {
			return in
		}
	}
	return found
}

// TestCase31IllReceiverIsPassedOver: while the first receiver of a policy fails over and over, its pages go to the next at once, long before
// its time to accept them is up; they arrive there all the same when it is well again, once each, though quell was killed meanwhile.
func TestCase31IllReceiverIsPassedOver(t *testing.T) {
	broken, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	var well atomic.Bool
	broken.SetFault(func(int, string) fake.Fault {
		if well.Load() {
			return fake.Fault{}
		}
		return fake.Fault{Status: http.StatusBadGateway}
	})
	r := started(t, options{
		late:   2 * time.Minute,
		routes: "  escalation: both",
		receivers: fmt.Sprintf(`  - {name: broken, deliver_within: 10m, pagerduty_configs: [{routing_key_file: pd.key, url: %q}]}
escalation_policies:
  - name: both
    steps: [{receiver: broken, wait: 1h}, {receiver: oncall}]`, broken.URL()),
	})
	first, second := ill("pod/shop/first"), ill("pod/shop/second")
	r.fails(first)
	r.eventually(2*time.Minute, "the breaker opens", func() bool { return r.integration("broken").Breaker == "open" })
	r.eventually(pageBudget, "the next receiver is paged", func() bool { return len(pagesFor(r.pd.Incidents(), first.entity())) == 1 })
	r.fails(second)
	r.eventually(r.hold+pageBudget, "the next receiver is paged at once", func() bool { return len(pagesFor(r.pd.Incidents(), second.entity())) == 1 })
	if len(broken.Incidents()) > 0 {
		t.Error("the receiver that fails took something")
	}
	r.process.kill()
	well.Store(true)
	r.start()
	r.eventually(time.Minute, "the receiver that was ill has both pages", func() bool { return len(broken.Incidents()) == 2 })
	r.heals(first, second)
	r.verify()
	for _, i := range broken.Incidents() {
		if i.Resolved.IsZero() || i.Triggers > 2 {
			t.Errorf("%s was triggered %d times, and resolved at %v", i.Summary, i.Triggers, i.Resolved)
		}
	}
	if n := len(broken.Incidents()) + len(r.pd.Incidents()); n != 4 {
		t.Errorf("got %d incidents at both, want four", n)
	}
}

// quell runs a subcommand against the rig.
func (r *rig) quell(args ...string) string {
	r.Helper()
	out, err := exec.Command(program, append(args, "--url", r.address.Load().(string))...).CombinedOutput()
	if err != nil {
		r.Errorf("quell %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// TestCase28DeadLettersAreTriedAgain: what a receiver refuses for good is kept over a kill, people hear of it once, and when the cause is gone
// the command line has it tried again: then it is paged, and resolved in the end.
func TestCase28DeadLettersAreTriedAgain(t *testing.T) {
	r := newRig(t, options{late: 20 * time.Second})
	var well atomic.Bool
	r.pd.SetFault(func(int, string) fake.Fault {
		if well.Load() {
			return fake.Fault{}
		}
		return fake.Fault{Status: http.StatusForbidden}
	})
	r.start()
	a, b := ill("pod/shop/a"), ill("pod/shop/b")
	r.fails(a, b)
	r.eventually(r.hold+pageBudget, "two letters are dead", func() bool { return r.integration("oncall").Dead == 2 })
	r.process.kill()
	r.start()
	list := r.quell("delivery", "list", "--dead")
	if n := strings.Count(list, "rejected (http_403)"); n != 2 || strings.Contains(list, routingKey) {
		t.Errorf("got\n%s", list)
	}
	told := func() (n int) {
		for _, m := range r.slack.Messages() {
			if strings.Contains(m.Text, "could not page oncall/pagerduty[0]") {
				n++
			}
		}
		return n
	}
	r.eventually(pageBudget, "people were told", func() bool { return told() > 0 }) // maybe by the second process only
	well.Store(true)
	if out := r.quell("delivery", "retry", "--all", "--receiver", "oncall", "--by", "ada"); strings.Count(out, "is tried again as") != 2 {
		t.Errorf("got\n%s", out)
	}
	r.paged(a.entity())
	r.paged(b.entity())
	if list := r.quell("delivery", "list", "--dead"); !strings.Contains(list, "no deliveries are dead") || !strings.Contains(list, "well") {
		t.Errorf("got\n%s", list)
	}
	r.heals(a, b)
	r.verify()
	if n := told(); n != 1 {
		t.Errorf("people were told %d times, want once", n)
	}
}
