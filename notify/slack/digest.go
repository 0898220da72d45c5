package slack

import (
	"encoding/json"
	"strings"

	api "github.com/slack-go/slack"

	"quell/notify"
	"quell/notify/digest"
	"quell/routing"
)

// digestMessage writes a digest; what comes from outside is escaped already.
func digestMessage(d *routing.Delivery) (message, error) {
	report, err := digest.Parse(d.Digest)
	if err != nil {
		return message{}, &notify.RejectedError{Reason: "request", Text: "the digest cannot be read"}
	}
	var body struct {
		Text   string     `json:"text"`
		Blocks api.Blocks `json:"blocks"`
	}
	if err := json.Unmarshal(report.Slack(), &body); err != nil {
		return message{}, &notify.RejectedError{Reason: "request", Text: "the digest cannot be read"}
	}
	blocks := body.Blocks.BlockSet
	return message{text: body.Text, key: d.Key, blocks: blocks[:min(len(blocks), maxBlocks)]}, nil
}

// digestPictures draws the charts of a digest, when it is sent: so the outbox need not keep them.
func digestPictures(d *routing.Delivery) []notify.Picture {
	report, err := digest.Parse(d.Digest)
	if err != nil {
		return nil // it could not have been posted either
	}
	var list []notify.Picture
	for _, p := range report.Pictures() {
		title := p.Alt
		if end := strings.IndexAny(title, ",:."); end > 0 {
			title = title[:end] // the words begin with what the chart is of
		}
		list = append(list, notify.Picture{Name: p.Name + ".png", Title: title, Alt: p.Alt, PNG: p.PNG()})
	}
	return list
}
