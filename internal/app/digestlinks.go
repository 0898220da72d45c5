package app

import (
	"cmp"
	"net/url"
	"time"

	"quell/internal/config"
	"quell/notify/digest"
	"quell/web"
)

// digestLinks lead from the page of a digest to the previous period, to its other forms, and to the last digests that the configuration asked for.
func (a *App) digestLinks(q *web.DigestQuery) []digest.Link {
	var matchers []string
	for _, m := range q.Matchers {
		matchers = append(matchers, m.String())
	}
	address := func(path, format string, since, until time.Time) string {
		v := url.Values{
			"since": {since.UTC().Format(time.RFC3339Nano)}, "until": {until.UTC().Format(time.RFC3339Nano)},
			"timezone": {q.Location.String()}, "matchers": matchers,
		}
		if format != "" {
			v.Set("format", format)
		}
		return path + "?" + v.Encode()
	}
	past := digest.PastSince(q.Since.In(q.Location), q.Until.In(q.Location))
	links := []digest.Link{{Text: "The previous period", Href: address("/digest", "", past, q.Since)}}
	for _, form := range []struct{ name, format string }{{"Markdown", "markdown"}, {"Text", "text"}, {"JSON", "json"}} {
		links = append(links, digest.Link{Text: form.name, Href: address("/api/v1/digest", form.format, q.Since, q.Until)})
	}
	now := plain(a.options.wall())
	list := a.current.Load().config.Digests
	for k := range list {
		links = append(links, configuredDigest(&list[k], now))
	}
	return links
}

// configuredDigest leads to the last digest that was due, as it would be made now.
func configuredDigest(d *config.Digest, now time.Time) digest.Link {
	until := d.Previous(now)
	since := d.Previous(until)
	if d.Since > 0 {
		since = until.Add(-d.Since)
	}
	v := url.Values{"since": {since.Format(time.RFC3339)}, "until": {until.Format(time.RFC3339)}, "timezone": {d.Location.String()}}
	name := "Digest for " + d.Receiver
	if text := matchersText(d.Matchers); text != "" {
		v.Set("matchers", text)
		name += ", " + text
	}
	return digest.Link{Text: cmp.Or(d.Title, name) + ", " + until.In(d.Location).Format("2 Jan"), Href: "/digest?" + v.Encode()}
}
