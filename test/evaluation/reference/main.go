// Command reference runs simple methods of naming a root cause behind the command line and the output of `quell replay`, so that
// one scorer scores them and quell alike:
//
//	reference --method first|deepest|hitcov|pagerank|random --group connected|case --topology FILE FILE.jsonl
//
// A symptom is a firing alert above severity info, or a Warning event in the five minutes after it was last seen. Incidents are
// held for five minutes and paged if they did not heal by then.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"quell/test/evaluation/dataset"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 fine, 1 input that cannot be read, 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("reference", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("method", "deepest", "first, deepest, hitcov, pagerank or random")
	group := flags.String("group", "connected", "connected: an incident for each group of entities that depend on each other; case: one for all")
	seed := flags.Uint64("seed", 1, "the dice of method random")
	topology := flags.String("topology", "", "topology file")
	hold := flags.Duration("hold", 5*time.Minute, "how long an incident is held")
	format := flags.String("o", "json", "output format, json only")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	rank, known := methods(*seed)[*name]
	if !known || flags.NArg() != 1 || *format != "json" || *group != "connected" && *group != "case" {
		_, _ = fmt.Fprintln(stderr, "usage: reference --method METHOD [--group connected|case] [--topology FILE] FILE.jsonl")
		return 2
	}
	g := newGraph()
	if *topology != "" {
		t, err := dataset.ReadTopology(*topology)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "reference:", err)
			return 1
		}
		g.add(t)
	}
	out := bufio.NewWriter(stdout)
	p := &player{graph: g, rank: rank, oneForAll: *group == "case", hold: *hold, out: out}
	if err := p.play(flags.Arg(0)); err != nil {
		_, _ = fmt.Fprintln(stderr, "reference:", err)
		return 1
	}
	if err := out.Flush(); err != nil {
		_, _ = fmt.Fprintln(stderr, "reference:", err)
		return 1
	}
	return 0
}
