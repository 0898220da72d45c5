//go:build !slim

package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	amnotify "github.com/prometheus/alertmanager/notify"
	"gopkg.in/telebot.v3"

	"quell/notify"
)

// tooMany is how long a receiver is left alone that has had too much: what it asks for does not get past Alertmanager's packages.
const tooMany = 15 * time.Second

// failure puts an attempt's error in the dispatcher's words, without what must not be told; nil if there is none.
func (in *integration) failure(a attempted) error {
	if a.err == nil {
		return nil
	}
	text := in.redact(a.err)
	if e, ok := errors.AsType[*amnotify.ErrorWithReason](a.err); ok {
		switch e.Reason {
		case amnotify.RateLimitedReason:
			return &notify.RetryError{Reason: "http_429", Text: text, After: tooMany, Unsent: true}
		case amnotify.AuthErrorReason:
			return &notify.RejectedError{Reason: "http_403", Text: text}
		case amnotify.ClientErrorReason:
			return &notify.RejectedError{Reason: "http_4xx", Text: text}
		case amnotify.ServerErrorReason:
			return &notify.RetryError{Reason: "http_5xx", Text: text}
		case amnotify.DefaultReason:
			return &notify.RejectedError{Reason: "http_3xx", Text: text} // all other numbers have a reason
		}
	}
	if e, ok := errors.AsType[telebot.FloodError](a.err); ok {
		return &notify.RetryError{Reason: "http_429", Text: text, After: time.Duration(e.RetryAfter) * time.Second, Unsent: true}
	}
	if e, ok := errors.AsType[*telebot.Error](a.err); ok {
		return byCode(e.Code, "http", text)
	}
	if e, ok := errors.AsType[*textproto.Error](a.err); ok {
		return byCode(e.Code, "smtp", text)
	}
	if m := unknownTelegram.FindStringSubmatch(a.err.Error()); m != nil {
		code, _ := strconv.Atoi(m[1]) // three digits always are a number
		return byCode(code, "http", text)
	}
	if isTransport(a.err) {
		e := notify.TransportFailure(a.err)
		e.Text, e.Unsent = text, e.Unsent || a.unsent
		return e
	}
	if isGibberish(a.err) {
		return &notify.RetryError{Reason: "answer", Text: text} // most often the error page of a proxy
	}
	if a.retry {
		return &notify.RetryError{Reason: "other", Text: text, Unsent: a.unsent}
	}
	return &notify.RejectedError{Reason: "other", Text: text}
}

// unknownTelegram is an answer that the client library has no value for: all that is left of its number is in the text.
var unknownTelegram = regexp.MustCompile(`^telegram: .*\((\d{3})\)$`)

// byCode judges an answer by its number: HTTP says with the first digit whose fault it is, and SMTP whether it is for good.
func byCode(code int, protocol, text string) error {
	class := protocol + "_" + string(rune('0'+code/100%10)) + "xx"
	switch {
	case protocol == "http" && code == 429:
		return &notify.RetryError{Reason: "http_429", Text: text, After: tooMany, Unsent: true}
	case protocol == "http" && (code == 401 || code == 403):
		return &notify.RejectedError{Reason: "http_403", Text: text}
	case protocol == "http" && code >= 500, protocol == "smtp" && code < 500:
		return &notify.RetryError{Reason: class, Text: text}
	}
	return &notify.RejectedError{Reason: class, Text: text}
}

// isTransport reports errors of the connection, of which Alertmanager's notifiers do not all say that they may pass.
func isTransport(err error) bool {
	_, inURL := errors.AsType[*url.Error](err)
	_, network := errors.AsType[net.Error](err)
	return inURL || network || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// isGibberish reports answers that are not what the receiver speaks.
func isGibberish(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, typ := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || typ || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// addresses in errors may be secrets as a whole: webhooks of chats have their token in the path. The host alone is told.
var addresses = regexp.MustCompile(`(https?)://([^\s/?#"'@]*@)?([^\s/?#"'@]+)[^\s"']*`)

// minSecret is how long a file's text has to be to be looked for in errors. What is shorter is in every text.
const minSecret = 6

// redact tells an error in one line, without addresses, their paths, and what the files of the settings hold: receivers may repeat what they
// were sent.
func (in *integration) redact(err error) string {
	text := addresses.ReplaceAllString(err.Error(), "$1://$3/…")
	for _, path := range ways(reflect.ValueOf(in.settings.receiver).Elem(), 0) {
		text = strings.ReplaceAll(text, path, "/…")
	}
	for _, path := range files(reflect.ValueOf(in.settings.receiver).Elem(), 0) {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // then it was not sent either
		}
		for _, secret := range parts(string(data)) {
			text = strings.ReplaceAll(text, secret, "<secret>")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "<secret>")
		}
	}
	return notify.Line(text, 300)
}

// parts are what must not be told of a file's text: its words, and of addresses the parts of the path, too.
func parts(text string) []string {
	words := strings.Fields(text)
	for _, w := range words {
		if u, err := url.Parse(w); err == nil && u.Host != "" {
			words = append(words, strings.Split(u.Path, "/")...)
		}
	}
	return slices.DeleteFunc(words, func(w string) bool { return len(w) < minSecret })
}

// ways are the paths of the addresses in settings, with and without their queries, the longer first. Web servers repeat them in their
// errors: "Cannot POST /hook/TOKEN".
func ways(v reflect.Value, depth int) []string {
	if depth > maxDepth {
		return nil
	}
	var found []string
	switch {
	case addressTypes[v.Type()]:
		u, err := url.Parse(addressText(v))
		if err != nil {
			return nil
		}
		return slices.DeleteFunc([]string{u.RequestURI(), u.EscapedPath(), u.Path}, func(way string) bool { return len(way) < minSecret })
	case v.Kind() == reflect.Pointer, v.Kind() == reflect.Interface:
		if !v.IsNil() {
			return ways(v.Elem(), depth+1)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			found = append(found, ways(v.Index(i), depth+1)...)
		}
	case v.Kind() == reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				found = append(found, ways(field, depth+1)...)
			}
		}
	}
	return found
}

// addressText is the text of an address, or empty.
func addressText(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	if u, ok := v.Field(0).Interface().(*url.URL); ok && u != nil {
		return u.String()
	}
	return ""
}

// maxDepth bounds how deep settings are nested.
const maxDepth = 12

// files are the paths that settings name.
func files(v reflect.Value, depth int) []string {
	if depth > maxDepth {
		return nil
	}
	var paths []string
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return files(v.Elem(), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			paths = append(paths, files(v.Index(i), depth+1)...)
		}
	case reflect.Map:
		for m := v.MapRange(); m.Next(); {
			paths = append(paths, files(m.Value(), depth+1)...)
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case !f.IsExported():
			case name == "files" && field.Kind() == reflect.Slice:
				for i := range field.Len() {
					paths = append(paths, field.Index(i).String())
				}
			case strings.HasSuffix(name, "_file") && field.Kind() == reflect.String:
				if field.Len() > 0 && name != "ca_file" && name != "cert_file" {
					paths = append(paths, field.String())
				}
			default:
				paths = append(paths, files(field, depth+1)...)
			}
		}
	}
	return paths
}
