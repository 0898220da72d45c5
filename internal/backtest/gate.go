package backtest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Gate is a condition under which a change of the rules is refused.
type Gate struct {
	text  string
	name  string
	op    string
	limit float64
}

var gateForm = regexp.MustCompile(`^\s*([a-z_]+)\s*(>=|<=|>|<|==|!=)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*$`)

// ParseGate reads a condition of the form "pages_added > 5". The error names what can stand on the left.
func ParseGate(text string) (Gate, error) {
	found := gateForm.FindStringSubmatch(text)
	if found == nil {
		return Gate{}, fmt.Errorf("%q is no condition (want a form like %q)", text, "added > 5")
	}
	g := Gate{text: strings.TrimSpace(text), name: strings.TrimPrefix(found[1], "pages_"), op: found[2]}
	var err error
	if g.limit, err = strconv.ParseFloat(found[3], 64); err != nil {
		return Gate{}, fmt.Errorf("%q: %w", text, err)
	}
	values := (&Result{}).values()
	if _, known := values[g.name]; !known {
		return Gate{}, fmt.Errorf("%q: unknown name %q (want one of %s)", text, found[1], strings.Join(slices.Sorted(maps.Keys(values)), ", "))
	}
	return g, nil
}

// values are what gates can be about.
func (r *Result) values() map[string]float64 {
	v := make(map[string]float64)
	for _, k := range Kinds() {
		v[string(k)] = float64(r.Counts[k])
	}
	f := &r.Figures.New
	v["pages"], v["incidents"], v["unneeded"] = float64(f.Pages), float64(f.Incidents), float64(f.Unneeded)
	v["delay_seconds"] = f.DelaySeconds
	return v
}

// Fails reports whether the condition holds for a result, and why, for people.
func (g *Gate) Fails(r *Result) (why string, fails bool) {
	v := r.values()[g.name]
	switch g.op {
	case ">":
		fails = v > g.limit
	case ">=":
		fails = v >= g.limit
	case "<":
		fails = v < g.limit
	case "<=":
		fails = v <= g.limit
	case "==":
		fails = v == g.limit
	case "!=":
		fails = v != g.limit
	}
	return fmt.Sprintf("%s: it is %s", g.text, strconv.FormatFloat(v, 'f', -1, 64)), fails
}
