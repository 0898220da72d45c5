package replay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"quell/correlate"
)

// silenceLine is a line with a silence, as quell journal shows them.
const silenceLine lineKind = 20

// parseSilence reads a silence, or the end of one. It was taken when it was recorded, or is tried out now: none is too broad for that.
func parseSilence(body []byte) (*correlate.Silence, error) {
	in := new(correlate.Silence)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return nil, fmt.Errorf("silence: %w", err)
	}
	if in.Force = true; !in.Expire {
		if err := in.Validate(); err != nil {
			return nil, err
		}
	}
	return in, nil
}
