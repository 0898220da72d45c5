// Package ruletest runs tests of rules: it plays stories (package story) against configurations and rule files in virtual time, and
// compares what comes of them with what they expect.
//
// Nothing depends on the clock, the time zone or the order of files: the same files give the same report, except for the seconds that it
// took. Nothing is contacted, and secrets need not be there.
package ruletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"quell/internal/story"
	"quell/internal/strictyaml"
)

// Options say what to run.
type Options struct {
	// Paths are files, and folders of which all files named *_test.yml, *_test.yaml or *.txtar are run.
	Paths []string
	// Run selects tests by their names; nil is all.
	Run *regexp.Regexp
	// Update writes what comes of the stories into the files where it is not what they expect.
	Update bool
	// Verbose keeps the stories of all incidents, also of tests that passed.
	Verbose bool
	// Coverage counts which rules decided; PackCoverage counts those of packs, too.
	Coverage, PackCoverage bool
	// Now tells how long tests take; nil leaves that out.
	Now func() time.Time
}

// Report is what came of all tests, in the order of their files.
type Report struct {
	Files []FileReport `json:"files"`
	// Coverage is there if it was asked for, a row for each rule file.
	Coverage []FileCoverage `json:"coverage,omitempty"`
	Seconds  float64        `json:"seconds"`
}

// FileReport is what came of one file.
type FileReport struct {
	Name string `json:"name"`
	// Problems keep its tests from being run.
	Problems []string `json:"problems,omitempty"`
	Tests    []Result `json:"tests"`
	// Updated is true if expectations in it were rewritten.
	Updated bool `json:"updated,omitempty"`
}

// Result is what came of one test.
type Result struct {
	Name string `json:"name"`
	// Line is where it begins in its file.
	Line     int       `json:"line"`
	Failures []Failure `json:"failures,omitempty"`
	// Timeline is what happened, and Story how each incident is told to people; they are there if the test failed or all are wanted.
	Timeline []string `json:"timeline,omitempty"`
	Story    string   `json:"story,omitempty"`
	Seconds  float64  `json:"seconds"`

	edits []edit
}

// Failure is one expectation that is not what happened.
type Failure struct {
	Line int `json:"line"`
	Col  int `json:"col"`
	// Text says what it is about, Want what was expected and Got what there is, a line each.
	Text string   `json:"text"`
	Want []string `json:"want,omitempty"`
	Got  []string `json:"got,omitempty"`
}

// Count returns how many tests passed and failed, and how many files could not be run.
func (r *Report) Count() (passed, failed, broken int) {
	for i := range r.Files {
		f := &r.Files[i]
		if len(f.Problems) > 0 {
			broken++
		}
		for k := range f.Tests {
			if len(f.Tests[k].Failures) > 0 {
				failed++
			} else {
				passed++
			}
		}
	}
	return passed, failed, broken
}

// ErrNoTests is returned where there is nothing to run.
var ErrNoTests = errors.New("there are no tests")

// Run runs all tests of the files, several files at a time. The error is about the paths; what is wrong with files and tests is in the
// report. It returns early, with what was run until then left out, when the context ends.
func Run(ctx context.Context, o Options) (*Report, error) {
	names, err := find(o.Paths)
	if err != nil {
		return nil, err
	}
	begin := o.now()
	reports := make([]FileReport, len(names))
	next := make(chan int) // whoever is free takes the next file
	workers := make([]*worker, min(runtime.GOMAXPROCS(0), len(names)))
	var running sync.WaitGroup
	for k := range workers {
		w := newWorker(o)
		workers[k] = w
		// goroutine: one for each core, and Run waits for them.
		running.Go(func() {
			for i := range next {
				reports[i] = w.file(names[i])
			}
		})
	}
	for i := range names {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	running.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run tests: %w", context.Cause(ctx))
	}
	r := &Report{Files: reports, Seconds: o.since(begin)}
	if o.Coverage {
		r.Coverage = coverageOf(workers, o.PackCoverage)
	}
	return r, nil
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Time{}
	}
	return o.Now()
}

// since is how many seconds passed, to the millisecond.
func (o *Options) since(begin time.Time) float64 {
	return float64(o.now().Sub(begin).Milliseconds()) / 1000
}

// find lists the files of tests, each once: those named by hand in their order, and those of folders sorted.
func find(paths []string) ([]string, error) {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			add(filepath.Clean(path))
			continue
		}
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && isTest(name) {
				add(name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w in %s (their files are named *_test.yml or *.txtar)", ErrNoTests, strings.Join(paths, ", "))
	}
	return names, nil
}

// isTest reports whether a file of a folder holds tests.
func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.yml") || strings.HasSuffix(name, "_test.yaml") || story.IsArchive(name)
}

// worker runs files one after the other. What it compiled it keeps.
type worker struct {
	options Options
	sources map[string]*source
}

func newWorker(o Options) *worker { return &worker{options: o, sources: make(map[string]*source)} }

// file runs the tests of a file, and brings it up to date if that is wanted.
func (w *worker) file(name string) FileReport {
	data, err := read(name, maxRecordingBytes)
	if err != nil {
		return FileReport{Name: name, Problems: []string{fmt.Sprintf("%s: cannot be read: %v", name, err)}}
	}
	r := w.run(name, data)
	if !w.options.Update {
		return r
	}
	fresh, changed := updated(data, r.Tests)
	if !changed {
		return r
	}
	again := w.run(name, fresh)
	if len(again.Problems) > 0 { // what was written cannot be read: better leave it as it is
		r.Problems = append(r.Problems, name+": its notation is not understood well enough to update it")
		return r
	}
	if err := os.WriteFile(name, fresh, 0o644); err != nil {
		r.Problems = append(r.Problems, fmt.Sprintf("%s: cannot be written: %v", name, err))
		return r
	}
	again.Updated = true
	return again
}

// run runs the tests of a file that was read.
func (w *worker) run(name string, data []byte) FileReport {
	r := FileReport{Name: name, Tests: []Result{}}
	f, problems := story.Parse(name, data)
	if problems.Err() != nil {
		return r.broken(problems)
	}
	for _, t := range f.Tests {
		if w.options.Run != nil && !w.options.Run.MatchString(t.Name) {
			continue
		}
		s, problems := w.source(f, t)
		if problems.Err() != nil {
			return r.broken(problems)
		}
		begin := w.options.now()
		p, problems := newPlay(f, t, s)
		if problems.Err() != nil {
			return r.broken(problems)
		}
		result := p.run(w.options.Verbose)
		result.Seconds = w.options.since(begin)
		r.Tests = append(r.Tests, result)
	}
	return r
}

// broken is the report of a file that cannot be run.
func (r FileReport) broken(problems strictyaml.Problems) FileReport {
	r.Problems = append(r.Problems, strings.Split(problems.Error(), "\n")...)
	return r
}

// Update brings the expectations of a file up to date, comments kept: it runs its tests, and returns the text in which what is expected is
// what happened, with what the tests say then. Path is where the file lies or would lie: what it names is relative to its folder. The
// error tells every problem, a line each, if the file cannot be run.
func Update(path string, data []byte, o Options) ([]byte, []Result, error) {
	return newWorker(o).update(path, data)
}

func (w *worker) update(path string, data []byte) ([]byte, []Result, error) {
	r := w.run(path, data)
	if fresh, changed := updated(data, r.Tests); changed {
		data, r = fresh, w.run(path, fresh)
	}
	if len(r.Problems) > 0 {
		return nil, nil, errors.New(strings.Join(r.Problems, "\n"))
	}
	return data, r.Tests, nil
}
