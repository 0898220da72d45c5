package config

import (
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/robfig/cron/v3"

	"quell/internal/strictyaml"
	"quell/notify/digest"
)

// Digest is one periodic report of what happened and healed.
type Digest struct {
	// Schedule is the cron expression as it was written; [Digest.Next] reads it in Location.
	Schedule string
	Location *time.Location
	// Receiver gets the report.
	Receiver string
	// Title stands above the report instead of the usual one, if it is not empty.
	Title string
	// Matchers pick the incidents that the report is about, by the labels that all their alerts share. None means all.
	Matchers labels.Matchers
	// Night is when the readers sleep.
	Night digest.Night
	// Since is the time span that a report covers. Zero means: since the one before it by schedule.
	Since time.Duration

	schedule cron.Schedule
}

// Next returns when the first report after t is due, in UTC; zero if there will never be one. A schedule names times on the wall clock of
// Location, and each of these comes once: where the clock is set back, the first time that it shows them, and where it is set ahead over
// one, as much later as it was set ahead.
func (d *Digest) Next(t time.Time) time.Time {
	// The parser's schedules leave out what a change of the clock skips, and repeat what it repeats. In UTC there is neither.
	wall := asUTC(t.In(d.Location))
	for {
		wall = d.schedule.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		if next := firstShown(wall, d.Location); next.After(t) {
			return next.UTC()
		}
	}
}

// firstShown is when the clock in a place first shows what wall shows in UTC, or would have if it had not been set ahead.
func firstShown(wall time.Time, in *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, in)
	since, _ := t.ZoneBounds()
	if since.IsZero() {
		return t
	}
	_, before := since.Add(-time.Nanosecond).Zone()
	_, now := t.Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); before > now && earlier.Before(since) {
		return earlier
	}
	return t
}

// asUTC is the time in UTC that looks like t.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Previous returns when the last report before t was due, in UTC; zero if that is more than five years ago.
func (d *Digest) Previous(t time.Time) time.Time {
	const longest = 5 * 366 * day
	// Looking twice as far back each time finds few that are no answer.
	for back := time.Hour; back < 2*longest; back *= 2 {
		last := d.Next(t.Add(-back))
		if last.IsZero() || !last.Before(t) {
			continue
		}
		for next := d.Next(last); !next.IsZero() && next.Before(t); next = d.Next(last) {
			last = next
		}
		return last
	}
	return time.Time{}
}

func (l *loader) digest(n strictyaml.Node) {
	d := Digest{Location: time.UTC}
	n.Map(strictyaml.Fields{
		"schedule": d.readSchedule,
		"timezone": d.readTimezone,
		"receiver": l.use(&d.Receiver, true),
		"since":    strictyaml.Duration(&d.Since, time.Hour, 366*day),
		"title":    strictyaml.String(&d.Title),
		"matchers": strictyaml.Matchers(&d.Matchers),
		"night":    d.readNight,
	}, "schedule", "receiver")
	l.config.Digests = append(l.config.Digests, d)
}

func (d *Digest) readSchedule(n strictyaml.Node) {
	const hint = `five fields: minute hour day month weekday, e.g. "0 9 * * MON"`
	strictyaml.String(&d.Schedule)(n)
	// The parser accepts more than five fields (TZ=…, @every), and panics on some of it.
	if len(strings.Fields(d.Schedule)) != 5 {
		n.Problem(strictyaml.Quote(d.Schedule)+" is no schedule", hint)
		return
	}
	schedule, err := cron.ParseStandard(d.Schedule)
	if err != nil {
		n.Problem(strictyaml.Quote(d.Schedule)+" is no schedule: "+err.Error(), hint)
		return
	}
	d.schedule = schedule
	if d.Next(time.Unix(0, 0)).IsZero() {
		n.Problem(strictyaml.Quote(d.Schedule)+" never comes", "")
	}
}

func (d *Digest) readTimezone(n strictyaml.Node) {
	var name string
	strictyaml.String(&name)(n)
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		n.Problem(strictyaml.Quote(name)+" is no time zone", "write a name such as Europe/Berlin, or UTC")
		return
	}
	d.Location = location
}

// readNight reads {from: "22:00", to: "07:00"}.
func (d *Digest) readNight(n strictyaml.Node) {
	at := func(to *int) strictyaml.Setter {
		return func(n strictyaml.Node) {
			var text string
			strictyaml.String(&text)(n)
			t, err := time.Parse("15:04", text)
			if err != nil {
				n.Problem(strictyaml.Quote(text)+" is no time of day", `write "22:00"`)
				return
			}
			*to = t.Hour()*60 + t.Minute()
		}
	}
	n.Map(strictyaml.Fields{"from": at(&d.Night.From), "to": at(&d.Night.To)}, "from", "to")
	if d.Night.From == d.Night.To {
		n.Problem("the night has no length", `write {from: "22:00", to: "07:00"}`)
	}
}
