package ruletest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/internal/rulebook"
	"quell/internal/story"
	"quell/internal/strictyaml"
	"quell/rules"
)

// source is what decides in tests: a policy with its compiled rules, and what there is from the start.
type source struct {
	policy correlate.Policy
	// ruleBytes is the size of the policy's rule files so far.
	ruleBytes int
	compile   correlate.Compiler
	topology  *topology.Update
	catalogs  []*correlate.Topology
	// usage counts what the rules decide; nil if nobody asks. folder is what the names of its rule files are relative to.
	usage  *rules.Usage
	folder string
	// beats are the names of the heartbeats that beat or were missed in a test: the engine keeps these, and asks no rule.
	beats map[string]bool
}

// source returns what a test is played against. It is made once for all tests that have the same.
func (w *worker) source(f *story.File, t *story.Test) (*source, strictyaml.Problems) {
	folder := filepath.Dir(f.Name)
	key := fmt.Sprintf("%q %+v", folder, struct {
		story.Sources
		Mark, Inline any
	}{t.Sources, nil, f.Inline})
	if s := w.sources[key]; s != nil {
		return s, nil
	}
	s := new(source)
	problems := s.load(f, t)
	if problems.Err() == nil {
		problems = s.make(w.options.Coverage)
	}
	if problems.Err() != nil {
		return nil, problems
	}
	w.sources[key] = s
	return s, nil
}

// load reads the files that a test names.
func (s *source) load(f *story.File, t *story.Test) strictyaml.Problems {
	folder := filepath.Dir(f.Name)
	at := t.Sources.Mark
	problem := func(text, hint string) strictyaml.Problems {
		return strictyaml.Problems{{File: f.Name, Line: max(at.Line, 1), Col: max(at.Col, 1), Text: text, Hint: hint}}
	}
	if t.Sources.Config != "" {
		name := join(folder, t.Sources.Config)
		c, err := config.LoadWithoutSecrets(name)
		if problems, ok := errors.AsType[config.Problems](err); ok {
			for i := range problems {
				if q := &problems[i]; q.Line == 0 && q.File == name { // of a file that is not there nobody knows a line
					*q = problem("config "+strictyaml.Quote(t.Sources.Config)+" "+q.Text, "paths are relative to the file of the test")[0]
				}
			}
			return problems
		}
		if err != nil {
			return problem(err.Error(), "")
		}
		s.policy, s.topology, s.catalogs, s.folder = c.Policy(), c.Topology, c.Catalogs, filepath.Dir(name)
		return nil
	}
	s.policy = config.DefaultPolicy()
	override(&s.policy, &t.Sources.Hold)
	if t.Sources.Packs != nil {
		s.policy.Packs = t.Sources.Packs
	}
	for _, pattern := range t.Sources.Rules {
		names, err := ruleNames(f, folder, pattern)
		if err == nil {
			err = s.addRules(f, names, pattern)
		}
		if errors.Is(err, errTooMuch) {
			return problem(err.Error(), "a quell that serves takes no more, either")
		}
		if err != nil {
			return problem(err.Error(), "paths are relative to the file of the test")
		}
	}
	return nil
}

// errTooMuch is what errors are that say that rules are more than quell takes.
var errTooMuch = errors.New("too many rules")

// addRules reads the rule files that a pattern means, those that the file of the test brings along and those on disk, unless an earlier pattern meant them already.
// How much there may be of them is what a quell that serves takes.
func (s *source) addRules(f *story.File, names []string, pattern string) error {
	for _, name := range names {
		file := correlate.RuleFile{Name: filepath.ToSlash(name)}
		if slices.ContainsFunc(s.policy.Rules, func(r correlate.RuleFile) bool { return r.Name == file.Name }) {
			continue
		}
		if len(s.policy.Rules) == config.MaxRuleFiles {
			return fmt.Errorf("%w: more than %d files", errTooMuch, config.MaxRuleFiles)
		}
		if text, inline := f.Inline[name]; inline {
			file.Text = text
		} else {
			data, err := read(name, strictyaml.MaxBytes)
			if err != nil {
				return fmt.Errorf("rule file %q cannot be read: %w", pattern, err)
			}
			file.Text = string(data)
		}
		if s.ruleBytes += len(file.Text); s.ruleBytes > config.MaxRuleBytes {
			return fmt.Errorf("%w: files of more than %d MiB together", errTooMuch, config.MaxRuleBytes>>20)
		}
		s.policy.Rules = append(s.policy.Rules, file)
	}
	return nil
}

// make compiles the rules, once for all tests.
func (s *source) make(count bool) strictyaml.Problems {
	s.policy.AlertTimeout = -1 // nobody reports alerts again
	compile := rulebook.Compile
	if count {
		s.usage, s.beats = rules.NewUsage(), make(map[string]bool)
		compile = s.usage.Compile
	}
	compiled, err := compile(&s.policy)
	if problems, ok := errors.AsType[strictyaml.Problems](err); ok {
		return problems
	}
	if err != nil {
		return strictyaml.Problems{{File: "rules", Text: err.Error()}}
	}
	s.compile = func(*correlate.Policy) (correlate.Rules, error) { return compiled, nil }
	return nil
}

// override takes over what a test says of holds.
func override(p, hold *correlate.Policy) {
	if hold.Hold != 0 {
		p.Hold = hold.Hold
	}
	if hold.HoldMax != 0 {
		p.HoldMax = hold.HoldMax
	}
	if hold.Settle != 0 {
		p.Settle = hold.Settle
	}
	if hold.Reopen != 0 {
		p.Reopen = hold.Reopen
	}
	if hold.NotFor != correlate.SeverityUnset {
		p.NotFor = hold.NotFor
	}
}

// ruleNames are the names of the rule files that one path or pattern means: one that the file of the test brings along, else those on disk.
func ruleNames(f *story.File, folder, pattern string) ([]string, error) {
	if _, ok := f.Inline[pattern]; ok {
		return []string{pattern}, nil
	}
	names := []string{join(folder, pattern)}
	if strings.ContainsAny(pattern, `*?[\`) {
		var err error
		if names, err = filepath.Glob(names[0]); err != nil {
			return nil, fmt.Errorf("%q is no pattern", pattern)
		}
		names = slices.DeleteFunc(names, isTest)
		slices.Sort(names)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no file matches %q", pattern)
	}
	return names, nil
}

func join(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// read reads a regular file of at most limit bytes. To read a pipe would block until somebody writes to it.
func read(name string, limit int64) ([]byte, error) {
	switch info, err := os.Stat(name); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return os.ReadFile(name)
}
