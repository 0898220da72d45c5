package app

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/common/model"

	"quell/correlate"
)

// TestReadersSeeAllThatFiresInPieces reads more symptoms than fit in one piece.
func TestReadersSeeAllThatFiresInPieces(t *testing.T) {
	inBubble(t, func(b *bench) {
		const n = 2*firingPiece + 100
		inputs := make([]correlate.Input, n)
		for i := range inputs {
			inputs[i] = firing("Down", fmt.Sprintf("service/db-%d", i/1000), "instance", fmt.Sprint(i))
		}
		b.mustPost(inputs...)
		r := readers{backend{&App{loop: b.loop, store: b.store}}}
		s, err := r.Firing(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[model.Fingerprint]bool)
		for _, f := range s.Firing {
			seen[f.Fingerprint] = true
		}
		if len(s.Firing) != n || len(seen) != n || len(s.Incidents) != (n+999)/1000 {
			t.Errorf("got %d of which %d differ, in %d incidents, want %d in %d", len(s.Firing), len(seen), len(s.Incidents), n, (n+999)/1000)
		}
	})
}
