package ruletest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/story"
	"quell/notify/digest"
)

// actual is how an incident is, or what somebody was told, by the keys of facts.
type actual map[string][]string

// line tells what matters of it in one line, by the given keys.
func (a actual) line(keys []string) string {
	var parts []string
	for _, k := range keys {
		if v, ok := a[k]; ok && len(v) > 0 && (len(v) > 1 || v[0] != "") {
			parts = append(parts, k+": "+strings.Join(v, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func one(s string) []string { return []string{s} }

// when writes a time as an offset.
func (s *stage) when(t *time.Time) []string {
	if t == nil {
		return one(story.Never)
	}
	return one(story.Span(t.Sub(s.start)))
}

// incident tells all that can be asked of an incident.
func (s *stage) incident(inc *correlate.Incident) actual {
	root := inc.Roots[0]
	a := actual{
		"id": one(inc.ID.String()), "root": one(string(root.Entity)), "silent": one(strconv.FormatBool(root.Silent)), "title": one(inc.Title),
		"state": one(inc.State.String()), "outcome": one(inc.Outcome), "severity": one(inc.Severity.String()), "members": names(inc.Members),
		"alerts": one(strconv.Itoa(inc.Alerts)), "active": one(strconv.Itoa(inc.Active)), "generation": one(strconv.Itoa(inc.Generation)),
		"opened": s.when(&inc.Opened), "held_until": s.when(inc.HeldUntil), "paged": s.when(inc.Escalated), "acknowledged": s.when(inc.Acknowledged),
		"closed": s.when(inc.Closed), "acknowledged_by": one(inc.AckedBy), "hold_reason": one(inc.HoldReason), "close_reason": one(inc.CloseReason),
		"healed_by": one(""), "muted_by": one(mutedBy(inc)), "rule": one(ruleOf(inc)), "chronic": {},
	}
	if inc.HealedBy != nil {
		a["healed_by"] = one(inc.HealedBy.String())
	}
	for _, c := range inc.Chronic {
		a["chronic"] = append(a["chronic"], c.Kind.String())
	}
	return a
}

func names(entities []topology.Entity) []string {
	list := make([]string, len(entities))
	for i, e := range entities {
		list[i] = string(e)
	}
	return list
}

// mutedBy lists what keeps symptoms of an incident from paging.
func mutedBy(inc *correlate.Incident) string {
	var list []string
	add := func(text string) {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for i := range inc.Symptoms {
		for _, by := range inc.Symptoms[i].SilencedBy {
			add(strings.TrimSpace(by.ID + " " + by.Comment))
		}
		for k := range inc.Symptoms[i].MutedBy {
			add(muted(&inc.Symptoms[i].MutedBy[k]))
		}
	}
	return strings.Join(list, ", ")
}

// muted says what a rule does, and names the rule by its key, which stays the same when lines move.
func muted(by *correlate.MutedBy) string {
	if by.Rule == nil {
		return by.String()
	}
	return strings.Replace(by.String(), by.Rule.String(), by.Rule.Key(), 1)
}

// defaultRule stands for what applies where no rule says otherwise.
const defaultRule = "default"

// ruleOf is the key of the rule that set an incident's deadline: it stays the same when lines move.
func ruleOf(inc *correlate.Incident) string {
	if inc.HoldRule == nil {
		return defaultRule
	}
	return inc.HoldRule.Key()
}

// message tells all that can be asked of a page or notice.
func (s *stage) message(m *message) actual {
	return actual{
		"at": s.when(&m.at), "root": one(string(m.root)), "receiver": one(m.receiver), "incident": one(m.incident.String()),
		"severity": one(m.severity.String()), "reason": one(m.reason),
	}
}

// actuals are what a claim is about, as it is now.
func (s *stage) actuals(kind string) []actual {
	var list []actual
	switch kind {
	case story.Incidents:
		for _, inc := range s.incidents() {
			list = append(list, s.incident(inc))
		}
	case story.Pages, story.Notices:
		from := s.pages
		if kind == story.Notices {
			from = s.notices
		}
		sorted := slices.SortedStableFunc(slices.Values(from), func(a, b message) int { return a.compare(&b) })
		for i := range sorted {
			list = append(list, s.message(&sorted[i]))
		}
	}
	return list
}

// judge compares what is expected at one time with how things are.
func (p *play) judge(x *story.Expectation) {
	when := "at the end"
	if !x.AtEnd {
		when = "at " + story.Span(x.At)
	}
	for i := range x.Claims {
		c := &x.Claims[i]
		switch c.Kind {
		case story.Incidents, story.Pages, story.Notices:
			p.compare(c, when)
		case story.NotPaged:
			p.notPaged(c, when)
		case story.Digest:
			p.digest(c, when)
		case story.Decisions:
			p.decisions(c, when)
		}
	}
}

// compare compares the items of a claim with what there is: each with one, and none is left.
func (p *play) compare(c *story.Claim, when string) {
	m := match(c, p.stage.actuals(c.Kind))
	for _, pair := range m.pairs {
		for k := range pair.item.Facts {
			f := &pair.item.Facts[k]
			if agrees(c.Kind, pair.item, f, pair.got) || f.Key == "within" {
				continue
			}
			p.fail(Failure{
				Line: f.Mark.Line, Col: f.Mark.Col, Text: fmt.Sprintf("%s %s: %s of %s", when, c.Kind, f.Key, label(c.Kind, pair.got)),
				Want: one(wanted(pair.item, f)), Got: one(strings.Join(pair.got[f.Key], ", ")),
			})
			p.result.edits = append(p.result.edits, edit{claim: c, item: pair.item, fact: f, value: pair.got[f.Key]})
		}
	}
	for _, item := range m.missing {
		p.fail(Failure{Line: item.Mark.Line, Col: item.Mark.Col, Text: fmt.Sprintf("%s %s: one is missing", when, c.Kind), Want: one(itemLine(item))})
		p.result.edits = append(p.result.edits, edit{claim: c, item: item, remove: true})
	}
	if len(m.extra) > 0 {
		f := Failure{Line: c.Mark.Line, Col: c.Mark.Col, Text: fmt.Sprintf("%s %s: not expected", when, c.Kind)}
		for _, a := range m.extra {
			f.Got = append(f.Got, a.line(shown[c.Kind]))
		}
		p.fail(f)
		p.result.edits = append(p.result.edits, edit{claim: c, add: m.extra})
	}
}

// shown are the keys by which an incident or a page is told, and told anew where an expectation is written for it.
var shown = map[string][]string{
	story.Incidents: {"root", "state", "outcome", "members", "held_until"},
	story.Pages:     {"at", "root", "receiver"},
	story.Notices:   {"at", "root", "receiver"},
}

func label(kind string, a actual) string {
	if kind == story.Incidents {
		return a["id"][0] + " " + a["root"][0]
	}
	return a["incident"][0] + " " + a["root"][0]
}

func itemLine(i *story.Item) string {
	var parts []string
	for _, f := range i.Facts {
		parts = append(parts, f.Key+": "+strings.Join(f.Want, ", "))
	}
	return strings.Join(parts, "; ")
}

// agrees reports whether a fact is as expected. A page may come up to "within" later than expected, and a rule is called by its name, or by
// its section and name, with its pack before it.
func agrees(kind string, i *story.Item, f *story.Fact, got actual) bool {
	switch within := i.Get("within"); {
	case f.Key == "within":
		return true
	case f.Key == "rule": // its name will do
		return f.Want[0] == got["rule"][0] || strings.HasSuffix(got["rule"][0], "/"+f.Want[0])
	case f.Key == "at" && within != "":
		want, err := time.ParseDuration(f.Want[0])
		late, lateErr := time.ParseDuration(within)
		at, atErr := time.ParseDuration(got["at"][0])
		return err == nil && lateErr == nil && atErr == nil && at >= want && at <= want+late
	}
	return f.Agrees(kind, got[f.Key])
}

// wanted is what a fact wants, for people.
func wanted(i *story.Item, f *story.Fact) string {
	text := strings.Join(f.Want, ", ")
	if within := i.Get("within"); f.Key == "at" && within != "" {
		text += ", or up to " + within + " later"
	}
	return text
}

// pair is an item with what it is about.
type pair struct {
	item *story.Item
	got  actual
}

type matching struct {
	pairs   []pair
	missing []*story.Item
	extra   []actual
}

// match finds for each item what it is about: what agrees in all, else what agrees in its identity and most else.
func match(c *story.Claim, list []actual) (m matching) {
	taken := make([]bool, len(list))
	found := make([]int, len(c.Items))
	for i := range found {
		found[i] = -1
	}
	for _, least := range []int{whole, identity, 0} {
		for i := range c.Items {
			if found[i] >= 0 {
				continue
			}
			best, most := -1, least-1
			for k := range list {
				if score := likeness(c.Kind, &c.Items[i], list[k]); !taken[k] && score > most {
					best, most = k, score
				}
			}
			if best >= 0 {
				found[i], taken[best] = best, true
			}
		}
	}
	for i, k := range found {
		if k < 0 {
			m.missing = append(m.missing, &c.Items[i])
		} else {
			m.pairs = append(m.pairs, pair{&c.Items[i], list[k]})
		}
	}
	for k := range list {
		if !taken[k] {
			m.extra = append(m.extra, list[k])
		}
	}
	return m
}

// Marks of likeness.
const (
	identity = 100
	whole    = 10_000
)

// likeness is how much of an item agrees.
func likeness(kind string, i *story.Item, got actual) int {
	score, all := 0, true
	for k := range i.Facts {
		f := &i.Facts[k]
		switch ok := agrees(kind, i, f, got); {
		case !ok:
			all = false
		case f.Key == "id" || f.Key == "root" || f.Key == "incident":
			score += identity
		default:
			score++
		}
	}
	if all {
		score += whole
	}
	return score
}

// notPaged checks that nobody was paged for some entities, as roots or as parts of what did page.
func (p *play) notPaged(c *story.Claim, when string) {
	for i := range c.Texts {
		f := &c.Texts[i]
		if id, paged := p.stage.reached[topology.Entity(f.Want[0])]; paged {
			p.fail(Failure{
				Line: f.Mark.Line, Col: f.Mark.Col, Text: fmt.Sprintf("%s not_paged: %s paged", when, f.Want[0]),
				Want: one("no page for it"), Got: one(fmt.Sprintf("%s paged, and it belongs to that", id)),
			})
		}
	}
}

// digest checks that texts stand in the digest of all that happened so far.
func (p *play) digest(c *story.Claim, when string) {
	s := p.stage
	until := s.now.Add(time.Second)
	d := digest.Build(s.incidents(), s.start, until, digest.Options{KnownSince: s.start})
	var b bytes.Buffer
	if err := d.Text(&b); err != nil {
		p.fail(Failure{Line: c.Mark.Line, Col: c.Mark.Col, Text: fmt.Sprintf("%s digest: %v", when, err)})
		return
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for i := range c.Texts {
		f := &c.Texts[i]
		if !strings.Contains(text, strings.Join(strings.Fields(f.Want[0]), " ")) {
			p.fail(Failure{
				Line: f.Mark.Line, Col: f.Mark.Col, Text: when + " digest: it does not say that", Want: f.Want,
				Got: strings.Split(strings.TrimSpace(b.String()), "\n"),
			})
		}
	}
}

// decisions compares all decisions so far.
func (p *play) decisions(c *story.Claim, when string) {
	var want []string
	for _, f := range c.Texts {
		want = append(want, f.Want[0])
	}
	got := linesOf(p.stage.told.Told())
	if slices.Equal(want, got) {
		return
	}
	f := Failure{Line: c.Mark.Line, Col: c.Mark.Col, Text: when + " decisions are others"}
	f.Want, f.Got = differing(want, got)
	p.fail(f)
	p.result.edits = append(p.result.edits, edit{claim: c, texts: got, all: true})
}
