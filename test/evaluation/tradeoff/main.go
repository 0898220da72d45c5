// Command tradeoff says whether waiting by a survival estimate earns its keep: on streams of real alarms, how many pages that nobody
// needed are left at equal mean delay of the real ones, beside fixed holds and other ways to wait.
//
//	tradeoff --eval ../shared/eval [--picture docs/pictures/tradeoff.svg] [--docs docs/evaluation.md]
//
// It prints Markdown, or writes it into the generated part of a page, and draws the curves. Every alarm is decided on before
// anything of it, or of what comes after, is learned. The same data gives the same bytes.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"quell/test/evaluation/document"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 the curves were made, whatever they say; 1 they could not be made; 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tradeoff", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("eval", "", "folder with dev/")
	picture := flags.String("picture", "", "file to draw the curves into, by its ending svg or png; none if empty")
	docs := flags.String("docs", "", "page whose generated part is to be written; standard output if empty")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || flags.NArg() > 0 || !slices.Contains([]string{"", ".svg", ".png"}, filepath.Ext(*picture)) {
		_, _ = fmt.Fprintln(stderr, "usage: tradeoff --eval DIR [--picture FILE] [--docs FILE]")
		return 2
	}
	var text bytes.Buffer
	err := report(&text, *dir, *picture)
	if err == nil {
		err = document.Deliver(text.Bytes(), *docs, "trade-off", stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "tradeoff:", err)
		return 1
	}
	return 0
}

// report plays all streams and writes the text and the picture.
func report(out io.Writer, dir, picture string) error {
	all := studies()
	panels := make([]panel, 0, len(all))
	for _, s := range all {
		if err := s.read(dir); err != nil {
			return err
		}
		played := s.contenders()
		s.section(out, played)
		panels = append(panels, s.panel(played))
	}
	for _, s := range smallStudies() {
		if err := s.read(dir); err != nil {
			return err
		}
		s.section(out, s.contenders())
	}
	carrySection(out, all, trials(all))
	if picture == "" {
		return nil
	}
	return drawPicture(panels, picture)
}
