package hook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // some senders know no other HMAC, and none of its weaknesses touch that
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quell/internal/secret"
)

// Secret is a credential, which never shows itself.
type Secret = secret.Text

// Auth says how a sender proves who it is. At most one field is set; none means that it proves nothing.
type Auth struct {
	// Bearer is what stands behind "Authorization: Bearer".
	Bearer Secret
	Basic  *Basic
	HMAC   *HMAC
	SNS    *SNS
}

// Basic is HTTP's own authentication.
type Basic struct {
	Username string
	Password Secret
}

// HMAC is a signature of the body, perhaps with a time in front of it, with a secret that both sides know.
type HMAC struct {
	Secret Secret
	// Header carries the signature, after Prefix.
	Header, Prefix string
	// Algorithm is sha1, sha256 or sha512; Encoding is hex or base64.
	Algorithm, Encoding string
	// TimestampHeader carries the time of the request in seconds since 1970, or as RFC 3339, if the sender signs it: the signature is of
	// the time, Separator and the body. Without it, who records a request can send it again.
	TimestampHeader, Separator string
	// Tolerance is how far that time may be from now.
	Tolerance time.Duration
}

// None reports whether the sender proves nothing.
func (a *Auth) None() bool { return a.Bearer == "" && a.Basic == nil && a.HMAC == nil && a.SNS == nil }

// refusal says why a request is not believed. Reason is one of the fixed words of the metrics; the text is for the sender and the log.
type refusal struct {
	reason string
	code   int
	text   string
}

// Error returns the text.
func (r *refusal) Error() string { return r.text }

func refuse(reason, format string, args ...any) error {
	return &refusal{reason: reason, code: http.StatusUnauthorized, text: fmt.Sprintf(format, args...)}
}

// header checks what a request proves without its body, so that bodies of strangers are not read. isFine is true for who need prove nothing if
// the source asks for no proof.
func (a *Auth) header(r *http.Request, isFine bool) error {
	switch {
	case a.Bearer != "":
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !same(token, string(a.Bearer)) {
			return refuse(reasonCredentials, "no valid bearer token")
		}
	case a.Basic != nil:
		user, password, ok := r.BasicAuth()
		// Both are compared, whatever the first gives, so that time tells nothing.
		fits := same(user, a.Basic.Username)
		if !same(password, string(a.Basic.Password)) || !fits || !ok {
			return refuse(reasonCredentials, "no valid user name and password")
		}
	case a.None() && !isFine:
		return &refusal{reasonCredentials, http.StatusForbidden, "this source has no auth, so only this machine may post here"}
	}
	return nil
}

// same compares in constant time, lengths included.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// verify checks the signature of a body.
func (h *HMAC) verify(header http.Header, body []byte, now time.Time) error {
	sent, ok := strings.CutPrefix(strings.TrimSpace(header.Get(h.Header)), h.Prefix)
	if !ok || sent == "" {
		return refuse(reasonSignature, "no signature in the header %s", h.Header)
	}
	mac := hmac.New(h.hash(), []byte(h.Secret))
	if h.TimestampHeader != "" {
		written := strings.TrimSpace(header.Get(h.TimestampHeader))
		at, err := timestamp(written)
		if err != nil {
			return refuse(reasonSignature, "header %s: %v", h.TimestampHeader, err)
		}
		if age := now.Sub(at); age > h.Tolerance || age < -h.Tolerance {
			return refuse(reasonReplay, "the request's time is %s from now, more than %s", age.Abs().Round(time.Second), h.Tolerance)
		}
		mac.Write([]byte(written + h.Separator))
	}
	mac.Write(body)
	signature, err := h.decode(sent)
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return refuse(reasonSignature, "the signature in %s is not that of this body", h.Header)
	}
	return nil
}

func (h *HMAC) hash() func() hash.Hash {
	switch h.Algorithm {
	case "sha512":
		return sha512.New
	case "sha1":
		return sha1.New
	}
	return sha256.New
}

func (h *HMAC) decode(text string) ([]byte, error) {
	if h.Encoding == "base64" {
		return base64.StdEncoding.DecodeString(text)
	}
	return hex.DecodeString(text)
}

// timestamp reads the time of a request.
func timestamp(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("neither seconds since 1970 nor RFC 3339")
	}
	return at, nil
}
