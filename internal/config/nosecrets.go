package config

import (
	"path/filepath"

	"quell/internal/strictyaml"
)

// LoadWithoutSecrets reads and checks a configuration as [Load] does, where secrets need not be: a test of rules runs in places that must
// not have them. A secret file that cannot be read counts as one that holds a word which nobody accepts.
func LoadWithoutSecrets(path string) (*Config, error) {
	data, err := readFile(path, strictyaml.MaxBytes)
	if err != nil {
		return nil, Problems{{File: path, Text: "cannot be read: " + cause(err)}}
	}
	return parse(path, data, &loader{config: defaults(), dir: filepath.Dir(path), withoutSecrets: true})
}

// ParseSnapshotWithoutSecrets is like [ParseSnapshot] where secrets may be gone, or be no secrets: what they are for does not work then, and
// all else does. Those in the result that a sender proves itself by are words that nobody knows.
func ParseSnapshotWithoutSecrets(path string, s Snapshot) (*Config, error) {
	return parse(path, s.Config, &loader{config: defaults(), dir: filepath.Dir(path), snapshot: &s, withoutSecrets: true})
}
