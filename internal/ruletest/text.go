package ruletest

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"quell/internal/english"
)

// gotMax bounds the lines that are shown of what there is instead.
const gotMax = 40

// Text writes a report for people: what failed, with what happened, the coverage, and a line that counts. Verbose adds each test, and the
// stories of their incidents.
func (r *Report) Text(out io.Writer, verbose bool) error {
	var b strings.Builder
	for i := range r.Files {
		f := &r.Files[i]
		for _, p := range f.Problems {
			b.WriteString(p + "\n")
		}
		for k := range f.Tests {
			f.Tests[k].text(&b, f.Name, verbose)
		}
		if f.Updated {
			fmt.Fprintf(&b, "%s: expectations were rewritten; read the diff\n", f.Name)
		}
	}
	for i := range r.Coverage {
		r.Coverage[i].text(&b)
	}
	passed, failed, broken := r.Count()
	counts := fmt.Sprintf("%s in %s: %d passed", english.Count(passed+failed, "test"), english.Count(len(r.Files), "file"), passed)
	if failed > 0 {
		counts += fmt.Sprintf(", %d failed", failed)
	}
	if broken > 0 {
		counts += fmt.Sprintf(", %s could not be run", english.Count(broken, "file"))
	}
	fmt.Fprintf(&b, "%s (%.3f s)\n", counts, r.Seconds)
	_, err := io.WriteString(out, b.String())
	return err
}

func (t *Result) text(b *strings.Builder, file string, verbose bool) {
	if len(t.Failures) == 0 {
		if verbose {
			fmt.Fprintf(b, "ok    %s:%d %s\n\n%s", file, t.Line, t.Name, indented(t.Story))
		}
		return
	}
	fmt.Fprintf(b, "FAIL  %s:%d %s\n", file, t.Line, t.Name)
	for i := range t.Failures {
		t.Failures[i].text(b, file)
	}
	b.WriteString("  what happened:\n")
	for _, line := range t.Timeline {
		b.WriteString("    " + line + "\n")
	}
	if verbose {
		b.WriteString("\n" + indented(t.Story))
	}
	b.WriteString("\n")
}

func (f *Failure) text(b *strings.Builder, file string) {
	fmt.Fprintf(b, "  %s:%d:%d: %s\n", file, f.Line, f.Col, f.Text)
	for _, line := range bounded(f.Want) {
		b.WriteString("    - " + line + "\n")
	}
	for _, line := range bounded(f.Got) {
		b.WriteString("    + " + line + "\n")
	}
}

func bounded(lines []string) []string {
	if len(lines) <= gotMax {
		return lines
	}
	return append(lines[:gotMax:gotMax], fmt.Sprintf("… %d more lines", len(lines)-gotMax))
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// JSON writes a report as one JSON object.
func (r *Report) JSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
