package journal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quell/correlate"
	"quell/internal/replay"
)

// maxLineBytes bounds a line; a record of 100,000 alerts has about 100 MiB.
const maxLineBytes = 512 << 20

// Lines is a journal in files of JSON Lines.
type Lines struct {
	head  Head
	files []string
	stdin io.Reader
	// last is the number of the record that was read last.
	last uint64
	// next is the number of the first record that the last head announced, zero once that came, and promised that of the last one of all.
	next, promised uint64
}

// filesOf lists what a path stands for: a file, or those of a folder that hold lines, in order of their names.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, pattern := range [...]string{"*.jsonl", "*.jsonl.gz"} {
		found, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	if len(files) == 0 {
		return nil, fmt.Errorf("open journal: %s holds no *.jsonl and no *.jsonl.gz", path)
	}
	return files, nil
}

// openLines takes files for a journal, or for a recording if that is what their first line is.
func openLines(source string, files []string, stdin io.Reader) (Journal, error) {
	if stdin != nil {
		stdin = bufio.NewReaderSize(stdin, 1<<20)
	}
	l := &Lines{head: Head{Source: source}, files: files, stdin: stdin}
	first, err := l.peek()
	if err != nil {
		return nil, err
	}
	r, h, err := ParseLine(first)
	switch {
	case h != nil && err == nil:
		l.head = *h
		l.head.Source = source
	case r != nil && err == nil:
		l.head.First, l.head.Begin = r.Seq, r.At
	case bytes.Contains(first[:min(len(first), 1<<16)], []byte(`"seq"`)) || bytes.Contains(first[:min(len(first), 64)], []byte(`"journal"`)):
		return nil, fmt.Errorf("%s:1: %w", files[0], err)
	default:
		return &recording{Head{Source: source, Recording: true}, replay.Source{Files: files, Stdin: stdin}}, nil
	}
	return l, nil
}

// peek returns the first line, without taking it from standard input.
func (l *Lines) peek() ([]byte, error) {
	if l.files[0] == "-" {
		in, ok := l.stdin.(*bufio.Reader)
		if !ok {
			return nil, errors.New("there is no standard input")
		}
		text, err := in.Peek(1 << 20)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		text, _, _ = bytes.Cut(text, []byte("\n"))
		return text, nil
	}
	var first []byte
	err := l.file(l.files[0], func(_ int, text []byte) error {
		first = slices.Clone(text)
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if first == nil {
		return nil, fmt.Errorf("%s is empty", l.files[0])
	}
	return first, nil
}

// Head tells what it is.
func (l *Lines) Head() Head { return l.head }

// Close has nothing to do.
func (l *Lines) Close() error { return nil }

// Read calls take with all records. Records that do not follow each other are an error: what lies between them would be missing.
func (l *Lines) Read(ctx context.Context, take func(*Record) error) error {
	for _, name := range l.files {
		err := l.file(name, func(n int, text []byte) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			where := fmt.Sprintf("%s:%d", name, n)
			return l.line(where, text, take)
		})
		if err != nil {
			return err
		}
	}
	if l.last < l.promised {
		return fmt.Errorf("%s breaks off after record %d of %d (the end was not exported, or a file is missing)", l.head.Source, l.last, l.promised)
	}
	return nil
}

func (l *Lines) line(where string, text []byte, take func(*Record) error) error {
	r, h, err := ParseLine(text)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if h != nil {
		return l.header(where, h)
	}
	if l.next != 0 && r.Seq != l.next {
		return fmt.Errorf("%s: record %d follows a head that begins with record %d (records are missing, or it is another's head)", where, r.Seq, l.next)
	}
	l.next = 0
	if l.last != 0 && r.Seq != l.last+1 {
		return fmt.Errorf("%s: record %d follows record %d (records are missing, or the files are not in order)", where, r.Seq, l.last)
	}
	l.last, r.Where = r.Seq, where
	return take(r)
}

// header takes a head among the lines: each file may have one. All have to be of one store, or else the numbers of their records mean nothing.
func (l *Lines) header(where string, h *Head) error {
	if l.head.StoreID != "" && h.StoreID != "" && h.StoreID != l.head.StoreID {
		return fmt.Errorf("%s: the journal of another store begins, %s after %s", where, h.StoreID, l.head.StoreID)
	}
	l.next, l.promised = h.First, max(l.promised, h.Last)
	return nil
}

// file calls take with the lines of a file that are not blank.
func (l *Lines) file(name string, take func(n int, text []byte) error) error {
	in := l.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		in = z
	}
	return eachLine(in, name, take)
}

// eachLine calls take with the lines of in that are not blank.
func eachLine(in io.Reader, name string, take func(n int, text []byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<20), maxLineBytes)
	n := 0
	for lines.Scan() {
		n++
		if text := bytes.TrimSpace(lines.Bytes()); len(text) > 0 {
			if err := take(n, text); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d MiB", name, n+1, maxLineBytes>>20)
	} else if err != nil {
		return fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return nil
}

// recording is recorded input as a journal.
type recording struct {
	head   Head
	source replay.Source
}

// Head tells what it is.
func (r *recording) Head() Head { return r.head }

// Close has nothing to do.
func (r *recording) Close() error { return nil }

// Read calls take with one record for all lines of an instant, commands apart: an operator saw what came of everything before.
func (r *recording) Read(ctx context.Context, take func(*Record) error) error {
	var failed error
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var waiting *Record
	flush := func() {
		if waiting != nil && failed == nil {
			if failed = take(waiting); failed != nil {
				cancel(failed)
			}
		}
		waiting = nil
	}
	err := replay.Read(ctx, r.source, func(l replay.Line) {
		commands := slices.ContainsFunc(l.Inputs, func(in correlate.Input) bool { _, is := in.(*correlate.Command); return is })
		if waiting == nil || !waiting.At.Equal(l.At) || commands || waiting.Roots != nil {
			flush()
			waiting = &Record{At: l.At, Where: l.Where}
		}
		if l.Root != "" {
			waiting.Roots = map[int]string{len(waiting.Inputs): string(l.Root)}
		} else if commands {
			waiting.Roots = map[int]string{}
		}
		waiting.Inputs = append(waiting.Inputs, l.Inputs...)
	})
	flush()
	if failed != nil {
		return failed
	}
	return err
}
