package ingest

import (
	"errors"
	"fmt"
	"time"
)

// Limits bounds what decoders take of one body. Zero fields mean the default that their comment names.
type Limits struct {
	// Items is how many alerts, or events and objects, one body may hold; a body with more is malformed. Zero means 250,000.
	Items int
	// TopologyItems is how many entities and edges one topology update may name. Zero means 10,000,000.
	TopologyItems int
	// Labels is how many labels of an alert are kept. Zero means 64.
	Labels int
	// LabelBytes is how long name and value of a label may be together; the value is cut. Zero means 4 KiB.
	LabelBytes int
	// AnnotationBytes is how long names and values of all annotations of an alert may be together. Zero means 64 KiB.
	AnnotationBytes int
	// MessageBytes is how much of an event's message is kept. Zero means 4 KiB.
	MessageBytes int
	// ClockSkew is how far in the future a sender's time may be before it is taken for now. Zero means 10m.
	ClockSkew time.Duration
	// ResolveTimeout is when an alert that Prometheus sends without an end is lost unless sent again. Zero means 5m.
	ResolveTimeout time.Duration
	// MaxExpiry is how far in the future a firing alert may say that it is lost unless sent again. Zero means 24h.
	MaxExpiry time.Duration
}

// Validate reports every value out of range.
func (l *Limits) Validate() error {
	var errs []error
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"items", l.Items, 10_000_000},
		{"topology_items", l.TopologyItems, 100_000_000},
		{"labels", l.Labels, 10_000},
		{"label_bytes", l.LabelBytes, 1 << 20},
		{"annotation_bytes", l.AnnotationBytes, 1 << 24},
		{"message_bytes", l.MessageBytes, 1 << 20},
	} {
		if f.value < 0 || f.value > f.max {
			errs = append(errs, fmt.Errorf("%s: %d is not between 0 and %d", f.name, f.value, f.max))
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"clock_skew", l.ClockSkew},
		{"resolve_timeout", l.ResolveTimeout},
		{"max_expiry", l.MaxExpiry},
	} {
		if f.value < 0 || f.value > 30*24*time.Hour {
			errs = append(errs, fmt.Errorf("%s: %v is not between 0 and 720h", f.name, f.value))
		}
	}
	return errors.Join(errs...)
}

// withDefaults fills zero fields.
func (l Limits) withDefaults() Limits {
	orDefault(&l.Items, 250_000)
	orDefault(&l.TopologyItems, 10_000_000)
	orDefault(&l.Labels, 64)
	orDefault(&l.LabelBytes, 4<<10)
	orDefault(&l.AnnotationBytes, 64<<10)
	orDefault(&l.MessageBytes, 4<<10)
	orDefault(&l.ClockSkew, 10*time.Minute)
	orDefault(&l.ResolveTimeout, 5*time.Minute)
	orDefault(&l.MaxExpiry, 24*time.Hour)
	return l
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
