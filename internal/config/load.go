package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/ingest/catalog"
	"quell/internal/strictyaml"
	"quell/notify/template"
	"quell/rules"
)

// Limits of the files that are read.
const (
	maxTopologyBytes = 256 << 20
	maxSecretBytes   = 64 << 10
	maxCatalogs      = 10_000

	// MaxRuleFiles is how many rule files there may be, and MaxRuleBytes how long they may be together: 100,000 short rules, which take
	// 1.5 GiB to check.
	MaxRuleFiles = 1000
	MaxRuleBytes = 8 << 20
)

// Load reads and checks the configuration in a file. An error is of type [Problems] and names all there are.
func Load(path string) (*Config, error) {
	data, err := readFile(path, strictyaml.MaxBytes)
	if err != nil {
		return nil, Problems{{File: path, Text: "cannot be read: " + cause(err), Kind: kindUnreadable}}
	}
	return Parse(path, data, filepath.Dir(path))
}

// Parse checks a configuration that was read already, and reads the files that it names. Name stands for it in
// problems; relative paths in it are relative to dir. An error is of type [Problems].
func Parse(name string, data []byte, dir string) (*Config, error) {
	return parse(name, data, &loader{config: defaults(), dir: dir})
}

func parse(name string, data []byte, l *loader) (*Config, error) {
	l.receivers = make(map[string]strictyaml.Node)
	l.record(name, filepath.Base(name), data)
	problems := strictyaml.Read(name, data, l.file)
	problems = append(problems, l.problems...)
	problems.Sort()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	c := l.config
	c.Warnings = problems
	sum := sha256.Sum256(l.digested)
	c.Hash = hex.EncodeToString(sum[:])
	if !filepath.IsAbs(c.StoragePath) {
		c.StoragePath = filepath.Join(l.dir, c.StoragePath)
	}
	return c, nil
}

// loader is the state of one Parse.
type loader struct {
	config    *Config
	dir       string
	snapshot  *Snapshot // read instead of the disk, but for secrets; nil is the disk
	problems  Problems  // in other files than the configuration
	receivers map[string]strictyaml.Node
	uses      []use

	policies     []policyUse // those that there are
	policyUses   []policyUse
	stepUses     []stepUse
	intervals    []intervalUse // those that there are
	intervalUses []intervalUse
	hoursUses    []hoursUse
	disables     []disableUse

	topology strictyaml.Node // the list of topology files, or of catalogs

	catalogs        []*catalog.File
	catalogNames    []string // as the file has them, one for each catalog
	catalogEntities rules.Mapping

	global       *strictyaml.Node // what other integrations fall back to
	others       []otherUse
	othersFailed bool

	templateFiles []template.File
	fields        []string // the templates in receivers

	openWebhooks []strictyaml.Node // sources without auth

	allowRemote bool
	// withoutSecrets makes up those that cannot be read.
	withoutSecrets bool
	digested       []byte // what the hash is made of: a digest for each file
	ruleBytes      int    // of the rule files that were read
}

// record notes that a file was read, and makes it part of the hash under a name that does not depend on where it lies.
func (l *loader) record(path, name string, data []byte) {
	sum := sha256.Sum256(data)
	l.config.Sources = append(l.config.Sources, Source{Path: path, Name: name, Hash: hex.EncodeToString(sum[:]), Modified: modified(path), Text: data})
	l.digested = fmt.Appendf(l.digested, "%q %x\n", name, sum)
}

func list(item strictyaml.Setter) strictyaml.Setter {
	return func(n strictyaml.Node) { n.List(item) }
}

// section applies fields to a map.
func section(fields strictyaml.Fields) strictyaml.Setter {
	return func(n strictyaml.Node) { n.Map(fields) }
}

func (l *loader) rules(n strictyaml.Node) {
	n.Like(`rules: {files: ["rules/*.yml"], packs: [kubernetes, kube-prometheus]}`).Map(strictyaml.Fields{
		"files": list(l.ruleFiles), "packs": l.packs, "disable": list(l.disable),
	})
}

// file reads the whole configuration.
func (l *loader) file(n strictyaml.Node) {
	c := l.config
	l.templates(n)
	n.Hinting(ofOthers).Map(strictyaml.Fields{
		"server":  l.server,
		"storage": l.storage(),
		"topology": section(strictyaml.Fields{
			"files": l.topologyFiles,
			"catalogs": func(n strictyaml.Node) {
				l.topology = n
				n.List(l.catalogFiles)
			},
			"catalog_entities": l.catalogEntities.Read,
		}),
		"service_graph":       list(l.serviceGraph),
		"rules":               l.rules,
		"hold":                l.hold(),
		"silences":            l.silences(),
		"maintenance":         list(l.maintenance),
		"heartbeats":          l.heartbeats,
		"inhibit_rules":       l.inhibitRules,
		"webhooks":            l.webhooks,
		"event_recorder":      section(strictyaml.Fields{"wait": strictyaml.Duration(&c.policy.UnseenAfter, time.Second, day)}),
		"kubernetes":          section(strictyaml.Fields{"clusters": l.clusters}),
		"route":               l.root,
		"receivers":           list(l.receiver),
		"digest":              list(l.digest),
		"dead_mans_switch":    l.deadMansSwitch,
		"safe_mode":           section(strictyaml.Fields{"matchers": strictyaml.Matchers(&c.SafeMode)}),
		"escalation_policies": list(l.policy),
		"time_intervals":      list(l.timeInterval),
		"acknowledge":         l.acknowledge(),
		"reload":              l.reload(),
		"log": section(strictyaml.Fields{
			"level":  strictyaml.Word(&c.Log.Level, "debug", "info", "warn", "error"),
			"format": strictyaml.Word(&c.Log.Format, "logfmt", "json"),
		}),
		"limits": section(strictyaml.Fields{
			"max_entities":            strictyaml.Int(&c.policy.MaxEntities, 1000, 100_000_000),
			"max_symptoms":            strictyaml.Int(&c.policy.MaxSymptoms, 1000, 100_000_000),
			"max_pending_deliveries":  strictyaml.Int(&c.Limits.MaxPendingDeliveries, 100, 10_000_000),
			"queue":                   strictyaml.Int(&c.Limits.Queue, 1, 1_000_000),
			"request_bytes_in_memory": strictyaml.Size(&c.Limits.RequestBytesInMemory, 1<<20, 1<<40),
		}),
		"global":              l.readGlobal,
		"templates":           func(strictyaml.Node) {}, // read already
		"mute_time_intervals": strictyaml.Refuse("mute_time_intervals is the older name", "write time_intervals"),
	}, "route", "receivers")
	if c.SafeMode == nil {
		c.SafeMode = criticalOnly()
	}
	l.readOthers()
	l.checkTemplates()
	l.checkUses()
	l.checkPolicies()
	l.checkIntervals()
	l.checkDisabled()
	l.checkRules()
	l.checkWebhooks()
	l.joinCatalogs()
	l.checkTopology()
}

func (l *loader) server(n strictyaml.Node) {
	c := l.config
	listen := n
	n.Map(strictyaml.Fields{
		"listen": func(n strictyaml.Node) {
			listen = n
			strictyaml.Name(&c.Listen)(n)
		},
		"external_url":   strictyaml.URL(&c.ExternalURL),
		"max_body_bytes": strictyaml.Size(&c.MaxBodyBytes, 1<<10, 1<<32),
		"allow_remote":   strictyaml.Bool(&l.allowRemote),

		"token_file":         l.secret(&c.Token),
		"journal_token_file": l.secret(&c.JournalToken),
		"allowed_hosts":      list(l.allowedHost),
	})
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	switch ip := net.ParseIP(host); {
	case err != nil || port == "":
		listen.Problem(strictyaml.Quote(c.Listen)+" is no address to listen on", "write host:port, e.g. 127.0.0.1:9095")
	case l.allowRemote || host == "localhost" || ip != nil && ip.IsLoopback():
	default:
		listen.Problem(strictyaml.Quote(c.Listen)+" can be reached from other machines",
			"listen on 127.0.0.1, or write allow_remote: true; with token_file who asks from there has to know a token")
	}
}

// allowedHost reads a name under which quell is asked.
func (l *loader) allowedHost(n strictyaml.Node) {
	var name string
	strictyaml.Name(&name)(n)
	if name == "" {
		return
	}
	if strings.ContainsAny(name, ":/*@ ") {
		n.Problem(strictyaml.Quote(name)+" is no name of a host", "write it without scheme and port, e.g. quell.example.com")
		return
	}
	l.config.AllowedHosts = append(l.config.AllowedHosts, strings.ToLower(strings.TrimSuffix(name, ".")))
}

func (l *loader) storage() strictyaml.Setter {
	c := l.config
	return section(strictyaml.Fields{
		"path": strictyaml.Name(&c.StoragePath),
		"retention": section(strictyaml.Fields{
			"journal_age":   strictyaml.Duration(&c.Retention.JournalAge, time.Hour, 3660*day),
			"journal_bytes": strictyaml.Size(&c.Retention.JournalBytes, 16<<20, 1<<42),
			"incidents_age": strictyaml.Duration(&c.Retention.IncidentsAge, time.Hour, 3660*day),
			"dead_letters":  strictyaml.Int(&c.Retention.DeadLetters, 1, 100_000),

			"dead_letters_age": strictyaml.Duration(&c.Retention.DeadLettersAge, time.Hour, 3660*day),
		}),
	})
}

// hold reads the policy's times. Zero would mean the default to the engine, so it is not allowed here.
func (l *loader) hold() strictyaml.Setter {
	p := &l.config.policy
	timeout := strictyaml.Duration(&p.AlertTimeout, time.Minute, 366*day)
	return section(strictyaml.Fields{
		"default": strictyaml.Duration(&p.Hold, time.Second, day),
		"max":     strictyaml.Duration(&p.HoldMax, time.Second, day),
		"threshold": func(n strictyaml.Node) {
			if n.Is("never") {
				p.HoldThreshold = -1
				return
			}
			strictyaml.Float(&p.HoldThreshold, 0.01, 0.99)(n)
		},
		"cases": strictyaml.Int(&p.HoldCases, 1, 1000),
		"not_for": func(n strictyaml.Node) {
			var word string
			if strictyaml.Word(&word, "none", "warning", "error", "critical")(n); word != "none" && word != "" {
				p.NotFor = correlate.ParseSeverity(word)
			}
		},
		"blast_radius": strictyaml.IntOrWord(&p.BlastRadius, 1, correlate.MaxBlastRadius, map[string]int{"unlimited": 0}),
		"settle":       strictyaml.Duration(&p.Settle, time.Second, time.Hour),
		"reopen":       strictyaml.Duration(&p.Reopen, time.Second, 7*day),
		"event_ttl":    strictyaml.Duration(&p.EventTTL, time.Second, day),
		"alert_timeout": func(n strictyaml.Node) {
			if n.Is("never") {
				p.AlertTimeout = -1
				return
			}
			timeout(n)
		},
		"lost_after":    strictyaml.Duration(&p.LostAfter, time.Minute, 30*day),
		"restart_grace": strictyaml.Duration(&p.RestartGrace, time.Second, time.Hour),
	})
}

// path makes a path in the file one that can be opened from here.
func (l *loader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.dir, p)
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	// To open a pipe would block until somebody writes to it, so look first.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return data, err
}

// cause is an error without the path that messages name already.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// glob returns the files that a path or pattern means, sorted, as paths relative to dir where pattern is.
func (l *loader) glob(pattern string) ([]string, error) {
	if l.snapshot != nil {
		return l.snapshot.glob(pattern)
	}
	l.config.Patterns = append(l.config.Patterns, l.path(pattern))
	matches, err := filepath.Glob(l.path(pattern))
	if err != nil {
		return nil, err
	}
	for i, m := range matches {
		if rel, err := filepath.Rel(l.dir, m); err == nil && !filepath.IsAbs(pattern) {
			matches[i] = rel
		}
	}
	slices.Sort(matches)
	return matches, nil
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[\`) }
