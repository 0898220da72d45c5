package demo

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/ingest"
	"quell/internal/config"
	"quell/internal/rulebook"
)

var began = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func realTime(at time.Duration) time.Time { return began.Add(at) }

// decode reads a post as quell does, and fails if anything of it is refused.
func decode(t *testing.T, p *post) []correlate.Input {
	t.Helper()
	body, now := p.encode(realTime), realTime(p.at)
	var inputs []correlate.Input
	var rejected ingest.Rejections
	var err error
	take := func(b *ingest.Batch) {
		for i := range b.Alerts {
			inputs = append(inputs, &b.Alerts[i])
		}
		rejected = b.Rejections
	}
	switch p.path {
	case pathAlertmanager:
		var w *ingest.Webhook
		if w, err = ingest.DecodeWebhook(body, now, ingest.Limits{}); err == nil {
			take(&w.Batch)
		}
	case pathPrometheus:
		var b *ingest.Batch
		if b, err = ingest.DecodeAlerts(body, now, ingest.Limits{}); err == nil {
			take(b)
		}
	case pathKubernetes:
		var k *ingest.Kubernetes
		if k, err = ingest.DecodeKubernetes(body, now, ingest.Limits{}); err == nil {
			inputs, rejected = k.Inputs, k.Rejections
		}
	case pathTopology:
		u, bad := ingest.DecodeTopology(body, ingest.Limits{})
		if err = bad; err == nil {
			inputs = append(inputs, &correlate.Topology{Update: *u, Source: "api"})
		}
	}
	if err != nil || rejected.RejectedCount > 0 || len(inputs) == 0 {
		t.Fatalf("post at %v to %s: %v, rejected %v, %d inputs of\n%s", p.at, p.path, err, rejected, len(inputs), body)
	}
	return inputs
}

// TestStoryIsTakenWhole decodes all bodies: none may be refused, and what the figures on the screen count must be in them.
func TestStoryIsTakenWhole(t *testing.T) {
	alerts, events := make(map[string]bool), 0
	counted, seen := 0, 0
	for _, p := range newStory(newCluster()).posts {
		counted += p.alerts
		seen += p.events
		for _, in := range decode(t, &p) {
			switch in := in.(type) {
			case *correlate.Alert:
				alerts[in.Fingerprint.String()] = true
				if in.Labels.Get("quell_entity") != "" {
					t.Errorf("%s says by itself what it is about", in.Labels)
				}
			case *correlate.Event:
				if in.Component != "quell/state" { // which is read out of others
					events++
				}
			}
		}
	}
	if len(alerts) != counted || events != seen {
		t.Errorf("%d alerts and %d events are sent, %d and %d counted", len(alerts), events, counted, seen)
	}
}

// TestEngineTellsThreeStories steps the engine through the story in virtual time at its real pace, with the rules as they are. So
// what the demo shows does not depend on its haste.
func TestEngineTellsThreeStories(t *testing.T) {
	e, err := correlate.New(rulebook.Compile, config.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	step := func(at time.Time, inputs []correlate.Input) {
		for _, f := range e.Step(at, inputs) {
			if f.Decision == correlate.Escalate {
				pages = append(pages, string(f.Roots[0].Entity)+" at "+stamp(f.At.Sub(began)))
			}
		}
	}
	until := func(end time.Time) {
		for due, ok := e.Deadline(); ok && !due.After(end); due, ok = e.Deadline() {
			step(due, nil)
		}
	}
	for _, p := range newStory(newCluster()).posts {
		until(realTime(p.at))
		step(realTime(p.at), decode(t, &p))
	}
	until(realTime(storyLength))
	if diff := cmp.Diff([]string{"node/node-7 at 04:42", "deployment/shop/search at 09:38"}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	var states []string
	for _, inc := range e.Incidents(func(i *correlate.Incident) bool { return i.State != correlate.Merged }) {
		states = append(states, inc.State.String())
	}
	if diff := cmp.Diff([]string{"resolved", "self-healed", "escalated"}, states); diff != "" {
		t.Errorf("states, newest first (-want +got):\n%s", diff)
	}
}

// TestStoriesTouchDifferentNodes guards what the story says: the other two acts have nothing to do with the node.
func TestStoriesTouchDifferentNodes(t *testing.T) {
	c := newCluster()
	if n := c.services(); n != 40 || len(c.nodes) != 12 {
		t.Errorf("%d services on %d nodes, want 40 on 12", n, len(c.nodes))
	}
	names := make(map[string]bool)
	for _, w := range c.workloads {
		for _, p := range w.pods {
			if names[p.namespace+"/"+p.name] {
				t.Errorf("two pods are called %s", p.name)
			}
			names[p.namespace+"/"+p.name] = true
			if (w.name == "recommendations" || w.name == rolledOut) && p.node == brokenNode {
				t.Errorf("%s runs on %s", p.name, brokenNode)
			}
		}
		for _, to := range w.calls {
			if c.byName[to] == nil {
				t.Errorf("%s calls %s, which does not exist", w.name, to)
			}
		}
	}
	if u := c.topology(); u.Validate() != nil {
		t.Error(u.Validate())
	}
}

// TestAlertmanagerSendsWholeGroups follows a group: each notification holds all that fires, and what was resolved since the last one.
func TestAlertmanagerSendsWholeGroups(t *testing.T) {
	a := func(pod string, starts, ends time.Duration) alert {
		return alert{labels: labelsOf("alertname", "Down", "namespace", "shop", "pod", pod), starts: starts, ends: ends}
	}
	posts := alertmanager([]alert{a("one", 0, 0), a("two", 30*time.Second, 90*time.Second)})
	var got []string
	for _, p := range posts {
		var w webhook
		if err := json.Unmarshal(p.encode(realTime), &w); err != nil {
			t.Fatal(err)
		}
		line := []string{p.at.String(), w.Status, w.GroupKey, strings.Repeat("+", p.alerts)}
		for _, r := range w.Alerts {
			line = append(line, r.Labels["pod"]+"="+r.Status)
		}
		got = append(got, strings.Join(line, " "))
	}
	const key = ` firing {}:{alertname="Down", namespace="shop"} `
	want := []string{"10s" + key + "+ one=firing", "1m10s" + key + "+ one=firing two=firing", "2m10s" + key + " one=firing two=resolved"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStoryIsTheSameEachTime(t *testing.T) {
	var texts [2]bytes.Buffer
	for i := range texts {
		for _, p := range newStory(newCluster()).posts {
			texts[i].WriteString(p.path)
			texts[i].Write(p.encode(realTime))
		}
	}
	if !bytes.Equal(texts[0].Bytes(), texts[1].Bytes()) {
		t.Error("two stories differ")
	}
	if !slices.IsSortedFunc(newStory(newCluster()).posts, func(a, b post) int { return int(a.at - b.at) }) {
		t.Error("posts are not in order of time")
	}
}
