package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quell/internal/fake/dice"
)

// load is clients that report new alerts about some services without a pause, and repeat what was not acknowledged, as
// Alertmanager does.
type load struct {
	r       *rig
	numbers atomic.Int64
	stop    chan struct{}
	wait    sync.WaitGroup
	mu      sync.Mutex
	sent    []*alert // acknowledged
	refused map[int]int
}

// loadServices are what the load is about: each becomes one incident.
const loadServices = 4

func (r *rig) load(clients int) *load {
	l := &load{r: r, stop: make(chan struct{}), refused: make(map[int]int)}
	for range clients {
		l.wait.Go(l.client)
	}
	return l
}

func (l *load) client() {
	for {
		alerts := make([]*alert, 1+rand.IntN(5))
		for i := range alerts {
			n := l.numbers.Add(1)
			alerts[i] = ill(fmt.Sprintf("service/shop/s%d", n%loadServices), "n", strconv.FormatInt(n, 10))
		}
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			a := l.r.send(alerts...)
			if a.status == http.StatusOK {
				l.r.began(alerts...)
				break
			}
			l.mu.Lock()
			l.refused[a.status]++
			l.mu.Unlock()
			time.Sleep(20 * time.Millisecond)
		}
		l.mu.Lock()
		l.sent = append(l.sent, alerts...)
		l.mu.Unlock()
	}
}

// finish ends the load, and then all that it reported.
func (l *load) finish() {
	l.r.Helper()
	close(l.stop)
	l.wait.Wait()
	// What was sent and never acknowledged may be stored as well: only who has an answer knows.
	var all []*alert
	for n := int64(1); n <= l.numbers.Load(); n++ {
		all = append(all, ill(fmt.Sprintf("service/shop/s%d", n%loadServices), "n", strconv.FormatInt(n, 10)))
	}
	for len(all) > 0 {
		some := all[:min(1000, len(all))]
		all = all[len(some):]
		l.r.heals(some...)
	}
}

// TestCase01KillUnderLoad kills quell at random moments while eight clients report.
func TestCase01KillUnderLoad(t *testing.T) {
	r := newRig(t, options{alone: true})
	r.start()
	l := r.load(8)
	worst, busiest, random := time.Duration(0), time.Duration(0), dice.New(t)
	for range times(8, 50) {
		time.Sleep(100*time.Millisecond + time.Duration(random.IntN(400))*time.Millisecond)
		r.process.kill()
		r.start()
		r.eventually(startBudget, "ready", func() bool { return r.get("/-/ready").status == http.StatusOK })
		worst, busiest = max(worst, time.Since(r.process.launched)), max(busiest, r.process.busy())
	}
	l.finish()
	t.Logf("%d alerts acknowledged, other answers by status: %v, ready again after at most %v, %v of them at work", len(l.sent), l.refused, worst, busiest)
	if len(l.sent) == 0 {
		t.Error("no alert was acknowledged")
	}
	// On a machine that has other things to do only the work says something about quell.
	if limit := 2 * time.Second; busiest > limit {
		t.Errorf("ready again after %v and %v of work, want at most %v", worst, busiest, limit)
	}
	r.verify()
}

// tracer makes strace inject faults into system calls of quell. Quell itself stays the child of the test.
func tracer(inject string) []string {
	return []string{"strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fdatasync", "-e", "inject=" + inject}
}

// untilItEnds reports alerts until quell is gone.
func (r *rig) untilItEnds(p *process) *load {
	l := r.load(2)
	select {
	case <-p.exited:
	case <-time.After(startBudget):
		r.Error("the fault did not strike")
		p.kill()
	}
	return l
}

// TestCase02KillAtEverySync kills quell at its n-th system call that writes or syncs, from the creation of the store on.
func TestCase02KillAtEverySync(t *testing.T) {
	needStrace(t)
	for _, call := range []string{"fdatasync", "pwrite64"} {
		for n := 1; n <= times(13, 40); n += times(4, 1) {
			t.Run(fmt.Sprintf("%s/%d", call, n), func(t *testing.T) {
				r := newRig(t, options{})
				p := r.launch(tracer(fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, n))...)
				if !r.listening(p) {
					r.start()
					r.fails(ill("pod/shop/late"))
					r.verify()
					return
				}
				l := r.untilItEnds(p)
				r.start()
				l.finish()
				r.verify()
			})
		}
	}
}

// TestCase04FailedSyncEndsTheProcess lets a sync fail: what is on disk is unknown then, so quell refuses and ends, and the
// next process reads what there is.
func TestCase04FailedSyncEndsTheProcess(t *testing.T) {
	needStrace(t)
	for _, n := range []int{4, 9} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			r := newRig(t, options{})
			p := r.launch(tracer(fmt.Sprintf("fdatasync:error=EIO:when=%d", n))...)
			var l *load
			if r.listening(p) {
				l = r.untilItEnds(p)
			}
			if status := r.wait(p, stopBudget); status != 1 {
				t.Errorf("after a failed sync: got exit status %d, want 1\n%s", status, tail(p.output()))
			}
			r.start()
			if l != nil {
				l.finish()
				if l.refused[http.StatusServiceUnavailable]+l.refused[0] == 0 {
					t.Errorf("answers by status: %v, want some 503 or cut connections", l.refused)
				}
			}
			r.verify()
		})
	}
}
