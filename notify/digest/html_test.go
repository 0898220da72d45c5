package digest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"quell/notify/digest"
)

// allowed are the elements of a page with their attributes. Nothing in it can run, load or send anything.
var allowed = map[string][]string{
	"html": {"lang"}, "head": nil, "body": {"class", "style"}, "title": nil, "style": nil, "div": {"class", "style"}, "span": {"class", "style"}, "br": nil,
	"meta": {"charset", "name", "content"}, "h1": {"class", "style"}, "h2": {"class", "style"}, "p": {"class", "style"}, "ul": {"class", "style"}, "li": {"class", "style"},
	"table": {"role", "width", "cellpadding", "cellspacing", "border", "class", "style"}, "thead": nil, "tbody": nil, "tr": nil,
	"th": {"scope", "align", "class", "style"}, "td": {"align", "class", "style", "colspan"}, "a": {"href", "class", "style"}, "img": {"src", "alt", "width", "class", "style"},
}

// checkPage parses a page and counts its elements by kind; source is what addresses of pictures begin with.
func checkPage(t *testing.T, page, source string) map[string]int {
	t.Helper()
	if strings.ContainsFunc(page, unwanted) {
		t.Error("the page has characters that it should not have")
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			t.Errorf("a comment: %.100q", n.Data)
		case html.ElementNode:
			counts[n.Data]++
			attributes, known := allowed[n.Data]
			if !known {
				t.Errorf("element %s", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case !slices.Contains(attributes, a.Key):
					t.Errorf("attribute %s of %s", a.Key, n.Data)
				case a.Key == "href" && !strings.HasPrefix(a.Val, "https://quell.example/"), a.Key == "src" && !strings.HasPrefix(a.Val, source):
					t.Errorf("%s leads to %.100q", a.Key, a.Val)
				case a.Key == "style" && strings.Contains(a.Val, "url("):
					t.Errorf("style %q", a.Val)
				}
			}
		}
	}
	return counts
}

// FuzzNoTextBreaksThePage compares the page, and the mail, with those of the same digest of harmless texts: they have the same elements.
func FuzzNoTextBreaksThePage(f *testing.F) {
	for _, hostile := range []string{
		"x", "</td></tr></table><script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, "javascript:alert(1)", "</title><style>*{}</style>",
		"</style>", "<!--", "]]>", "{{.}}", "&lt;b&gt;", "a\x00b", "\u202egnp.exe", "\xff", "data:text/html,x", strings.Repeat("<", 9000), strings.Repeat("😀", 3000), "=3D\r\n--alternative", "",
	} {
		f.Add(hostile, "b", uint8(2))
		f.Add(hostile, hostile, uint8(1))
		f.Add("a", hostile, uint8(30))
	}
	f.Fuzz(func(t *testing.T, a, b string, count uint8) {
		d, plain := digestOf(a, b, int(count%40)), digestOf(harmless(a, "x"), harmless(b, "y"), int(count%40))
		page := func(d *digest.Digest) string {
			return render(t, func(w io.Writer) error { return d.HTML(w, nil) })
		}
		got, want := checkPage(t, page(d), "data:image/svg+xml;base64,"), checkPage(t, page(plain), "data:image/svg+xml;base64,")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("elements (-want +got):\n%s", diff)
		}
		r := d.Render()
		checkPage(t, r.HTML, "cid:")
		if len(r.HTML) > 100<<10 {
			t.Errorf("the mail's HTML has %d bytes", len(r.HTML))
		}
		if n := len([]rune(r.Subject)); n > 120 || strings.ContainsFunc(r.Subject, unwanted) || strings.Contains(r.Subject, "\n") {
			t.Errorf("subject %q", r.Subject)
		}
	})
}

// TestMailIsReadAsItWasMeant takes a mail apart as a mail program does.
func TestMailIsReadAsItWasMeant(t *testing.T) {
	if testing.Short() {
		t.Skip("it draws many charts")
	}
	d := digestOf("Grüße", "b", 3)
	raw := render(t, d.EML)
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != d.Subject() {
		t.Errorf("subject %q (%v), want %q", subject, err, d.Subject())
	}
	if _, err := m.Header.AddressList("From"); err != nil {
		t.Errorf("From: %v", err)
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(d.Until) {
		t.Errorf("dated %v (%v), want %v", date, err, d.Until)
	}
	got := partsOf(t, m.Header.Get("Content-Type"), m.Body)
	want := map[string]string{"text/plain": render(t, d.Text), "text/html": d.Render().HTML}
	pictures := d.Pictures()
	for k := range pictures {
		want["<"+pictures[k].Name+"@quell>"] = string(pictures[k].PNG())
		if !strings.Contains(want["text/html"], `src="cid:`+pictures[k].Name+`@quell"`) {
			t.Errorf("the HTML does not show %s", pictures[k].Name)
		}
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
		t.Fatalf("parts %v", names)
	}
	for name, body := range got {
		if body != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for line := range strings.Lines(raw) {
		if len(line) > 998 {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
	if raw != render(t, d.EML) {
		t.Error("the same digest makes another mail")
	}
}

// partsOf decodes the leaves of a mail, by their content id or their type.
func partsOf(t *testing.T, contentType string, body io.Reader) map[string]string {
	t.Helper()
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		t.Fatalf("type %q: %v", contentType, err)
	}
	found := make(map[string]string)
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		media, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		var content io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			content = quotedprintable.NewReader(p)
		case "base64":
			content = fromBase64(p)
		}
		if strings.HasPrefix(media, "multipart/") {
			maps.Copy(found, partsOf(t, p.Header.Get("Content-Type"), p))
			continue
		}
		b, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		name := media
		if id := p.Header.Get("Content-ID"); id != "" {
			name = id
		}
		found[name] = string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
		if media == "image/png" {
			found[name] = string(b)
		}
	}
}

// TestMailStaysBelowWhatMailProgramsCutOff has the longest texts in the longest lists.
func TestMailStaysBelowWhatMailProgramsCutOff(t *testing.T) {
	d := digestOf(strings.Repeat("<", 9000), strings.Repeat("&", 9000), 100)
	r := d.Render()
	if len(r.HTML) > 100<<10 || !strings.Contains(r.HTML, "more") {
		t.Errorf("%d bytes", len(r.HTML))
	}
}

// TestStyleHashIsThatOfTheOnlyStyleSheet is what the policy of the page relies on.
func TestStyleHashIsThatOfTheOnlyStyleSheet(t *testing.T) {
	page := render(t, func(w io.Writer) error { return digestOf("a", "b", 1).HTML(w, nil) })
	_, rest, _ := strings.Cut(page, "<style>")
	sheet, rest, _ := strings.Cut(rest, "</style>")
	if got := hashOf(sheet); got != digest.StyleHash {
		t.Errorf("the style sheet's hash is %s, want %s", got, digest.StyleHash)
	}
	if strings.Contains(rest, "<style") || strings.Contains(rest, "style=") {
		t.Error("there are styles beside the style sheet")
	}
}

func ExampleDigest_Subject() {
	fmt.Println(digestOf("a", "prod-eu", 2).Subject())
	// Output: prod-eu until 20 Oct: 0 pages avoided, 4 sent
}

func hashOf(sheet string) string {
	sum := sha256.Sum256([]byte(sheet))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func fromBase64(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

// Times, endings and the like keep their words whole where a long title beside them wants all the room.
func TestShortCellsOfTablesKeepTheirWordsWhole(t *testing.T) {
	page := render(t, func(w io.Writer) error { return digestOf(strings.Repeat("W", 100), "class", 2).HTML(w, nil) })
	for _, word := range []string{"Mon 19 Oct 09:01", "needed", "lost", "flapping"} {
		if !strings.Contains(page, `<td align="left" class="m">`+word+"</td>") || strings.Contains(page, `<td align="left" class="c">`+word+"</td>") {
			t.Errorf("%s may be broken in two", word)
		}
	}
	if !strings.Contains(page, `<td align="left" class="c">WWW`) {
		t.Error("a long title has no room to break")
	}
}
