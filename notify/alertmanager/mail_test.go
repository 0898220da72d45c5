//go:build !slim

package alertmanager

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quell/internal/fake/golden"
	"quell/notify"
)

// mailServer is a mail server that takes mails as servers for submission do: after STARTTLS and a login.
type mailServer struct {
	net.Listener
	tls *tls.Config
	// auth are the mechanisms that it offers, and refuse is its answer to a command, if it has another than usual.
	auth   string
	refuse map[string]string
	noTLS  bool

	mu    sync.Mutex
	done  sync.WaitGroup
	mails []string
	said  []string
}

// startMailServer starts one whose certificate is for example.com, and writes that to the path ca.
func startMailServer(t *testing.T, ca string) *mailServer {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	certified.Close()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	if err := os.WriteFile(ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{Listener: l, tls: &tls.Config{Certificates: certified.TLS.Certificates}, auth: "PLAIN", refuse: make(map[string]string)}
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.talk(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.done.Wait()
	})
	return s
}

// prepare changes how it answers on new connections.
func (s *mailServer) prepare(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// talk speaks SMTP (RFC 5321) on one connection.
func (s *mailServer) talk(c net.Conn) {
	defer func() { c.Close() }()
	r := textproto.NewReader(bufio.NewReader(c))
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 mail.example ESMTP")
	s.mu.Lock()
	auth, noTLS := s.auth, s.noTLS
	s.mu.Unlock()
	secure, loggedIn := false, auth == ""
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		s.mu.Lock()
		s.said = append(s.said, line)
		refusal := s.refuse[verb]
		s.mu.Unlock()
		switch {
		case refusal == "hang":
			_, _ = io.Copy(io.Discard, c)
			return
		case refusal != "":
			say("%s", refusal)
		case verb == "EHLO" && !secure && !noTLS:
			say("250-mail.example\r\n250 STARTTLS")
		case verb == "EHLO":
			say("250-mail.example\r\n250 AUTH %s", auth)
		case verb == "STARTTLS":
			say("220 go ahead")
			secured := tls.Server(c, s.tls)
			if secured.Handshake() != nil {
				return
			}
			c, secure = secured, true
			r = textproto.NewReader(bufio.NewReader(c))
		case verb == "AUTH":
			if loggedIn = s.logIn(arg, r, say); loggedIn {
				say("235 welcome")
			} else {
				say("535 5.7.8 authentication failed")
			}
		case verb == "MAIL" && !loggedIn:
			say("530 5.7.0 authentication required")
		case verb == "MAIL", verb == "RCPT":
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			data, err := r.ReadDotBytes()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.mails = append(s.mails, string(data))
			s.mu.Unlock()
			say("250 queued")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}

// logIn checks user and password, in either way of telling them.
func (s *mailServer) logIn(arg string, r *textproto.Reader, say func(string, ...any)) bool {
	mechanism, initial, _ := strings.Cut(arg, " ")
	if mechanism == "PLAIN" {
		b, err := base64.StdEncoding.DecodeString(initial)
		return err == nil && string(b) == "\x00quell\x00"+secrets["password"]
	}
	var got []string
	for _, ask := range []string{"Username:", "Password:"} {
		say("334 %s", base64.StdEncoding.EncodeToString([]byte(ask)))
		line, err := r.ReadLine()
		if err != nil {
			return false
		}
		b, _ := base64.StdEncoding.DecodeString(line)
		got = append(got, string(b))
	}
	return slices.Equal(got, []string{"quell", secrets["password"]})
}

func (s *mailServer) told() (mails []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mails, s.mails = s.mails, nil
	return mails
}

const mailYAML = `{to: "Ops on call <ops@example.com>, Jürgen Müller <jm@example.com>", from: "quell <quell@example.com>", smarthost: "mail.example:587",
 auth_username: quell, auth_password_file: password, tls_config: {ca_file: ca.pem, server_name: example.com}%s}`

// connectMail makes an e-mail integration and its server.
func connectMail(t *testing.T, extra string) (*integration, *mailServer) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range secrets {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startMailServer(t, filepath.Join(dir, "ca.pem"))
	return integrateIn(t, dir, "email", fmt.Sprintf(mailYAML, extra), s.Addr().String()), s
}

// TestMailTellsTheLifeOfAnIncident reads each mail as a mail program does, down to its picture, and compares it with a golden file.
func TestMailTellsTheLifeOfAnIncident(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		in, s := connectMail(t, "")
		s.prepare(func() { s.auth = mechanism })
		var got strings.Builder
		ref := ""
		for _, d := range story() {
			var err error
			if ref, err = in.Notify(t.Context(), d, notify.Sent{Ref: ref}); err != nil {
				t.Fatalf("%s with %s: %v", d.Action, mechanism, err)
			}
			for _, m := range s.told() {
				fmt.Fprintf(&got, "######## %s\n\n%s\n", d.Action, readMail(t, m))
			}
		}
		golden.Compare(t, "email.golden", got.String())
	}
}

// readMail shows headers and parts of a mail.
func readMail(t *testing.T, raw string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(raw, "\n") {
		if len(line) > 990 {
			t.Errorf("line of %d bytes", len(line))
		}
	}
	var b strings.Builder
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "References", "In-Reply-To", "Auto-Submitted"} {
		value, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	readParts(t, &b, textproto.MIMEHeader(m.Header), m.Body)
	return b.String()
}

func readParts(t *testing.T, b *strings.Builder, h textproto.MIMEHeader, body io.Reader) {
	t.Helper()
	typ, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "\n==== %s %s\n", typ, h.Get("Content-Id"))
	switch {
	case strings.HasPrefix(typ, "multipart/"):
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			readParts(t, b, p.Header, p)
		}
	case typ == "image/png":
		if _, err := png.Decode(base64.NewDecoder(base64.StdEncoding, body)); err != nil {
			t.Fatal(err)
		}
		b.WriteString("a picture\n")
	default:
		text, err := io.ReadAll(quotedprintable.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	}
}

// TestMailServersThatRefuseAreUnderstood has each step of a submission fail.
func TestMailServersThatRefuseAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		name, verb, answer string
		prepare            func(*mailServer)
		want               error
	}{
		{name: "busy", verb: "MAIL", answer: "451 4.3.0 try later", want: &notify.RetryError{Reason: "smtp_4xx"}},
		{name: "no such recipient", verb: "RCPT", answer: "550 5.1.1 unknown", want: &notify.RejectedError{Reason: "smtp_5xx"}},
		{name: "too large", verb: "DATA", answer: "552 5.3.4 too big", want: &notify.RejectedError{Reason: "smtp_5xx"}},
		{name: "wrong password", prepare: func(s *mailServer) { s.refuse["AUTH"] = "535 5.7.8 no: s3cret-password" }, want: &notify.RejectedError{Reason: "smtp_5xx"}},
		{name: "no STARTTLS", prepare: func(s *mailServer) { s.noTLS = true }, want: &notify.RejectedError{Reason: "other"}},
		{name: "no mechanism", prepare: func(s *mailServer) { s.auth = "GSSAPI" }, want: &notify.RejectedError{Reason: "other"}},
		{name: "hangs", verb: "EHLO", answer: "hang", want: &notify.RetryError{Reason: "timeout"}},
		{name: "gone", prepare: func(s *mailServer) { s.Close() }, want: &notify.RetryError{Reason: "connection", Unsent: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, s := connectMail(t, "")
			if c.verb != "" {
				s.prepare(func() { s.refuse[c.verb] = c.answer })
			}
			if c.prepare != nil {
				s.prepare(func() { c.prepare(s) })
			}
			ctx := t.Context()
			if c.answer == "hang" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
			}
			d := story()[0]
			d.Incident.Roots = nil // then there is no picture to draw, which takes longer than the test waits
			_, err := in.Notify(ctx, d, notify.Sent{})
			checkFailure(t, err, c.want)
			if n := len(s.told()); n != 0 {
				t.Errorf("got %d mails, want none", n)
			}
		})
	}
}

// TestMailSendsNoPasswordOverAnOpenConnection allows to send without TLS, to a server that would take the password.
func TestMailSendsNoPasswordOverAnOpenConnection(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		in, s := connectMail(t, ", require_tls: false")
		s.prepare(func() { s.noTLS, s.auth = true, mechanism })
		_, err := in.Notify(t.Context(), story()[0], notify.Sent{})
		if err == nil || !strings.Contains(err.Error(), "unencrypted connection") {
			t.Errorf("%s: got %v, want that the connection is not encrypted", mechanism, err)
		}
		if slices.ContainsFunc(s.said, func(line string) bool { return strings.HasPrefix(line, "AUTH") }) {
			t.Errorf("%s: got %q", mechanism, s.said)
		}
	}
}

// TestMailHeadersHoldWhatLabelsSay tries to end a header from within.
func TestMailHeadersHoldWhatLabelsSay(t *testing.T) {
	in, s := connectMail(t, `, headers: {Subject: "{{ .Incident.Title }}", X-Root: "{{ .Incident.Root.Entity }}"}`)
	d := story()[0]
	d.Incident.Title = "x\r\nBcc: everybody@example.com\r\n\r\nhello " + strings.Repeat("ü", 500)
	if _, err := in.Notify(t.Context(), d, notify.Sent{}); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(s.told()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("X-Root") != "node/n3@prod-eu" {
		t.Errorf("got %v", m.Header)
	}
}
