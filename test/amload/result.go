package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// result is one pass over one server.
type result struct {
	Server string `json:"server"`
	Pass   string `json:"pass"`
	Alerts int    `json:"alerts"`
	// Failed counts POSTs without a 2xx answer.
	Failed    int     `json:"failed"`
	PerSecond float64 `json:"alerts_per_second"`
	P50Millis float64 `json:"post_p50_ms"`
	P99Millis float64 `json:"post_p99_ms"`
	// CPUSeconds is what the server spent in the pass, user and system.
	CPUSeconds float64 `json:"cpu_seconds"`
	// ResidentMiB is the server's memory after the pass, PeakMiB the most that it ever had.
	ResidentMiB float64 `json:"rss_mib"`
	PeakMiB     float64 `json:"peak_mib"`
}

// String is a line for people.
func (r result) String() string {
	return fmt.Sprintf("%s %s: %d alerts, %.0f/s, POST p50 %.1f ms, p99 %.1f ms, %d failed, CPU %.1f s, RSS %.0f MiB, peak %.0f MiB",
		r.Server, r.Pass, r.Alerts, r.PerSecond, r.P50Millis, r.P99Millis, r.Failed, r.CPUSeconds, r.ResidentMiB, r.PeakMiB)
}

// appendTo writes the result to a file as a JSON line; no name means nowhere.
func (r result) appendTo(file string) error {
	if file == "" {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// columns are the measured values in the table's order.
var columns = []struct {
	title string
	value func(result) float64
	form  string
}{
	{"alerts/s", func(r result) float64 { return r.PerSecond }, "%.0f"},
	{"POST p50 ms", func(r result) float64 { return r.P50Millis }, "%.1f"},
	{"p99 ms", func(r result) float64 { return r.P99Millis }, "%.1f"},
	{"failed", func(r result) float64 { return float64(r.Failed) }, "%.0f"},
	{"CPU s", func(r result) float64 { return r.CPUSeconds }, "%.2f"},
	{"RSS MiB", func(r result) float64 { return r.ResidentMiB }, "%.0f"},
	{"peak MiB", func(r result) float64 { return r.PeakMiB }, "%.0f"},
}

// printTable prints the results in a file by pass. The first server of a pass is the measure: the others get a line of
// ratios to it. No name means no table.
func printTable(w io.Writer, file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var passes []string
	byPass := make(map[string][]result)
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var r result
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if !slices.Contains(passes, r.Pass) {
			passes = append(passes, r.Pass)
		}
		byPass[r.Pass] = append(byPass[r.Pass], r)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(first, second string, cell func(i int) string) {
		cells := []string{first, second}
		for i := range columns {
			cells = append(cells, cell(i))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	row("pass", "server", func(i int) string { return columns[i].title })
	for _, pass := range passes {
		base := byPass[pass][0]
		for n, r := range byPass[pass] {
			row(pass, r.Server, func(i int) string { return fmt.Sprintf(columns[i].form, columns[i].value(r)) })
			if n > 0 {
				row("", "÷ "+base.Server, func(i int) string { return ratio(columns[i].value(r), columns[i].value(base)) })
			}
		}
	}
	return table.Flush()
}

// ratio is a/b for people; of nothing there is none.
func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// usage is what a process has used so far.
type usage struct{ cpuSeconds, residentMiB, peakMiB float64 }

// ticksPerSecond is the kernel's unit in /proc/PID/stat, fixed for programs on every platform that Go runs on.
const ticksPerSecond = 100

// measure reads /proc. Process 0 is nobody and uses nothing.
func measure(pid int) (usage, error) {
	if pid == 0 {
		return usage{}, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, err
	}
	// The second field is the program's name in parentheses and may hold blanks; user and system time are the 14th and 15th.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return usage{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	resident, err3 := statusMiB(string(status), "VmRSS")
	peak, err4 := statusMiB(string(status), "VmHWM")
	return usage{(user + system) / ticksPerSecond, resident, peak}, errors.Join(err1, err2, err3, err4)
}

// statusMiB reads a line "NAME:  123 kB" of /proc/PID/status.
func statusMiB(status, name string) (float64, error) {
	_, rest, ok := strings.Cut(status, name+":")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("no %s in the process's status", name)
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	return kib / 1024, err
}
