package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"quell/correlate"
)

// incidentID reads the id of the path, or answers that it is none.
func incidentID(w http.ResponseWriter, r *http.Request) (id correlate.IncidentID, ok bool) {
	id, err := correlate.ParseIncidentID(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), "")
	}
	return id, err == nil
}

// readObject reads the body as one JSON object of a command: bounded, with no unknown field and nothing behind it. The error wraps [io.EOF]
// if nothing was sent.
func readObject(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommandBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: something follows the object")
	}
	return nil
}

// readBy reads who acts.
func readBy(w http.ResponseWriter, r *http.Request) (string, error) {
	var body struct {
		By string `json:"by"`
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is no media type is not a form
	if media == "application/x-www-form-urlencoded" {
		r.Body = http.MaxBytesReader(w, r.Body, maxCommandBytes)
		if err := r.ParseForm(); err != nil {
			return "", fmt.Errorf("form: %w", err)
		}
		body.By = r.PostForm.Get("by")
	} else if r.ContentLength != 0 {
		if err := readObject(w, r, &body); err != nil {
			return "", err
		}
	}
	return checkBy(body.By)
}

// checkBy bounds the name of who acts, and gives those one who have none.
func checkBy(by string) (string, error) {
	switch by = strings.TrimSpace(by); {
	case by == "":
		return "api", nil
	case len(by) > maxByBytes:
		return "", fmt.Errorf("by has %d bytes (limit %d)", len(by), maxByBytes)
	}
	return by, nil
}
