package correlate

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start is when the stories of tests begin.
var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// rowStore keeps rows as a store would.
type rowStore map[string][]byte

func newRowStore() rowStore { return make(rowStore) }

func (r rowStore) take(e *Engine) {
	e.Changes(func(k, v []byte) {
		if v == nil {
			delete(r, string(k))
			return
		}
		r[string(k)] = bytes.Clone(v)
	})
}

// check compares what the changes added up to with the whole state.
func (r rowStore) check(t *testing.T, e *Engine) {
	t.Helper()
	whole := newRowStore()
	e.Rows(func(k, v []byte) { whole[string(k)] = bytes.Clone(v) })
	if !maps.EqualFunc(whole, r, bytes.Equal) {
		t.Fatalf("changed rows do not add up to the state (-state +rows):\n%s", cmp.Diff(whole, r))
	}
}

func (r rowStore) load(t *testing.T) *Engine {
	t.Helper()
	return r.loadWith(t, compileTest)
}

func (r rowStore) loadWith(t *testing.T, compile Compiler) *Engine {
	t.Helper()
	e, err := Load(compile, r.all())
	if err != nil {
		t.Fatal(err)
	}
	r.check(t, e)
	return e
}

func (r rowStore) all() func(yield func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		for _, k := range sortedKeys(r) {
			if !yield([]byte(k), r[k]) {
				return
			}
		}
	}
}

// RowStore is a rowStore for the external tests, which alone can import the packages that import this one.
type RowStore struct{ rows rowStore }

// NewRowStore returns an empty one.
func NewRowStore() RowStore { return RowStore{newRowStore()} }

// Take takes over what the last steps changed.
func (r RowStore) Take(e *Engine) { r.rows.take(e) }

// Check fails unless the rows are the engine's whole state.
func (r RowStore) Check(t *testing.T, e *Engine) { r.rows.check(t, e) }

// Load makes an engine of the rows.
func (r RowStore) Load(t *testing.T, compile Compiler) *Engine { return r.rows.loadWith(t, compile) }

// CompileTest compiles the rules of tests.
func CompileTest(p *Policy) (Rules, error) { return compileTest(p) }

// ReadScript reads the language of stories: the times of its steps, and their inputs. An external test sets it.
var ReadScript func(script string) (times []time.Time, inputs [][]Input, err error)

// scriptLine is one step of a script.
type scriptLine struct {
	at     time.Time
	inputs []Input
}

// gap reports whether the line tells of a time that quell did not see.
func (l scriptLine) gap() bool {
	if len(l.inputs) == 0 {
		return false
	}
	_, is := l.inputs[0].(*Gap)
	return is
}

func parseScript(t *testing.T, script string) []scriptLine {
	t.Helper()
	times, inputs, err := ReadScript(script)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]scriptLine, len(times))
	for i := range lines {
		lines[i] = scriptLine{times[i], inputs[i]}
	}
	return lines
}
