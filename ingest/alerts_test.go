package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"quell/correlate"
)

func mustWebhook(t *testing.T, body string) *Webhook {
	t.Helper()
	w, err := DecodeWebhook([]byte(body), received, Limits{})
	if err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return w
}

func mustAlerts(t *testing.T, body string) *Batch {
	t.Helper()
	b, err := DecodeAlerts([]byte(body), received, Limits{})
	if err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return b
}

func TestDecoderReadsAWebhook(t *testing.T) {
	got := mustWebhook(t, `{"receiver":"a\\.b","status":"resolved","groupKey":"{}:{a=\"b\"}","version":"4","truncatedAlerts":3,
		"externalURL":"http://user:secret@am.example.com:9093/prefix","alerts":[
		{"status":"firing","labels":{"severity":"page","alertname":"Down","pod":"x é"},"annotations":{"summary":"it\nis"},
		 "startsAt":"2026-11-21T12:30:00+01:00","endsAt":"2026-11-21T12:10:00Z","generatorURL":"http://p/?a\u0026b","fingerprint":"0000000000000000"},
		{"status":"resolved","labels":{"alertname":"Down"},"startsAt":"2026-11-21T11:00:00Z","endsAt":"2026-11-21T11:59:00Z"}]}`)
	labels := correlate.LabelsOf("alertname", "Down", "pod", "x é", "severity", "page")
	second := correlate.LabelsOf("alertname", "Down")
	const source = "alertmanager/am.example.com:9093"
	want := &Webhook{
		Truncated: 3, GroupKey: `{}:{a="b"}`, Receiver: `a\.b`, ExternalURL: "http://user:secret@am.example.com:9093/prefix",
		Batch: Batch{Alerts: []correlate.Alert{
			{
				Fingerprint: labels.Fingerprint(), Labels: labels, Annotations: correlate.LabelsOf("summary", "it\nis"),
				GeneratorURL: "http://p/?a&b", StartsAt: received.Add(-30 * time.Minute), Source: source,
			},
			{
				Fingerprint: second.Fingerprint(), Labels: second,
				StartsAt: received.Add(-time.Hour), EndsAt: received.Add(-time.Minute), Source: source,
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

// Case 37, and what Alertmanager's senders leave out.
func TestWebhookTimesAreBroughtIntoOrder(t *testing.T) {
	const none = "0001-01-01T00:00:00Z"
	at := func(d time.Duration) string { return received.Add(d).Format(time.RFC3339Nano) }
	tests := map[string]struct {
		status, starts, ends string
		wantStarts, wantEnds time.Duration // from receipt; never means zero
		skewed               int
	}{
		"firing":                         {"firing", at(-time.Hour), none, -time.Hour, never, 0},
		"firing ignores its end":         {"firing", at(-time.Hour), at(-time.Minute), -time.Hour, never, 0},
		"firing without a start":         {"firing", none, none, 0, never, 0},
		"firing in 2099":                 {"firing", "2099-01-01T00:00:00Z", none, 0, never, 1},
		"firing 9 minutes ahead":         {"firing", at(9 * time.Minute), none, 9 * time.Minute, never, 0},
		"firing 11 minutes ahead":        {"firing", at(11 * time.Minute), none, 0, never, 1},
		"resolved":                       {"resolved", at(-time.Hour), at(-time.Minute), -time.Hour, -time.Minute, 0},
		"resolved without an end":        {"resolved", at(-time.Hour), none, -time.Hour, 0, 0},
		"resolved without any":           {"resolved", none, none, 0, 0, 0},
		"resolved without a start":       {"resolved", none, at(-time.Minute), -time.Minute, -time.Minute, 0},
		"resolved in 2099":               {"resolved", at(-time.Hour), "2099-01-01T00:00:00Z", -time.Hour, 0, 1},
		"resolved a little ahead":        {"resolved", at(-time.Hour), at(time.Minute), -time.Hour, 0, 0},
		"resolved before it began":       {"resolved", at(-time.Hour), at(-2 * time.Hour), -time.Hour, 0, 0},
		"resolved, all a little ahead":   {"resolved", at(time.Minute), at(2 * time.Minute), time.Minute, time.Minute, 0},
		"resolved, began and ended 2099": {"resolved", "2099-01-01T00:00:00Z", "2099-01-01T00:00:01Z", 0, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := mustWebhook(t, webhookWith(fmt.Sprintf(`{"status":%q,"labels":{"a":"b"},"startsAt":%q,"endsAt":%q}`, test.status, test.starts, test.ends)))
			a := w.Alerts[0]
			checkTime(t, "StartsAt", a.StartsAt, test.wantStarts)
			checkTime(t, "EndsAt", a.EndsAt, test.wantEnds)
			checkTime(t, "Expires", a.Expires, never)
			if w.Skewed != test.skewed {
				t.Errorf("got %d skewed, want %d", w.Skewed, test.skewed)
			}
		})
	}
}

const never = time.Duration(1<<63 - 1)

func checkTime(t *testing.T, field string, got time.Time, want time.Duration) {
	t.Helper()
	wantTime := received.Add(want)
	if want == never {
		wantTime = time.Time{}
	}
	if !got.Equal(wantTime) || got.Location() != time.UTC {
		t.Errorf("%s: got %v, want %v", field, got, wantTime)
	}
}

func TestPrometheusTimesTellResolvedFromLost(t *testing.T) {
	at := func(d time.Duration) string {
		return `"` + received.Add(d).In(time.FixedZone("", 3600)).Format(time.RFC3339Nano) + `"`
	}
	const none = `"0001-01-01T00:00:00.000Z"`
	tests := map[string]struct {
		starts, ends                      string
		wantStarts, wantEnds, wantExpires time.Duration
		skewed                            int
	}{
		"firing":                        {at(-time.Hour), at(4 * time.Minute), -time.Hour, never, 4 * time.Minute, 0},
		"resolved":                      {at(-time.Hour), at(-time.Second), -time.Hour, -time.Second, never, 0},
		"resolved this very moment":     {at(-time.Hour), at(0), -time.Hour, 0, never, 0},
		"without an end":                {at(-time.Hour), none, -time.Hour, never, 5 * time.Minute, 0},
		"null":                          {`null`, `null`, 0, never, 5 * time.Minute, 0},
		"empty":                         {`""`, `""`, 0, never, 5 * time.Minute, 0},
		"resolved without a start":      {none, at(-time.Second), -time.Second, -time.Second, never, 0},
		"firing without a start":        {none, at(time.Minute), 0, never, time.Minute, 0},
		"ends in 2099":                  {at(-time.Hour), `"2099-01-01T00:00:00Z"`, -time.Hour, never, 24 * time.Hour, 0},
		"starts and ends in 2099":       {`"2099-01-01T00:00:00Z"`, `"2099-01-01T00:04:00Z"`, 0, never, 24 * time.Hour, 1},
		"starts ahead without an end":   {at(11 * time.Minute), none, 0, never, 5 * time.Minute, 1},
		"starts a little in the future": {at(9 * time.Minute), at(12 * time.Minute), 9 * time.Minute, never, 12 * time.Minute, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := mustAlerts(t, fmt.Sprintf(`[{"labels":{"a":"b"},"startsAt":%s,"endsAt":%s}]`, test.starts, test.ends))
			if len(b.Alerts) != 1 {
				t.Fatalf("got %+v, want one alert", b)
			}
			a := b.Alerts[0]
			checkTime(t, "StartsAt", a.StartsAt, test.wantStarts)
			checkTime(t, "EndsAt", a.EndsAt, test.wantEnds)
			checkTime(t, "Expires", a.Expires, test.wantExpires)
			if b.Skewed != test.skewed {
				t.Errorf("got %d skewed, want %d", b.Skewed, test.skewed)
			}
		})
	}
}

// Promise 1: a bad alert never takes valid ones in the same body down with it. Each bad one stands between two good.
func TestDecoderKeepsValidAlertsOfABadBody(t *testing.T) {
	tests := map[string]struct{ alert, reason string }{
		"no object":               {`5`, `the alert is not an object`},
		"null":                    {`null`, `the alert is not an object`},
		"no labels":               {`{"status":"firing"}`, `the alert has no labels`},
		"null labels":             {`{"status":"firing","labels":null}`, `the alert has no labels`},
		"empty labels":            {`{"status":"firing","labels":{"a":"","b":null}}`, `the alert has no labels`},
		"labels is a list":        {`{"status":"firing","labels":["a"]}`, `labels is not an object`},
		"number as a label":       {`{"status":"firing","labels":{"a":1}}`, `labels."a" is not a string`},
		"object as a label":       {`{"status":"firing","labels":{"a":{"b":[]},"c":"d"}}`, `labels."a" is not a string`},
		"duplicate label":         {`{"status":"firing","labels":{"b":"1","a":"2","\u0062":"3"}}`, `labels has "b" twice`},
		"duplicate annotation":    {`{"status":"firing","labels":{"a":"b"},"annotations":{"x":"1","x":"1"}}`, `annotations has "x" twice`},
		"empty label name":        {`{"status":"firing","labels":{"":"b"}}`, `a name in labels is empty`},
		"bad UTF-8":               {`{"status":"firing","labels":{"a":"` + "\xff" + `"}}`, `labels."a" has invalid UTF-8`},
		"surrogate in UTF-8":      {`{"status":"firing","labels":{"a":"` + "\xed\xa0\x80" + `"}}`, `labels."a" has invalid UTF-8`},
		"bad UTF-8 in a name":     {`{"status":"firing","labels":{"` + "\xff" + `":"x"}}`, `a name in labels has invalid UTF-8`},
		"bad UTF-8 in annotation": {`{"status":"firing","labels":{"a":"b"},"annotations":{"x":"` + "\xff" + `"}}`, `annotations."x" has invalid UTF-8`},
		"half a surrogate":        {`{"status":"firing","labels":{"a":"\uD800"}}`, `labels."a" has half a surrogate pair`},
		"two high surrogates":     {`{"status":"firing","labels":{"a":"\uD800\uD800"}}`, `labels."a" has half a surrogate pair`},
		"raw newline":             {"{\"status\":\"firing\",\"labels\":{\"a\":\"x\ny\"}}", `labels."a" has a raw control character`},
		"unknown escape":          {`{"status":"firing","labels":{"a":"\x"}}`, `labels."a" has an unknown escape`},
		"NUL in a value":          {`{"status":"firing","labels":{"a":"x\u0000"}}`, `labels has a NUL`},
		"NUL in a name":           {`{"status":"firing","labels":{"a\u0000":"x"}}`, `labels has a NUL`},
		"no status":               {`{"labels":{"a":"b"}}`, `status is missing`},
		"status in capitals":      {`{"STATUS":"firing","labels":{"a":"b"}}`, `status is missing`},
		"other status":            {`{"status":"Firing","labels":{"a":"b"}}`, `status "Firing" is neither firing nor resolved`},
		"status is a number":      {`{"status":1,"labels":{"a":"b"}}`, `status is not a string`},
		"bad start":               {`{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}`, `startsAt "yesterday" is not a time of RFC 3339`},
		"end is a number":         {`{"status":"firing","labels":{"a":"b"},"endsAt":1700000000}`, `endsAt is not a string`},
		"bad link":                {`{"status":"firing","labels":{"a":"b"},"generatorURL":"` + "\xff" + `"}`, `generatorURL has invalid UTF-8`},
		"link is a number":        {`{"status":"firing","labels":{"a":"b"},"generatorURL":0}`, `generatorURL is not a string`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := mustWebhook(t, webhookWith(goodAlert, test.alert, goodAlert))
			if want := []Rejection{{Index: 1, Reason: test.reason}}; !cmp.Equal(want, w.Rejected) {
				t.Errorf("got %+v, want %+v", w.Rejected, want)
			}
			if len(w.Alerts) != 2 {
				t.Fatalf("got %d alerts, want 2", len(w.Alerts))
			}
			if w.Alerts[0] != w.Alerts[1] {
				t.Errorf("got %+v behind the bad one, want %+v", w.Alerts[1], w.Alerts[0])
			}
		})
	}
}

func TestPrometheusAlertThatEndsBeforeItStartsIsRejected(t *testing.T) {
	b := mustAlerts(t, `[{"labels":{"a":"b"},"startsAt":"2026-11-21T11:00:00Z","endsAt":"2026-11-21T10:00:00Z"},{"labels":{"a":"b","c":""}}]`)
	want := []Rejection{{0, "startsAt 2026-11-21T11:00:00Z is after endsAt 2026-11-21T10:00:00Z"}}
	if !cmp.Equal(want, b.Rejected) || len(b.Alerts) != 1 || b.Alerts[0].Labels != correlate.LabelsOf("a", "b") {
		t.Errorf("got %+v", b)
	}
}

// An alert from the API of Alertmanager carries a status object; it says nothing that times do not say.
func TestPrometheusAlertIgnoresAStatus(t *testing.T) {
	b := mustAlerts(t, `[{"labels":{"a":"b"},"status":{"state":"active"}}]`)
	if len(b.Alerts) != 1 || len(b.Rejected) != 0 {
		t.Errorf("got %+v, want one alert", b)
	}
}

func TestSourceIsHostAndPortOfTheLink(t *testing.T) {
	for link, want := range map[string]string{
		"http://prom:9090/graph?x=1":    "prometheus/prom:9090",
		"https://a:b@prom.example.com/": "prometheus/prom.example.com",
		"http://[::1]:9090?x":           "prometheus/[::1]:9090",
		"":                              "prometheus/unknown",
		"prom:9090":                     "prometheus/unknown",
		"http://":                       "prometheus/unknown",
		"http:///graph":                 "prometheus/unknown",
		"http://a b\u202e\x1b[31m\"é/":  "prometheus/a_b__[31m\"_",
		"http://" + strings.Repeat("x", 400) + "/": "prometheus/" + strings.Repeat("x", 245),
	} {
		b := mustAlerts(t, string(encode(t, []map[string]any{{"labels": map[string]string{"a": "b"}, "generatorURL": link}})))
		if got := b.Alerts[0].Source; got != want {
			t.Errorf("%q: got %q, want %q", link, got, want)
		}
	}
}

// Two senders in one body must not get each other's link.
func TestLinksAreSharedOnlyBetweenEqualOnes(t *testing.T) {
	links := []string{"http://a/1", "http://a/1", "http://b/2", "", "http://b/2", "http://a/1"}
	list := make([]map[string]any, len(links))
	for i, l := range links {
		list[i] = map[string]any{"labels": map[string]string{"a": "b"}, "generatorURL": l}
	}
	for i, a := range mustAlerts(t, string(encode(t, list))).Alerts {
		if want := sourceName("prometheus/", links[i]); a.GeneratorURL != links[i] || a.Source != want {
			t.Errorf("alert %d: got %q of %q, want %q of %q", i, a.GeneratorURL, a.Source, links[i], want)
		}
	}
}

// Case 54: an alert with too much text is trimmed, the same way each time, and still counts; its identity is
// that of all its labels.
func TestLabelBombsAreTrimmedButCount(t *testing.T) {
	labels := map[string]string{"zone": "z", "severity": "critical", "quell_entity": "node/n1", "long": strings.Repeat("é", 3000), strings.Repeat("n", 5000): "x"}
	set := model.LabelSet{}
	for i := range 10_000 {
		labels[fmt.Sprintf("a%05d", i)] = "v"
	}
	labels["alertname"] = "Bomb"
	for n, v := range labels {
		set[model.LabelName(n)] = model.LabelValue(v)
	}
	annotations := map[string]string{"a": strings.Repeat("x", 1<<20), "summary": "short", "z": "lost"}
	body := string(encode(t, []map[string]any{{"labels": labels, "annotations": annotations}}))

	b := mustAlerts(t, body)
	if len(b.Alerts) != 1 || b.Trimmed != 1 {
		t.Fatalf("got %d alerts, %d trimmed, want one of each", len(b.Alerts), b.Trimmed)
	}
	a := b.Alerts[0]
	if a.Fingerprint != set.Fingerprint() {
		t.Errorf("got fingerprint %v, want %v", a.Fingerprint, set.Fingerprint())
	}
	if a.Labels.Len() != 64 || !a.Labels.Valid() {
		t.Errorf("got %d labels, valid %t, want 64", a.Labels.Len(), a.Labels.Valid())
	}
	for n, want := range map[string]string{"alertname": "Bomb", "severity": "critical", "quell_entity": "node/n1", "a00000": "v", "a00060": "v", "a00061": "", "zone": ""} {
		if got := a.Labels.Get(n); got != want {
			t.Errorf("label %s: got %q, want %q", n, got, want)
		}
	}
	if got := a.Annotations; got.Get("summary") != "short" || len(got.Get("a")) != 64<<10-len("summary")-len("short")-1 || got.Get("z") != "" {
		t.Errorf("got annotations of %d bytes: summary %q", len(got), got.Get("summary"))
	}
	if again := mustAlerts(t, body).Alerts[0]; again != a {
		t.Error("a second decoding gave another result")
	}
}

func TestLongValuesAreCutAtARune(t *testing.T) {
	b := mustAlerts(t, string(encode(t, []map[string]any{
		{"labels": map[string]string{"a": "b", "long": strings.Repeat("é", 3000), strings.Repeat("n", 4096): "x"}, "generatorURL": "http://h/" + strings.Repeat("é", 5000)},
		{"labels": map[string]string{"a": "b"}, "generatorURL": "http://h/" + strings.Repeat("é", 5000)},
		{"labels": map[string]string{"a": "b", "fits": strings.Repeat("x", 4092)}},
	})))
	want := correlate.LabelsOf("a", "b", "long", strings.Repeat("é", 2046))
	if got := b.Alerts[0].Labels; got != want {
		t.Errorf("got %d bytes of labels, want %d", len(got), len(want))
	}
	for i := range 2 {
		if got := b.Alerts[i].GeneratorURL; len(got) != maxURLBytes-1 || !strings.HasSuffix(got, "é") {
			t.Errorf("got a link of %d bytes", len(got))
		}
	}
	if b.Trimmed != 2 {
		t.Errorf("got %d trimmed, want 2", b.Trimmed)
	}
}

func TestBodyWithTooManyItemsIsMalformed(t *testing.T) {
	lim := Limits{Items: 2}
	if b, err := DecodeAlerts([]byte(`[{"labels":{"a":"b"}},0]`), received, lim); err != nil || len(b.Alerts) != 1 {
		t.Errorf("got %+v, error %v, want one alert", b, err)
	}
	if _, err := DecodeAlerts([]byte(`[0,0,0]`), received, lim); err == nil {
		t.Error("got no error for three items")
	}
}

// The body's buffer is used again for the next request.
func TestDecodedAlertsDoNotAliasTheBody(t *testing.T) {
	body := webhookBody(t, 50)
	got, err := DecodeWebhook(body, received, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := mustWebhook(t, string(webhookBody(t, 50)))
	clear(body)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed with the body (-want +got):\n%s", diff)
	}
}

// Goal: three allocations for an alert at most, in a batch as Prometheus sends it.
func TestDecoderAllocatesLittle(t *testing.T) {
	body := alertsBody(t, 64)
	n := testing.AllocsPerRun(20, func() {
		if _, err := DecodeAlerts(body, received, Limits{}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 3*64 {
		t.Errorf("got %.0f allocations for 64 alerts, want at most 192", n)
	}
}

func TestLimitsValidateNamesEveryField(t *testing.T) {
	lim := Limits{Items: -1, LabelBytes: 1 << 30, ClockSkew: -1}
	err := lim.Validate()
	for _, field := range []string{"items", "label_bytes", "clock_skew"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want %s named", err, field)
		}
	}
	if lim := (Limits{}); lim.Validate() != nil {
		t.Errorf("got %v for defaults", lim.Validate())
	}
}
