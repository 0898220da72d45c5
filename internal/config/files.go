package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/catalog"
	"quell/internal/rulebook"
	"quell/internal/secret"
	"quell/internal/strictyaml"
	"quell/notify"
	"quell/rules"
	"quell/rules/packs"
)

// criticalOnly is whom safe mode passes on by default.
func criticalOnly() labels.Matchers {
	return labels.Matchers{{Type: labels.MatchEqual, Name: "severity", Value: "critical"}}
}

// ruleFiles reads the rule files that one path or pattern means.
func (l *loader) ruleFiles(n strictyaml.Node) {
	p := &l.config.policy
	for _, name := range l.matching(n) {
		if slices.ContainsFunc(p.Rules, func(f correlate.RuleFile) bool { return f.Name == name }) {
			continue // two patterns that overlap
		}
		if len(p.Rules) == MaxRuleFiles {
			n.Problem("too many rule files", "put more rules into one")
			return
		}
		data, err := l.read(name, strictyaml.MaxBytes)
		if err != nil {
			n.ProblemAs(kindUnreadable, "rule file "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
			continue
		}
		if l.ruleBytes += len(data); l.ruleBytes > MaxRuleBytes {
			n.Problem(fmt.Sprintf("rule files of more than %d MiB together", MaxRuleBytes>>20), "select more with a rule: matchers may be patterns")
			return
		}
		l.record(l.path(name), name, data)
		p.Rules = append(p.Rules, correlate.RuleFile{Name: name, Text: string(data)})
	}
}

// matching returns the names of the files that one path or pattern means.
func (l *loader) matching(n strictyaml.Node) []string {
	var pattern string
	strictyaml.Name(&pattern)(n)
	if pattern == "" {
		return nil
	}
	if !isPattern(pattern) {
		return []string{pattern}
	}
	names, err := l.glob(pattern)
	switch {
	case err != nil:
		n.Problem(strictyaml.Quote(pattern)+" is no pattern", "")
	case len(names) == 0:
		n.WarnAs(kindNoFile, "no file matches "+strictyaml.Quote(pattern), "")
	}
	return names
}

// packs replaces the packs that are on by default.
func (l *loader) packs(n strictyaml.Node) {
	p := &l.config.policy
	p.Packs = nil
	n.List(func(n strictyaml.Node) {
		var name string
		strictyaml.Name(&name)(n)
		switch {
		case name == "":
			return // reported already
		case !slices.Contains(packs.Names(), name):
			hint := strictyaml.Suggest(name, packs.Names())
			if hint == "" {
				hint = "there are " + strings.Join(packs.Names(), ", ")
			}
			n.Problem("unknown pack "+strictyaml.Quote(name), hint)
		case slices.Contains(p.Packs, name):
			n.Problem("pack "+strictyaml.Quote(name)+" is listed twice", "")
		default:
			p.Packs = append(p.Packs, name)
		}
	})
}

// checkRules compiles the rules for the sake of their problems. Those name the files by the path that leads there from here.
func (l *loader) checkRules() {
	p := correlate.Policy{Packs: l.config.policy.Packs, Disabled: l.config.policy.Disabled, Heartbeats: l.config.policy.Heartbeats}
	for _, f := range l.config.policy.Rules {
		p.Rules = append(p.Rules, correlate.RuleFile{Name: l.path(f.Name), Text: f.Text})
	}
	compiled, err := rulebook.Compile(&p)
	if set, ok := compiled.(*rules.Set); err == nil && ok {
		l.problems = append(l.problems, ambiguities(set)...)
	}
	if problems, ok := errors.AsType[Problems](err); ok {
		l.problems = append(l.problems, problems...)
	}
}

// topologyFiles reads the topology files.
func (l *loader) topologyFiles(n strictyaml.Node) {
	l.topology = n
	n.List(l.topologyFile)
}

// catalogFiles reads the catalogs that one path or pattern means.
func (l *loader) catalogFiles(n strictyaml.Node) {
	for _, name := range l.matching(n) {
		if slices.Contains(l.catalogNames, name) {
			continue // two patterns that overlap
		}
		if len(l.catalogNames) == maxCatalogs {
			n.Problem("too many catalogs", "put more entries into one")
			return
		}
		path := l.path(name)
		data, err := l.read(name, strictyaml.MaxBytes)
		if err != nil {
			n.ProblemAs(kindUnreadable, "catalog "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
			continue
		}
		l.record(path, name, data)
		file, problems := catalog.Read(path, data)
		l.problems = append(l.problems, problems...)
		l.catalogs, l.catalogNames = append(l.catalogs, file), append(l.catalogNames, name)
	}
}

// joinCatalogs makes topologies of all catalogs.
func (l *loader) joinCatalogs() {
	list, problems := catalog.Join(l.catalogs, l.catalogEntities)
	l.problems = append(l.problems, problems...)
	for i, t := range list {
		t.Source = catalog.Source(l.catalogNames[i]) // problems name the path from here, sources do not depend on where that is
	}
	l.config.Catalogs = list
}

// checkTopology compares what the topology files and catalogs name with what the engine will take.
func (l *loader) checkTopology() {
	var updates []*topology.Update
	if t := l.config.Topology; t != nil {
		updates = append(updates, t)
	}
	for _, t := range l.config.Catalogs {
		updates = append(updates, &t.Update)
	}
	named, most := 0, l.config.policy.MaxEntities
	for _, u := range updates {
		named += len(u.Entities) + 2*len(u.Edges)
	}
	if named <= most {
		return
	}
	names := make(map[topology.Entity]struct{}, most)
	for _, u := range updates {
		for i := range u.Entities {
			names[u.Entities[i].ID] = struct{}{}
		}
		for i := range u.Edges {
			names[u.Edges[i].From], names[u.Edges[i].To] = struct{}{}, struct{}{}
		}
	}
	if len(names) > most {
		l.topology.Problem(fmt.Sprintf("the topology files name %d entities, and the limit is %d", len(names), most), "raise limits.max_entities")
	}
}

// topologyFile adds one file to the topology.
func (l *loader) topologyFile(n strictyaml.Node) {
	var name string
	strictyaml.Name(&name)(n)
	if name == "" {
		return
	}
	path := l.path(name)
	data, err := l.read(name, maxTopologyBytes)
	if err != nil {
		n.ProblemAs(kindUnreadable, "topology file "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
		return
	}
	l.record(path, name, data)
	sum := sha256.Sum256(append([]byte(l.config.TopologyHash), data...))
	l.config.TopologyHash = hex.EncodeToString(sum[:])
	u, problem := decodeTopology(data)
	if problem.Text != "" {
		problem.File = path
		l.problems = append(l.problems, problem)
		return
	}
	if l.config.Topology == nil {
		l.config.Topology = new(topology.Update)
	}
	t := l.config.Topology
	t.Entities = append(t.Entities, u.Entities...)
	t.Edges = append(t.Edges, u.Edges...)
}

// decodeTopology reads one topology file; the problem has no text if there is none.
func decodeTopology(data []byte) (u topology.Update, problem Problem) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&u)
	at := d.InputOffset()
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = e.Offset - 1
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at = e.Offset
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err, at = errors.New("the text ends too early"), int64(len(data))
	case err != nil:
	case d.More():
		err, at = errors.New("text behind the end"), d.InputOffset()
	case len(u.RemoveEntities)+len(u.RemoveEdges) > 0:
		return u, Problem{Text: "a topology file cannot remove anything", Hint: "delete the entries instead"}
	case u.TTL != 0:
		return u, Problem{Text: "a topology file cannot have a ttl", Hint: "nobody would tell it again"}
	default:
		if err := u.Validate(); err != nil {
			return u, Problem{Text: strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		return u, Problem{}
	}
	line, col := strictyaml.Position(data, int(at))
	return u, Problem{Line: line, Col: col, Text: strings.TrimPrefix(err.Error(), "json: ")}
}

// secret reads a credential from the file that the value names.
func (l *loader) secret(to *notify.Secret) strictyaml.Setter {
	return func(n strictyaml.Node) {
		path, data, ok := l.secretFile(n)
		if !ok {
			return
		}
		value, problem := strings.TrimSpace(string(data)), ""
		switch {
		case value == "":
			problem = "secret file is empty"
		case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			problem = "secret file holds more than one word"
		}
		switch {
		case problem == "":
		case l.withoutSecrets && l.snapshot != nil:
			value = string(secret.NewAbsent())
		default:
			n.ProblemAs(kindSecret, problem, "")
		}
		warnIfOpen(n, path)
		*to = notify.Secret(value)
	}
}

// secretPath stores the path of a credential that is read when it is used.
func (l *loader) secretPath(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		path, data, ok := l.secretFile(n)
		if !ok {
			return
		}
		if len(bytes.TrimSpace(data)) == 0 {
			n.ProblemAs(kindSecret, "secret file is empty", "")
		}
		warnIfOpen(n, path)
		*to = path
	}
}

// secretFile reads the file that the value names.
func (l *loader) secretFile(n strictyaml.Node) (path string, data []byte, ok bool) {
	var name string
	strictyaml.Name(&name)(n)
	if name == "" {
		return "", nil, false
	}
	path = l.path(name)
	data, err := readFile(path, maxSecretBytes)
	if err != nil && l.withoutSecrets {
		l.config.Sources = append(l.config.Sources, Source{Path: path, Name: name, Secret: true})
		return path, []byte(secret.NewAbsent()), true
	}
	l.config.Sources = append(l.config.Sources, Source{Path: path, Name: name, Secret: true, Modified: modified(path)})
	sum := sha256.Sum256(data)
	l.config.secrets = fmt.Appendf(l.config.secrets, "%x\n", sum)
	if err != nil {
		// The name is not shown: people paste the secret itself where its file belongs.
		n.ProblemAs(kindSecret, "secret file cannot be read: "+cause(err), "the value is a path, relative to this file")
	}
	return path, data, err == nil
}

func warnIfOpen(n strictyaml.Node, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		n.WarnAs(kindOpenSecret, "everybody on this machine can read the secret file", "chmod o-r")
	}
}
