package excerpt

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules/packs"
)

// Rules returns rule files in which names have their other names, so that they decide of scrubbed alerts as the files decided of the alerts
// themselves. Comments, reasons, notes and enrichments are left out, and rules get numbers for names, but for those that replace one of the
// packs that are in force. It is to be called after the lines of the recording were made. The error names what cannot be scrubbed: better no
// test than one that tells names.
func (s *Scrubber) Rules(files []correlate.RuleFile, inForce []string) ([]correlate.RuleFile, error) {
	w := &ruleWriter{Scrubber: s, packed: namesIn(inForce)}
	var list []correlate.RuleFile
	for k, f := range files {
		var root *strictyaml.Tree
		if err := strictyaml.Read(f.Name, []byte(f.Text), func(n strictyaml.Node) { root = n.Tree() }).Err(); err != nil {
			return nil, fmt.Errorf("scrub rules: %w", err)
		}
		text, err := w.file(root)
		if err != nil {
			return nil, fmt.Errorf("scrub rules: %w", err)
		}
		list = append(list, correlate.RuleFile{Name: fmt.Sprintf("rules-%d.yml", k+1), Text: text})
	}
	return list, nil
}

// ruleWriter writes rule files anew.
type ruleWriter struct {
	*Scrubber
	packed map[string]bool // the rules of packs, as "section/name"
	rules  int
}

// namesIn are the rules of packs that have names.
func namesIn(inForce []string) map[string]bool {
	names := make(map[string]bool)
	for _, pack := range inForce {
		text, _ := packs.Text(pack)
		_ = strictyaml.Read(pack, []byte(text), func(n strictyaml.Node) { // packs are right
			for t, i := n.Tree(), 0; i < len(t.Keys); i++ {
				for _, rule := range t.Items[i].Items {
					if name := rule.Get("name"); name != nil {
						names[t.Keys[i]+"/"+name.Text] = true
					}
				}
			}
		})
	}
	return names
}

// file writes one file: a rule a line.
func (w *ruleWriter) file(root *strictyaml.Tree) (string, error) {
	var b strings.Builder
	for i, section := range root.Keys {
		list := root.Items[i]
		if section == "enrich" || list.Kind == strictyaml.Null || len(list.Items) == 0 {
			continue // it tells people more, and decides nothing
		}
		fmt.Fprintf(&b, "%s:\n", section)
		for _, item := range list.Items {
			text, err := w.value(section, "", item)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "  - %s\n", text)
		}
	}
	return b.String(), nil
}

// What keys of rules hold. A key that is in none of these lists is refused: it may hold names.
var (
	keptKeys = setOf(`severity shows delay hold max threshold action budget over_budget flap_half_life flap_high flap_low recoveries window for not_for
		incidents to meaning state strength ttl weight on owns redundancy interval grace reason heals kind type cause effect labels equal per
		name_label namespace_label cluster_label`)
	droppedKeys    = setOf("why note")
	entityKeys     = setOf("entities from to entity")
	expressionKeys = setOf("when name namespace cluster")
)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// value writes a value of a key within a rule; the rule itself has none.
func (w *ruleWriter) value(section, key string, t *strictyaml.Tree) (string, error) {
	switch t.Kind {
	case strictyaml.Map:
		return w.entries(section, key, t)
	case strictyaml.List:
		var items []string
		for _, item := range t.Items {
			text, err := w.value(section, key, item)
			if err != nil {
				return "", err
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ", ") + "]", nil
	case strictyaml.Scalar:
		return w.scalar(section, key, t)
	}
	return "null", nil
}

// entries writes a map. In the entity that a rule makes, names are expressions.
func (w *ruleWriter) entries(section, key string, t *strictyaml.Tree) (string, error) {
	var parts []string
	for i, k := range t.Keys {
		if droppedKeys[k] {
			continue
		}
		in := k
		if k == "name" && key == "" {
			in = "the rule's name"
		}
		text, err := w.value(section, in, t.Items[i])
		if err != nil {
			return "", err
		}
		parts = append(parts, k+": "+text)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// plainScalar is what YAML reads as it is written: numbers, durations and words.
var plainScalar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]*$`)

func (w *ruleWriter) scalar(section, key string, t *strictyaml.Tree) (string, error) {
	switch {
	case key == "the rule's name":
		return w.rule(section, t.Text), nil
	case strings.HasSuffix(key, "matchers"):
		return w.matchers(t)
	case section == "dependencies" && (key == "from" || key == "to"), key != "to" && entityKeys[key]:
		return quoted(string(w.pattern(t.Text))), nil
	case key == "component":
		return quoted(w.component(t.Text)), nil
	case expressionKeys[key]:
		return quoted(w.expression(t.Text)), nil
	case !keptKeys[key]:
		return "", fmt.Errorf("%s: key %s may hold names, and nobody knows which", t.At.Pos(), strictyaml.Quote(key))
	case t.Plain && plainScalar.MatchString(t.Text):
		return t.Text, nil
	}
	return quoted(t.Text), nil
}

// rule names a rule.
func (w *ruleWriter) rule(section, name string) string {
	switch {
	case section == "edge_types" || w.packed[section+"/"+name]: // the word itself counts
		return quoted(name)
	case section == "heartbeats": // beats name it, and so does its entity
		return quoted(w.Value(name))
	}
	w.rules++
	return quoted(fmt.Sprintf("rule-%d", w.rules))
}

// matchers writes what one text holds.
func (w *ruleWriter) matchers(t *strictyaml.Tree) (string, error) {
	ms, err := strictyaml.ParseMatchers(t.Text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.At.Pos(), err)
	}
	var list []string
	for _, m := range ms {
		fresh := *m
		if !w.keep[m.Name] {
			switch m.Type {
			case labels.MatchEqual, labels.MatchNotEqual:
				fresh.Value = w.label(m.Name, m.Value)
			default:
				fresh.Value = w.regexp(m.Value)
			}
		}
		list = append(list, fresh.String())
	}
	if len(list) == 1 {
		return quoted(list[0]), nil
	}
	return quoted("{" + strings.Join(list, ",") + "}"), nil
}

// pattern gives the names in what selects entities others. Its kind stays.
func (s *Scrubber) pattern(text string) string {
	kind, rest, ok := strings.Cut(text, "/")
	if !ok {
		return text // a kind, or any
	}
	return kind + "/" + s.Value(rest)
}

// regexpMarks are the parts of a regular expression that are no names: flags and names of groups, escapes, sets, counts.
var (
	regexpMarks   = regexp.MustCompile(`^(?:\(\?[^:>)]*[:>)]|\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\x[0-9A-Fa-f]{2}|\\.|\[\^?\]?[^\]]*\]|\{[0-9]*,?[0-9]*\})`)
	regexpAddress = regexp.MustCompile(`^[0-9]{1,3}(?:\\?\.[0-9]{1,3}){3}\b`)
	regexpWord    = regexp.MustCompile(`^[\pL\p{Nd}]+`)
)

// regexp gives the names in a regular expression others, word by word. Kinds in front of a slash stay.
func (s *Scrubber) regexp(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		address, mark, word := regexpAddress.FindString(text), regexpMarks.FindString(text), regexpWord.FindString(text)
		switch {
		case address != "":
			fresh := s.address(strings.ReplaceAll(address, `\`, ""))
			if strings.Contains(address, `\`) {
				fresh = regexp.QuoteMeta(fresh)
			}
			b.WriteString(fresh)
			text = text[len(address):]
		case mark != "":
			b.WriteString(mark)
			text = text[len(mark):]
		case word != "" && s.said[word] && strings.HasPrefix(text[len(word):], "/"):
			b.WriteString(word)
			text = text[len(word):]
		case word != "":
			b.WriteString(s.word(word))
			text = text[len(word):]
		default:
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}

// literal is a text within an expression, however it is quoted, or what looks like one in a comment.
var literal = regexp.MustCompile(`(?s)[rR]?(?:"""(?:.*?)"""|'''(?:.*?)'''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|//[^\n]*`)

// expression gives the names in the texts of an expression others, and leaves comments out. What the recording says of alerts and labels is
// no name: labels' names, kinds, reasons.
func (s *Scrubber) expression(text string) string {
	return literal.ReplaceAllStringFunc(text, func(l string) string {
		if strings.HasPrefix(l, "//") {
			return ""
		}
		begin := 1
		if l[0] == 'r' || l[0] == 'R' {
			begin++
		}
		if rest := l[begin-1:]; strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, `'''`) {
			begin += 2
		}
		end := len(l) - (begin - strings.IndexAny(l, `"'`))
		inner := l[begin:end]
		if s.said[inner] {
			return l
		}
		return l[:begin] + s.regexp(inner) + l[end:]
	})
}

func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b) // JSON is YAML
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic("excerpt: text cannot be encoded: " + err.Error()) // no text fails
	}
	return strings.TrimSuffix(b.String(), "\n")
}
