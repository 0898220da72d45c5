package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/fake"
	"quell/rules"
	"quell/storage"
	"quell/storage/bolt"
)

// pageBudget is how late a page or a resolve may be after its deadline.
const pageBudget = 20 * time.Second

// verify checks all that must hold after every case, and stops quell on the way:
//
//	I1  every report that was answered with 200 is in the journal, once
//	I2  every fault that outlasted its hold was paged, in time
//	I3  PagerDuty has at most one incident for each dedup key
//	I4  nothing was paged that healed within its hold, and no trigger came after the resolve of its generation
//	I5  every page was resolved after recovery, and none before
//	I6  replaying the journal from nothing gives the stored state, byte for byte
//	I7  memory is bounded; goroutines and file descriptors are back to what they were
//	I8  quell is ready, since nothing is wrong any more
//
// Credentials are in no log, metric, status or row.
func (r *rig) verify() {
	r.Helper()
	var found []string
	budget := min(r.hold, time.Minute) + restartGrace + settle + r.late + 2*pageBudget
	for end := time.Now().Add(budget); ; time.Sleep(20 * time.Millisecond) {
		// What was decided before a crash may leave only now, and is to be resolved as well: all is well that is so once nothing is pending.
		if found = r.judge(); len(found) == 0 && r.idle() {
			found = r.judge()
			if len(found) == 0 {
				break
			}
		}
		if time.Now().After(end) {
			break
		}
	}
	r.complain(found)
	r.eventually(pageBudget+r.late, "no delivery is pending", r.idle)
	if a := r.get("/-/ready"); a.status != http.StatusOK {
		r.Errorf("I8: got %v from /-/ready, want 200", a)
	}
	r.checkResources()
	r.checkSecrets("status", []byte(r.get("/api/v1/status").body+r.get("/metrics").body+r.get("/api/v1/incidents").body))
	r.stop()
	r.complain(r.judge()) // what came late
	r.checkLogs()
	r.checkStore()
}

// idle reports whether no delivery is pending.
func (r *rig) idle() bool {
	return strings.Contains(r.get("/api/v1/status").body, `"pending_deliveries":0`)
}

func (r *rig) complain(found []string) {
	r.Helper()
	for _, f := range found {
		r.Error(f)
	}
}

// judge compares pages with the truth.
func (r *rig) judge() []string {
	r.mu.Lock()
	world := r.world.copy()
	r.mu.Unlock()
	return judge(world, history{incidents: r.pd.Incidents(), events: r.pd.Events(), restarted: r.restarted, late: r.late})
}

// history is what PagerDuty saw.
type history struct {
	incidents []fake.PDIncident
	events    []fake.PDEvent
	// restarted is when quell was started last: what was overdue then got its grace.
	restarted time.Time
	// late is how much longer receivers could not be reached.
	late time.Duration
}

// tolerance is how close to its deadline a recovery may come for the page to be a matter of luck.
const tolerance = 500 * time.Millisecond

// judge returns what is wrong with a history, I2 to I5.
func judge(world truth, h history) (found []string) {
	wrong := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, f := range world {
		pages := pagesFor(h.incidents, f.entity)
		lasts := f.recovered.IsZero()
		deadline := f.began.Add(f.hold)
		if last := h.restarted.Add(restartGrace); h.restarted.After(f.began) && last.After(deadline) {
			deadline = last
		}
		switch {
		case (lasts || f.ending.After(deadline.Add(tolerance))) && !f.unpageable:
			if len(pages) == 0 || pages[0].Opened.After(deadline.Add(pageBudget+h.late)) {
				wrong("I2: %s should have been paged by %s and %s: got %d pages", f.entity, clock(deadline), pageBudget, len(pages))
			}
		case !lasts && f.recovered.Add(tolerance).Before(f.told.Add(f.hold)) && len(pages) > 0:
			wrong("I4: %s healed %v after it began, hold %v, and was paged", f.entity, f.recovered.Sub(f.told), f.hold)
		}
		for _, p := range pages {
			switch late := f.recovered.Add(settle + restartGrace + pageBudget + h.late); {
			case lasts && !p.Resolved.IsZero():
				wrong("I5: %s was resolved at %s and is still broken", f.entity, clock(p.Resolved))
			case !lasts && p.Resolved.IsZero(), !lasts && p.Resolved.After(late) && p.Resolved.After(h.restarted.Add(pageBudget)):
				wrong("I5: %s recovered at %s and was resolved at %s", f.entity, clock(f.recovered), clock(p.Resolved))
			}
		}
	}
	return append(found, judgeKeys(world, h)...)
}

// judgeKeys checks what each dedup key went through, I3 and I4, and that there is no page without a fault.
func judgeKeys(world truth, h history) (found []string) {
	opened := make(map[string]int)
	for _, i := range h.incidents {
		if opened[i.RoutingKey+i.Key]++; opened[i.RoutingKey+i.Key] == 2 {
			found = append(found, fmt.Sprintf("I3: a second incident for key %s: %s", i.Key, i.Summary))
		}
		if !isOperator(i) && world[i.Last.Payload.Source] == nil {
			found = append(found, fmt.Sprintf("I4: a page for what is no fault: %s", i.Summary))
		}
	}
	resolved := make(map[string]bool)
	for _, e := range h.events {
		key := e.RoutingKey + e.DedupKey
		if e.Action == "trigger" && resolved[key] {
			found = append(found, fmt.Sprintf("I4: a trigger after the resolve of key %s", e.DedupKey))
		}
		resolved[key] = resolved[key] || e.Action == "resolve"
	}
	return found
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("15:04:05.000")
}

// pagesFor are the incidents about an entity.
func pagesFor(all []fake.PDIncident, entity string) (pages []fake.PDIncident) {
	for _, i := range all {
		if !isOperator(i) && i.Last.Payload.Source == entity {
			pages = append(pages, i)
		}
	}
	return pages
}

// isOperator tells quell's messages about itself from pages for incidents.
func isOperator(i fake.PDIncident) bool { return i.Last.Payload.Class == "operator" }

// checkResources is I7.
func (r *rig) checkResources() {
	r.Helper()
	if peak, err := r.process.peakRSS(); err != nil || peak > r.maxRSS {
		r.Errorf("I7: got a peak of %d MiB resident and error %v, want at most %d MiB", peak>>20, err, r.maxRSS>>20)
	}
	// What quell keeps of its own: idle connections, eight at most to each receiver, of two goroutines each.
	const own = 3 * 16
	now := figures{}
	for end := time.Now().Add(pageBudget); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		r.client.CloseIdleConnections()
		now = r.figures()
		if now["go_goroutines"] <= r.base["go_goroutines"]+own && now["process_open_fds"] <= r.base["process_open_fds"]+own {
			return
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		if now[name] > r.base[name]+own {
			r.Errorf("I7: %s went from %v to %v and stayed there", name, r.base[name], now[name])
		}
	}
}

func (r *rig) checkLogs() {
	r.Helper()
	logs, err := filepath.Glob(filepath.Join(r.folder, "log.*"))
	if err != nil || len(logs) == 0 {
		r.Fatalf("no logs: %v", err)
	}
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			r.Fatal(err)
		}
		r.checkSecrets("the log", text)
		if bytes.Contains(text, []byte("panic: ")) || bytes.Contains(text, []byte("goroutine 1 [")) {
			r.Errorf("%s has a crash in it", name)
		}
	}
}

// checkSecrets looks for planted credentials.
func (r *rig) checkSecrets(where string, text []byte) {
	r.Helper()
	for _, secret := range []string{routingKey, slackToken, slackSigning, slackAppToken} {
		if at := bytes.Index(text, []byte(secret)); at >= 0 {
			r.Errorf("%s shows a credential: …%q…", where, text[max(0, at-80):min(len(text), at+80)])
		}
	}
}

// checkStore reads the stopped store: I1, I6, and that no delivery was forgotten.
func (r *rig) checkStore() {
	r.Helper()
	db, err := bolt.Open(r.store(), bolt.Options{OnDamage: func(where string, key []byte, reason string) {
		r.Errorf("damaged row in %s: %x: %s", where, key, reason)
	}})
	if err != nil {
		r.Fatalf("open the store: %v", err)
	}
	defer db.Close()
	r.checkJournal(db)
	for _, table := range storage.Tables() {
		rows := 0
		err := db.Scan(table, nil, nil, func(k, v []byte) error {
			rows++
			r.checkSecrets("table "+table.String(), append(slices.Clone(k), v...))
			return nil
		})
		if err != nil {
			r.Error(err)
		}
		if table == storage.Outbox && rows > 0 {
			r.Errorf("%d deliveries are still in the outbox", rows)
		}
	}
}

// compile is the engine's compiler.
func compile(p *correlate.Policy) (correlate.Rules, error) { return rules.Compile(p) }

// checkJournal steps a fresh engine through the journal.
func (r *rig) checkJournal(db *bolt.DB) {
	r.Helper()
	engine, err := correlate.New(compile, correlate.Policy{})
	if err != nil {
		r.Fatal(err)
	}
	stored := make(map[report]int)
	next := uint64(1)
	err = db.Journal(0, func(rec storage.Record) error {
		if rec.Seq != next {
			r.Errorf("I6: record %d follows record %d", rec.Seq, next-1)
		}
		next = rec.Seq + 1
		r.checkSecrets("the journal", rec.Data)
		inputs, err := correlate.ParseRecord(rec.Data)
		if err != nil {
			return fmt.Errorf("record %d: %w", rec.Seq, err)
		}
		for _, in := range inputs {
			if a, ok := in.(*correlate.Alert); ok {
				stored[report{correlate.Labels(strings.Clone(string(a.Labels))), a.Resolved()}]++
			}
		}
		engine.Step(rec.At, inputs)
		return nil
	})
	if err != nil {
		r.Fatalf("read the journal: %v", err)
	}
	r.complain(missing(r.accepted, stored))
	r.compareState(db, engine)
}

// missing is I1.
func missing(accepted map[report]bool, stored map[report]int) (found []string) {
	lost, twice := 0, 0
	for a := range accepted {
		switch n := stored[a]; {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	if lost > 0 {
		found = append(found, fmt.Sprintf("I1: %d of %d acknowledged reports are not in the journal", lost, len(accepted)))
	}
	if twice > 0 {
		found = append(found, fmt.Sprintf("I1: %d of %d acknowledged reports are in the journal more than once", twice, len(accepted)))
	}
	return found
}

// compareState is I6.
func (r *rig) compareState(db *bolt.DB, engine *correlate.Engine) {
	r.Helper()
	replayed := make(map[string]string)
	engine.Rows(func(k, v []byte) { replayed[string(k)] = string(v) })
	differ := func(format string, args ...any) { r.Errorf("I6: "+format, args...) }
	reported := 0
	err := db.Scan(storage.State, nil, nil, func(k, v []byte) error {
		want, ok := replayed[string(k)]
		delete(replayed, string(k))
		if ok && want == string(v) || reported > 5 {
			return nil
		}
		reported++
		differ("row %q: stored %q, replayed %q (is there: %t)", k, v, want, ok)
		return nil
	})
	if err != nil {
		r.Error(err)
	}
	if len(replayed) > 0 {
		differ("%d rows are missing in the store", len(replayed))
	}
}
