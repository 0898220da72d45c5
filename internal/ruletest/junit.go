package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// junitSuites is what GitLab, Jenkins and others read of JUnit's reports: suites of cases, each with its file, its time in seconds, and
// a failure or an error.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	File     string      `xml:"file,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string       `xml:"name,attr"`
	ClassName string       `xml:"classname,attr"`
	File      string       `xml:"file,attr"`
	Line      int          `xml:"line,attr,omitempty"`
	Time      string       `xml:"time,attr"`
	Failure   *junitDetail `xml:"failure"`
	Error     *junitDetail `xml:"error"`
}

type junitDetail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a report in the form in which build servers read the results of tests. A file that cannot be run is a case with an error.
func (r *Report) JUnit(out io.Writer) error {
	all := junitSuites{Name: "quell test", Time: seconds(r.Seconds)}
	for i := range r.Files {
		s := r.Files[i].junit()
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(out)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// junit makes a suite of a file.
func (f *FileReport) junit() junitSuite {
	s := junitSuite{Name: f.Name, File: f.Name}
	class := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(f.Name, ".yml"), ".yaml"), ".txtar")
	total := 0.0
	for i := range f.Tests {
		t := &f.Tests[i]
		total += t.Seconds
		c := junitCase{Name: t.Name, ClassName: class, File: f.Name, Line: t.Line, Time: seconds(t.Seconds)}
		if len(t.Failures) > 0 {
			s.Failures++
			var b strings.Builder
			t.text(&b, f.Name, false)
			first := &t.Failures[0]
			message := fmt.Sprintf("%s:%d: %s", f.Name, first.Line, first.Text)
			if n := len(t.Failures); n > 1 {
				message += fmt.Sprintf(" (and %d more)", n-1)
			}
			c.Failure = &junitDetail{Message: message, Type: "expectation", Text: b.String()}
		}
		s.Cases = append(s.Cases, c)
	}
	if len(f.Problems) > 0 {
		s.Errors++
		s.Cases = append(s.Cases, junitCase{
			Name: "file can be read", ClassName: class, File: f.Name, Time: seconds(0),
			Error: &junitDetail{Message: f.Problems[0], Type: "problem", Text: strings.Join(f.Problems, "\n")},
		})
	}
	s.Tests, s.Time = len(s.Cases), seconds(total)
	return s
}
