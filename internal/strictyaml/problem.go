package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// MaxProblems bounds how many problems one file reports: nobody reads more, and a hostile file could have millions.
const MaxProblems = 100

// Problem is one thing that is wrong in a file that a person wrote.
type Problem struct {
	// File is the name as it was given to the reader.
	File string
	// Line and Col count from 1; Line 0 means the file as a whole.
	Line, Col int
	// Text says what is wrong, lower case and without a stop.
	Text string
	// Hint says what to do about it; possibly empty.
	Hint string
	// Warning is true if the file can be used all the same.
	Warning bool
	// Kind is a word for what is wrong, for tools; docs/checking.md lists them. Empty means that the file breaks the rules of its form.
	Kind string
}

// String returns "file:line:col: problem (hint)".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Text)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all that is wrong, in order of file and position. As an error it has a line for each.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns ps as an error, or nil if it holds nothing but warnings.
func (ps Problems) Err() error {
	for _, p := range ps {
		if !p.Warning {
			return ps
		}
	}
	return nil
}

// Sort orders by file, line and column, and keeps the order of problems in one place.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// Suggest returns "did you mean X?" for the known word that is nearest to word, or "" if none is near. Near means at most
// one mistake in about three letters.
func Suggest(word string, known []string) string {
	best, bestDistance := "", (len(word)+1)/3+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(word, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// distance is the number of letters to insert, remove, replace or swap with their neighbour that makes b of a (optimal
// string alignment, in bytes), or a large number for words too long to be typos.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return len(a) + len(b) // nobody is that far from a word
	}
	var rows [longest + 1][longest + 1]int
	for i := range len(a) + 1 {
		for j := range len(b) + 1 {
			if i == 0 || j == 0 {
				rows[i][j] = i + j
				continue
			}
			d := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				d = 1 + min(d, rows[i-1][j], rows[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

// Quote shows text of a file inside a message: quoted, and cut where it is too long to help.
func Quote(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
