package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"

	"quell/internal/english"
	"quell/notify"
)

// Rendered is a digest as an e-mail needs it.
type Rendered struct {
	// Subject is one line of at most 120 runes.
	Subject string
	// HTML is a document of less than 100 KB that shows Pictures by their content ids. Text is the alternative for those who read no HTML.
	HTML, Text string
	Pictures   []Picture
}

// maxSubjectRunes is more than mail programs show of a subject.
const maxSubjectRunes = 120

// Subject is what a list of mails shows of the digest.
func (d *Digest) Subject() string {
	if d.Empty() {
		return notify.Line(d.title()+": nothing to report", maxSubjectRunes)
	}
	until := d.Until.Format("2 Jan")
	return notify.Line(fmt.Sprintf("%s until %s: %s avoided, %d sent", d.title(), until, english.Count(d.Figures.PagesAvoided, "page"), d.Waiting.Pages.Sent), maxSubjectRunes)
}

// ContentID is what the HTML of an e-mail calls the picture by, without angle brackets.
func (p *Picture) ContentID() string { return p.Name + "@quell" }

// Render writes the digest for an e-mail.
func (d *Digest) Render() *Rendered {
	var text strings.Builder
	if err := d.Text(&text); err != nil {
		panic("digest: text: " + err.Error()) // the builder takes everything
	}
	pictures := d.Pictures()
	return &Rendered{Subject: d.Subject(), HTML: d.mailHTML(pictures), Text: text.String(), Pictures: pictures}
}

// EML writes the digest as a whole mail that mail programs open: its text, or its HTML with the charts as pictures within. It is dated at
// the end of the period and addressed to nobody. The same digest makes the same bytes.
func (d *Digest) EML(w io.Writer) error {
	r := d.Render()
	sum := sha256.Sum256([]byte(r.Text + r.HTML))
	id := hex.EncodeToString(sum[:12])
	related := newParts("related-" + id)
	related.text("text/html", r.HTML)
	for k := range r.Pictures {
		related.picture(&r.Pictures[k])
	}
	both := newParts("alternative-" + id)
	both.text("text/plain", r.Text)
	both.add(textproto.MIMEHeader{"Content-Type": {related.contentType("related", `; type="text/html"`)}}, related.close())
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("Date", d.Until.Format(time.RFC1123Z))
	header("From", "quell <quell@localhost>")
	header("Subject", mime.QEncoding.Encode("utf-8", r.Subject))
	header("Message-ID", "<"+id+"@quell>")
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", both.contentType("alternative", ""))
	b.WriteString("\r\n")
	b.Write(both.close())
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write digest as a mail: %w", err)
	}
	return nil
}

// parts is a body of several parts. Nothing that it writes can fail: the buffer takes everything.
type parts struct {
	body bytes.Buffer
	*multipart.Writer
}

func newParts(boundary string) *parts {
	p := new(parts)
	p.Writer = multipart.NewWriter(&p.body)
	if err := p.SetBoundary(boundary); err != nil {
		panic("digest: mail: " + err.Error())
	}
	return p
}

func (p *parts) contentType(kind, more string) string {
	return "multipart/" + kind + `; boundary="` + p.Boundary() + `"` + more
}

func (p *parts) add(h textproto.MIMEHeader, body []byte) {
	part, err := p.CreatePart(h)
	if err == nil {
		_, err = part.Write(body)
	}
	if err != nil {
		panic("digest: mail: " + err.Error())
	}
}

func (p *parts) text(contentType, text string) {
	var b bytes.Buffer
	q := quotedprintable.NewWriter(&b)
	_, err := io.WriteString(q, text)
	if err == nil {
		err = q.Close()
	}
	if err != nil {
		panic("digest: mail: " + err.Error())
	}
	p.add(textproto.MIMEHeader{"Content-Type": {contentType + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}}, b.Bytes())
}

func (p *parts) picture(picture *Picture) {
	const columns = 76
	encoded := base64.StdEncoding.EncodeToString(picture.PNG())
	var b bytes.Buffer
	for len(encoded) > columns {
		b.WriteString(encoded[:columns] + "\r\n")
		encoded = encoded[columns:]
	}
	b.WriteString(encoded + "\r\n")
	file := picture.Name + ".png"
	p.add(textproto.MIMEHeader{
		"Content-Type": {`image/png; name="` + file + `"`}, "Content-Transfer-Encoding": {"base64"},
		"Content-ID": {"<" + picture.ContentID() + ">"}, "Content-Disposition": {`inline; filename="` + file + `"`},
	}, b.Bytes())
}

func (p *parts) close() []byte {
	if err := p.Close(); err != nil {
		panic("digest: mail: " + err.Error())
	}
	return p.body.Bytes()
}
