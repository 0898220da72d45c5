package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/config"
)

// digestPlay is a digest in virtual time. Its mark goes through JSON at each step, as through the store.
type digestPlay struct {
	t      *testing.T
	config *config.Digest
	mark   []byte
	zone   *time.Location
	made   []string
	// covered is until when digests in a row covered everything; gaps are where they did not.
	covered time.Time
	gaps    int
}

func playDigest(t *testing.T, schedule, zone string) *digestPlay {
	p := &digestPlay{t: t, mark: []byte("{}")}
	p.configure(schedule, zone)
	return p
}

// configure puts another schedule in force.
func (p *digestPlay) configure(schedule, zone string) {
	p.t.Helper()
	c, err := config.Parse("q.yml", []byte(fmt.Sprintf(`
route: {receiver: team}
receivers: [{name: team, slack_configs: [{token_file: token, channel: "#ops"}]}]
digest: [{schedule: %q, timezone: %s, receiver: team}]
`, schedule, zone)), tokenDir(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	p.config, p.zone = &c.Digests[0], c.Digests[0].Location
}

func tokenDir(t *testing.T) string {
	dir := t.TempDir()
	writeFile(t, dir, "token", "xoxb-test")
	return dir
}

// at looks at what is due by a local time, as "2006-01-02 15:04:05", which quell's clock shows.
func (p *digestPlay) at(local string) {
	p.t.Helper()
	now, err := time.ParseInLocation("2006-01-02 15:04:05", local, p.zone)
	if err != nil {
		p.t.Fatal(err)
	}
	p.look(now)
}

func (p *digestPlay) look(now time.Time) {
	p.t.Helper()
	var m digestMark
	if err := json.Unmarshal(p.mark, &m); err != nil {
		p.t.Fatal(err)
	}
	m, due := m.next(p.config, now.UTC())
	var err error
	if p.mark, err = json.Marshal(m); err != nil {
		p.t.Fatal(err)
	}
	if due == nil {
		return
	}
	const layout = "Mon 2 Jan 15:04 MST"
	text := due.since.In(p.zone).Format(layout) + " to " + due.until.In(p.zone).Format(layout)
	if due.late {
		text += fmt.Sprintf(", late, %d missed", due.missed)
	}
	if !p.covered.IsZero() && due.since.After(p.covered) {
		p.gaps++
	}
	p.covered = due.until
	p.made = append(p.made, text)
}

// every lets the clock run from one local time to another, looking each step.
func (p *digestPlay) every(step time.Duration, from, to string) {
	p.t.Helper()
	begin, err := time.ParseInLocation("2006-01-02 15:04:05", from, p.zone)
	if err != nil {
		p.t.Fatal(err)
	}
	end, err := time.ParseInLocation("2006-01-02 15:04:05", to, p.zone)
	if err != nil {
		p.t.Fatal(err)
	}
	for at := begin; !at.After(end); at = at.Add(step) {
		p.look(at)
	}
}

func (p *digestPlay) want(want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.made); diff != "" {
		p.t.Errorf("digests (-want +got):\n%s", diff)
	}
}

// TestDigestComesOnceWhenTheClocksChange: in Berlin the clock goes from 2:00 to 3:00 on 29 March, and from 3:00 to 2:00 on 25 October. What is
// due at 2:30 comes at 3:30 in spring, and the first time that it is 2:30 in autumn.
func TestDigestComesOnceWhenTheClocksChange(t *testing.T) {
	p := playDigest(t, "30 2 * * SUN", "Europe/Berlin")
	p.every(time.Minute, "2026-03-28 12:00:00", "2026-03-30 12:00:00")
	p.want("Sun 22 Mar 02:30 CET to Sun 29 Mar 03:30 CEST")

	p = playDigest(t, "30 2 * * SUN", "Europe/Berlin")
	p.every(time.Minute, "2026-10-24 12:00:00", "2026-10-26 12:00:00")
	p.want("Sun 18 Oct 02:30 CEST to Sun 25 Oct 02:30 CEST")

	p = playDigest(t, "0 9 * * *", "Europe/Berlin")
	p.every(time.Minute, "2026-10-24 08:00:00", "2026-10-26 10:00:00")
	p.want("Fri 23 Oct 09:00 CEST to Sat 24 Oct 09:00 CEST", "Sat 24 Oct 09:00 CEST to Sun 25 Oct 09:00 CET", "Sun 25 Oct 09:00 CET to Mon 26 Oct 09:00 CET")
}

// TestDigestIsNotRepeatedWhenTheClockIsSet: back over the time at which it was made, then forward over the next one, and so far ahead that
// it cannot have been true.
func TestDigestIsNotRepeatedWhenTheClockIsSet(t *testing.T) {
	p := playDigest(t, "0 9 * * MON", "UTC")
	p.at("2026-01-07 12:00:00")
	p.at("2026-01-12 09:00:10")
	first := "Mon 5 Jan 09:00 UTC to Mon 12 Jan 09:00 UTC"
	p.want(first)
	p.every(time.Minute, "2026-01-12 06:00:00", "2026-01-12 09:30:00") // set back by three hours
	p.want(first)
	p.at("2026-01-21 09:00:00") // set ahead
	second := "Mon 12 Jan 09:00 UTC to Mon 19 Jan 09:00 UTC, late, 0 missed"
	p.want(first, second)
	p.at("2027-01-20 12:00:00") // by mistake
	wrong := "Mon 19 Jan 09:00 UTC to Mon 18 Jan 09:00 UTC, late, 51 missed"
	p.want(first, second, wrong)
	p.every(time.Hour, "2026-01-22 12:00:00", "2026-02-03 12:00:00") // right again
	p.want(first, second, wrong, "Mon 19 Jan 09:00 UTC to Mon 26 Jan 09:00 UTC", "Mon 26 Jan 09:00 UTC to Mon 2 Feb 09:00 UTC")
}

// TestMissedDigestsAreOneThatSaysSo: quell was down for three weeks.
func TestMissedDigestsAreOneThatSaysSo(t *testing.T) {
	p := playDigest(t, "0 9 * * MON", "UTC")
	p.every(time.Hour, "2026-01-07 12:00:00", "2026-01-13 12:00:00")
	p.at("2026-02-04 12:00:00")
	p.at("2026-02-04 12:01:00")
	p.want("Mon 5 Jan 09:00 UTC to Mon 12 Jan 09:00 UTC", "Mon 12 Jan 09:00 UTC to Mon 2 Feb 09:00 UTC, late, 2 missed")
	p.at("2031-02-04 12:00:00") // for five years
	if last := p.made[len(p.made)-1]; !strings.HasPrefix(last, "Fri 1 Feb") && !strings.Contains(last, "late") {
		t.Errorf("after years: %s", last)
	}
}

// TestAnotherScheduleRepeatsNothingAndLeavesNothingOut: it was weekly on Mondays, becomes daily on a Wednesday, and moves to another zone.
func TestAnotherScheduleRepeatsNothingAndLeavesNothingOut(t *testing.T) {
	p := playDigest(t, "0 9 * * MON", "UTC")
	p.every(time.Hour, "2026-01-07 12:00:00", "2026-01-14 12:00:00")
	p.configure("0 8 * * *", "UTC")
	p.every(time.Hour, "2026-01-14 13:00:00", "2026-01-15 13:00:00")
	p.configure("0 8 * * FRI", "Asia/Tokyo")
	p.every(time.Hour, "2026-01-15 23:00:00", "2026-01-17 12:00:00")
	p.want("Mon 5 Jan 09:00 UTC to Mon 12 Jan 09:00 UTC", "Mon 12 Jan 09:00 UTC to Thu 15 Jan 08:00 UTC", "Thu 15 Jan 17:00 JST to Fri 16 Jan 08:00 JST")
}

// TestDigestMarksTellEntriesApart: the same receiver may get several, and another schedule makes no other one. Of those that are alike each
// keeps its mark when they change places, or one of them is removed.
func TestDigestMarksTellEntriesApart(t *testing.T) {
	entry := func(receiver, schedule, title string) config.Digest {
		return config.Digest{Receiver: receiver, Schedule: schedule, Title: title, Location: time.UTC}
	}
	weekly, daily, titled, other := entry("a", "0 9 * * MON", ""), entry("a", "0 9 * * *", ""), entry("a", "0 9 * * *", "t"), entry("b", "0 9 * * *", "")
	known := make(map[string]digestMark)
	for _, c := range []struct {
		list []config.Digest
		want []string
	}{
		{[]config.Digest{weekly}, []string{"digest/a/{}/"}},
		{[]config.Digest{weekly, titled, daily, other}, []string{"digest/a/{}/", "digest/a/{}/t", "digest/a/{}/#2", "digest/b/{}/"}},
		{[]config.Digest{daily, weekly}, []string{"digest/a/{}/#2", "digest/a/{}/"}},
		{[]config.Digest{daily}, []string{"digest/a/{}/#2"}},
		{[]config.Digest{entry("a", "0 8 * * FRI", ""), daily}, []string{"digest/a/{}/", "digest/a/{}/#2"}},
		{[]config.Digest{daily, daily}, []string{"digest/a/{}/#2", "digest/a/{}/"}},
	} {
		got := markNames(c.list, known)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for k, name := range got {
			known[name] = digestMark{Plan: planOf(&c.list[k])}
		}
	}
}

// TestDigestsCoverAllTimeOnce: whatever restarts, pauses and small jumps of the clock there are, each digest begins where the one before
// ended, none comes twice, and all but the last period is reported.
func TestDigestsCoverAllTimeOnce(t *testing.T) {
	schedules := []string{"0 9 * * MON", "30 2 * * *", "*/20 * * * *", "0 0 1 * *", "15 1,13 * * TUE,SAT"}
	seeds := uint64(200)
	if testing.Short() {
		seeds = 30 // the others take half a minute with the race detector, and no goroutine
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 7))
		p := playDigest(t, schedules[random.IntN(len(schedules))], []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}[random.IntN(4)])
		now := time.Date(2026, 1+time.Month(random.IntN(12)), 1, 0, 0, 0, 0, time.UTC)
		seen := make(map[string]bool)
		for range 300 {
			step := time.Duration(random.IntN(120)) * time.Minute
			switch random.IntN(20) {
			case 0:
				step = time.Duration(random.IntN(500)) * time.Hour // down
			case 1:
				step = -time.Duration(random.IntN(120)) * time.Minute // set back
			}
			now = now.Add(step)
			before := len(p.made)
			p.look(now)
			if len(p.made) > before {
				key := p.covered.String()
				if seen[key] || p.covered.After(now) {
					t.Fatalf("seed %d: %s comes twice or too early: %q", seed, key, p.made)
				}
				seen[key] = true
			}
			if due := p.config.Previous(now); len(p.made) > 0 && due.After(p.covered) && due.Before(now.Add(-time.Nanosecond)) {
				t.Fatalf("seed %d: at %v what was due at %v was not made", seed, now, due)
			}
		}
		if p.gaps > 0 {
			t.Fatalf("seed %d: %d gaps: %q", seed, p.gaps, p.made)
		}
	}
}
