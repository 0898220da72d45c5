package notify

import "log/slog"

// Picture is a drawing that goes along with a message.
type Picture struct {
	// Name is a file's name, "days.png", and Title what people see instead.
	Name, Title string
	// Alt says in words what it shows.
	Alt string
	PNG []byte
}

// Logger is the log, or one that keeps nothing.
func (e *Environment) Logger() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}
