package ingest

import (
	"encoding/json"
	"fmt"
	runtimemetrics "runtime/metrics"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

// seeds are bodies of all formats; mutations of one are interesting to all decoders.
func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		webhookWith(goodAlert), webhookWith(goodAlert, `0`, goodAlert), string(webhookBody(f, 1)), string(alertsBody(f, 1)), `[]`, `null`,
		`[{"labels":{"a":"\ud83d\ude00\u0000","b":""},"endsAt":"2026-11-21T11:00:00+01:00"}]`, coreEvent, newEvent, podObject,
		`{"kind":"EventList","items":[{"regarding":{"kind":"Node","name":"n"}}]}`, "{\"kind\":\"Event\"}\n{\"a\":1e400}\n",
		`{"entities":[{"id":"a/b","labels":{"c":"d"}}],"edges":[{"from":"a/b","to":"c/d","type":"x"}],"remove_entities":["e/f"],"remove_edges":[]}`,
		`{"replace":true,"ttl":"1h30m","entities":[{"id":"a/b"}]}`, `{"replace":false,"ttl":"1500ms"}`,
		"{\"\\u0061\":1,\"a\":2}", "\"\xff\"", `{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`,
	} {
		f.Add([]byte(s))
	}
}

// bounded runs decode and checks what it allocates: some times the body, since the shortest alert is a tenth of what
// holds it in memory, and something for what other goroutines allocate, and for what is counted late.
func bounded(t *testing.T, body []byte, decode func()) {
	t.Helper()
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}} // unlike runtime.ReadMemStats, it stops nothing
	runtimemetrics.Read(sample)
	before := sample[0].Value.Uint64()
	decode()
	runtimemetrics.Read(sample)
	if got := sample[0].Value.Uint64() - before; got > uint64(60*len(body)+4<<20) {
		t.Errorf("got %d bytes allocated for a body of %d", got, len(body))
	}
}

// Goal: no body makes a decoder allocate out of proportion. Method: bodies that are as dense as they can be.
func TestDenseBodiesAllocateInProportion(t *testing.T) {
	var labels, keys strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&labels, `"%x":"1",`, i)
		fmt.Fprintf(&keys, `"%x":1,`, i)
	}
	for name, body := range map[string]string{
		"elements that are no alerts": `[` + strings.Repeat(`0,`, 200_000) + `0]`,
		"smallest alerts":             `[` + strings.Repeat(`{"labels":{"a":"b"}},`, 200_000) + `0]`,
		"one alert of many labels":    `[{"labels":{` + labels.String() + `"a":"b"}}]`,
		"many keys":                   `[{"x":{` + keys.String() + `"z":1}}]`,
		"escapes":                     `[{"labels":{"a":"` + strings.Repeat(`\n`, 1<<20) + `"}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			bounded(t, []byte(body), func() {
				if _, err := DecodeAlerts([]byte(body), received, Limits{}); err != nil {
					t.Error(err)
				}
			})
		})
	}
	t.Run("smallest events", func(t *testing.T) {
		body := `{"items":[` + strings.Repeat(`{"regarding":{"kind":"a","name":"b"}},`, 100_000) + `0]}`
		bounded(t, []byte(body), func() {
			if k, err := DecodeKubernetes([]byte(body), received, Limits{}); err != nil || len(k.Inputs) != 100_000 {
				t.Error(err)
			}
		})
	})
}

// checkBatch compares alerts with what encoding/json makes of the same elements.
func checkBatch(t *testing.T, b *Batch, elements json.RawMessage) {
	t.Helper()
	var raw []json.RawMessage
	if err := json.Unmarshal(elements, &raw); err != nil {
		t.Fatalf("encoding/json refuses what we took: %v", err)
	}
	if len(b.Alerts)+b.RejectedCount != len(raw) {
		t.Fatalf("got %d alerts and %d rejected of %d", len(b.Alerts), b.RejectedCount, len(raw))
	}
	if b.RejectedCount > len(b.Rejected) {
		return // it is not known which alert is which
	}
	rejected := make(map[int]bool)
	for _, r := range b.Rejected {
		rejected[r.Index] = true
		if !utf8.ValidString(r.Reason) || len(r.Reason) > 1000 {
			t.Errorf("got reason %q", r.Reason)
		}
	}
	next := 0
	for i, element := range raw {
		if rejected[i] {
			continue
		}
		a := b.Alerts[next]
		next++
		// The outer maps keep keys apart that encoding/json would take for one.
		var fields map[string]json.RawMessage
		var labels, annotations map[string]string
		if err := json.Unmarshal(element, &fields); err != nil {
			t.Fatalf("element %d: %v", i, err)
		}
		if err := json.Unmarshal(fields["labels"], &labels); err != nil {
			t.Fatalf("labels of %d: %v", i, err)
		}
		if fields["annotations"] != nil {
			if err := json.Unmarshal(fields["annotations"], &annotations); err != nil {
				t.Fatalf("annotations of %d: %v", i, err)
			}
		}
		for n, v := range labels {
			if v == "" {
				delete(labels, n)
			}
		}
		if got, want := a.Fingerprint, labelSet(labels).Fingerprint(); got != want {
			t.Errorf("alert %d: got fingerprint %v, want %v of %v", i, got, want, labels)
		}
		if !a.Labels.Valid() || !a.Annotations.Valid() {
			t.Errorf("alert %d: labels are badly packed", i)
		}
		if b.Trimmed == 0 && (a.Labels != packed(labels) || a.Annotations != packed(annotations)) {
			t.Errorf("alert %d: got %v %v, want %v %v", i, a.Labels, a.Annotations, labels, annotations)
		}
		if a.StartsAt.IsZero() || a.Resolved() && (a.EndsAt.Before(a.StartsAt) || !a.Expires.IsZero()) || a.Source == "" {
			t.Errorf("alert %d: got %+v", i, a)
		}
	}
}

func FuzzDecodeWebhook(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var w *Webhook
		var err error
		bounded(t, body, func() { w, err = DecodeWebhook(body, received, Limits{}) })
		if err != nil {
			return
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			if len(w.Rejected) == 0 {
				t.Fatalf("encoding/json refuses what we took: %v", err)
			}
			return // a raw control character in a rejected alert
		}
		checkBatch(t, &w.Batch, fields["alerts"])
	})
}

func FuzzDecodeAlerts(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var b *Batch
		var err error
		bounded(t, body, func() { b, err = DecodeAlerts(body, received, Limits{}) })
		if err != nil || len(b.Rejected) > 0 && !json.Valid(body) {
			return
		}
		checkBatch(t, b, body)
	})
}

func FuzzDecodeKubernetes(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var k *Kubernetes
		var err error
		bounded(t, body, func() { k, err = DecodeKubernetes(body, received, Limits{}) })
		if err != nil {
			return
		}
		if len(k.Rejected) == 0 && !isLines(body) && !json.Valid(body) {
			t.Fatal("encoding/json refuses what we took")
		}
		for _, in := range k.Inputs {
			switch in := in.(type) {
			case *correlate.Event:
				if _, err := topology.ParseEntity(string(in.Entity)); err != nil || in.Count < 1 || in.At.IsZero() || !utf8.ValidString(in.Message+in.Reason+in.Component+in.ID) {
					t.Errorf("got %+v, %v", in, err)
				}
			case *correlate.Topology:
				if err := in.Validate(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func FuzzDecodeTopology(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var got *topology.Update
		var err error
		bounded(t, body, func() { got, err = DecodeTopology(body, Limits{}) })
		if err != nil {
			return
		}
		want := new(topology.Update)
		if err := json.Unmarshal(body, want); err != nil {
			t.Fatalf("encoding/json refuses what we took: %v", err)
		}
		// Both ways of writing "none" are one.
		if diff := cmp.Diff(string(encode(t, want)), string(encode(t, got))); diff != "" {
			t.Errorf("got other than encoding/json (-json +ours):\n%s", diff)
		}
		again, err := DecodeTopology(encode(t, got), Limits{})
		if err != nil || !cmp.Equal(string(encode(t, got)), string(encode(t, again))) {
			t.Errorf("what was decoded and encoded reads otherwise: %v", err)
		}
	})
}
