package web

import (
	"net/http"
	"time"
)

// ConfigStatus tells which configuration is in force.
type ConfigStatus struct {
	Hash string `json:"hash"`
	// Revision is what it is called where it comes from.
	Revision string   `json:"revision,omitempty"`
	Files    []string `json:"files"`
	// Sources are the files as they were read, each once.
	Sources []SourceStatus `json:"sources"`
	// Loaded is when it was put in force, and By who did: start, signal, watch or api.
	Loaded time.Time `json:"loaded"`
	By     string    `json:"by"`
	// Error is what is wrong with the files as they were read last, if these are not in force; empty if they are. Problems are its parts that
	// have a place, and RefusedSince is when the files were first refused.
	Error        string          `json:"error,omitempty"`
	Problems     []ConfigProblem `json:"problems,omitempty"`
	RefusedSince *time.Time      `json:"refused_since,omitempty"`
}

// SourceStatus is a file of a configuration.
type SourceStatus struct {
	File string `json:"file"`
	// Hash is the SHA-256 of what is in it; not of secrets.
	Hash   string `json:"sha256,omitempty"`
	Secret bool   `json:"secret,omitempty"`
	// Modified is when it was last changed, by its file system.
	Modified *time.Time `json:"modified,omitempty"`
}

// ConfigProblem is one thing that is wrong in a file. Line is 0 for the file as a whole.
type ConfigProblem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Config is the configuration in force.
type Config struct {
	Hash     string    `json:"hash"`
	Revision string    `json:"revision,omitempty"`
	Loaded   time.Time `json:"loaded"`
	// Files are the configuration and what it names but secrets, the configuration first.
	Files []ConfigFile `json:"files"`
}

// ConfigFile is the text of a file, without what may be secret in it, and the SHA-256 of the whole.
type ConfigFile struct {
	Name string `json:"name"`
	Hash string `json:"sha256"`
	Text string `json:"text"`
}

// config shows the configuration in force.
func (s *Server) config(w http.ResponseWriter, r *http.Request) {
	c, err := s.admin.Config(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	write(w, http.StatusOK, c)
}
