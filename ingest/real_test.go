package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"quell/correlate"
)

// nasty are texts that JSON writes in other ways than they read.
var nasty = []string{
	"plain", "with \"quotes\" and \\", "<b>&amp;</b>", "new\nline\ttab\r\b\f", "é ü ß", "日本語", "😀 outside the plane", "\u2028\u2029",
	"\u007f", "\x01\x1f", strings.Repeat("long ", 200), "=,{}", "\ufeff", " ", "\ufffd",
}

func randomSet(rng *rand.Rand) map[string]string {
	set := map[string]string{"alertname": nasty[rng.IntN(len(nasty))]}
	for range rng.IntN(20) {
		set[nasty[rng.IntN(len(nasty))]+fmt.Sprint(rng.IntN(5))] = nasty[rng.IntN(len(nasty))]
	}
	return set
}

func labelSet(m map[string]string) model.LabelSet {
	set := model.LabelSet{}
	for n, v := range m {
		set[model.LabelName(n)] = model.LabelValue(v)
	}
	return set
}

// Goal: what Alertmanager's own code writes is read as it was meant. Method: encode random alerts with its message type
// in the way its notifier does, decode, and compare labels, times and fingerprints with Prometheus' own.
func TestDecoderReadsWhatAlertmanagerWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		data := &template.Data{Receiver: `a\.b`, Status: "firing", ExternalURL: "http://am:9093", CommonLabels: template.KV(randomSet(rng)), NotificationReason: "first notification"}
		for range rng.IntN(6) {
			labels := randomSet(rng)
			a := template.Alert{
				Status: "firing", Labels: template.KV(labels), Annotations: template.KV(randomSet(rng)), GeneratorURL: "http://prom/graph?a=1&b=<2>",
				StartsAt: received.Add(-time.Duration(rng.Int64N(int64(time.Hour)))).In(time.FixedZone("", 19800)), Fingerprint: labelSet(labels).Fingerprint().String(),
			}
			if rng.IntN(2) == 0 {
				a.Status, a.EndsAt = "resolved", a.StartsAt.Add(time.Second)
				if a.EndsAt.After(received) {
					a.EndsAt = received
				}
			}
			data.Alerts = append(data.Alerts, a)
		}
		var buf bytes.Buffer
		msg := &webhook.Message{Version: "4", Data: data, GroupKey: `{}:{x="y"}`, TruncatedAlerts: 7}
		if err := json.NewEncoder(&buf).Encode(msg); err != nil {
			t.Fatal(err)
		}
		got := mustWebhook(t, buf.String())
		if len(got.Rejected) != 0 || got.Truncated != 7 || got.GroupKey != msg.GroupKey || got.Receiver != data.Receiver {
			t.Fatalf("got %+v of %s", got, buf.String())
		}
		for i, a := range got.Alerts {
			sent := data.Alerts[i]
			want := correlate.Alert{
				Labels: packed(sent.Labels), Annotations: packed(sent.Annotations), GeneratorURL: sent.GeneratorURL,
				StartsAt: sent.StartsAt, EndsAt: sent.EndsAt, Source: "alertmanager/am:9093",
			}
			want.Fingerprint, _ = model.FingerprintFromString(sent.Fingerprint)
			if diff := cmp.Diff(want, a); diff != "" {
				t.Fatalf("got other than wanted (-want +got):\n%s\nof %s", diff, buf.String())
			}
		}
	}
}

// The same for what clients of Alertmanager's API v2 write.
func TestDecoderReadsWhatAPIClientsWrite(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		sent := models.PostableAlerts{}
		for range rng.IntN(6) {
			sent = append(sent, &models.PostableAlert{
				Annotations: models.LabelSet(randomSet(rng)),
				StartsAt:    strfmt.DateTime(received.Add(-time.Hour)),
				EndsAt:      strfmt.DateTime(received.Add(time.Minute)),
				Alert:       models.Alert{Labels: models.LabelSet(randomSet(rng)), GeneratorURL: "http://prom/?a&b"},
			})
		}
		body := encode(t, sent)
		got := mustAlerts(t, string(body))
		if len(got.Rejected) != 0 || len(got.Alerts) != len(sent) {
			t.Fatalf("got %+v of %s", got, body)
		}
		for i, a := range got.Alerts {
			want := correlate.Alert{
				Fingerprint: labelSet(sent[i].Labels).Fingerprint(), Labels: packed(sent[i].Labels), Annotations: packed(sent[i].Annotations),
				GeneratorURL: "http://prom/?a&b", StartsAt: received.Add(-time.Hour), Expires: received.Add(time.Minute), Source: "prometheus/prom",
			}
			if diff := cmp.Diff(want, a); diff != "" {
				t.Fatalf("got other than wanted (-want +got):\n%s\nof %s", diff, body)
			}
		}
	}
}

func packed(m map[string]string) correlate.Labels {
	var pairs []correlate.Label
	for n, v := range maps.All(m) {
		pairs = append(pairs, correlate.Label{Name: n, Value: v})
	}
	return correlate.NewLabels(pairs)
}

// Goal: one identity on both ways in. The same alert by webhook and by API must have one fingerprint.
func TestBothFormatsGiveOneIdentity(t *testing.T) {
	w, b := mustWebhook(t, string(webhookBody(t, 10))), mustAlerts(t, string(alertsBody(t, 10)))
	for i := range w.Alerts {
		if w.Alerts[i].Fingerprint != b.Alerts[i].Fingerprint || w.Alerts[i].Fingerprint != w.Alerts[i].Labels.Fingerprint() {
			t.Errorf("alert %d: got %v and %v", i, w.Alerts[i].Fingerprint, b.Alerts[i].Fingerprint)
		}
	}
}
