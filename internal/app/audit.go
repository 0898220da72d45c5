package app

import (
	"fmt"

	"quell/storage"
)

// auditEntry is one row of the audit log.
type auditEntry struct {
	At     string `json:"t"`
	By     string `json:"by"`
	From   string `json:"from,omitempty"`
	Action string `json:"action"`
	On     string `json:"on,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// audit adds to the audit log: who did what, when, from where.
func (s *step) audit(e auditEntry) {
	e.At = s.at.Format("2006-01-02T15:04:05.000Z07:00")
	s.loop.audits++
	s.put(storage.Audit, fmt.Sprintf("%020d/%06d", s.at.UnixNano(), s.loop.audits%1_000_000), e)
}
