package digest

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Link leads from the page of a digest to another one. Without an address it is where the reader is.
type Link struct{ Text, Href string }

// HTML writes the digest as a document that stands for itself: no script, nothing that is fetched from elsewhere, its charts within. It
// follows the reader's choice of light or dark, and fits a phone. Links stand above it.
func (d *Digest) HTML(w io.Writer, links []Link) error {
	v := d.view(maxListed)
	v.Links, v.classes = links, classOnly
	for _, p := range d.Pictures() {
		v.Pictures = append(v.Pictures, shown{"data:image/svg+xml;base64," + template.URL(base64.StdEncoding.EncodeToString(p.SVG())), p.Alt})
	}
	if _, err := w.Write(v.render()); err != nil {
		return fmt.Errorf("write digest as HTML: %w", err)
	}
	return nil
}

// mailHTML is the same for an e-mail: styles stand beside the elements, charts are other parts of the mail, and rows are left out until it
// is short enough.
func (d *Digest) mailHTML(pictures []Picture) string {
	for rows := maxListed; ; rows /= 2 {
		v := d.view(rows)
		v.classes = classWithStyle
		for _, p := range pictures {
			v.Pictures = append(v.Pictures, shown{template.URL("cid:" + p.ContentID()), p.Alt})
		}
		if body := v.render(); len(body) < mailBytes || rows <= 1 {
			return string(body)
		}
	}
}

// mailBytes bounds the HTML of an e-mail. Gmail shows the first 102 KB.
const mailBytes = 100 << 10

// view is a digest as the template wants it.
type view struct {
	Subject, Title, Period, Nothing string
	Highlights                      []string
	Headline                        []Row
	Pictures                        []shown
	Sections                        []block
	Links                           []Link
	classes                         map[string]template.HTMLAttr
}

// shown is a chart and where its bytes are. The address is ours.
type shown struct {
	Source template.URL
	Alt    string
}

// block is a section, with its columns in the order of this rendering.
type block struct {
	Title, Intro, Tail string
	Heads              []field
	Width              int
	Rows               []entry
}

// entry is a row with what stands below it.
type entry struct {
	Cells   []field
	Details []note
}

type note struct {
	Label string
	Text  field
}

// field is a cell. Head is what it is called where columns do not fit beside each other; Kind is its class.
type field struct {
	Text, Href, Head, Kind string
	right                  bool
}

// Align is the attribute that puts numbers below each other, also where no style is read.
func (f field) Align() template.HTMLAttr {
	if f.right {
		return `align="right"`
	}
	return `align="left"`
}

// Style is the style sheet. It is ours.
func (v *view) Style() template.CSS { return template.CSS(styleSheet) }

// Class are the attributes of an element of a class.
func (v *view) Class(name string) template.HTMLAttr { return v.classes[name] }

//go:embed page.gohtml
var pageText string

var pageTemplate = template.Must(template.New("").Funcs(template.FuncMap{
	"dict": func(v *view, f field) any {
		return struct {
			Page *view
			Cell field
		}{v, f}
	},
}).Parse(pageText))

func (v *view) render() []byte {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, "digest", v); err != nil {
		panic("digest: page: " + err.Error()) // the buffer takes everything, and the template was tried with all there is
	}
	return b.Bytes()
}

// view prepares a digest, with at most so many rows in each section.
func (d *Digest) view(rows int) *view {
	v := &view{Subject: d.Subject(), Title: d.title(), Period: d.period()}
	if d.Empty() {
		v.Nothing = d.Nothing()
		return v
	}
	v.Highlights, v.Headline = d.Highlights, d.Headline()
	for _, s := range d.sections() {
		v.Sections = append(v.Sections, s.block(rows))
	}
	return v
}

// block puts a section into the order of a page: what a row is about comes first, figures behind it.
func (s *section) block(rows int) block {
	order := make([]int, 0, len(s.columns))
	for n := range s.columns {
		if slices.ContainsFunc(s.rows, func(r row) bool { return r.cells[n].text != "" }) {
			order = append(order, n)
		}
	}
	headed := slices.ContainsFunc(s.columns, func(c column) bool { return c.head != "" })
	if last := len(order) - 1; headed && s.columns[order[0]].right {
		order = append([]int{order[last]}, order[:last]...)
	}
	shown := s.rows[:min(len(s.rows), rows)]
	b := block{Title: s.title, Intro: s.intro, Tail: s.tail(len(s.rows) - len(shown)), Width: len(order)}
	for _, n := range order {
		if headed {
			b.Heads = append(b.Heads, field{Text: sentence(s.columns[n].head), right: s.columns[n].right})
		}
	}
	for k := range shown {
		r := &shown[k]
		var out entry
		for place, n := range order {
			out.Cells = append(out.Cells, s.field(r, n, place == 0 && headed))
			if f := &out.Cells[place]; f.Kind == "c" && headed && s.short(n) {
				f.Kind = "m"
			}
		}
		for _, x := range r.details {
			out.Details = append(out.Details, note{x.label, x.cell.field()})
		}
		b.Rows = append(b.Rows, out)
	}
	return b
}

// shortRunes is the width up to which the cells of a column keep their words whole: a time, an ending.
const shortRunes = 20

// short reports whether all cells of a column are.
func (s *section) short(n int) bool {
	return !slices.ContainsFunc(s.rows, func(r row) bool { return utf8.RuneCountInString(r.cells[n].text) > shortRunes })
}

// field makes one of a cell of a row.
func (s *section) field(r *row, n int, first bool) field {
	c, f := &s.columns[n], r.cells[n].field()
	f.right, f.Kind = c.right, "c"
	switch {
	case first:
		f.Kind = "n"
	case c.right:
		f.Kind, f.Head = "m", sentence(c.head)
	}
	return f
}

func (c cell) field() field {
	f := field{Text: c.text}
	if c.ref != nil {
		f.Href = c.ref.URL
	}
	return f
}

// sentence writes a heading as in a sentence.
func sentence(head string) string {
	if head == "" {
		return ""
	}
	return head[:1] + strings.ToLower(head[1:])
}
