// Amload loads a server that speaks Alertmanager's API v2 and measures it. It posts distinct alerts of 8 labels and
// 3 annotations, as a Prometheus with many rules would, in passes: fire posts them, refire posts the same again, resolve ends
// them. For each pass it reports alerts per second, the time that a POST took, failed POSTs, and what the server spent, from /proc.
//
//	amload -url http://127.0.0.1:9093/api/v2/alerts -pid PID [-name NAME] [-out FILE] [flags]
//	amload -compare FILE
//
// With -out the results are appended to a file as JSON lines; -compare prints such a file as a table, each server against
// the first. Generator and server share the machine, so quote ratios of one run, not absolute times.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// plan is what the flags ask for.
type plan struct {
	url, name string
	pid       int
	load      load
	conns     int
	passes    []string
}

// run returns the exit status: 1 if a POST failed or the server could not be measured, 2 for wrong flags.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("amload", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var p plan
	flags.StringVar(&p.url, "url", "", "address to POST to, with its path")
	flags.StringVar(&p.name, "name", "server", "what results call the server")
	flags.IntVar(&p.pid, "pid", 0, "the server's process")
	flags.IntVar(&p.load.alerts, "alerts", 100_000, "distinct alerts")
	flags.IntVar(&p.load.batch, "batch", 64, "alerts in one POST")
	flags.IntVar(&p.load.groups, "groups", 1000, "distinct values of the label service")
	flags.IntVar(&p.conns, "conns", 2, "connections that post at once")
	passes := flags.String("passes", "fire,refire,resolve", "passes in order")
	out := flags.String("out", "", "file to append results to")
	compare := flags.String("compare", "", "file to print as a table instead of loading anything")
	if flags.Parse(args) != nil {
		return 2
	}
	p.passes = strings.Split(*passes, ",")
	if *compare == "" && p.url == "" || min(p.load.alerts, p.load.batch, p.load.groups, p.conns) < 1 {
		fmt.Fprintln(stderr, "amload: want -compare or -url, and no number below 1")
		return 2
	}
	err := printTable(stdout, *compare)
	if *compare == "" {
		err = p.execute(stdout, *out)
	}
	if err != nil {
		fmt.Fprintln(stderr, "amload:", err)
		return 1
	}
	return 0
}

// execute runs the passes one after the other.
func (p *plan) execute(stdout io.Writer, out string) error {
	failed := 0
	start := time.Now().UTC()
	for _, pass := range p.passes {
		bodies, err := p.load.bodies(pass, start)
		if err != nil {
			return err
		}
		r, err := p.pass(pass, bodies)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, r)
		if err := r.appendTo(out); err != nil {
			return err
		}
		failed += r.Failed
	}
	if failed > 0 {
		return fmt.Errorf("%d POSTs failed", failed)
	}
	return nil
}

// pass posts all bodies once and measures.
func (p *plan) pass(name string, bodies []string) (result, error) {
	before, err := measure(p.pid)
	if err != nil {
		return result{}, err
	}
	var (
		next   atomic.Int64
		failed atomic.Int64
		wait   sync.WaitGroup
		took   = make([]time.Duration, len(bodies))
		client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: p.conns}}
	)
	defer client.CloseIdleConnections()
	start := time.Now()
	for range p.conns {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				begin := time.Now()
				if post(client, p.url, bodies[i]) != nil {
					failed.Add(1)
				}
				took[i] = time.Since(begin)
			}
		})
	}
	wait.Wait()
	seconds := time.Since(start).Seconds()
	after, err := measure(p.pid)
	if err != nil {
		return result{}, err
	}
	slices.Sort(took)
	return result{
		Server: p.name, Pass: name, Alerts: p.load.alerts, Failed: int(failed.Load()),
		PerSecond: float64(p.load.alerts) / seconds,
		P50Millis: millis(took[len(took)/2]), P99Millis: millis(took[len(took)*99/100]),
		CPUSeconds: after.cpuSeconds - before.cpuSeconds, ResidentMiB: after.residentMiB, PeakMiB: after.peakMiB,
	}, nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// post is one POST. Its answer is read to the end, so that the connection is used again.
func post(client *http.Client, url, body string) error {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode/100 != 2 {
		err = errors.Join(err, fmt.Errorf("status %s", resp.Status))
	}
	return errors.Join(err, resp.Body.Close())
}
