package app

import (
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
)

// withTopology makes the configuration one with this topology file and limit.
func (b *bench) withTopology(file string, maxEntities int) {
	b.t.Helper()
	dir := b.t.TempDir()
	writeFile(b.t, dir, "key", "secret")
	writeFile(b.t, dir, "t.json", file)
	text := loopConfig + fmt.Sprintf("topology: {files: [t.json]}\nlimits: {max_entities: %d}\n", maxEntities)
	c, err := config.Parse("quell.yml", []byte(text), dir)
	if err != nil {
		b.t.Fatal(err)
	}
	b.conf = c
}

// restart stops the loop and begins anew with the configuration as it is now.
func (b *bench) restart() {
	b.t.Helper()
	b.byHand()
	b.start(compile)
}

// TestTopologyFilesTakeBackWhatTheyNoLongerSay changes a file between two starts. What the API said stays.
func TestTopologyFilesTakeBackWhatTheyNoLongerSay(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.withTopology(`{"entities": [{"id": "zone/z"}], "edges": [{"from": "pod/a", "to": "node/n"}, {"from": "pod/b", "to": "node/n"}]}`, 1000)
		b.restart()
		b.mustPost(&correlate.Topology{Source: "api", Update: topology.Update{Edges: []topology.Edge{{From: "pod/a", To: "node/n"}}}})
		figures := func() [2]int { f := figuresOf(b); return [2]int{f.Entities, f.Edges} }
		if got := figures(); got != [2]int{4, 3} {
			t.Errorf("%v entities and edges, want 4 and 3", got)
		}
		seq := b.loop.seq
		b.restart()
		if b.loop.seq > seq+1 || figures() != [2]int{4, 3} {
			t.Errorf("%d records for a file that did not change, then %v, want only that of the gap", b.loop.seq-seq, figures())
		}
		b.withTopology(`{"edges": [{"from": "pod/b", "to": "node/n"}]}`, 1000)
		b.restart()
		if got := figures(); got != [2]int{3, 2} {
			t.Errorf("after a change: %v entities and edges, want 3 and 2", got)
		}
		b.withTopology(`{}`, 1000)
		b.restart()
		if got := figures(); got != [2]int{2, 1} {
			t.Errorf("after all was deleted: %v entities and edges, want what the API said, 2 and 1", got)
		}
	})
}

// TestFullGraphRefusesUpdatesAndTakesAlerts posts more than fits: the sender is told, and what an alert is about gets in.
func TestFullGraphRefusesUpdatesAndTakesAlerts(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.withTopology(`{}`, 1000)
		b.restart()
		big := &correlate.Topology{Source: "api"}
		for i := range 1001 {
			big.Entities = append(big.Entities, topology.Labeled{ID: topology.Entity(fmt.Sprintf("pod/p%d", i))})
		}
		err := b.post(firing("Down", "service/web"), big)
		var full *topology.FullError
		if !errors.As(err, &full) {
			t.Errorf("got %v, want that it is full", err)
		}
		if f := figuresOf(b); f.Entities != 1 || f.Active != 1 {
			t.Errorf("%d entities and %d alerts, want those of the alert", f.Entities, f.Active)
		}
		if got := testutil.ToFloat64(b.loop.metrics.refusedUpdates); got != 1 {
			t.Errorf("%v updates counted as refused, want 1", got)
		}
		big.Entities = big.Entities[:999]
		b.mustPost(big)
		b.mustPost(firing("Down", "service/one-more"))
		if f := figuresOf(b); f.Entities != 1001 {
			t.Errorf("%d entities, want 1000 and that of an alert", f.Entities)
		}
		b.checkReplay()
	})
}

// TestRefusedTopologyFilesAreToldAgain starts with files for which alerts left no room, and then with a larger limit.
func TestRefusedTopologyFilesAreToldAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		var alerts []correlate.Input
		for i := range 999 {
			alerts = append(alerts, firing("Down", fmt.Sprintf("pod/p%d", i)))
		}
		b.mustPost(alerts...)
		const file = `{"edges": [{"from": "service/a", "to": "service/b"}]}`
		b.withTopology(file, 1000)
		b.restart()
		if f := figuresOf(b); f.Edges != 0 {
			t.Errorf("%d edges beyond the limit", f.Edges)
		}
		b.withTopology(file, 2000)
		b.restart()
		if f := figuresOf(b); f.Edges != 1 {
			t.Errorf("%d edges with room for them, want 1", f.Edges)
		}
	})
}
