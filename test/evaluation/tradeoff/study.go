package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"quell/correlate/heal"
	"quell/test/evaluation/document"
)

// study is one stream, with the waits that make sense there.
type study struct {
	set string
	// headline is judged in full; others only tell how much depends on what is called real.
	headline definition
	others   []definition
	delays   []time.Duration
	// block is the length of the stretches by which chance is judged.
	block time.Duration

	// attended is how soon after a page somebody may take over.
	attended []time.Duration

	alarms []alarm
}

// studies are the streams with thousands of alarms. The budget is what one alarm in twenty outlasts, rounded.
func studies() []*study {
	return []*study{
		{
			set:      "huawei-wireless",
			headline: outlasts(30*time.Minute, 30*time.Minute),
			others: []definition{
				outlasts(10*time.Minute, 10*time.Minute), outlasts(15*time.Minute, 15*time.Minute), outlasts(time.Hour, time.Hour),
				outlasts(time.Hour, 30*time.Minute), outlasts(10*time.Minute, 30*time.Minute), everyPage(outlasts(30*time.Minute, 30*time.Minute)),
			},
			delays:   []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute},
			attended: []time.Duration{time.Second, 5 * time.Minute, 15 * time.Minute},
			block:    24 * time.Hour,
		},
		{
			set:      "huawei-neurips",
			headline: outlasts(105*time.Second, 105*time.Second),
			others: []definition{
				outlasts(90*time.Second, 90*time.Second), outlasts(2*time.Minute, 2*time.Minute),
				outlasts(2*time.Minute, 105*time.Second), everyPage(outlasts(105*time.Second, 105*time.Second)),
			},
			delays:   []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute},
			attended: []time.Duration{time.Second, 15 * time.Second, time.Minute},
			block:    time.Hour,
		},
	}
}

// smallStudies are streams that are too short to prove anything, and only show that nothing is odd.
func smallStudies() []*study {
	delays := []time.Duration{30 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute}
	return []*study{
		{set: "nezha-ob-0822", headline: outlasts(200*time.Second, 200*time.Second), delays: delays, block: time.Hour},
		{set: "nezha-tt-0129", headline: outlasts(150*time.Second, 150*time.Second), delays: delays, block: time.Hour},
	}
}

// outlasts calls real what lasts longer than so much, where nothing waits longer than the budget.
func outlasts(long, budget time.Duration) definition {
	d := definition{name: "lasted more than " + brief(long), budget: budget, real: long}
	if budget != long {
		d.name += ", budget " + brief(budget)
	}
	return d
}

// everyPage lets the delay of all pages count, those that nobody needed as well.
func everyPage(d definition) definition {
	d.name, d.every = d.name+", and the delay of every page counts", true
	return d
}

// read loads the stream.
func (s *study) read(dir string) (err error) {
	s.alarms, err = readAlarms(filepath.Join(dir, "dev", s.set, "stream.jsonl"))
	return err
}

// contender is a policy that was played.
type contender struct {
	name   string
	judged []judged
}

// contenders plays what is compared with fixed holds. quell comes last.
func (s *study) contenders() []contender {
	budget := s.headline.budget
	plain := newSurvival(budget, heal.DefaultTuning(), shipped)
	plain.plain = true
	return []contender{
		{"quantile per alert", play(s.alarms, budget, &quantile{budget: budget, past: make(map[string][]time.Duration)})},
		{"same model, whole budget or nothing", play(s.alarms, budget, plain)},
		{"quell", playSurvival(s.alarms, budget, heal.DefaultTuning(), shipped)},
	}
}

// section writes all that is to say about the stream.
func (s *study) section(out io.Writer, all []contender) {
	own := all[len(all)-1].judged
	healing, lasting := 0, 0
	for _, j := range own {
		if j.lasted > s.headline.real {
			lasting++
		} else {
			healing++
		}
	}
	_, _ = fmt.Fprintf(out, "#### %s\n\n%d alarms are judged, after %d to learn from. %d of them are real: they %s. The other %d cleared before that. The budget is %s.\n\n",
		s.set, len(own), len(s.alarms)-len(own), lasting, s.headline.name, healing, brief(s.headline.budget))
	s.tradeoff(out, all, healing)
	if len(s.others) > 0 {
		s.sensitivity(out)
	}
}

// tradeoff writes the shares of alarms that are paged and clear by themselves.
func (s *study) tradeoff(out io.Writer, all []contender, healing int) {
	head := []string{"mean delay of real pages", "fixed hold"}
	for _, c := range all {
		head = append(head, c.name)
	}
	t := document.Table{append(head, "quell against fixed (90 % of redrawn histories)", "half, nine in ten of quell's real pages within")}
	own := all[len(all)-1].judged
	against := compare(own, s.headline, s.delays, s.block)
	for k, delay := range s.delays {
		row := []string{brief(delay), percent(unneededAt(fixedHold(own, []time.Duration{delay}), s.headline, delay), healing)}
		for _, c := range all {
			row = append(row, percent(unneededAt(c.judged, s.headline, delay), healing))
		}
		median, most := spread(own, s.headline, nearest(own, s.headline, delay))
		t = append(t, append(row, against[k].String(), brief(median)+", "+brief(most)))
	}
	t.Write(out)
}

// unneededAt is the number of pages that nobody needed at a mean delay, negative if the policy has no such setting.
func unneededAt(all []judged, d definition, delay time.Duration) float64 {
	points := blocks(all, d, forever).curve([]int{0})
	if len(points) == 1 {
		return points[0].unneeded
	}
	if n, ok := at(points, delay); ok {
		return n
	}
	return -1
}

// sensitivity writes how much fewer unneeded pages there are when other alarms are called real, when less is known of an alarm, or less is learned.
func (s *study) sensitivity(out io.Writer) {
	head := []string{"quell against fixed holds, if"}
	for _, delay := range s.delays {
		head = append(head, "at "+brief(delay))
	}
	t := document.Table{head}
	add := func(name string, all []judged, d definition) {
		row := []string{name}
		for _, c := range compare(all, d, s.delays, s.block) {
			row = append(row, c.short())
		}
		t = append(t, row)
	}
	for _, d := range s.others {
		add("real is what "+d.name, playSurvival(s.alarms, d.budget, heal.DefaultTuning(), shipped), d)
	}
	for _, c := range ladder {
		add("the model knows "+c.name, playSurvival(s.alarms, s.headline.budget, heal.DefaultTuning(), c), s.headline)
	}
	for _, attended := range s.attended {
		add("somebody takes over "+brief(attended)+" after each page", playAttended(s.alarms, s.headline.budget, attended), s.headline)
	}
	t.Write(out)
}

// short is the share alone, signed.
func (c comparison) short() string {
	if !c.ok {
		return "-"
	}
	return fmt.Sprintf("%+.0f %%", -100*c.fewer)
}

// String is the share and its interval.
func (c comparison) String() string {
	if !c.ok {
		return "-"
	}
	return fmt.Sprintf("%+.0f %% (%+.0f to %+.0f)", -100*c.fewer, -100*c.high, -100*c.low)
}

// percent shows a count as a share of a whole; below zero stands for none.
func percent(n float64, whole int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*n/float64(max(whole, 1)))
}

// brief is a duration as people write it: 30s, 1m, 1m30s, 2h.
func brief(d time.Duration) string {
	d = d.Round(time.Second)
	text := ""
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / unit.long; n > 0 {
			text += fmt.Sprint(int64(n)) + unit.name
			d -= n * unit.long
		}
	}
	if text == "" {
		return "0s"
	}
	return text
}
