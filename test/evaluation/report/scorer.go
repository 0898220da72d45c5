package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"quell/test/evaluation/dataset"
	"quell/test/evaluation/score"
)

// contender is something that names root causes behind the command line of `quell replay`.
type contender struct {
	name    string
	command string
	// seeds are the dice of a random one: its figures are means over them. Nil for one run without dice.
	seeds []uint64
	// streams says whether streams are worth playing: how incidents are ranked does not show there.
	streams bool
}

// contenders lists quell, which comes first, and the reference methods.
func contenders(quell, reference string) []contender {
	all := []contender{{name: "**quell**", command: quell + " replay", streams: true}}
	for _, m := range []struct{ method, what string }{
		{"first", "first alert"},
		{"deepest", "deepest alerting"},
		{"hitcov", "hit ratio × coverage"},
		{"pagerank", "personalised PageRank"},
		{"random", "random alerting"},
	} {
		for _, g := range []struct{ group, what string }{{"connected", "per connected group"}, {"case", "one incident"}} {
			c := contender{
				name: m.what + ", " + g.what, command: reference + " --method " + m.method + " --group " + g.group,
				// One incident for a whole day tells nothing.
				streams: m.method == "deepest" && g.group == "connected",
			}
			if m.method == "random" {
				c.seeds = []uint64{1, 2, 3, 4, 5}
			}
			all = append(all, c)
		}
	}
	return all
}

// setScore is how a contender did on the cases of one set. Counts of a random one are sums over its runs.
type setScore struct {
	score.Tally
	// healPrecision is nil where the truth does not know what healed.
	healPrecision *float64
}

// streamScore is a row of the scorer about a stream.
type streamScore struct {
	Set           string  `json:"set"`
	Alerts        int     `json:"alerts"`
	Incidents     int     `json:"incidents"`
	Pages         int     `json:"pages"`
	AlertsInPages float64 `json:"alerts_in_pages"`
	SelfHealed    float64 `json:"self_healed"`
	DelayP50      float64 `json:"delay_p50"`
}

// result is how a contender did.
type result struct {
	contender
	sets    map[string]*setScore
	streams []streamScore
}

// scorer runs the published scripts.
type scorer struct {
	dir      string
	warnings io.Writer
}

// score plays all sets.
func (s *scorer) score(ctx context.Context, c contender, sets []*dataset.Set) (*result, error) {
	r := &result{contender: c, sets: make(map[string]*setScore)}
	commands := []string{c.command}
	if len(c.seeds) > 0 {
		commands = nil
		for _, seed := range c.seeds {
			commands = append(commands, c.command+" --seed "+strconv.FormatUint(seed, 10))
		}
	}
	for _, command := range commands {
		if err := s.once(ctx, command, sets, r); err != nil {
			return nil, fmt.Errorf("score %s: %w", c.name, err)
		}
	}
	return r, nil
}

// once runs the scorer and adds what it says to r. Which roots alert comes from the sets.
func (s *scorer) once(ctx context.Context, command string, sets []*dataset.Set, r *result) error {
	tmp, err := os.CreateTemp("", "quell-evaluation-*.jsonl")
	if err != nil {
		return err
	}
	defer func() { _, _ = tmp.Close(), os.Remove(tmp.Name()) }() // what is left over is of no use
	args := []string{"--quell", command, "--json", "--per-case", tmp.Name()}
	if !r.contender.streams {
		args = append(args, "--no-streams")
	}
	for _, set := range sets {
		args = append(args, set.Dir)
	}
	text, err := s.python(ctx, "score.py", args...)
	if err != nil {
		return err
	}
	var all struct {
		Cases []struct {
			Set           string   `json:"set"`
			HealPrecision *float64 `json:"heal_precision"`
		} `json:"cases"`
		Streams []streamScore `json:"streams"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("score.py: %w", err)
	}
	r.streams = all.Streams
	for _, c := range all.Cases {
		if r.sets[c.Set] == nil {
			r.sets[c.Set] = &setScore{healPrecision: c.HealPrecision}
		}
	}
	return r.addCases(tmp, sets)
}

// addCases reads the scorer's list of cases.
func (r *result) addCases(list io.Reader, sets []*dataset.Set) error {
	alerts := make(map[string]bool)
	for _, set := range sets {
		for _, c := range set.Cases {
			alerts[set.Name+"/"+c.Name] = c.RootAlerts
		}
	}
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		var l struct {
			Set    string `json:"set"`
			Case   string `json:"case"`
			Pages  int    `json:"pages"`
			Top1   bool   `json:"top1"`
			Top3   bool   `json:"top3"`
			Missed bool   `json:"missed"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("score.py: %w", err)
		}
		t := r.sets[l.Set]
		if t == nil {
			return fmt.Errorf("score.py: case %s of a set that has no row", l.Set+"/"+l.Case)
		}
		t.Add(score.Result{Pages: l.Pages, Top1: l.Top1, Top3: l.Top3, Missed: l.Missed}, alerts[l.Set+"/"+l.Case])
	}
	return lines.Err()
}

// stories returns the table of the recorded streams without the time it took, which differs from run to run.
func (s *scorer) stories(ctx context.Context, command string) (string, error) {
	text, err := s.python(ctx, "stories.py", "--quell", command, filepath.Join(s.dir, "k8s-recorded"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(strings.TrimSpace(line), ' '); at > 0 {
			line = strings.TrimRight(line[:at], " ") + "\n"
		}
		b.WriteString(line)
	}
	return b.String(), nil
}

// python runs one of the scripts and returns its output. What it complains about is passed on.
func (s *scorer) python(ctx context.Context, script string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "python3", append([]string{filepath.Join(s.dir, script)}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, s.warnings
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	return out.Bytes(), nil
}
