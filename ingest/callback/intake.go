package callback

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// intakeMax is how many bodies may be on their way at once. The paths are open to the world, and nobody has proved anything before his
	// body is complete: so this, and the limit of one body, bound what strangers can make quell keep.
	intakeMax = 64
	// intakeTime is how long a body may take. Receivers send theirs at once, and hang up after a few seconds themselves.
	intakeTime = 5 * time.Second
)

// intake reads bodies of requests. It holds a token for each that is on its way; when it is full, the next one is refused.
type intake chan struct{}

func newIntake() intake { return make(intake, intakeMax) }

var (
	errIntakeFull = errors.New("too many requests at once")
	errIntakeBody = errors.New("the body is too large, ended early, or took too long")
)

// read returns a body of at most so many bytes. If it cannot, it has answered, and says why: errIntakeFull or errIntakeBody.
func (in intake) read(w http.ResponseWriter, r *http.Request, maxBytes int64) ([]byte, error) {
	select {
	case in <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "5")
		w.Header().Set("Connection", "close") // else the body would be read after all
		answer(w, http.StatusServiceUnavailable, result{Error: errIntakeFull.Error()})
		return nil, errIntakeFull
	}
	defer func() { <-in }()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(intakeTime)) // writers of tests know none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBytes))
	if err != nil {
		w.Header().Set("Connection", "close")
		answer(w, http.StatusRequestEntityTooLarge, result{Error: errIntakeBody.Error()})
		return nil, errIntakeBody
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, nil
}
