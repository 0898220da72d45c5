package app

import (
	"encoding/json"
	"fmt"

	"quell/internal/config"
	"quell/storage"
)

// digestPrefix begins the names of all marks of digests; digestEnd is beyond them.
const digestPrefix, digestEnd = "digest/", "digest0"

// digestMarks reads what is remembered of digests, by name.
func (a *App) digestMarks() (map[string]digestMark, error) {
	known := make(map[string]digestMark)
	err := a.store.Scan(storage.Marks, []byte(digestPrefix), []byte(digestEnd), func(k, v []byte) error {
		var m digestMark
		if err := json.Unmarshal(v, &m); err != nil {
			return fmt.Errorf("read mark %s: %w", k, err)
		}
		known[string(k)] = m
		return nil
	})
	return known, err
}

// planOf is the schedule and its time zone, as a mark remembers them.
func planOf(d *config.Digest) string { return d.Location.String() + " " + d.Schedule }

// markNames names what is remembered of the digests of a configuration: by whom they are for and what they are about, so that another schedule
// makes no other digest of them. Several that are alike are numbered. Of these each keeps the mark that has its schedule, wherever it stands in
// the list now: else a weekly digest that changes places with a daily one would be about a day.
func markNames(list []config.Digest, known map[string]digestMark) []string {
	names, taken := make([]string, len(list)), make(map[string]bool)
	take := func(k int, fits func(name string) bool) {
		d := &list[k]
		base := fmt.Sprintf("%s%s/%s/%s", digestPrefix, d.Receiver, d.Matchers, d.Title)
		name := base
		for n := 2; names[k] == "" && n <= len(list)+len(known)+2; n++ {
			if !taken[name] && fits(name) {
				names[k], taken[name] = name, true
			}
			name = fmt.Sprintf("%s#%d", base, n)
		}
	}
	for k := range list {
		take(k, func(name string) bool { m, ok := known[name]; return ok && m.Plan == planOf(&list[k]) })
	}
	for k := range list {
		take(k, func(string) bool { return true })
	}
	return names
}
