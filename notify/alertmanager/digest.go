//go:build !slim

package alertmanager

import (
	"slices"
	"strings"

	"quell/notify"
	"quell/notify/digest"
	"quell/notify/template"
	"quell/routing"
)

// maxDigestRunes bounds a digest for a chat. The whole of it is where the link in it leads.
const maxDigestRunes = 3500

// readDigest reads the digest that a delivery carries.
func readDigest(d *routing.Delivery) (*digest.Digest, error) {
	r, err := digest.Parse(d.Digest)
	if err != nil {
		return nil, &notify.RejectedError{Reason: "request", Text: "the digest cannot be read: " + err.Error()}
	}
	return r, nil
}

// digestText is a digest's headline and its text.
func digestText(d *routing.Delivery) (title, text string, err error) {
	r, err := readDigest(d)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		return "", "", err
	}
	return r.Subject(), b.String(), nil
}

// digestMail is a digest as a mail shows it.
func digestMail(d *routing.Delivery) (b body, subject string, err error) {
	r, err := readDigest(d)
	if err != nil {
		return body{}, "", err
	}
	m := r.Render()
	b = body{text: m.Text, html: m.HTML}
	for i := range m.Pictures {
		b.pictures = append(b.pictures, inline{m.Pictures[i].ContentID(), m.Pictures[i].PNG()})
	}
	return b, m.Subject, nil
}

// digest puts a digest in the place of an incident's texts. Chats know no tables, so its plain text is told: as code, which keeps its
// columns, where the chat knows that.
func (in *integration) digest(s *settings, d *routing.Delivery) error {
	if s.typ == "email" || s.typ == "webhook" {
		return nil // their digest is another
	}
	title, text, err := digestText(d)
	if err != nil {
		return err
	}
	most := maxDigestRunes
	if s.bodyRunes > 0 {
		most = min(most, s.bodyRunes)
	}
	text = cut(strings.TrimSpace(text), most)
	switch {
	case s.typ == "msteams" || s.typ == "msteamsv2":
		text = strings.ReplaceAll(escapeMarkdown(text), "\n", "\n\n")
	case slices.Contains(s.markdown, s.body):
		text = "```\n" + strings.ReplaceAll(text, "```", "'''") + "\n```"
	}
	s.receiver, err = s.each(s.receiver, func(path, field string) (string, error) {
		switch f := s.field(path, field); {
		case path == s.title:
			return template.Literal(title), nil
		case path != s.body:
			return s.literal(f, in.words(s, d, f)), nil
		case f.HTML:
			return template.LiteralHTML(telegramText(title, text)), nil
		case s.title == "":
			return template.Literal(title + "\n\n" + text), nil
		}
		return template.Literal(text), nil
	})
	return err
}
