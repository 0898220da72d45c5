package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"
	"golang.org/x/time/rate"

	"quell/correlate"
	"quell/notify"
)

// What was changed before an incident is told as change events, beside the page. They are sent by the attempt that sent the page, after that
// was accepted, rather than as deliveries of their own: nobody is to be escalated to because a change event was refused, and there is no
// point in one that arrives when the incident is over. So they get little time and a share of the rate, and after a failure they
// leave the receiver in peace for a while.
const (
	// changesAtOnce and changesInAll bound the change events beside one message, and those of one dedup key.
	changesAtOnce, changesInAll = 5, 20
	// changeTimeout bounds the time for all change events beside one message.
	changeTimeout = 2 * time.Second
	// changeWindow is how long before an incident a change is of interest.
	changeWindow = time.Hour
	// changesPerMinute leaves most of the 120 a minute that an integration key has to pages.
	changesPerMinute, changeBurst = 30, 10
	// PagerDuty is left in peace for so long after a change event that did not arrive, or was refused for good: keys of event
	// orchestrations take none.
	quietAfterFailure, quietAfterRefusal = 5 * time.Minute, time.Hour
)

// errNoRoom is why a change event was not even tried.
var errNoRoom = &notify.RetryError{Reason: "rate_limit", Text: "pages need the rate", Unsent: true}

// changes tells of what was changed. It is safe for concurrent use.
type changes struct {
	limiter *rate.Limiter
	// quietUntil is a Unix time in nanoseconds.
	quietUntil atomic.Int64
}

func newChanges() *changes {
	return &changes{limiter: rate.NewLimiter(rate.Every(time.Minute/changesPerMinute), changeBurst)}
}

// tellChanges sends what PagerDuty was not told yet of what was changed before an incident, newest first. ref says what it was told, and so
// does what is returned.
func (in *integration) tellChanges(ctx context.Context, i *correlate.Incident, ref string) string {
	if in.changes == nil || time.Now().UnixNano() < in.changes.quietUntil.Load() {
		return ref
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	for _, c := range untold(i, ref) {
		err := error(errNoRoom)
		if in.changes.limiter.Allow() {
			err = in.send(func(client *pd.Client) (bool, error) {
				answer, err := client.CreateChangeEventWithContext(ctx, in.changeEvent(i, c))
				return err == nil && answer.Status == "success", err
			})
		}
		in.env.CountExtra("pagerduty", notify.ExtraChangeEvent, err)
		if err != nil {
			in.changes.pause(err)
			return ref
		}
		ref = strings.TrimSpace(ref + " " + changeHash(c))
	}
	return ref
}

// pause leaves PagerDuty in peace after an error.
func (c *changes) pause(err error) {
	after := quietAfterFailure
	if _, refused := errors.AsType[*notify.RejectedError](err); refused {
		after = quietAfterRefusal
	}
	if retry, ok := errors.AsType[*notify.RetryError](err); ok {
		if retry == errNoRoom {
			return
		}
		after = max(after, retry.After)
	}
	c.quietUntil.Store(time.Now().Add(after).UnixNano())
}

// untold returns the changes before the present life of an incident that a reference does not hold, newest first.
func untold(i *correlate.Incident, ref string) (list []correlate.TimelineEntry) {
	told := strings.Fields(ref)
	room := min(changesAtOnce, changesInAll-len(told))
	for _, t := range slices.Backward(i.Timeline) {
		if len(list) >= room {
			break
		}
		if changedBefore(i, &t) && !slices.Contains(told, changeHash(t)) {
			list = append(list, t)
		}
	}
	return list
}

// changedBefore reports whether an entry of an incident's timeline is a change that may have led to its present life, or came in it.
func changedBefore(i *correlate.Incident, t *correlate.TimelineEntry) bool {
	since := i.Opened
	if n := len(i.Generations); n > 0 {
		since = i.Generations[n-1].Opened
	}
	return t.Decision == correlate.Changed && !t.At.Before(since.Add(-changeWindow))
}

// changeHash tells changes of one incident from each other.
func changeHash(c correlate.TimelineEntry) string {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%d %s", c.At.UnixNano(), c.Reason) // a hash takes everything
	return fmt.Sprintf("%08x", h.Sum32())
}

// changeEvent renders a change. On a timeline it is "deployment/shop/cart: Rollout, image cart:2".
func (in *integration) changeEvent(i *correlate.Incident, c correlate.TimelineEntry) pd.ChangeEvent {
	entity, what, _ := strings.Cut(c.Reason, ": ")
	e := pd.ChangeEvent{
		RoutingKey: string(in.routingKey),
		Payload: pd.ChangeEventPayload{
			Summary:   orElse(notify.Line(c.Reason, maxSummaryRunes), "something was changed"),
			Source:    notify.Line(entity, maxValueRunes),
			Timestamp: stamp(&c.At),
			CustomDetails: map[string]any{
				"entity": notify.Line(entity, maxValueRunes), "change": notify.Line(what, maxValueRunes),
				"incident": i.ID.String(), "title": notify.Line(i.Title, maxValueRunes), "quell": in.env.StoreID,
			},
		},
	}
	if len(i.Roots) > 0 {
		e.Payload.CustomDetails["root"] = notify.Line(string(i.Roots[0].Entity), maxValueRunes)
	}
	if href := notify.IncidentURL(in.env.ExternalURL, i.ID); href != "" {
		e.Links = []pd.ChangeEventLink{{Href: href, Text: i.ID.String()}}
	}
	return e
}
