package correlate

import (
	"cmp"
	"slices"
	"time"
)

// Episodes sums up how often alerts of one name fired in an incident until they cleared, and for how long each time: what a threshold or the
// `for` of their rule would have to be for them to be quiet. Events have none. Its JSON names are on disk: names may be added, not changed.
type Episodes struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// TotalSeconds is how long they fired together, LongestSeconds the longest of them.
	TotalSeconds   float64 `json:"total_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
	// Within[k] counts those that were over within [EpisodeBounds][k], but not within the bound before. The others were longer.
	Within [len(EpisodeBounds)]int `json:"within"`
}

// EpisodeBounds are the bounds of [Episodes.Within]: the values that people give to `for`.
var EpisodeBounds = [...]time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
}

// episodesMax bounds the names that an incident keeps figures of; those of more names are added up as [OtherAlerts].
const episodesMax = 20

// Add takes over the figures of others.
func (p *Episodes) Add(o *Episodes) {
	p.Count += o.Count
	p.TotalSeconds += o.TotalSeconds
	p.LongestSeconds = max(p.LongestSeconds, o.LongestSeconds)
	for k, n := range o.Within {
		p.Within[k] += n
	}
}

// episodeOver counts that an alert of i cleared. What was lost, or closed by somebody while it fired, ended nobody knows when.
func (e *Engine) episodeOver(i *incident, s *symptom) {
	if s.isEvent() || !i.state.Open() {
		return
	}
	// The sender knows better since when it fires, but nobody was spared what happened before quell could have heard of it.
	began := min(s.since, max(s.startsAt, s.since-alertLag))
	took := time.Duration(e.now - began)
	one := Episodes{Name: s.name, Count: 1, TotalSeconds: took.Seconds(), LongestSeconds: took.Seconds()}
	if k := slices.IndexFunc(EpisodeBounds[:], func(bound time.Duration) bool { return took <= bound }); k >= 0 {
		one.Within[k]++
	}
	i.countEpisodes(&one)
	e.dirty.incidents[i.id] = struct{}{}
}

// countEpisodes adds figures to those of an incident, which are in order of their names.
func (i *incident) countEpisodes(p *Episodes) {
	byName := func(q Episodes, name string) int { return cmp.Compare(q.Name, name) }
	k, known := slices.BinarySearchFunc(i.episodes, p.Name, byName)
	if !known && len(i.episodes) >= episodesMax {
		others := *p
		others.Name = OtherAlerts
		p = &others
		k, known = slices.BinarySearchFunc(i.episodes, p.Name, byName)
	}
	if known {
		i.episodes[k].Add(p)
		return
	}
	i.episodes = slices.Insert(i.episodes, k, *p)
}

// inheritEpisodes takes over the figures of an incident that merges into i.
func (i *incident) inheritEpisodes(from *incident) {
	for k := range from.episodes {
		i.countEpisodes(&from.episodes[k])
	}
	from.episodes = nil
}
