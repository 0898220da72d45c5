package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/internal/picture"
	"quell/notify"
	"quell/routing"
)

const (
	// maxPictures bounds the pictures of one incident, and maxDigestPictures those of a digest.
	maxPictures, maxDigestPictures = 3, 5
	// grownBy is how many more entities, at least, make a cascade worth another picture.
	grownBy = 5
	// pictureTime bounds what the pictures of one delivery may take. They come after the words, but the incident's next
	// delivery waits for them.
	pictureTime = 5 * time.Second
	// spareTime is left of an attempt's time when pictures have to be done, so that they cannot make it late.
	spareTime = time.Second
	// maxPictureBytes is far above what a cascade takes.
	maxPictureBytes = 4 << 20
	maxAltRunes     = 1000
	// pictureBreak is how long nothing is uploaded after Slack refused a picture for a reason that somebody has to mend.
	pictureBreak = 10 * time.Minute
	// slowBreak is how long nothing is uploaded after Slack was too slow, or did not answer: each attempt makes news wait.
	slowBreak = time.Minute
)

// needsPicture reports whether a thread should get a picture: of a page whose trouble spread, and later of a cascade that became another.
func (p place) needsPicture(d *routing.Delivery) bool {
	now, was := shapeOf(d.Incident), p.shape
	switch {
	case now.root == 0 || now.members < 2 || p.pictures >= maxPictures || d.Action == routing.Notice || !notify.StateAfter(d).Open():
		return false
	case was.members == 0: // there is none yet, or the last attempt came to nothing
		return d.Action == routing.Trigger || p.pictures > 0 || now.members >= grownBy
	}
	return now.root != was.root || now.members >= 2*was.members && now.members >= was.members+grownBy
}

// illustrate adds a picture of the cascade to the thread if it needs one. Whatever goes wrong, the words are there already: it is
// logged and counted, and the delivery is none the worse.
func (in *integration) illustrate(ctx context.Context, c *connection, d *routing.Delivery, at place) place {
	if in.config.NoPictures || !at.needsPicture(d) || in.pausedPictures(time.Now()) {
		return at
	}
	at.pictures++
	at.shape = shape{}
	if in.upload(ctx, c, at, func() []notify.Picture { return cascadeOf(d.Incident) }) {
		at.shape = shapeOf(d.Incident)
	}
	return at
}

// cascadeOf draws an incident.
func cascadeOf(i *correlate.Incident) []notify.Picture {
	img, ok := picture.Draw(i, picture.Options{})
	if !ok {
		return nil
	}
	return []notify.Picture{{Name: i.ID.String() + "-cascade.png", Title: "Cascade of " + i.ID.String(), Alt: img.Alt(), PNG: img.PNG()}}
}

// upload draws pictures and puts them into the thread below a message. It deals with what goes wrong, and reports whether nothing did.
func (in *integration) upload(ctx context.Context, c *connection, at place, drawn func() []notify.Picture) (ok bool) {
	err := in.tryUpload(ctx, c, at, drawn)
	if ctx.Err() == nil { // else quell stops, or the attempt's time is over, and that is not the picture's fault
		in.pictured(err)
	}
	return err == nil
}

func (in *integration) tryUpload(ctx context.Context, c *connection, at place, drawn func() []notify.Picture) (err error) {
	defer func() {
		// What is drawn comes from outside; a fault in drawing must not undo a page that has been delivered.
		if p := recover(); p != nil {
			err = &notify.RejectedError{Reason: "panic", Text: fmt.Sprintf("drawing it panicked: %T", p)}
		}
	}()
	pictures := drawn()
	limit := pictureTime
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)-spareTime)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var files []api.FileSummary
	for _, p := range pictures[:min(len(pictures), maxDigestPictures)] {
		if len(p.PNG) == 0 || len(p.PNG) > maxPictureBytes {
			return errTooLarge
		}
		id, err := c.file(ctx, p)
		if err != nil {
			return err
		}
		files = append(files, api.FileSummary{ID: id, Title: p.Title})
	}
	if len(files) == 0 {
		return nil
	}
	_, err = c.CompleteUploadExternalContext(ctx, api.CompleteUploadExternalParameters{Files: files, Channel: at.channel, ThreadTimestamp: at.ts})
	if err != nil {
		return c.failure(err)
	}
	return nil
}

var errTooLarge = &notify.RejectedError{Reason: "too_large", Text: "the picture is empty, or larger than Slack should get"}

// file uploads one picture, which nobody sees until it is shared.
func (c *connection) file(ctx context.Context, p notify.Picture) (id string, err error) {
	where, err := c.GetUploadURLExternalContext(ctx, api.GetUploadURLExternalParameters{
		FileName: p.Name, FileSize: len(p.PNG), AltTxt: notify.Line(p.Alt, maxAltRunes),
	})
	if err != nil {
		return "", c.failure(err)
	}
	// The library refuses addresses that are not Slack's own: the token goes along.
	err = c.UploadToURL(ctx, api.UploadToURLParameters{UploadURL: where.UploadURL, Reader: bytes.NewReader(p.PNG), Filename: p.Name})
	if err != nil {
		return "", c.failure(err)
	}
	return where.FileID, nil
}

// pictured counts what came of pictures, and tells the log when that changes.
func (in *integration) pictured(err error) {
	in.env.CountExtra("slack", notify.ExtraPicture, err)
	reason, pause := judged(err)
	in.mu.Lock()
	said := in.pictureSaid
	in.pictureSaid = reason
	in.noPicturesUntil = time.Now().Add(pause)
	in.mu.Unlock()
	if err == nil || said == reason {
		return
	}
	hint := "messages go out without pictures as long as that lasts; pictures: false turns them off"
	if reason == "missing_scope" {
		hint = "give the app the scope files:write and install it again; " + hint
	}
	in.env.Logger().Warn("picture not uploaded to Slack", slog.String("channel", in.config.Channel),
		slog.String("reason", err.Error()), slog.String("hint", hint))
}

// judged returns an error's reason, and how long it is pointless to try again.
func judged(err error) (reason string, pause time.Duration) {
	if rejected, ok := errors.AsType[*notify.RejectedError](err); ok {
		if rejected.Reason == errTooLarge.Reason || rejected.Reason == "panic" {
			return rejected.Reason, 0 // that is about one picture
		}
		return rejected.Reason, pictureBreak
	}
	if retry, ok := errors.AsType[*notify.RetryError](err); ok {
		return retry.Reason, max(retry.After, slowBreak)
	}
	return "", 0
}

func (in *integration) pausedPictures(now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return now.Before(in.noPicturesUntil)
}
