package hook

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/rules/webhook"
)

const (
	topic     = "arn:aws:sns:eu-central-1:123456789012:alarms"
	snsServer = "sns.eu-central-1.amazonaws.com"
)

// fakeSNS is Amazon's SNS of one region: a server for certificates and confirmations behind TLS of a CA of its own, and the key that signs.
type fakeSNS struct {
	server  *httptest.Server
	key     *rsa.PrivateKey
	asked   []string
	answers map[string]func(http.ResponseWriter) // by path and query; others are certificates
	// named and until are what the certificate says.
	named string
	until time.Time
}

// snsKey is one for all tests: to make it takes longer than the tests do.
var snsKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the machine has no randomness
	}
	return key
})

func startSNS(t *testing.T) *fakeSNS {
	t.Helper()
	key := snsKey()
	f := &fakeSNS{key: key, named: "sns.amazonaws.com", until: testNow.Add(time.Hour), answers: make(map[string]func(http.ResponseWriter))}
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	f.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{f.certificate(t, snsServer, time.Now().Add(time.Hour))}, PrivateKey: key}}}
	f.server.StartTLS()
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeSNS) certificate(t *testing.T, name string, until time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &f.key.PublicKey, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (f *fakeSNS) serve(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.Host+r.URL.String())
	if answer, ok := f.answers[r.URL.String()]; ok {
		answer(w)
		return
	}
	if !strings.HasSuffix(r.URL.Path, ".pem") {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: f.named}, NotBefore: f.until.Add(-48 * time.Hour), NotAfter: f.until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &f.key.PublicKey, f.key)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // the reader tells
}

// transport reaches the fake under whatever name, and believes its CA alone.
func (f *fakeSNS) transport(t *testing.T) http.RoundTripper {
	roots := x509.NewCertPool()
	cert, err := x509.ParseCertificate(f.server.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, f.server.Listener.Addr().String())
		},
	}
}

// message is a signed message; changes are made after that.
func (f *fakeSNS) message(t *testing.T, m, changes map[string]string) string {
	t.Helper()
	all := map[string]string{
		"Type": snsNotification, "MessageId": "m-1", "TopicArn": topic, "Message": `{"AlarmName": "Load", "AWSAccountId": "123456789012", "NewStateValue": "ALARM", "NewStateReason": "high", "StateChangeTime": "2026-11-21T02:59:00.000+0000"}`,
		"Timestamp": "2026-11-21T02:59:30.000Z", "SignatureVersion": "1", "SigningCertURL": "https://" + snsServer + "/SimpleNotificationService-abc.pem",
	}
	maps.Copy(all, m)
	text := []byte(snsMessage(all).signed())
	hash, sum := crypto.SHA1, sha1.Sum(text)
	digest := sum[:]
	if all["SignatureVersion"] == "2" {
		wide := sha256.Sum256(text)
		hash, digest = crypto.SHA256, wide[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	all["Signature"] = base64.StdEncoding.EncodeToString(signature)
	maps.Copy(all, changes)
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// snsFixture is a server with the preset of CloudWatch.
func snsFixture(t *testing.T, f *fakeSNS) *fixture {
	t.Helper()
	m, _ := webhook.NewLanguage().Preset("cloudwatch")
	return newFixture(&Source{Name: "aws", Mapping: m, MaxItems: 10, Auth: Auth{SNS: &SNS{TopicARNs: []string{topic}, MaxAge: time.Hour}}}, f.transport(t))
}

func TestMessagesOfSNSAreTakenOnceWithEitherSignature(t *testing.T) {
	f := startSNS(t)
	q := snsFixture(t, f)
	for _, version := range []string{"1", "2"} {
		body := f.message(t, map[string]string{"SignatureVersion": version, "MessageId": "m-" + version, "Subject": "ALARM: \"Load\"\nnow"}, nil)
		if w := q.post("/api/v1/webhook/aws", body, "Content-Type", "text/plain; charset=UTF-8"); w.Code != 200 {
			t.Fatalf("version %s: got %d %s", version, w.Code, w.Body)
		}
		w := q.post("/api/v1/webhook/aws", body, "Content-Type", "text/plain; charset=UTF-8")
		if w.Code != 200 || !strings.Contains(w.Body.String(), "taken already") {
			t.Errorf("again: got %d %s", w.Code, w.Body)
		}
	}
	if diff := cmp.Diff([]string{"Load", "Load"}, q.names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{snsServer + "/SimpleNotificationService-abc.pem"}, f.asked); diff != "" {
		t.Errorf("SNS was asked for (-want +got):\n%s", diff)
	}
}

// TestAMessageThatWasNotStoredCountsWhenItComesAgain: SNS repeats what was answered with 503.
func TestAMessageThatWasNotStoredCountsWhenItComesAgain(t *testing.T) {
	f := startSNS(t)
	q := snsFixture(t, f)
	body := f.message(t, nil, nil)
	q.err = context.DeadlineExceeded
	if w := q.post("/api/v1/webhook/aws", body); w.Code != 503 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	q.err = nil
	if w := q.post("/api/v1/webhook/aws", body); w.Code != 200 || len(q.reports) != 1 {
		t.Errorf("got %d %s, %d reports", w.Code, w.Body, len(q.reports))
	}
}

func TestMessagesThatSNSDidNotSendAreRefused(t *testing.T) {
	f := startSNS(t)
	for _, c := range []struct {
		name       string
		m, changes map[string]string
		code       int
		reason     string
	}{
		{"another text", nil, map[string]string{"Message": "{}"}, 401, reasonSignature},
		{"another time", nil, map[string]string{"Timestamp": "2026-11-21T02:59:31.000Z"}, 401, reasonSignature},
		{"a subject beside it", nil, map[string]string{"Subject": "x"}, 401, reasonSignature},
		{"an unknown version", map[string]string{"SignatureVersion": "3"}, nil, 401, reasonSignature},
		{"no signature", nil, map[string]string{"Signature": ""}, 401, reasonSignature},
		{"another type", map[string]string{"Type": "Other"}, nil, 401, reasonSignature},
		{"another topic", map[string]string{"TopicArn": topic + "2"}, nil, 403, reasonTopic},
		{"an old one", map[string]string{"Timestamp": "2026-11-21T01:59:30.000Z"}, nil, 401, reasonReplay},
		{"one from the future", map[string]string{"Timestamp": "2026-11-21T03:59:30.000Z"}, nil, 401, reasonReplay},
		{"a certificate from elsewhere", map[string]string{"SigningCertURL": "https://evil.example/SimpleNotificationService-abc.pem"}, nil, 401, reasonCertificate},
		{"one from another region", map[string]string{"SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-abc.pem"}, nil, 401, reasonCertificate},
		{"one in the clear", map[string]string{"SigningCertURL": "http://" + snsServer + "/SimpleNotificationService-abc.pem"}, nil, 401, reasonCertificate},
		{"one behind a port", map[string]string{"SigningCertURL": "https://" + snsServer + ":8443/SimpleNotificationService-abc.pem"}, nil, 401, reasonCertificate},
		{"one with a user", map[string]string{"SigningCertURL": "https://" + snsServer + "@evil.example/SimpleNotificationService-abc.pem"}, nil, 401, reasonCertificate},
		{"one with a query", map[string]string{"SigningCertURL": "https://" + snsServer + "/SimpleNotificationService-abc.pem?x"}, nil, 401, reasonCertificate},
		{"another file", map[string]string{"SigningCertURL": "https://" + snsServer + "/topic/a.pem"}, nil, 401, reasonCertificate},
		{"a path upwards", map[string]string{"SigningCertURL": "https://" + snsServer + "/../SimpleNotificationService-a.pem"}, nil, 401, reasonCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.asked = nil
			q := snsFixture(t, f)
			w := q.post("/api/v1/webhook/aws", f.message(t, c.m, c.changes))
			if w.Code != c.code || len(q.reports) > 0 || len(q.quarantine) > 0 {
				t.Errorf("got %d %s, %d reports, want %d", w.Code, w.Body, len(q.reports), c.code)
			}
			if c.reason == reasonCertificate && len(f.asked) > 0 {
				t.Errorf("somebody was asked for %v", f.asked)
			}
		})
	}
}

func TestCertificatesThatAreNotThoseOfSNSAreRefused(t *testing.T) {
	f := startSNS(t)
	redirect := func(w http.ResponseWriter) {
		w.Header().Set("Location", "https://"+snsServer+"/SimpleNotificationService-def.pem")
		w.WriteHeader(http.StatusFound)
	}
	text := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { _, _ = fmt.Fprint(w, s) }
	}
	for name, c := range map[string]struct {
		named  string
		until  time.Time
		answer func(http.ResponseWriter)
		code   int
	}{
		"another name":   {"evil.example", testNow.Add(time.Hour), nil, 401},
		"over":           {"sns.amazonaws.com", testNow.Add(-time.Minute), nil, 401},
		"of the region":  {"sns-signing.eu-central-1.amazonaws.com", testNow.Add(time.Hour), nil, 200},
		"of another":     {"sns-signing.us-east-1.amazonaws.com", testNow.Add(time.Hour), nil, 401},
		"a redirect":     {"sns.amazonaws.com", testNow.Add(time.Hour), redirect, 503},
		"no certificate": {"sns.amazonaws.com", testNow.Add(time.Hour), text("hello"), 503},
		"endless":        {"sns.amazonaws.com", testNow.Add(time.Hour), text(strings.Repeat("x", 1<<20)), 503},
	} {
		t.Run(name, func(t *testing.T) {
			f.named, f.until = c.named, c.until
			clear(f.answers)
			if c.answer != nil {
				f.answers["/SimpleNotificationService-abc.pem"] = c.answer
			}
			f.asked = nil
			if w := snsFixture(t, f).post("/api/v1/webhook/aws", f.message(t, nil, nil)); w.Code != c.code {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.code)
			}
			if len(f.asked) != 1 {
				t.Errorf("asked for %v", f.asked)
			}
		})
	}
}

// TestSubscriptionsAreConfirmedWhereTheyBelong: at the host of the topic, with what is signed, whatever SubscribeURL says.
func TestSubscriptionsAreConfirmedWhereTheyBelong(t *testing.T) {
	f := startSNS(t)
	q := snsFixture(t, f)
	confirm := "/?" + url.Values{"Action": {"ConfirmSubscription"}, "Token": {"t&1"}, "TopicArn": {topic}}.Encode()
	body := f.message(t, map[string]string{
		"Type": snsSubscribe, "Token": "t&1", "Message": "You have chosen to subscribe", "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription",
	}, nil)
	if w := q.post("/api/v1/webhook/aws", body); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("SNS says no: got %d %s", w.Code, w.Body)
	}
	f.answers[confirm] = func(w http.ResponseWriter) { _, _ = fmt.Fprint(w, "<ConfirmSubscriptionResponse/>") }
	if w := q.post("/api/v1/webhook/aws", body); w.Code != 200 || !strings.Contains(w.Body.String(), "confirmed") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got := f.asked[len(f.asked)-1]; got != snsServer+confirm || len(q.reports) > 0 {
		t.Errorf("asked for %s, want %s; %d reports", got, confirm, len(q.reports))
	}
	body = f.message(t, map[string]string{"Type": snsSubscribe, "Token": "t", "TopicArn": topic + "2", "SubscribeURL": "x"}, nil)
	before := len(f.asked)
	if w := q.post("/api/v1/webhook/aws", body); w.Code != 403 || len(f.asked) != before {
		t.Errorf("of another topic: got %d %s", w.Code, w.Body)
	}
}

func TestTheEndOfASubscriptionIsTold(t *testing.T) {
	f := startSNS(t)
	q := snsFixture(t, f)
	w := q.post("/api/v1/webhook/aws", f.message(t, map[string]string{"Type": snsUnsubscribe, "Token": "t", "SubscribeURL": "x", "Message": "bye"}, nil))
	if diff := cmp.Diff([]string{"WebhookUnsubscribed"}, q.names()); w.Code != 200 || diff != "" {
		t.Errorf("got %d %s (-want +got):\n%s", w.Code, w.Body, diff)
	}
}

func TestTopicsHaveTheHostsOfTheirRegions(t *testing.T) {
	for arn, want := range map[string]string{
		topic: snsServer, "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo": "sns.cn-north-1.amazonaws.com.cn",
		"arn:aws-us-gov:sns:us-gov-west-1:123456789012:a": "sns.us-gov-west-1.amazonaws.com",
	} {
		if host, _ := snsHost(arn); !IsTopicARN(arn) || host != want {
			t.Errorf("%s: got %s, want %s", arn, host, want)
		}
	}
	for _, arn := range []string{"", "arn:aws:sqs:eu-central-1:123456789012:a", "arn:aws:sns:evil.example/:123456789012:a", topic + " ", "arn:aws:sns:eu-central-1:1:a"} {
		if IsTopicARN(arn) {
			t.Errorf("%q counts as a topic", arn)
		}
	}
}
