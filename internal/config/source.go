package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quell/internal/strictyaml"
)

// Source is a file that was read.
type Source struct {
	// Path leads to it from here. Name is as the configuration names it, relative to its own folder; its own name is without a folder.
	Path, Name string
	// Secret is true for credentials: nothing is kept or told of what is in them.
	Secret bool
	// Hash is the SHA-256, in hex, of Text, which is what was read.
	Hash string
	Text []byte
	// Modified is when the file was last changed, by its file system; zero if that is not known.
	Modified time.Time
}

// Reload says how changes of the files get into force.
type Reload struct {
	// Watch is true if quell looks for changes by itself, once every Interval.
	Watch    bool
	Interval time.Duration
}

// revisionVariable names the environment variable with what the files are called where they come from.
const revisionVariable = "QUELL_CONFIG_REVISION"

// maxRevision bounds what a revision may be called.
const maxRevision = 200

func (l *loader) reload() strictyaml.Setter {
	c := l.config
	c.Revision = revision([]byte(os.Getenv(revisionVariable)))
	return section(strictyaml.Fields{
		"watch":    strictyaml.Bool(&c.Reload.Watch),
		"interval": strictyaml.Duration(&c.Reload.Interval, time.Second, time.Hour),
		"revision_file": func(n strictyaml.Node) {
			var name string
			if strictyaml.Name(&name)(n); name == "" {
				return
			}
			data, err := l.read(name, strictyaml.MaxBytes)
			if err != nil {
				n.WarnAs(kindNoFile, "revision file "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
				return
			}
			// Not part of the hash: a commit that changes other files changes nothing here.
			l.config.Sources = append(l.config.Sources, Source{Path: l.path(name), Name: name, Modified: modified(l.path(name)), Text: data})
			c.Revision = revision(data)
		},
	})
}

// revision is the first word of a text.
func revision(text []byte) string {
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return ""
	}
	word := []rune(strings.ToValidUTF8(words[0], "?"))
	return string(word[:min(len(word), maxRevision)])
}

// modified is when a file was changed; zero if nobody knows.
func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// Same reports whether two configurations are the same, secrets included.
func (c *Config) Same(other *Config) bool {
	return c.Hash == other.Hash && c.Revision == other.Revision && c.Reload == other.Reload && bytes.Equal(c.secrets, other.secrets)
}

// Files are the paths of all files that were read, secrets included, the configuration first.
func (c *Config) Files() []string {
	var list []string
	for _, s := range c.Sources {
		list = append(list, s.Path)
	}
	return list
}

// Snapshot is the text of a configuration with that of all files that it names, secrets excepted: what is kept of the last good one.
type Snapshot struct {
	// Config is the text of the configuration.
	Config []byte `json:"config"`
	// Files are the texts of the others by their names.
	Files map[string][]byte `json:"files"`
}

// Snapshot returns what the configuration was read from. The texts are shared and must not be changed.
func (c *Config) Snapshot() Snapshot {
	s := Snapshot{Files: make(map[string][]byte)}
	for i, src := range c.Sources {
		switch {
		case i == 0:
			s.Config = src.Text
		case !src.Secret:
			s.Files[src.Name] = src.Text
		}
	}
	return s
}

// ParseSnapshot checks a configuration that was kept, with secrets as they are now. Path is where it was; an error is of type [Problems].
func ParseSnapshot(path string, s Snapshot) (*Config, error) {
	return parse(path, s.Config, &loader{config: defaults(), dir: filepath.Dir(path), snapshot: &s})
}

// glob returns the names that a pattern matches, sorted.
func (s *Snapshot) glob(pattern string) ([]string, error) {
	var list []string
	for name := range s.Files {
		ok, err := filepath.Match(filepath.Clean(pattern), name)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

// read reads a file that the configuration names, and that is no secret.
func (l *loader) read(name string, limit int64) ([]byte, error) {
	if l.snapshot == nil {
		return readFile(l.path(name), limit)
	}
	data, ok := l.snapshot.Files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// Fingerprint tells whether files changed, at the cost of looking at their attributes: it is the same as long as nobody wrote to one, put
// another in its place, or led a symbolic link on the way elsewhere, and no other file matches a pattern. Files that cannot be looked at
// count by why.
func Fingerprint(files, patterns []string) string {
	var b strings.Builder
	look := func(path string) {
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			fmt.Fprintf(&b, "%q %v\n", path, err)
			return
		}
		info, err := os.Stat(target)
		if err != nil {
			fmt.Fprintf(&b, "%q %v\n", path, err)
			return
		}
		fmt.Fprintf(&b, "%q %q %d %d %v\n", path, target, info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	for _, path := range files {
		look(path)
	}
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern) // a bad pattern was reported, and matches nothing
		for _, path := range matches {
			look(path)
		}
	}
	return b.String()
}

// StoragePathOf is the path of the store that a configuration names, however wrong the rest of it is: the default where that cannot be told.
// ok is false if there is no such configuration: its name may be misspelt, and the store that of another.
func StoragePathOf(path string) (store string, ok bool) {
	data, err := readFile(path, strictyaml.MaxBytes)
	if err != nil {
		return "", false
	}
	store = defaults().StoragePath
	_ = strictyaml.Read(path, data, func(n strictyaml.Node) { // what is wrong was reported
		n.Pick(strictyaml.Fields{"storage": func(n strictyaml.Node) { n.Pick(strictyaml.Fields{"path": strictyaml.Name(&store)}) }})
	})
	if !filepath.IsAbs(store) {
		store = filepath.Join(filepath.Dir(path), store)
	}
	return store, true
}
