package notify

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

// TestSaidPutsTheRootsWordsFirstAndCountsRepeats: the root speaks first, then what most say, and what is over comes last.
func TestSaidPutsTheRootsWordsFirstAndCountsRepeats(t *testing.T) {
	over := time.Unix(1, 0)
	i := &correlate.Incident{Roots: []correlate.Root{{Entity: "deployment/shop/cart"}}}
	say := func(entity topology.Entity, ended *time.Time, annotations ...string) {
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{Entity: entity, Ended: ended, Annotations: correlate.LabelsOf(annotations...)})
	}
	say("pod/shop/cart-1", &over, "message", "gone")
	say("pod/shop/cart-1", &over, "message", "gone")
	say("pod/shop/cart-2", nil, "message", "alone")
	say("pod/shop/cart-3", nil)
	say("pod/shop/cart-4", nil, "message", "Error: ImagePullBackOff", "evidence", "Failed to pull image \"cart:2\"\n")
	say("pod/shop/cart-5", nil, "message", "Back-off", "evidence", "Failed to pull image \"cart:2\"\n")
	say("deployment/shop/cart", nil, "description", "it has timed out progressing", "summary", "Rollout is stuck")
	want := []Saying{{"Rollout is stuck", 1}, {"Failed to pull image \"cart:2\" ", 2}, {"alone", 1}, {"gone", 2}}
	if diff := cmp.Diff(want, Said(i)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSaidIsBounded: neither many texts nor a long one fill a message.
func TestSaidIsBounded(t *testing.T) {
	i := new(correlate.Incident)
	for n := range 20 {
		text := fmt.Sprintf("%d %01000d", n, n)
		i.Symptoms = append(i.Symptoms, correlate.SymptomView{Annotations: correlate.LabelsOf("message", text)})
	}
	said := Said(i)
	if len(said) != MaxSaid {
		t.Errorf("got %d texts, want %d", len(said), MaxSaid)
	}
	for _, s := range said {
		if n := len([]rune(s.Text)); n != maxSaidRunes {
			t.Errorf("got a text of %d runes, want %d", n, maxSaidRunes)
		}
	}
}
