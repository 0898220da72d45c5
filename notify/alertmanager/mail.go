//go:build !slim

package alertmanager

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"

	"quell/internal/picture"
	"quell/notify"
	"quell/routing"
)

// maxSubjectRunes bounds a subject. Mail programs show less.
const maxSubjectRunes = 250

// cascadeID is what the HTML of a mail calls the picture of the cascade: <img src="cid:cascade@quell">.
const cascadeID = "cascade@quell"

// letter is one mail, ready to be sent.
type letter struct {
	from string
	to   []string
	raw  []byte
}

// body is what a mail shows. Pictures are those that its HTML names by their ids.
type body struct {
	text, html string
	pictures   []inline
}

// inline is a PNG picture within a mail. ID is without angle brackets, NAME@quell.
type inline struct {
	id  string
	png []byte
}

// mail composes and submits one mail.
func (in *integration) mail(ctx context.Context, line *wire, s *settings, d *routing.Delivery) error {
	c := s.receiver.EmailConfigs[0]
	b, subject, err := in.show(c, d)
	if err != nil {
		return err
	}
	l, err := in.compose(c, d, subject, b)
	if err != nil {
		return err
	}
	return submit(ctx, line, c, l)
}

// show makes a mail's body, in which all texts of the settings are rendered already.
func (in *integration) show(c *amconfig.EmailConfig, d *routing.Delivery) (b body, subject string, err error) {
	if d.Action == routing.Digest {
		return digestMail(d)
	}
	subject, given := c.Headers["Subject"]
	if !given {
		subject = in.words(in.settings, d, notify.Field{Name: "subject", Text: `{{ template "quell.subject" . }}`})
	}
	b = body{text: c.Text, html: c.HTML}
	if d.Incident != nil && strings.Contains(b.html, "cid:"+cascadeID) {
		if img, ok := picture.Draw(d.Incident, picture.Options{}); ok {
			b.pictures = []inline{{cascadeID, img.PNG()}}
		}
	}
	return b, subject, nil
}

// compose puts a mail together: the text, and as the better alternative the HTML with its pictures.
func (in *integration) compose(c *amconfig.EmailConfig, d *routing.Delivery, subject string, b body) (letter, error) {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return letter{}, fmt.Errorf("from: %w", err)
	}
	to, err := mail.ParseAddressList(c.To)
	if err != nil {
		return letter{}, fmt.Errorf("to: %w", err)
	}
	l := letter{from: from.Address}
	for _, a := range to {
		l.to = append(l.to, a.Address)
	}
	headers := map[string]string{"To": c.To, "From": c.From, "Auto-Submitted": "auto-generated"}
	maps.Copy(headers, c.Headers)
	headers["Subject"] = notify.Line(subject, maxSubjectRunes)
	headers["Date"] = in.now().Format(time.RFC1123Z)
	headers["Mime-Version"] = "1.0"
	sender := identity{key: d.Key, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}
	headers["Message-Id"] = cmp.Or(headers["Message-Id"], sender.message(d))
	if c.Threading.Enabled && d.Action != routing.Digest {
		headers["References"] = sender.thread(c, in.now())
		headers["In-Reply-To"] = headers["References"]
	}
	var buf bytes.Buffer
	parts := multipart.NewWriter(&buf)
	if err := parts.SetBoundary(sender.boundary(d, "alternative")); err != nil {
		return letter{}, err
	}
	headers["Content-Type"] = "multipart/alternative; boundary=" + parts.Boundary()
	writeHeaders(&buf, headers)
	if err := writeBody(parts, b, sender.boundary(d, "related")); err != nil {
		return letter{}, err
	}
	l.raw = buf.Bytes()
	return l, nil
}

// identity makes the ids of the mails under one dedup key. The same delivery always gets the same, so that mail programs show a mail
// once that was sent twice.
type identity struct{ key, domain string }

func (i identity) hash(of string) string {
	sum := sha256.Sum256([]byte(i.key + "\x00" + of))
	return hex.EncodeToString(sum[:12])
}

func (i identity) message(d *routing.Delivery) string {
	return fmt.Sprintf("<%s.%d@%s>", i.hash(string(d.Action)), d.ID, i.domain)
}

func (i identity) boundary(d *routing.Delivery, of string) string {
	return i.hash(fmt.Sprint(of, d.Action, d.ID))
}

// thread is what all mails about an incident refer to. No mail has this id, and mail programs show them together all the same.
func (i identity) thread(c *amconfig.EmailConfig, now time.Time) string {
	by := ""
	if c.Threading.ThreadByDate == "daily" {
		by = now.Format(time.DateOnly)
	}
	return fmt.Sprintf("<%s@%s>", i.hash("thread"+by), i.domain)
}

// writeHeaders writes headers, those of addresses with the names in them encoded, others as a whole.
func writeHeaders(w io.Writer, headers map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := notify.Line(headers[name], 4*maxSubjectRunes)
		switch name {
		case "To", "From", "Cc", "Reply-To", "Sender":
			if list, err := mail.ParseAddressList(value); err == nil {
				encoded := make([]string, len(list))
				for i, a := range list {
					encoded[i] = a.String()
				}
				value = strings.Join(encoded, ",\r\n ")
				break
			}
			fallthrough
		default:
			// The encoder makes words of 75 bytes, and all of them one line, which may have 998.
			value = strings.ReplaceAll(mime.QEncoding.Encode("utf-8", value), "?= =?", "?=\r\n =?")
		}
		fmt.Fprintf(w, "%s: %s\r\n", name, value)
	}
	fmt.Fprint(w, "\r\n")
}

// writeBody writes the alternatives, the better one last (RFC 2046, section 5.1.4), with its pictures related to it (RFC 2387).
func writeBody(parts *multipart.Writer, b body, boundary string) error {
	if b.text != "" || b.html == "" {
		if err := writeText(parts, "text/plain", b.text); err != nil {
			return err
		}
	}
	switch {
	case b.html == "":
	case len(b.pictures) == 0:
		if err := writeText(parts, "text/html", b.html); err != nil {
			return err
		}
	default:
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {`multipart/related; type="text/html"; boundary=` + boundary}})
		if err != nil {
			return err
		}
		related := multipart.NewWriter(w)
		if err := related.SetBoundary(boundary); err != nil {
			return err
		}
		if err := writeText(related, "text/html", b.html); err != nil {
			return err
		}
		for _, p := range b.pictures {
			if err := writePicture(related, p); err != nil {
				return err
			}
		}
		if err := related.Close(); err != nil {
			return err
		}
	}
	return parts.Close()
}

func writeText(parts *multipart.Writer, typ, text string) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {typ + "; charset=UTF-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, text); err != nil {
		return err
	}
	return q.Close()
}

// base64Line is how many bytes make a line of 76 characters.
const base64Line = 57

func writePicture(parts *multipart.Writer, p inline) error {
	name, _, _ := strings.Cut(p.id, "@")
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"image/png"}, "Content-Transfer-Encoding": {"base64"}, "Content-Id": {"<" + p.id + ">"},
		"Content-Disposition": {fmt.Sprintf("inline; filename=%q", name+".png")},
	})
	if err != nil {
		return err
	}
	for line := range slices.Chunk(p.png, base64Line) {
		if _, err := fmt.Fprintf(w, "%s\r\n", base64.StdEncoding.EncodeToString(line)); err != nil {
			return err
		}
	}
	return nil
}
