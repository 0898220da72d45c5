package faults

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/config"
	"quell/storage"
	"quell/storage/bolt"
)

// past writes a store as a quell would have left it that was killed some time ago, step by step.
type past struct {
	r      *rig
	db     *bolt.DB
	engine *correlate.Engine
	seq    uint64
}

func (r *rig) past() *past {
	r.Helper()
	db, err := bolt.Open(r.store(), bolt.Options{})
	if err != nil {
		r.Fatal(err)
	}
	engine, err := correlate.New(compile, correlate.Policy{})
	if err != nil {
		r.Fatal(err)
	}
	return &past{r: r, db: db, engine: engine}
}

func (p *past) step(at time.Time, inputs ...correlate.Input) {
	p.r.Helper()
	p.engine.Step(at, inputs)
	p.seq++
	b := &storage.Batch{Seq: p.seq, At: at, Record: correlate.AppendRecord(nil, inputs)}
	p.engine.Changes(func(k, v []byte) {
		c := storage.Change{Table: storage.State, Key: append([]byte(nil), k...)}
		if v != nil {
			c.Value = append([]byte{}, v...)
		}
		b.Changes = append(b.Changes, c)
	})
	if err := p.db.Commit(b); err != nil {
		p.r.Fatal(err)
	}
}

// input is what quell makes of a report.
func (a *alert) input(received time.Time) *correlate.Alert {
	l := a.report().labels
	in := &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, Annotations: packed(a.annotations), StartsAt: received, Source: "alertmanager/am:9093"}
	if !a.ends.IsZero() {
		in.EndsAt = received
	}
	return in
}

// TestCase38LongDowntime starts quell on a store whose last record is eight hours old. Nothing pages at once. What has
// recovered meanwhile, or had before, never pages; what is still broken does once the grace period is over.
func TestCase38LongDowntime(t *testing.T) {
	const grace = 8 * time.Second // for a machine that takes seconds to start quell and to send what has recovered
	r := newRig(t, options{late: grace - restartGrace})
	r.write("quell.yml", strings.Replace(r.config(), "restart_grace: "+restartGrace.String(), "restart_grace: "+grace.String(), 1))
	c, err := config.Load(filepath.Join(r.folder, "quell.yml"))
	if err != nil {
		t.Fatal(err)
	}
	policy := c.Policy()
	long := time.Now().UTC().Round(0).Add(-8 * time.Hour)
	broken, mended, over := ill("pod/shop/broken"), ill("pod/shop/mended"), ill("pod/shop/over")
	p := r.past()
	p.step(long, &policy)
	p.step(long.Add(time.Second), broken.input(long), mended.input(long), over.input(long))
	p.step(long.Add(1500*time.Millisecond), over.ended().input(long.Add(time.Second)))
	if err := p.db.Close(); err != nil {
		t.Fatal(err)
	}

	r.start()
	r.began(broken)
	r.mustSend(mended.ended())
	r.paged(broken.entity())
	if early := grace - tolerance; r.pd.Incidents()[0].Opened.Before(r.process.launched.Add(early)) {
		t.Errorf("paged less than %v after the start", early)
	}
	r.mustSend(broken)
	r.heals(broken)
	r.verify()
	if n := len(r.pd.Incidents()); n != 1 {
		t.Errorf("got %d pages, want the one that is still broken", n)
	}
}
