package digest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Parse reads what [Digest.JSON] wrote. Times are in the digest's time zone again, or in UTC if this machine does not know it.
func Parse(b []byte) (*Digest, error) {
	d := new(Digest)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("read digest: %w", err)
	}
	location, err := time.LoadLocation(d.Timezone)
	if err != nil {
		location = time.UTC
	}
	for _, t := range d.moments() {
		*t = t.In(location)
	}
	return d, nil
}

// moments are all times in a digest that people read.
func (d *Digest) moments() []*time.Time {
	list := []*time.Time{&d.Since, &d.Until}
	if d.Past != nil {
		list = append(list, &d.Past.Since, &d.Past.Until)
	}
	for _, judged := range [...][]Judged{d.Unneeded, d.HeldInVain} {
		for n := range judged {
			list = append(list, &judged[n].Opened, &judged[n].Paged)
		}
	}
	for n := range d.Chronic {
		list = append(list, &d.Chronic[n].Since)
	}
	for n := range d.Paged {
		list = append(list, &d.Paged[n].Paged)
	}
	for n := range d.Lost {
		list = append(list, &d.Lost[n].Opened, &d.Lost[n].Closed)
	}
	return list
}
