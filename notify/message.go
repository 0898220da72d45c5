package notify

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"quell/correlate"
	"quell/routing"
)

// MaxLinks bounds the links in one message.
const MaxLinks = 10

const (
	maxLinkBytes = 2048
	// maxLinkNameRunes cuts what a link is of, so that its host stays in sight.
	maxLinkNameRunes = 40
)

// Line makes one line of at most maxRunes runes (at least 1) out of text from outside: valid UTF-8, no control
// characters (so no terminal escapes and no line breaks), no marks that turn the direction of writing. Where something
// was cut off there is an ellipsis. Its cost depends on maxRunes, not on the length of s.
func Line(s string, maxRunes int) string {
	runes := make([]rune, 0, min(len(s), maxRunes))
	// Marks that are dropped cost nothing of maxRunes, so a text of nothing else has to be cut off by its length.
	if n := 16 * maxRunes; len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	for _, r := range s {
		if turnsDirection(r) {
			continue
		}
		if len(runes) == maxRunes {
			runes[maxRunes-1] = '…'
			break
		}
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		runes = append(runes, r)
	}
	return string(runes)
}

// turnsDirection reports marks that can make text read differently from what it is: bidirectional controls, and the
// byte order mark.
func turnsDirection(r rune) bool {
	switch {
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
		return true
	}
	return false
}

// OperatorText is what a message of quell about itself says, or, once that is over, why it is and what it was.
func OperatorText(d *routing.Delivery) string {
	if d.Action != routing.Resolve || d.Reason == "" {
		return d.Text
	}
	return "Over: " + d.Reason + ".\nIt was: " + d.Text
}

// Chain shows a path as "pod/shop/cart → node/n3", in at most maxRunes runes.
func Chain(path []correlate.PathStep, maxRunes int) string {
	var b strings.Builder
	for i, step := range path {
		if i > 0 {
			b.WriteString(" → ")
		}
		b.WriteString(Line(string(step.Entity), maxRunes))
		if b.Len() > 4*maxRunes {
			break // Line cuts the rest off anyway.
		}
	}
	return Line(b.String(), maxRunes)
}

// Link is an address that people may follow from a message.
type Link struct {
	// Href is http or https, without userinfo, and in characters that need no escaping in JSON or Slack but '&'.
	Href string
	// Text says where it leads: of which symptom it is the runbook or the query, since several often lead to one host, and which host that
	// is where it came from outside, so that it cannot pretend.
	Text string
}

// IncidentURL is the address of an incident, or empty if externalURL is.
func IncidentURL(externalURL string, id correlate.IncidentID) string {
	if externalURL == "" {
		return ""
	}
	return strings.TrimRight(externalURL, "/") + "/api/v1/incidents/" + id.String()
}

// Links collects where an incident's message may lead, at most [MaxLinks]: the incident itself, then what rules
// add, the runbooks and the generators that its symptoms name. Addresses that are not plain http or https are left out.
func Links(i *correlate.Incident, externalURL string) []Link {
	var links []Link
	seen := make(map[string]bool)
	add := func(address, text, of string) {
		href, host, ok := webAddress(address)
		if !ok || seen[href] || len(links) == MaxLinks {
			return
		}
		seen[href] = true
		if of = Line(of, maxLinkNameRunes); of != "" {
			text += " of " + of
		}
		if text != i.ID.String() {
			text += " at " + host
		}
		links = append(links, Link{Href: href, Text: text})
	}
	add(IncidentURL(externalURL, i.ID), i.ID.String(), "")
	if x := i.Enrichment; x != nil {
		add(x.Runbook, "runbook", "")
		for _, l := range x.Links {
			add(l.URL, Line(l.Name, maxLinkNameRunes), "")
		}
	}
	for k := range i.Symptoms {
		add(i.Symptoms[k].Annotations.Get("runbook_url"), "runbook", i.Symptoms[k].Name)
	}
	for k := range i.Symptoms {
		add(i.Symptoms[k].Generator, "query", i.Symptoms[k].Name)
	}
	return links
}

// webAddress checks an address from outside and escapes what may end a link early in some receiver's markup.
func webAddress(raw string) (href, host string, ok bool) {
	if raw == "" || len(raw) > maxLinkBytes {
		return "", "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", "", false
	}
	href = percentEncode(u.String())
	if again, err := url.Parse(href); err != nil || again.Host == "" {
		return "", "", false // its host has characters that no host can have
	}
	return href, percentEncode(u.Hostname()), true
}

func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{|}*", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
