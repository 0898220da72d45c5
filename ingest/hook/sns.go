package hook

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // version 1 of SNS' signatures, which topics have by default
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// SNS says whose messages of Amazon's Simple Notification Service are believed.
type SNS struct {
	// TopicARNs are the topics; there is at least one. What else a message says, its certificate comes from the host of its topic's region.
	TopicARNs []string
	// MaxAge is how old a message may be. SNS itself repeats one for an hour at most.
	MaxAge time.Duration
}

// topicARN is the form of a topic's name: partition, region, account, name. The region becomes a part of a host's name.
var topicARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-[0-9]):[0-9]{12}:[A-Za-z0-9_.-]{1,256}$`)

// IsTopicARN reports whether text names a topic.
func IsTopicARN(text string) bool { return topicARN.MatchString(text) }

// snsHost is where a topic's messages come from. It panics if the name is none, since a configuration was checked.
func snsHost(topic string) (host, region string) {
	m := topicARN.FindStringSubmatch(topic)
	if m == nil {
		panic("hook: no topic: " + topic)
	}
	host = "sns." + m[2] + ".amazonaws.com"
	if m[1] == "aws-cn" {
		host += ".cn"
	}
	return host, m[2]
}

// snsCertificatePath is the form of the paths of SNS' certificates.
var snsCertificatePath = regexp.MustCompile(`^/SimpleNotificationService-[A-Za-z0-9_-]{1,128}\.pem$`)

const (
	snsNotification = "Notification"
	snsSubscribe    = "SubscriptionConfirmation"
	snsUnsubscribe  = "UnsubscribeConfirmation"

	// snsAnswerBytes bounds what is read of SNS: certificates have 2 KiB.
	snsAnswerBytes = 64 << 10
	// snsCertificates is how many certificates are kept; SNS has one in a region, and a new one once a year.
	snsCertificates   = 16
	snsCertificateFor = 24 * time.Hour
	snsTimeout        = 5 * time.Second
)

// snsSigned are the parts of a message that are signed, in this order, as far as they are there.
var snsSigned = map[string][]string{
	snsNotification: {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"},
	snsSubscribe:    {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
	snsUnsubscribe:  {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
}

// snsClient talks to SNS: it gets certificates, and confirms subscriptions. It is safe for concurrent use.
type snsClient struct {
	http *http.Client
	now  func() time.Time

	mu    sync.Mutex
	certs map[string]snsCertificate // by address; under mu
}

type snsCertificate struct {
	cert *x509.Certificate
	got  time.Time
}

// newSNSClient returns a client over a transport. It follows no redirect: a message must not lead anywhere but to SNS.
func newSNSClient(transport http.RoundTripper, now func() time.Time) *snsClient {
	return &snsClient{
		http: &http.Client{
			Transport: transport, Timeout: snsTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		now: now, certs: make(map[string]snsCertificate),
	}
}

// snsMessage is a message as SNS posts it: texts by their names.
type snsMessage map[string]string

// readSNS takes the texts of a message.
func readSNS(body any) (snsMessage, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, refuse(reasonSignature, "the body is no message of SNS")
	}
	m := make(snsMessage, len(object))
	for name, v := range object {
		if s, ok := v.(string); ok {
			m[name] = s
		}
	}
	if snsSigned[m["Type"]] == nil {
		return nil, refuse(reasonSignature, "the body is no message of SNS: its Type is %.40q", m["Type"])
	}
	return m, nil
}

// verify checks topic, age and signature of a message.
func (c *snsClient) verify(ctx context.Context, m snsMessage, s *SNS) error {
	topic := m["TopicArn"]
	if !slices.Contains(s.TopicARNs, topic) {
		return &refusal{reasonTopic, http.StatusForbidden, fmt.Sprintf("topic %.300q is not among topic_arns", topic)}
	}
	at, err := time.Parse(time.RFC3339, m["Timestamp"])
	if err != nil {
		return refuse(reasonSignature, "the message has no Timestamp")
	}
	if age := c.now().Sub(at); age > s.MaxAge || age < -clockSkew {
		return refuse(reasonReplay, "the message is of %s, and max_age is %s", m["Timestamp"], s.MaxAge)
	}
	signature, err := base64.StdEncoding.DecodeString(m["Signature"])
	if err != nil {
		return refuse(reasonSignature, "the message's Signature is no base64")
	}
	key, err := c.key(ctx, topic, m["SigningCertURL"])
	if err != nil {
		return err
	}
	text := []byte(m.signed())
	switch m["SignatureVersion"] {
	case "1":
		sum := sha1.Sum(text) //nolint:gosec // as above
		err = rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256(text)
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		return refuse(reasonSignature, "SignatureVersion %.20q is not known", m["SignatureVersion"])
	}
	if err != nil {
		return refuse(reasonSignature, "the signature is not that of this message")
	}
	return nil
}

// signed is the text that the signature is of.
func (m snsMessage) signed() string {
	var b strings.Builder
	for _, name := range snsSigned[m["Type"]] {
		if v, ok := m[name]; ok {
			b.WriteString(name + "\n" + v + "\n")
		}
	}
	return b.String()
}

// key returns the key of a certificate of SNS, from memory if it was fetched before. Of the address in the message only the file's name
// counts: the host is that of the topic, which is configured.
func (c *snsClient) key(ctx context.Context, topic, link string) (*rsa.PublicKey, error) {
	host, region := snsHost(topic)
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != host || u.RawQuery != "" || u.User != nil || !snsCertificatePath.MatchString(u.Path) {
		return nil, refuse(reasonCertificate, "the certificate's address %.200q is none of SNS in the topic's region", link)
	}
	address := "https://" + host + u.Path
	now := c.now()
	c.mu.Lock()
	known, ok := c.certs[address]
	c.mu.Unlock()
	if !ok || now.Sub(known.got) >= snsCertificateFor {
		if known.cert, err = c.fetch(ctx, address); err != nil {
			return nil, &refusal{reasonCertificate, http.StatusServiceUnavailable, "the certificate cannot be fetched: " + err.Error()}
		}
		known.got = now
		c.remember(address, known)
	}
	return keyOf(known.cert, region, now)
}

func (c *snsClient) remember(address string, cert snsCertificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.certs) >= snsCertificates {
		clear(c.certs)
	}
	c.certs[address] = cert
}

// keyOf checks that a certificate is good now and that of SNS in a region. Its file holds no intermediate certificate, so that its own chain
// cannot be followed; that it is Amazon's is known by the connection it came over, as Amazon's own libraries have it.
func keyOf(cert *x509.Certificate, region string, now time.Time) (*rsa.PublicKey, error) {
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, refuse(reasonCertificate, "the certificate is not valid now")
	}
	names := []string{
		"sns.amazonaws.com", "sns.amazonaws.com.cn", "sns." + region + ".amazonaws.com", "sns." + region + ".amazonaws.com.cn",
		"sns-signing." + region + ".amazonaws.com", "sns-" + region + ".amazonaws.com", "sns-" + region + ".amazonaws.com.cn",
		"sns-us-gov-west-1.amazonaws.com", // signs for both regions of its partition
	}
	ours := func(name string) bool { return slices.Contains(names, name) }
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case !ours(cert.Subject.CommonName) && !slices.ContainsFunc(cert.DNSNames, ours):
		return nil, refuse(reasonCertificate, "the certificate is of %.100q, not of SNS", cert.Subject.CommonName)
	case !ok:
		return nil, refuse(reasonCertificate, "the certificate has no RSA key")
	}
	return key, nil
}

// fetch gets a certificate.
func (c *snsClient) fetch(ctx context.Context, address string) (*x509.Certificate, error) {
	data, err := c.get(ctx, address)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the file holds none")
	}
	return x509.ParseCertificate(block.Bytes)
}

// confirm tells SNS that the subscription of a message is wanted. The address is made here, of what is signed.
func (c *snsClient) confirm(ctx context.Context, m snsMessage) error {
	host, _ := snsHost(m["TopicArn"])
	query := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {m["TopicArn"]}, "Token": {m["Token"]}}
	_, err := c.get(ctx, "https://"+host+"/?"+query.Encode())
	return err
}

func (c *snsClient) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	data, err := io.ReadAll(io.LimitReader(resp.Body, snsAnswerBytes))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %s", req.URL.Host, resp.Status)
	}
	return data, nil
}
