package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"quell/storage"
)

// panicError is a panic of bbolt, or a memory fault in its mapping: its answers to damage.
type panicError struct{ reason any }

// Error tells the panic's text.
func (e *panicError) Error() string { return fmt.Sprint(e.reason) }

// guard runs fn and returns its panics and memory faults as a *panicError. The file was sound when it was opened, so
// what is met here happened since: the disk, or somebody who writes to or truncates the file under us.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p}
		}
	}()
	return fn()
}

// view runs fn in a read transaction. The operation's name is for the error.
func (db *DB) view(operation string, fn func(tx *bbolt.Tx) error) error {
	if err := db.usable(); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	err := guard(func() error { return db.bolt.View(fn) })
	if p, ok := errors.AsType[*panicError](err); ok {
		return fmt.Errorf("%s: %w", operation, db.died(damagedFile(db.path, p)))
	}
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("%s: %w", operation, storage.ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}
