package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"quell/internal/strictyaml"
)

// Digest is one periodic report of what happened and healed.
type Digest struct {
	// Schedule is the cron expression as it was written; [Digest.Next] reads it in Location.
	Schedule string
	Location *time.Location
	// Receiver gets the report on its Slack channels.
	Receiver string
	// Since is the time span that a report covers. Zero means: since the one before it by schedule.
	Since time.Duration

	schedule cron.Schedule
}

// Next returns when the first report after t is due, in UTC; zero if there will never be one.
func (d *Digest) Next(t time.Time) time.Time {
	next := d.schedule.Next(t.In(d.Location))
	if next.IsZero() {
		return time.Time{}
	}
	return next.UTC()
}

func (l *loader) digest(n strictyaml.Node) {
	d := Digest{Location: time.UTC}
	n.Map(strictyaml.Fields{
		"schedule": d.readSchedule,
		"timezone": d.readTimezone,
		"receiver": l.use(&d.Receiver, true),
		"since":    strictyaml.Duration(&d.Since, time.Hour, 366*day),
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
