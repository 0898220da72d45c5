package main

import (
	"bufio"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the scripts compare with cmp into their files; read the diff")

// TestMain makes this binary serve as quell in the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"quell": main})
}

// TestScript runs the command as users do. Beside testscript's commands there are
//
//	status N ARG…   run quell and want it to end with exit status N; its output as with exec
//	serve ARG…      start `quell serve` on a free port and wait until it takes requests; QUELL_URL becomes its address
//	logs REGEXP     wait for a line of its log
//	hup             send it SIGHUP
//	quit            send it SIGTERM, and want it to end well
//	post PATH FILE  post a file to it, and want status 200
//	send CODE PATH FILE ["NAME: VALUE"…]
//	                post a file with headers, and want this status; what is answered is stdout
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("USER", "alice")
			e.Values[servedKey] = new(served)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "serve": serve, "logs": logs, "hup": hup, "quit": quit, "post": post, "send": send,
		},
	})
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("quell", args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("quell %s: got exit status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// served is the quell that runs for a script.
type served struct {
	cmd   *exec.Cmd
	lines chan string // its log, closed at the end of it; a reader that is slow makes quell wait
}

const servedKey = "served"

var address = regexp.MustCompile(`quell takes requests.* address=([0-9.:]+)`)

func serve(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(servedKey).(*served)
	path, err := exec.LookPath("quell")
	ts.Check(err)
	s.cmd = exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Dir = ts.MkAbs(".")
	log, err := s.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	s.lines = make(chan string, 1000)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			s.lines <- lines.Text()
		}
		close(s.lines)
	}()
	ts.Defer(func() { _ = s.cmd.Process.Kill() }) // if the script ended early; else it is over already
	found := s.wait(ts, address)
	ts.Setenv("QUELL_URL", "http://"+found[1])
}

// wait returns what a regular expression finds in the log.
func (s *served) wait(ts *testscript.TestScript, want *regexp.Regexp) []string {
	late := time.After(time.Minute)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				ts.Fatalf("quell ended; %s is not in its log", want)
			}
			ts.Logf("%s", line)
			if found := want.FindStringSubmatch(line); found != nil {
				return found
			}
		case <-late:
			ts.Fatalf("%s does not come up in the log", want)
		}
	}
}

func logs(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value(servedKey).(*served).wait(ts, regexp.MustCompile(args[0]))
}

func hup(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value(servedKey).(*served).cmd.Process.Signal(syscall.SIGHUP))
}

func quit(ts *testscript.TestScript, _ bool, _ []string) {
	s := ts.Value(servedKey).(*served)
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	for line := range s.lines {
		ts.Logf("%s", line)
	}
	ts.Check(s.cmd.Wait())
}

func send(ts *testscript.TestScript, _ bool, args []string) {
	body, err := os.Open(ts.MkAbs(args[2]))
	ts.Check(err)
	defer func() { _ = body.Close() }() // it was only read
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("QUELL_URL")+args[1], body)
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range args[3:] {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	text, err := io.ReadAll(resp.Body)
	ts.Check(errors.Join(err, resp.Body.Close()))
	_, _ = ts.Stdout().Write(text) // what it keeps in memory
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("send %s: got %s %s, want %s", args[1], resp.Status, text, args[0])
	}
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	body, err := os.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer func() { _ = body.Close() }() // it was only read
	resp, err := http.Post(ts.Getenv("QUELL_URL")+args[0], "application/json", body)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("post %s: got %s", args[0], resp.Status)
	}
}
