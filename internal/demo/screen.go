package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"quell/internal/picture"
)

// columns is how wide a line may become.
const columns = 100

// style is how a text looks on a terminal that knows colours.
type style string

const (
	plain style = ""
	bold  style = "1"
	faint style = "2"
	alarm style = "1;31"
	good  style = "32"
	held  style = "33"
)

// screen shows lines one after the other, and on a terminal one more below them that changes in place. Several goroutines may
// use it.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	colours  bool
	status   string
	failed   error // the first write error, after which there is nobody to show anything to
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	s.colours = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// paint wraps text into a style.
func (s *screen) paint(st style, text string) string {
	if !s.colours || st == plain {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// say shows a line that stays. What is too long is cut, what is not printable replaced.
func (s *screen) say(st style, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.write(s.paint(st, shorten(picture.Clean(fmt.Sprintf(format, args...)), columns)) + "\n")
	s.draw()
}

// block shows text of several lines as it is.
func (s *screen) block(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.write(strings.TrimRight(text, "\n") + "\n")
	s.draw()
}

// heading begins a part of the show.
func (s *screen) heading(text string) {
	s.say(plain, "")
	s.say(bold, "%s", text)
	s.say(plain, "")
}

// live changes the line below all others. Without a terminal there is none.
func (s *screen) live(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || text == s.status {
		return
	}
	s.erase()
	s.status = text
	s.draw()
}

// end removes the line that changes.
func (s *screen) end() { s.live("") }

func (s *screen) erase() {
	if s.status != "" {
		s.write("\r\x1b[K")
	}
}

func (s *screen) draw() {
	if s.status != "" {
		s.write(s.paint(bold, s.status))
	}
}

func (s *screen) write(text string) {
	if s.failed == nil {
		_, s.failed = io.WriteString(s.out, text)
	}
}

// err returns why nothing can be shown any more, or nil.
func (s *screen) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// shorten cuts a line to a width.
func shorten(text string, width int) string {
	r := []rune(text)
	if len(r) <= width {
		return text
	}
	return string(r[:width-1]) + "…"
}

// length is how many columns a text has; what is drawn twice as wide counts once.
func length(text string) int { return utf8.RuneCountInString(text) }

// wrap breaks text into lines of a width, between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && length(line)+1+length(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
