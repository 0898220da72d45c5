// Recorder is the smallest program that the power-loss test can test: it appends every POST to a file and answers when the
// file is synced. With it the test shows that it passes a program that syncs, and catches one that does not.
//
//	recorder serve -store FILE -listen ADDRESS [-nosync]
//	recorder journal -store FILE
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

// record is one line of the journal.
type record struct {
	Seq    int             `json:"seq"`
	Inputs json.RawMessage `json:"inputs"`
}

// store appends records to a file.
type store struct {
	mu     sync.Mutex
	file   *os.File
	seq    int
	noSync bool
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("want serve or journal")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	path := flags.String("store", "", "file to append to")
	listen := flags.String("listen", "", "address to serve on")
	noSync := flags.Bool("nosync", false, "answer without syncing")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	s, good, err := open(*path)
	if err != nil {
		return err
	}
	if args[0] == "journal" {
		_, err := os.Stdout.Write(good)
		return err
	}
	s.noSync = *noSync
	http.HandleFunc("POST /api/v2/alerts", s.post)
	http.HandleFunc("GET /-/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /api/v1/incidents", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "[]") })
	return http.ListenAndServe(*listen, nil)
}

// open opens the file, cuts off what a crash left behind the last whole record, and returns the whole ones.
func open(path string) (*store, []byte, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	s := &store{file: file}
	var good []byte
	for r := bufio.NewReader(file); ; {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
		if err != nil || json.Unmarshal(line, new(record)) != nil {
			break
		}
		s.seq++
		good = append(good, line...)
	}
	if err := file.Truncate(int64(len(good))); err != nil {
		return nil, nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, nil, err
	}
	_, err = file.Seek(0, io.SeekEnd)
	return s, good, err
}

// post appends and answers. When that fails nobody knows what is on the disk, so it ends the process after the answer.
func (s *store) post(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = s.append(body)
	}
	if err == nil {
		return
	}
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
	_ = http.NewResponseController(w).Flush()
	fmt.Fprintln(os.Stderr, "recorder:", err)
	os.Exit(1)
}

func (s *store) append(inputs []byte) error {
	line, err := json.Marshal(record{Seq: s.seq + 1, Inputs: bytes.TrimSpace(inputs)})
	if err != nil {
		return err
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	s.seq++
	if s.noSync {
		return nil
	}
	return s.file.Sync()
}
