package callback

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"quell/correlate"
)

// Ids of the buttons, as package notify/slack renders them.
const (
	slackAck          = "quell_acknowledge"
	slackResolve      = "quell_resolve"
	slackSilenceHour  = "quell_silence_1h"
	slackSilenceFixed = "quell_silence_fixed"
	slackNotRoot      = "quell_not_root"
)

// slackButtons are the buttons that do something, by what metrics call them.
var slackButtons = map[string]string{
	slackAck: "acknowledge", slackResolve: "resolve", slackSilenceHour: "silence_1h", slackSilenceFixed: "silence_fixed", slackNotRoot: "not_root",
}

// slackClick is one click at one incident, or what was said in the dialog that it opened.
type slackClick struct {
	*interaction
	origin slackOrigin
	// action is what metrics call it; id tells it from all other clicks.
	action, id string
	incident   correlate.IncidentID
	generation int
	key        string // the incident's and generation's dedup key
}

// handle carries out what an interaction asks for. reply is the body of the answer to Slack, nil for an empty one; after, if it is not nil,
// is to be called once that left. Both are there within [slackActWait].
func (s *Slack) handle(ctx context.Context, in *interaction, o slackOrigin) (reply []byte, after func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slackActWait)
	defer cancel()
	switch in.Type {
	case "block_actions":
		return nil, s.clicked(ctx, in, o)
	case "view_submission":
		return s.submitted(ctx, in, o)
	}
	return nil, nil // something of the app that is none of ours
}

// clicked carries out a click on a button. What it returns tells who clicked how it went, where the message will not.
func (s *Slack) clicked(ctx context.Context, in *interaction, o slackOrigin) func(context.Context) {
	c := &slackClick{interaction: in, origin: o}
	for _, a := range in.Actions {
		if name, ours := slackButtons[a.ID]; ours {
			c.action, c.key = name, a.Value
			c.id = "click/" + digest(strings.Join([]string{in.User.ID, a.At, in.TriggerID, a.ID, a.Value}, "\n"))
			break
		}
	}
	if c.action == "" {
		return nil // a link, or a button of somebody else
	}
	if why := s.admit(c); why != "" {
		return s.tells(c, why)
	}
	if c.action == slackButtons[slackNotRoot] {
		s.metrics.act(c.action, "asked")
		return func(ctx context.Context) { s.ask(ctx, c) }
	}
	if !s.first(c.id) {
		s.metrics.act(c.action, "repeated")
		return nil
	}
	said, refused, err := s.carry(ctx, c)
	if err != nil {
		return s.tells(c, slackText(s.failed(c, refused, err)))
	}
	s.metrics.act(c.action, "done")
	if said == "" {
		return nil // the message will show it
	}
	return s.tells(c, said)
}

// admit finds out which incident a click is about, and says why it does not count, or "".
func (s *Slack) admit(c *slackClick) (why string) {
	id, generation, ours := incidentOfKey(s.cfg.StoreID, c.key)
	if !ours {
		s.metrics.act(c.action, "refused")
		return "Nothing was done: this message was written by another quell, or by this one before it lost its store."
	}
	c.incident, c.generation = id, generation
	if why := c.forbidden(); why != "" {
		s.metrics.act(c.action, "forbidden")
		s.log.Warn("somebody at Slack may not act", slog.String("user", plainWord(c.User.ID)), slog.String("action", c.action), slog.String("incident", id.String()))
		return why
	}
	return ""
}

// forbidden says why who clicked may not act, or "". Each place that the message may be in has to allow it: private channels do not tell
// their names, so that it may be any of them.
func (c *slackClick) forbidden() string {
	places := slices.DeleteFunc(slices.Clone(c.origin.places), func(p SlackPlace) bool {
		return p.Channel != c.Channel.ID && strings.TrimPrefix(p.Channel, "#") != c.Channel.Name
	})
	if len(places) == 0 {
		places = c.origin.places
	}
	stranger := c.User.TeamID != "" && c.Team.ID != "" && c.User.TeamID != c.Team.ID
	for _, p := range places {
		switch listed := slices.Contains(p.AllowedUsers, c.User.ID); {
		case listed:
		case len(p.AllowedUsers) > 0:
			return "Nothing was done: you are not among those who may act on incidents from here. Whoever runs quell can add your member ID, `" + plainWord(c.User.ID) + "`, to `allowed_users`."
		case stranger:
			return "Nothing was done: you are of another workspace. Whoever runs quell can add your member ID, `" + plainWord(c.User.ID) + "`, to `allowed_users`."
		}
	}
	return ""
}

// carry does what a button is for. said is what who clicked has to know beyond what the message shows.
func (s *Slack) carry(ctx context.Context, c *slackClick) (said string, refused bool, err error) {
	command := &correlate.Command{Incident: c.incident, Generation: c.generation, By: c.by()}
	order := &SilenceOrder{Incident: c.incident, Generation: c.generation, By: c.by()}
	from := c.origin.from(c.interaction)
	switch c.action {
	case slackButtons[slackAck]:
		command.Action = correlate.ActionAck
	case slackButtons[slackResolve]:
		command.Action = correlate.ActionResolve
	default:
		if c.action == slackButtons[slackSilenceHour] {
			order.For = time.Hour
		}
		made, refused, err := s.desk.Silence(ctx, order, from)
		if err != nil {
			return "", refused, err
		}
		return silencedText(c.incident, order, made), false, nil
	}
	refused, err = s.desk.Command(ctx, command, from)
	return "", refused, err
}

// silencedText tells what a silence does, and how to end it.
func silencedText(id correlate.IncidentID, order *SilenceOrder, made *SilenceMade) string {
	until := fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", made.Until.Unix(), made.Until.UTC().Format("2006-01-02 15:04 MST"))
	limit := "until " + id.String() + " is over for good, or " + until + " at the latest"
	if order.For != 0 {
		limit = "until " + until + ", or until " + id.String() + " is over for good"
	}
	return "Silenced " + limit + ": its root, what depends on that, and what is ill in it now. What becomes worse pages all the same. To end it before: `quell silence expire " + made.ID + "`."
}

// failed counts and logs what was not carried out, and says it as plain text for who asked.
func (s *Slack) failed(c *slackClick, refused bool, err error) string {
	if refused {
		s.metrics.act(c.action, "refused")
		return "Nothing was done: " + err.Error() + "."
	}
	s.again(c.id)
	s.metrics.act(c.action, "failed")
	s.log.Warn("what somebody did at Slack was not carried out in time", slog.String("action", c.action), slog.String("incident", c.incident.String()), slog.Any("error", err))
	return "quell could not say in time that this was done (" + err.Error() + "). It may still be done; if the message does not show it soon, click again."
}

// tells returns what tells who acted, and nobody else, a text.
func (s *Slack) tells(c *slackClick, text string) func(context.Context) {
	return func(ctx context.Context) { s.whisper(ctx, c.ResponseURL, c.origin.places, text) }
}

// slackText escapes text for mrkdwn.
func slackText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// plainWord keeps what may be in an id of Slack's.
func plainWord(id string) string {
	word := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, id)
	if word == "" {
		return "unknown"
	}
	return word[:min(len(word), 40)]
}
