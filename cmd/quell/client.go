package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/secret"
)

const (
	defaultURL = "http://127.0.0.1:9095"
	// requestTimeout is long enough for a loop that waits for a slow disk.
	requestTimeout = 30 * time.Second
	maxAnswerBytes = 256 << 20
)

// client asks a running quell.
type client struct {
	root  string
	token secret.Text
	http  http.Client
}

// urlFlags say which quell to ask.
type urlFlags struct{ url, tokenFile *string }

// urlFlag adds --url and --token-file.
func urlFlag(cmd *cobra.Command) *urlFlags {
	return &urlFlags{
		url:       cmd.Flags().String("url", cmp.Or(os.Getenv("QUELL_URL"), defaultURL), "`address` of the running quell; QUELL_URL sets the default"),
		tokenFile: tokenFlag(cmd),
	}
}

// tokenFlag adds --token-file.
func tokenFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("token-file", os.Getenv("QUELL_TOKEN_FILE"), "`file` with the token that a running quell on another machine asks for; QUELL_TOKEN_FILE sets the default")
}

// readToken reads a token; no file is no token.
func readToken(path string) (secret.Text, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", errors.New("the token file is empty")
	}
	return secret.Text(token), nil
}

func newClient(at *urlFlags) (*client, error) {
	u, err := url.Parse(*at.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("--url %q is no http or https address", *at.url)
	}
	token, err := readToken(*at.tokenFile)
	return &client{root: strings.TrimSuffix(*at.url, "/"), token: token, http: http.Client{Timeout: requestTimeout}}, err
}

// get asks for a path and decodes the answer into a value.
func (c *client) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// do sends a request, with a body as JSON unless it is nil.
func (c *client) do(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			panic("quell: request cannot be encoded: " + err.Error()) // no request has a field that could fail
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.root+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+string(c.token))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the address is told below
		}
		return fmt.Errorf("no answer from %s: %w (is quell running there? --url says where)", c.root, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.root, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the answer of %s%s is not quell's: %w", c.root, path, err)
	}
	return nil
}

// refusedError is an answer that is no success.
type refusedError struct {
	status int
	answer []byte
	text   string
}

func (e *refusedError) Error() string { return e.text }

// refusal makes an error of an answer that is no success.
func refusal(resp *http.Response, answer []byte) error {
	var problem struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}
	e := &refusedError{status: resp.StatusCode, answer: answer}
	switch err := json.Unmarshal(answer, &problem); {
	case err != nil || problem.Error == "":
		e.text = "answer " + resp.Status
	case problem.Hint != "":
		e.text = fmt.Sprintf("%s (%s)", problem.Error, problem.Hint)
	default:
		e.text = problem.Error
	}
	return e
}

// incidents asks for all incidents that match, page by page, at most limit (0: all).
func (c *client) incidents(ctx context.Context, query url.Values, limit int) ([]*correlate.Incident, error) {
	const most = 1000
	var all []*correlate.Incident
	for {
		page := most
		if limit > 0 {
			page = min(page, limit-len(all))
		}
		query.Set("limit", fmt.Sprint(page))
		var answer struct {
			Incidents []*correlate.Incident `json:"incidents"`
			Next      string                `json:"next"`
		}
		if err := c.get(ctx, "/api/v1/incidents?"+query.Encode(), &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Incidents...)
		if answer.Next == "" || len(answer.Incidents) == 0 || limit > 0 && len(all) >= limit {
			return all, nil
		}
		query.Set("cursor", answer.Next)
	}
}
