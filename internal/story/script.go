package story

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The language of scripts. A line is TIME COMMAND ARGUMENTS, where TIME counts from the start and the commands are
//
//	fire NAME{label="value",…}         an alert, told by its labels
//	fire NAME ENTITY [label=value…]    likewise, with the entity that it is about; "-" leaves that to the labels.
//	                                   startsAt= and expires= are offsets, source= names who reports
//	resolve NAME…                      likewise, with endsAt=
//	event REASON ENTITY [warning] [count=N] [id=ID] [by=COMPONENT] [ago=DURATION] [says MESSAGE]
//	state REASON ENTITY [says MESSAGE] an event by quell/state: how an object is
//	edge FROM TYPE TO [source=NAME]    FROM and TO may be lists with commas: each of the one with each of the other
//	unedge FROM TYPE TO [source=NAME]
//	remove ENTITY
//	ack INCIDENT BY                    INCIDENT is a number (inc-1), or the root of an open one
//	close INCIDENT BY                  an operator resolves it
//	silence ID [for=DURATION] [from=TIME] [entity=ENTITY] [incident=INCIDENT] [force] [label=value…]
//	                                   a silence of an hour, by ada; again with the same ID it is changed
//	unsilence ID                       it ends now
//	beat NAME [fail] [label=value…] [says MESSAGE]   a heartbeat that reports by itself
//	forget NAME [label=value…]         an operator expects it no longer
//	gap FROM WHY                       quell saw nothing from then on
//	tick                               time passes
//	repeat N EVERY COMMAND …           the command N times, the first at TIME, one EVERY so often; {n} in it counts from 1. With
//	                                   an EVERY of 0s they are one batch
//
// Lines are played in order of time; one that begins with "#" is a comment.

// maxMoments bounds what a story may unroll to: repeats multiply.
const maxMoments = 100_000

// errTooLong is of a story that unrolls to more than is sensible.
var errTooLong = fmt.Errorf("there are more than %d inputs", maxMoments)

// LineError is a problem in one line of a script.
type LineError struct {
	// Line counts from 1.
	Line int
	Err  error
}

// Error returns "line N: problem".
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the problem.
func (e *LineError) Unwrap() error { return e.Err }

// Script reads a script that begins at start, repeats unrolled, in order of time. The error is a *[LineError].
func Script(script string, start time.Time) ([]Moment, error) {
	var moments []Moment
	n := 0
	for text := range strings.Lines(script) {
		n++
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		when, text, _ := strings.Cut(text, " ")
		at, err := offset(start, when)
		if err != nil {
			return nil, &LineError{n, err}
		}
		more, err := unroll(strings.TrimSpace(text), clock{start, at})
		if err != nil {
			return nil, &LineError{n, err}
		}
		for i := range more {
			more[i].Line = n
		}
		if moments = append(moments, more...); len(moments) > maxMoments {
			return nil, &LineError{n, errTooLong}
		}
	}
	slices.SortStableFunc(moments, func(a, b Moment) int { return a.At.Compare(b.At) })
	return moments, nil
}

// clock is when a command is given in a story, and when that began.
type clock struct{ start, at time.Time }

// unroll reads a command, or a repeated one.
func unroll(text string, c clock) ([]Moment, error) {
	rest, ok := strings.CutPrefix(text, "repeat ")
	if !ok {
		m, err := c.command(text)
		return []Moment{m}, err
	}
	fields := strings.Fields(rest)
	if len(fields) < 3 {
		return nil, errors.New("want repeat N EVERY COMMAND")
	}
	times, err := strconv.Atoi(fields[0])
	if err != nil || times < 1 || times > maxMoments {
		return nil, fmt.Errorf("%q is no number of times", fields[0])
	}
	every, err := span(fields[1])
	if err != nil {
		return nil, err
	}
	_, command, _ := strings.Cut(rest, fields[0])
	_, command, _ = strings.Cut(command, fields[1])
	return repeated(strings.TrimSpace(command), c, series{times, every})
}

// series is how often something comes, and after how long again.
type series struct {
	times int
	every time.Duration
}

// repeated gives a command several times; {n} in it counts from 1. Those of one time are one batch.
func repeated(text string, c clock, s series) ([]Moment, error) {
	var moments []Moment
	for k := range s.times {
		one := strings.ReplaceAll(text, "{n}", strconv.Itoa(k+1))
		m, err := clock{c.start, c.at.Add(time.Duration(k) * s.every)}.command(one)
		switch {
		case err != nil:
			return nil, err
		case k > 0 && s.every == 0:
			moments[0].Inputs = append(moments[0].Inputs, m.Inputs...)
		default:
			moments = append(moments, m)
		}
	}
	return moments, nil
}

// span reads a duration, as Go writes them or in days and weeks.
func span(word string) (time.Duration, error) {
	if d, err := time.ParseDuration(word); err == nil {
		return d, nil
	}
	days, ok := strings.CutSuffix(word, "d")
	n, err := strconv.Atoi(days)
	if !ok || err != nil || n < 0 || n > 3660 {
		return 0, fmt.Errorf("%q is no duration (write 90s, 5m or 1h30m)", word)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

// latest bounds what a story may last: the engine counts nanoseconds.
const latest = 10 * 366 * 24 * time.Hour

// offset is the time that a word names.
func offset(start time.Time, word string) (time.Time, error) {
	d, err := span(word)
	if err == nil && (d > latest || d < -latest) {
		err = fmt.Errorf("%s is longer than ten years", word)
	}
	return start.Add(d), err
}

// Span writes a duration as stories do: 5m, 1h30m, 90s is 1m30s.
func Span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// words splits a command at blanks, but not within the braces of labels.
func words(text string) ([]string, error) {
	var list []string
	begin, depth, quoted := -1, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case (c == ' ' || c == '\t') && depth == 0:
			if begin >= 0 {
				list = append(list, text[begin:i])
			}
			begin = -1
			continue
		}
		if begin < 0 {
			begin = i
		}
	}
	if depth > 0 {
		return nil, errors.New("the braces do not end")
	}
	if begin >= 0 {
		list = append(list, text[begin:])
	}
	if len(list) == 0 {
		return nil, errors.New("there is no command")
	}
	return list, nil
}
