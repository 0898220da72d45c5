package faults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quell/internal/fake"
)

// witness is another sender, whose posts must succeed all the time. The returned function ends it and what it reported.
func (r *rig) witness() (finish func()) {
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var sent []*alert
	wait.Go(func() {
		for n := 0; ; n++ {
			a := ill("pod/other/witness", "n", fmt.Sprint(n))
			sent = append(sent, a)
			if answer := r.send(a); answer.status != http.StatusOK {
				r.Errorf("another sender: got %v, want 200", answer)
			}
			r.began(a)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	end := sync.OnceFunc(func() {
		close(stop)
		wait.Wait()
	})
	r.Cleanup(end)
	return func() {
		end()
		r.heals(sent...)
	}
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		panic(err) // it is memory
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestCase50CompressionBombs: a body is measured as it is decompressed, and only known encodings are.
func TestCase50CompressionBombs(t *testing.T) {
	r := started(t, options{hold: time.Hour, maxRSS: 400 << 20})
	bomb := bytes.Repeat(gzipped(make([]byte, 16<<20)), 64) // compressed files one behind the other are one
	good := webhook(ill("pod/shop/x"))
	finish := r.witness()
	for _, c := range []struct {
		name, encoding string
		body           []byte
		want           int
	}{
		{"1 GiB in 1 MiB", "gzip", bomb, http.StatusRequestEntityTooLarge},
		{"gzip in gzip", "gzip", gzipped(gzipped(good)), http.StatusBadRequest},
		{"two encodings", "gzip, gzip", gzipped(gzipped(good)), http.StatusUnsupportedMediaType},
		{"unknown encoding", "br", good, http.StatusUnsupportedMediaType},
		{"no gzip", "gzip", good, http.StatusBadRequest},
		{"cut off", "gzip", gzipped(good)[:100], http.StatusBadRequest},
	} {
		if a := r.post(c.body, "Content-Encoding", c.encoding); a.status != c.want {
			t.Errorf("%s: got %v, want %d", c.name, a, c.want)
		}
	}
	if a := r.post(gzipped(good), "Content-Encoding", "gzip"); a.status != http.StatusOK {
		t.Errorf("a good body, compressed: got %v, want 200", a)
	}
	finish()
	r.verify()
}

// TestCase51SlowSenders opens connections that send a byte now and then: they are cut off, and others do not notice.
func TestCase51SlowSenders(t *testing.T) {
	r := started(t, options{hold: time.Hour})
	address := strings.TrimPrefix(r.address.Load().(string), "http://")
	connections := make([]net.Conn, times(100, 2000))
	const slowBody = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
	begins := []string{
		"POST /api/v1/alertmanager HTTP/1.1\r\nHost: localhost\r\n", // its header does not end
		"POST /api/v1/alertmanager HTTP/1.1\r\nHost: localhost\r\n" + slowBody,
		"POST /api/v1/alertmanager HTTP/1.1\r\nHost: elsewhere.example\r\n" + slowBody, // it is not let in
		"POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\n" + slowBody,
		"POST /api/v2/silences HTTP/1.1\r\nHost: localhost\r\n" + slowBody,
		"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n" + slowBody,
	}
	for i := range connections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		connections[i] = c
		if _, err := io.WriteString(c, begins[i%len(begins)]); err != nil {
			t.Fatal(err)
		}
	}
	finish := r.witness()
	open := func() (n int) {
		for _, c := range connections {
			if _, err := io.WriteString(c, " "); err == nil {
				n++
			}
		}
		return n
	}
	r.eventually(time.Minute, "slow connections are cut off", func() bool {
		time.Sleep(500 * time.Millisecond)
		return open() == 0
	})
	finish()
	r.verify()
}

// TestCase52MalformedBodies: what other readers could understand otherwise is refused as a whole, and kept for people.
func TestCase52MalformedBodies(t *testing.T) {
	r := started(t, options{hold: time.Hour})
	good := string(webhook(ill("pod/shop/x")))
	replaced := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("no %q in %s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	finish := r.witness()
	bodies := map[string]string{
		"duplicate key":  replaced(`"status":"firing"`, `"status":"resolved","status":"firing"`),
		"two labels":     replaced(`"labels":{`, `"labels":{"a":"b"},"labels":{`),
		"invalid UTF-8":  replaced("pod/shop/x", "pod/shop/\xff"),
		"lone surrogate": replaced("pod/shop/x", `pod/shop/\ud800`),
		"deep nesting":   replaced(`"groupLabels":{}`, `"groupLabels":`+strings.Repeat("[", 100_000)),
		"text behind":    good + "x",
		"cut off":        good[:len(good)-1],
		"empty":          "", "null": "null", "a list": "[]",
		"a huge number": replaced(`"truncatedAlerts":0`, `"truncatedAlerts":1e400`),
		"version 5":     replaced(`"version":"4"`, `"version":"5"`),
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) { // operators are told of the first
		body := bodies[name]
		if a := r.post([]byte(body)); a.status != http.StatusBadRequest || !strings.Contains(a.body, "error") && !strings.Contains(a.body, "reason") {
			t.Errorf("%s: got %v, want 400 and why", name, a)
		}
	}
	// Names are case-sensitive: an alert without a status is refused, and its neighbour is taken.
	x, y := ill("pod/shop/x"), ill("pod/shop/y")
	mixed := strings.Replace(string(webhook(x, y)), `"status":"firing","labels"`, `"STATUS":"firing","labels"`, 1)
	if a := r.post([]byte(mixed)); a.status != http.StatusBadRequest || !strings.Contains(a.body, `"accepted":1`) {
		t.Errorf("an alert without a status beside a good one: got %v, want 400 and one accepted", a)
	}
	finish()
	if len(r.incidents()) != 2 {
		t.Errorf("got %v, want incidents of the witness and of the good neighbour", r.incidents())
	}
	r.operatorPage("malformed")
	r.verify()
}

// TestCase54LabelBombs: an alert with too much in it still counts.
func TestCase54LabelBombs(t *testing.T) {
	r := started(t, options{})
	many, large, long := ill("pod/shop/many"), ill("pod/shop/large"), ill("pod/shop/long")
	for i := range 10_000 {
		many.labels[fmt.Sprintf("zz_label_%d", i)] = "x"
	}
	large.annotations["description"] = strings.Repeat("x", 1<<20)
	long.labels["zz"] = strings.Repeat("x", 1<<20)
	finish := r.witness()
	for _, a := range []*alert{many, large, long} {
		if answer := r.post(webhook(a)); answer.status != http.StatusOK {
			t.Errorf("%s: got %v, want 200", a.entity(), answer)
		}
		r.began(a)
	}
	finish()
	for _, a := range []*alert{many, large, long} {
		r.paged(a.entity())
		if answer := r.post(webhook(a.ended())); answer.status != http.StatusOK {
			t.Errorf("end of %s: got %v, want 200", a.entity(), answer)
		}
		r.recovered(a)
	}
	r.verify()
}

// TestCase56And57Injection puts into labels what terminals, logs, metrics and Slack could take for more than text.
func TestCase56And57Injection(t *testing.T) {
	r := started(t, options{})
	const forged = `time=2026-01-01T00:00:00Z level=ERROR msg=forged`
	x := ill("pod/shop/x", "alertname", "<!channel> & <@U0000001> <http://evil.example|runbook> `code` *bold*",
		"evil", "a\x1b[31m\n"+forged+"\r\n\u202e\"} 1\n")
	x.annotations["summary"] = "<!here> <@U0000001> " + x.labels["evil"]
	x.annotations["runbook_url"] = "javascript:alert(1)"
	r.fails(x)
	// A refused body gets its text into the log.
	if a := r.post([]byte(`{"version":"` + `\u001b[31m\n` + forged + `"}`)); a.status != http.StatusBadRequest {
		t.Errorf("malformed body: got %v, want 400", a)
	}
	r.paged(x.entity())
	r.eventually(pageBudget, "Slack knows", func() bool { return inChannel(r.slack) > 0 })
	if got := r.get("/metrics").body; strings.Contains(got, "evil") || strings.Contains(got, "shop") {
		t.Error("metrics show labels of alerts")
	}
	r.heals(x)
	r.verify()
	if called := r.slack.Mentions(); len(called) > 0 {
		t.Errorf("somebody was called at Slack: %q", called)
	}
	for _, m := range r.slack.Messages() {
		if text := m.Text + string(m.Blocks); strings.Contains(text, "javascript:alert") && strings.Contains(text, `"url":"javascript`) || strings.Contains(text, "<http://evil") {
			t.Errorf("Slack shows a link from a label: %s", text)
		}
	}
	for line := range strings.Lines(r.process.output()) {
		if strings.Contains(line, "\x1b") || strings.HasPrefix(line, forged) {
			t.Errorf("the log has %q", line)
		}
	}
}

// TestCase66SecretsStaySecret fails in every way that involves credentials, at the most talkative log level, and then looks for
// them everywhere.
func TestCase66SecretsStaySecret(t *testing.T) {
	r := newRig(t, options{})
	var n int
	r.pd.SetFault(func(int, string) fake.Fault {
		n++
		return []fake.Fault{{Status: 500}, {DropAnswer: true}, {Status: 429}, {Status: 403}}[n%4]
	})
	r.start()
	r.slack.RequireToken("xoxb-another-token") // ours was revoked
	x, y := ill("pod/shop/x"), ill("pod/shop/y")
	r.fails(x, y)
	r.eventually(pageBudget+r.hold, "deliveries fail", func() bool { return strings.Contains(r.process.output(), "invalid_auth") })
	// A configuration with a mistake in it, beside its secrets.
	r.write("quell.yml", strings.Replace(r.config(), "token_file: slack.token", "token_file: slack.token, token: "+slackToken, 1))
	a := r.request(http.MethodPost, "/-/reload", nil)
	if a.status == http.StatusOK {
		t.Error("a bad configuration was taken")
	}
	r.write("quell.yml", strings.Replace(r.config(), "pd.key", "missing.key", 1))
	b := r.request(http.MethodPost, "/-/reload", nil)
	r.checkSecrets("an error", []byte(b.body))
	r.write("quell.yml", r.config())
	r.checkSecrets("the status", []byte(r.get("/api/v1/status").body))
	r.pd.SetFault(nil)
	r.slack.RequireToken(slackToken)
	for _, f := range r.world {
		f.unpageable = true // one of the pages met a 403
	}
	r.heals(x, y)
	r.verify()
	store, err := os.ReadFile(r.store())
	if err != nil {
		t.Fatal(err)
	}
	r.checkSecrets("the store", store)
	files, err := filepath.Glob(filepath.Join(r.folder, "data", "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("got files %v beside the store (%v), want none", files, err)
	}
}
