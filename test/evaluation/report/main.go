// Command report scores quell and the reference methods on all sets of labelled incidents with one scorer, and prints what it finds
// as Markdown: a table per set, one for streams, one for the recorded stories, and which targets are met.
//
//	report --eval ../shared/eval --quell bin/quell --reference bin/reference [--docs docs/evaluation.md]
//
// With --docs it writes the same into the generated part of a document instead.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"quell/test/evaluation/dataset"
	"quell/test/evaluation/document"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 the report was made, whatever it says; 1 it could not be made; 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("eval", "", "folder with score.py, stories.py, dev/ and k8s-recorded/")
	quell := flags.String("quell", "", "quell binary")
	reference := flags.String("reference", "", "reference binary")
	docs := flags.String("docs", "", "document whose generated part is to be written; standard output if empty")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || *quell == "" || *reference == "" || flags.NArg() > 0 {
		_, _ = fmt.Fprintln(stderr, "usage: report --eval DIR --quell BINARY --reference BINARY [--docs FILE]")
		return 2
	}
	var text bytes.Buffer
	err := report(context.Background(), &scorer{dir: *dir, warnings: stderr}, contenders(*quell, *reference), &text)
	if err == nil {
		err = document.Deliver(text.Bytes(), *docs, "", stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "report:", err)
		return 1
	}
	return 0
}

// report runs everything and writes the text.
func report(ctx context.Context, s *scorer, all []contender, out io.Writer) error {
	sets, err := dataset.All(filepath.Join(s.dir, "dev"))
	if err != nil {
		return err
	}
	results := make([]*result, len(all))
	for k, c := range all {
		if results[k], err = s.score(ctx, c, sets); err != nil {
			return err
		}
	}
	stories, err := s.stories(ctx, all[0].command)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if len(set.Cases) > 0 {
			caseSection(out, set, results)
		}
	}
	streamSection(out, results)
	_, _ = fmt.Fprintf(out, "### Recorded Kubernetes streams\n\n```\n%s```\n", stories)
	targetSection(out, sets, results)
	return nil
}
