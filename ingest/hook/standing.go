package hook

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Standing tells how a source does: a secret that was changed on one side only shows here first.
type Standing struct {
	// Name is the source's; empty stands for all names that no source has.
	Name string
	// Taken is when a body was taken last; zero if none was since the start.
	Taken time.Time
	// Refused is the last request that was refused; nil if none was since the start.
	Refused *Refused
}

// Refused is a request that was refused.
type Refused struct {
	At time.Time
	// Reason is a word of the metrics; Text tells more. From is the sender's address, Code the answer's.
	Reason, Text, From string
	Code               int
	// InARow counts those that were refused since a body was taken last.
	InARow uint64
}

// standings are those of all sources. It is safe for concurrent use.
type standings struct {
	mu  sync.Mutex
	all map[string]Standing
}

func newStandings() *standings { return &standings{all: make(map[string]Standing)} }

func (s *standings) took(source string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.all[source]
	st.Taken = now
	if st.Refused != nil {
		last := *st.Refused // who looked at it keeps what he saw
		last.InARow, st.Refused = 0, &last
	}
	s.all[source] = st
}

func (s *standings) refused(source string, why *Refused) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.all[source]
	why.InARow = 1
	if st.Refused != nil {
		why.InARow += st.Refused.InARow
	}
	st.Refused = why
	s.all[source] = st
}

// Standings tells how each source in force does, by name. Names that no source has come first, if anybody posted to one.
func (s *Server) Standings() []Standing {
	sources := s.cfg.Sources()
	st := s.standings
	st.mu.Lock()
	defer st.mu.Unlock()
	// What was removed since is of no use any more, and would stay for ever.
	maps.DeleteFunc(st.all, func(name string, _ Standing) bool { return name != "" && sources[name] == nil })
	var list []Standing
	if unknown, ok := st.all[""]; ok {
		list = append(list, unknown)
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		one := st.all[name]
		one.Name = name
		list = append(list, one)
	}
	return list
}
