package digest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

// look is how the elements of one class are shown: always, on dark pages, and on screens as small as a phone's.
type look struct{ class, plain, dark, small string }

// looks are all classes of the page. The page has them as a style sheet; an e-mail also beside each element, since some mail programs read
// no style sheets. Colours and their contrasts are those of the charts.
var looks = []look{
	{"body", "margin:0;padding:0;background:#f6f8fa;color:#1f2328;font:15px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif", "background:#0d1117;color:#e6edf3", ""},
	{"desk", "padding:16px 8px", "", "padding:0"},
	{"sheet", "width:100%;max-width:760px;background:#ffffff;border:1px solid #d1d9e0;border-radius:8px", "background:#151b23;border-color:#3d444d", "border:0;border-radius:0"},
	{"paper", "padding:24px;text-align:left", "", "padding:16px 12px"},
	{"links", "margin:0 0 16px;font-size:13px;color:#59636e", "color:#9da7b3", ""},
	{"h1", "margin:0 0 4px;font-size:24px;line-height:1.25", "", ""},
	{"h2", "margin:28px 0 6px;font-size:17px;line-height:1.3", "", ""},
	{"p", "margin:12px 0", "", ""},
	{"note", "margin:0 0 10px;font-size:13px;color:#59636e", "color:#9da7b3", ""},
	{"foot", "margin:32px 0 0;font-size:12px;color:#59636e", "color:#9da7b3", ""},
	{"ul", "margin:14px 0;padding-left:20px", "", ""},
	{"li", "margin:4px 0", "", ""},
	{"a", "color:#0969da", "color:#6cb6ff", ""},
	{"tile", "display:inline-block;vertical-align:top;width:138px;margin:0 8px 8px 0;padding:8px 10px;background:#f6f8fa;border-radius:6px", "background:#212830", "width:41%"},
	{"name", "font-size:12px;color:#59636e", "color:#9da7b3", ""},
	{"big", "font-size:22px;line-height:1.3;font-weight:600", "", ""},
	{"img", "display:block;width:100%;max-width:693px;height:auto;border:0", "", ""},
	{"t", "border-collapse:collapse;font-size:13px", "", "display:block"},
	{"th", "padding:4px 10px 4px 0;border-bottom:1px solid #d1d9e0;font-size:12px;font-weight:600;color:#59636e;white-space:nowrap", "border-color:#3d444d;color:#9da7b3", "display:none"},
	{"c", "padding:6px 10px 2px 0;vertical-align:top;overflow-wrap:anywhere", "", "display:inline-block;text-align:left;padding:4px 12px 0 0"},
	{"m", "padding:6px 10px 2px 0;vertical-align:top;white-space:nowrap", "", "display:inline-block;text-align:left;padding:4px 12px 0 0"},
	{"n", "padding:6px 10px 2px 0;vertical-align:top;overflow-wrap:anywhere;font-weight:600", "", "display:block;padding-top:10px"},
	{"d", "padding:0 0 8px;font-size:12px;color:#59636e;overflow-wrap:anywhere", "color:#9da7b3", "display:block"},
	{"k", "font-weight:600", "", ""},
	{"l", "display:none;color:#59636e", "color:#9da7b3", "display:inline"},
}

// styleSheet is that of the page. Rules for dark pages and phones have to win over what stands beside the elements of an e-mail.
var styleSheet = func() string {
	var plain, dark, small strings.Builder
	add := func(b *strings.Builder, class, rules, end string) {
		if rules != "" {
			fmt.Fprintf(b, ".%s{%s%s}", class, strings.ReplaceAll(rules, ";", end+";"), end)
		}
	}
	for _, l := range looks {
		add(&plain, l.class, l.plain, "")
		add(&dark, l.class, l.dark, "!important")
		add(&small, l.class, l.small, "!important")
	}
	return ":root{color-scheme:light dark}" + plain.String() +
		"@media(prefers-color-scheme:dark){" + dark.String() + "}@media(max-width:540px){.t thead,.t tbody,.t tr{display:block!important}" + small.String() + "}"
}()

// StyleHash names the style sheet of [Digest.HTML] as a policy for its content does: 'sha256-…' with the quotes.
var StyleHash = func() string {
	sum := sha256.Sum256([]byte(styleSheet))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// classOnly and classWithStyle are the attributes of elements by class, on a page and in an e-mail.
var classOnly, classWithStyle = func() (a, b map[string]template.HTMLAttr) {
	a, b = make(map[string]template.HTMLAttr), make(map[string]template.HTMLAttr)
	for _, l := range looks {
		a[l.class] = template.HTMLAttr(`class="` + l.class + `"`)
		b[l.class] = template.HTMLAttr(`class="` + l.class + `" style="` + l.plain + `"`)
	}
	return a, b
}()
