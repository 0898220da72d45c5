package journal

import (
	"bufio"
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

	"quell/internal/secret"
	"quell/storage"
	"quell/storage/bolt"
)

// Options of [Open].
type Options struct {
	// Stdin is what "-" stands for.
	Stdin io.Reader
	// Token is what a running quell wants to hear from those who ask from other machines; empty says nothing.
	Token secret.Text
	// Wait is how long a running quell may take to begin its answer, and then to go on with it. Zero means a minute.
	Wait time.Duration
	// Notes is told of damaged records that are left out. Nil is nobody.
	Notes io.Writer
}

// Limits of an answer: who asks is often a job that nobody looks at.
const (
	// answerWait is how long a running quell may take to begin its answer, and then to go on with it.
	answerWait = time.Minute
	// maxHeadBytes bounds the line of the head, which holds a configuration with the files that it names.
	maxHeadBytes = 64 << 20
)

// Path is where a running quell gives its journal.
const Path = "/api/v1/journal"

// boltMagic is where in a store's file bbolt's magic number stands, and what it is.
const boltMagicAt, boltMagic = 16, "\xed\xda\x0c\xed"

// Open opens a journal: the file of a store, a file or a folder of JSON Lines, "-", or the address of a running quell. The error says what to do
// about a store that a running quell holds.
func Open(ctx context.Context, what string, o Options) (Journal, error) {
	switch {
	case strings.HasPrefix(what, "http://"), strings.HasPrefix(what, "https://"):
		return openURL(ctx, what, o)
	case what == "-":
		if o.Stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return openLines("standard input", []string{"-"}, o.Stdin)
	}
	files, err := filesOf(what)
	if err != nil {
		return nil, err
	}
	if is, err := isStore(files[0]); err != nil || !is {
		if err != nil {
			return nil, err
		}
		return openLines(what, files, nil)
	}
	db, err := bolt.Open(what, bolt.Options{OnDamage: func(where string, key []byte, reason string) {
		if o.Notes != nil {
			_, _ = fmt.Fprintf(o.Notes, "quell: damaged row %x in %s is left out: %s\n", key, where, reason) // it is only a note
		}
	}})
	if errors.Is(err, storage.ErrLocked) {
		return nil, fmt.Errorf("%w; ask the running quell instead, e.g. --journal http://127.0.0.1:9095, or stop it first", err)
	}
	if err != nil {
		return nil, err
	}
	return OpenStore(db, what)
}

// isStore reports whether a file is a store, by what bbolt writes at its beginning.
func isStore(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("open journal: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	b := make([]byte, boltMagicAt+len(boltMagic))
	if _, err := io.ReadFull(f, b); err != nil {
		return false, nil // too short for a store; whoever reads it as lines tells what is wrong
	}
	return string(b[boltMagicAt:]) == boltMagic, nil
}

// remote is the journal of a running quell.
type remote struct {
	head Head
	body *steady
	in   *bufio.Reader
}

// errStalled says that an answer does not go on.
var errStalled = errors.New("nothing came any more")

// steady is the body of an answer that has to go on: when nothing came for as long as wait, the request is given up.
type steady struct {
	io.ReadCloser
	wait   time.Duration
	timer  *time.Timer
	giveUp context.CancelCauseFunc
	err    error // why it ended early
}

// Read reads what comes in time. The time in which nobody reads does not count.
func (s *steady) Read(p []byte) (int, error) {
	s.timer.Reset(s.wait)
	n, err := s.ReadCloser.Read(p)
	s.timer.Stop()
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Close ends the request.
func (s *steady) Close() error {
	s.timer.Stop()
	s.giveUp(nil)
	return s.ReadCloser.Close()
}

// ask sends a request whose answer has to begin, and its body to go on, within wait.
func ask(req *http.Request, wait time.Duration) (*http.Response, *steady, error) {
	ctx, giveUp := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(wait, func() { giveUp(fmt.Errorf("%w for %s", errStalled, wait)) })
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	timer.Stop()
	if err != nil {
		giveUp(nil)
		return nil, nil, err
	}
	body := &steady{ReadCloser: resp.Body, wait: wait, timer: timer, giveUp: giveUp}
	resp.Body = body
	return resp, body, nil
}

// openURL asks a running quell, and reads the head of its answer.
func openURL(ctx context.Context, address string, o Options) (Journal, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no address", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = Path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+string(o.Token))
	}
	wait := o.Wait
	if wait == 0 {
		wait = answerWait
	}
	resp, body, err := ask(req, wait)
	if err != nil {
		return nil, fmt.Errorf("ask for the journal: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }() // it was only read
		return nil, fmt.Errorf("%s: %s", address, refusal(resp))
	}
	r := &remote{body: body, in: bufio.NewReaderSize(body, 1<<20)}
	first, err := r.first()
	_, h, parseErr := ParseLine(first)
	if err != nil || parseErr != nil || h == nil {
		return nil, errors.Join(fmt.Errorf("the answer of %s is not quell's journal: %w", address, errors.Join(err, parseErr)), r.Close())
	}
	r.head = *h
	r.head.Source = address
	return r, nil
}

// first reads the line of the head.
func (r *remote) first() ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if len(line) > maxHeadBytes {
			return nil, fmt.Errorf("its first line is longer than %d bytes", maxHeadBytes)
		}
	}
}

// refusal is what an answer that is no journal says.
func refusal(resp *http.Response) string {
	var problem struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil || json.Unmarshal(text, &problem) != nil || problem.Error == "" {
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			return "answer " + resp.Status + " (whoever answers there wants to know who asks; --token-file names a token)"
		}
		return "answer " + resp.Status + " (is that the address of a running quell?)"
	}
	if problem.Hint != "" {
		return problem.Error + " (" + problem.Hint + ")"
	}
	return problem.Error
}

// Head tells what it is.
func (r *remote) Head() Head { return r.head }

// Read calls take with all records. An answer that ends early is an error: the difference would be between two torsos.
func (r *remote) Read(ctx context.Context, take func(*Record) error) error {
	l := Lines{head: r.head, next: r.head.First}
	err := eachLine(r.in, r.head.Source, func(n int, text []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return l.line(fmt.Sprintf("%s line %d", r.head.Source, n+1), text, take)
	})
	if r.body.err != nil && ctx.Err() == nil { // the line that it broke off in is no news
		return fmt.Errorf("%s broke off after record %d of %d: %w", r.head.Source, l.last, r.head.Last, r.body.err)
	}
	if err == nil && l.last != r.head.Last {
		return fmt.Errorf("%s broke off after record %d of %d", r.head.Source, l.last, r.head.Last)
	}
	return err
}

// Close ends the answer.
func (r *remote) Close() error { return r.body.Close() }
