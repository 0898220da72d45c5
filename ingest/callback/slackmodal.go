package callback

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/correlate/topology"
)

// The dialog that asks what the root was.
const (
	rootCallback = "quell_not_root"
	rootBlock    = "quell_root"
	commentBlock = "quell_comment"
	// rootAction and commentAction are the inputs in these blocks.
	rootAction, commentAction = "root", "comment"
	// noneOfThese is the choice of somebody who knows only what it was not.
	noneOfThese = "none"
)

// Slack's limits of a dialog.
const (
	maxRadios       = 10
	maxRadioText    = 75
	maxMetadata     = 3000
	maxCommentChars = 1000
	maxCommentBytes = 1024 // ours, of a comment
)

// rootQuestion is what a dialog has to know when its answer comes. It travels with it as private metadata.
type rootQuestion struct {
	Key string `json:"key"`
	// Was is the root that is doubted, Others the choices, in order.
	Was    topology.Entity   `json:"was"`
	Others []topology.Entity `json:"others,omitempty"`
	// URL and Channel are of the click.
	URL     string       `json:"url,omitempty"`
	Channel slackChannel `json:"channel"`
}

// ask opens the dialog for a click, or says why it could not.
func (s *Slack) ask(ctx context.Context, c *slackClick) {
	ctx, cancel := context.WithTimeout(ctx, slackActWait)
	defer cancel()
	inc, refused, err := s.desk.Incident(ctx, c.incident)
	switch {
	case err != nil:
		s.tells(c, slackText(s.failed(c, refused, err)))(ctx)
		return
	case len(inc.Roots) == 0:
		s.metrics.act(c.action, "refused")
		s.tells(c, "Nothing to say: quell knows no root for "+c.incident.String()+" any more.")(ctx)
		return
	}
	view, err := rootDialog(c, inc)
	if err == nil {
		_, err = s.client(c.origin.places[0]).OpenViewContext(ctx, c.TriggerID, *view)
	}
	if err != nil {
		s.metrics.act(c.action, "failed")
		why := slackCode(err)
		s.log.Warn("dialog not opened at Slack", slog.String("incident", c.incident.String()), slog.String("error", why))
		s.tells(c, "quell could not open the dialog ("+slackText(why)+"): click again, or say it with `quell incident feedback "+c.incident.String()+" --root ENTITY`.")(ctx)
	}
}

// rootDialog asks what the root of an incident was if not the one that quell named.
func rootDialog(c *slackClick, inc *correlate.Incident) (*api.ModalViewRequest, error) {
	q := rootQuestion{Key: c.key, Was: inc.Roots[0].Entity, URL: c.ResponseURL, Channel: c.Channel}
	plain := func(text string) *api.TextBlockObject {
		return api.NewTextBlockObject(api.PlainTextType, text, false, false)
	}
	var options []*api.OptionBlockObject
	for _, r := range inc.Roots[1:] {
		more := q
		more.Others = append(q.Others[:len(q.Others):len(q.Others)], r.Entity)
		if text, err := json.Marshal(more); err != nil || len(text) > maxMetadata || len(options) == maxRadios-1 {
			break
		}
		options = append(options, api.NewOptionBlockObject(strconv.Itoa(len(q.Others)), plain(shortened(string(r.Entity), maxRadioText)), plain(shortened(r.Why, maxRadioText))))
		if r.Why == "" {
			options[len(options)-1].Description = nil
		}
		q = more
	}
	options = append(options, api.NewOptionBlockObject(noneOfThese, plain("None of these, or I do not know"), nil))
	metadata, err := json.Marshal(q)
	if err != nil || len(metadata) > maxMetadata {
		return nil, fmt.Errorf("what the dialog has to know is too long: %d bytes", len(metadata))
	}
	radios := api.NewRadioButtonsBlockElement(rootAction, options...)
	comment := api.NewPlainTextInputBlockElement(plain("What showed it? What would have helped quell to see it?"), commentAction)
	comment.Multiline, comment.MaxLength = true, maxCommentChars
	optional := api.NewInputBlock(commentBlock, plain("Comment"), nil, comment)
	optional.Optional = true
	intro := plain(shortened(fmt.Sprintf("quell took %s for the root of %s.", q.Was, inc.ID), 3000))
	return &api.ModalViewRequest{
		Type: api.VTModal, CallbackID: rootCallback, PrivateMetadata: string(metadata),
		Title: plain("Not the root cause"), Submit: plain("Send"), Close: plain("Cancel"),
		Blocks: api.Blocks{BlockSet: []api.Block{
			api.NewSectionBlock(intro, nil, nil), api.NewInputBlock(rootBlock, plain("What was the root?"), nil, radios), optional,
		}},
	}, nil
}

// submitted takes the answer to a dialog. A reply of errors keeps it open.
func (s *Slack) submitted(ctx context.Context, in *interaction, o slackOrigin) (reply []byte, after func(context.Context)) {
	if in.View.CallbackID != rootCallback {
		return nil, nil
	}
	var q rootQuestion
	if err := json.Unmarshal([]byte(in.View.Metadata), &q); err != nil {
		s.metrics.refuse("payload")
		return nil, nil
	}
	in.ResponseURL, in.Channel = q.URL, q.Channel
	c := &slackClick{interaction: in, origin: o, action: "feedback", key: q.Key, id: "view/" + in.View.ID}
	if why := s.admit(c); why != "" {
		return inDialog(rootBlock, why), nil
	}
	f := &correlate.Feedback{
		Incident: c.incident, By: c.by(), NotRoot: q.Was,
		Comment: strings.TrimSpace(in.View.State.Values[commentBlock][commentAction].Value),
	}
	if choice := in.View.State.Values[rootBlock][rootAction].Selected.Value; choice != noneOfThese {
		k, err := strconv.Atoi(choice)
		if err != nil || k < 0 || k >= len(q.Others) {
			return inDialog(rootBlock, "Choose one."), nil
		}
		f.Root = q.Others[k]
	}
	if len(f.Comment) > maxCommentBytes {
		return inDialog(commentBlock, fmt.Sprintf("This is too long: %d bytes of at most %d.", len(f.Comment), maxCommentBytes)), nil
	}
	if !s.first(c.id) {
		s.metrics.act(c.action, "repeated")
		return nil, nil
	}
	refused, err := s.desk.Feedback(ctx, f, o.from(in))
	if err != nil {
		if !refused {
			return nil, s.tells(c, slackText(s.failed(c, refused, err)))
		}
		s.again(c.id)
		return inDialog(rootBlock, s.failed(c, refused, err)), nil
	}
	s.metrics.act(c.action, "done")
	return nil, nil
}

// inDialog is the reply that shows an error below an input of the dialog.
func inDialog(block, text string) []byte {
	b, err := json.Marshal(api.NewErrorsViewSubmissionResponse(map[string]string{block: shortened(text, 300)}))
	if err != nil {
		panic("callback: reply cannot be encoded: " + err.Error()) // it holds strings only
	}
	return b
}

// shortened cuts the middle out of text that is too long: ids of entities begin with their kind, and end with what tells them apart.
func shortened(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	head := (limit - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(limit-1-head):])
}
