package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"quell/correlate"
	"quell/internal/fake"
	"quell/internal/picture"
)

const (
	// lookEvery is how often quell is asked what it thinks.
	lookEvery = 150 * time.Millisecond
	// statusEvery is how often it is told where nothing can change in place, in time of the story.
	statusEvery = 5 * time.Minute
	// finaleWait bounds the wait for what is under way when the story is over.
	finaleWait = 10 * time.Second
)

// player sends the story to quell in fast motion and shows what comes of it.
type player struct {
	screen  *screen
	theatre *theatre
	client  client
	story   *story
	rate    time.Duration
	began   time.Time

	alerts, events int
	// seen are the states of incidents that were shown already.
	seen map[correlate.IncidentID]correlate.State
	// answered is true once somebody has taken up the page for the rollout.
	answered bool
	// told is when the figures were shown as a line, in time of the story.
	told time.Duration
	// mu guards pages, which the fakes' goroutines count.
	mu    sync.Mutex
	pages int
}

// when is the clock of all that is sent.
func (p *player) when(at time.Duration) time.Time { return p.began.Add(at / p.rate) }

// at is the time in the story.
func (p *player) at(t time.Time) time.Duration { return t.Sub(p.began) * p.rate }

// stamp shows a time in the story as minutes and seconds.
func stamp(at time.Duration) string {
	s := int(at / time.Second)
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// run plays until the story is over and what it caused has arrived.
func (p *player) run(ctx context.Context) error {
	p.theatre.pager.OnEvent(p.paged)
	p.theatre.chat.OnEvent(p.posted)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	posts, acts := p.story.posts, p.story.acts
	next := time.NewTimer(0)
	defer next.Stop()
	for p.at(time.Now()) < storyLength {
		at := storyLength
		if len(posts) > 0 {
			at = posts[0].at
		}
		next.Reset(time.Until(p.when(at)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err := p.look(ctx); err != nil {
				return err
			}
			continue
		case <-next.C:
		}
		for len(acts) > 0 && acts[0].at <= at {
			p.announce(len(p.story.acts)-len(acts)+1, &acts[0])
			acts = acts[1:]
		}
		if len(posts) > 0 {
			if err := p.send(ctx, &posts[0]); err != nil {
				return err
			}
			posts = posts[1:]
		}
	}
	return p.finale(ctx, ticker)
}

func (p *player) send(ctx context.Context, post *post) error {
	if err := p.client.post(ctx, post.path, post.encode(p.when)); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	p.alerts += post.alerts
	p.events += post.events
	return nil
}

// finale waits until nothing is open but what will never heal, and nothing is under way to anybody.
func (p *player) finale(ctx context.Context, ticker *time.Ticker) error {
	over := time.NewTimer(finaleWait)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over.C:
			return errors.New("the story is over, but quell still waits for something")
		case <-ticker.C:
		}
		if err := p.look(ctx); err != nil {
			return err
		}
		pending, err := p.client.pending(ctx)
		if err != nil {
			return err
		}
		open := 0
		for _, state := range p.seen {
			if state.Open() {
				open++
			}
		}
		if pending == 0 && open <= 1 {
			return nil
		}
	}
}

// look asks quell for its incidents, tells what changed, and shows the figures.
func (p *player) look(ctx context.Context) error {
	list, err := p.client.incidents(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	slices.Reverse(list)
	waiting := 0
	present := make(map[correlate.IncidentID]correlate.State, len(list))
	for _, inc := range list {
		if present[inc.ID] = inc.State; inc.State == correlate.Held {
			waiting++
		}
		if before := p.seen[inc.ID]; before != inc.State {
			p.tell(inc, before)
		}
		if err := p.answer(ctx, inc); err != nil {
			return err
		}
	}
	p.seen = present
	p.figures(len(list), waiting)
	return p.screen.err()
}

// tell shows what became of an incident.
func (p *player) tell(inc *correlate.Incident, before correlate.State) {
	switch {
	case inc.State == correlate.Held && before == 0 && inc.HeldUntil != nil:
		p.line(held, "quell", "%s held until %s: %s", inc.ID, stamp(p.at(*inc.HeldUntil)), inc.Title)
	case inc.State == correlate.SelfHealed && inc.Recovered != nil:
		p.line(good, "quell", "%s healed by itself after %s: nobody is called", inc.ID, p.span(inc.Opened, *inc.Recovered))
	}
}

// answer lets the one who is on call take up the page for the rollout, a while after it came. The node's page stays without an answer: its
// power is gone, and so is whoever went to look.
func (p *player) answer(ctx context.Context, inc *correlate.Incident) error {
	if p.answered || inc.State != correlate.Escalated || len(inc.Roots) == 0 || inc.Roots[0].Entity != rolloutRoot || p.at(time.Now()) < rolloutAnswer {
		return nil
	}
	p.answered = true
	p.line(plain, onCall, "acknowledges %s", inc.ID)
	return p.client.acknowledge(ctx, inc.ID, onCall)
}

// span is a duration of real life.
func (p *player) span(from, to time.Time) string { return picture.Span(to.Sub(from) * p.rate) }

// figures shows how things stand.
func (p *player) figures(incidents, waiting int) {
	p.mu.Lock()
	pages := p.pages
	p.mu.Unlock()
	now := min(p.at(time.Now()), storyLength)
	text := fmt.Sprintf("%s  %4d alerts  %4d events  %d incidents  %d held  %d pages", stamp(now), p.alerts, p.events, incidents, waiting, pages)
	p.screen.live("  " + text)
	if !p.screen.terminal && now-p.told >= statusEvery {
		p.told = now
		p.screen.say(plain, "  %s", text)
	}
}

// line shows who says what, at the present time of the story.
func (p *player) line(st style, who, format string, args ...any) {
	head := fmt.Sprintf("  %s  %-11s ", stamp(p.at(time.Now())), who)
	for _, l := range wrap(fmt.Sprintf(format, args...), columns-length(head)) {
		p.screen.say(st, "%s%s", head, l)
		head = strings.Repeat(" ", length(head))
	}
}

func (p *player) announce(n int, a *act) {
	p.screen.say(plain, "")
	p.screen.say(bold, "  %s  %d. %s", stamp(a.at), n, a.title)
	for _, l := range wrap(a.text, columns-9) {
		p.screen.say(plain, "         %s", l)
	}
}

// paged is told of each event at PagerDuty.
func (p *player) paged(e fake.PDEvent) {
	id := incidentOf(e.DedupKey)
	switch {
	case e.Opened:
		p.mu.Lock()
		p.pages++
		p.mu.Unlock()
		p.line(alarm, "PagerDuty ←", "trigger %s: %s", id, e.Payload.Summary)
	case e.Action == "trigger":
		p.line(faint, "PagerDuty ←", "update  %s: %s", id, e.Payload.Summary)
	default:
		p.line(good, "PagerDuty ←", "%s %s", e.Action, id)
	}
}

// posted is told of each message at Slack. Details and news in threads are not shown, nor that a message was edited.
func (p *player) posted(e fake.SlackEvent) {
	if e.Method != "chat.postMessage" || e.Message.ThreadTS != "" {
		return
	}
	first, _, _ := strings.Cut(e.Message.Text, "\n")
	p.line(plain, "Slack     ←", "%s", first)
}

// incidentOf shortens a dedup key, which names the store, the incident and its generation.
func incidentOf(key string) string {
	if parts := strings.Split(key, "/"); len(parts) > 2 {
		return "quell/…/" + strings.Join(parts[len(parts)-2:], "/")
	}
	return key
}
