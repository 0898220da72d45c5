package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

// TestQuietSourceThatFallsSilentIsTold has one Prometheus, which repeats one alert each minute and says when each would time out, and then
// nothing: the repeats cost no step, so the engine hears of them late, and must not take that for a sign of life.
func TestQuietSourceThatFallsSilentIsTold(t *testing.T) {
	for repeats := 1; repeats <= 10; repeats++ {
		inBubble(t, func(b *bench) {
			a := firing("Down", "service/db")
			for range repeats {
				again := *a
				again.Expires = time.Now().Add(4 * time.Minute)
				b.mustPost(&again)
				b.rest(time.Minute)
			}
			b.rest(6 * time.Minute)
			err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
				titles := ""
				for _, inc := range e.Incidents(nil) {
					titles += inc.Title + ", "
				}
				if !strings.Contains(titles, "SourceSilent") {
					t.Errorf("after %d reports and six minutes of silence there are incidents of %s want one of the silent source", repeats, titles)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
