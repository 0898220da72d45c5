package kubewatch

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// A watch is ended when it fell silent, that of events only when its time is over: servers send them one bookmark at most. Neither is a failure.
func TestOnlyWatchesWithBookmarksCanFallSilent(t *testing.T) {
	const asked = int64(600) // seconds that the watch is to last
	longest := time.Duration(asked)*time.Second + defaultPace.overtime
	minute := []watch.EventType{watch.Added, watch.Modified, watch.Deleted, watch.Added}
	for name, c := range map[string]struct {
		events, isList bool
		frames         []watch.EventType // one a minute, the first at once
		lasts          time.Duration
	}{
		"pods, nothing comes":      {false, false, nil, defaultPace.silence},
		"pods, something comes":    {false, false, minute, 3*time.Minute + defaultPace.silence},
		"pods, a bookmark comes":   {false, true, []watch.EventType{watch.Added, watch.Bookmark}, time.Minute + defaultPace.silence},
		"events, nothing comes":    {true, false, nil, longest},
		"events, something comes":  {true, false, minute, longest},
		"all events, nothing":      {true, true, nil, defaultPace.silence},
		"all events, and more":     {true, true, []watch.EventType{watch.Added, watch.Bookmark, watch.Added}, longest},
		"all events, and no more":  {true, true, []watch.EventType{watch.Added, watch.Bookmark}, longest},
		"all events, in the midst": {true, true, []watch.EventType{watch.Added, watch.Added}, time.Minute + defaultPace.silence},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := New(Config{}, &memorySink{}, Options{Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry())})
				p := w.parts[0]
				for _, other := range w.parts {
					if other.isEvents() == c.events {
						p = other
					}
				}
				seconds, inner, begun := asked, watch.NewFake(), time.Now()
				o := metav1.ListOptions{TimeoutSeconds: &seconds}
				if c.isList {
					o.SendInitialEvents = new(true)
				}
				g := newGuard(p, inner, o, func() {})
				go func() {
					for k, kind := range c.frames {
						if k > 0 {
							time.Sleep(time.Minute)
						}
						inner.Action(kind, nil)
					}
				}()
				for range g.ResultChan() {
				}
				if lasted := time.Since(begun); lasted != c.lasts {
					t.Errorf("it lasted %v, want %v", lasted, c.lasts)
				}
				if st := p.status(); !st.FailingSince.IsZero() {
					t.Errorf("it counts as trouble: %+v", st)
				}
				w.guards.Wait()
			})
		})
	}
}
