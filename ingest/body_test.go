package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func zipped(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// post is a request whose length is known only if the body's is.
func post(body io.Reader, encoding string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	return r
}

// unsized hides a reader's length.
func unsized(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

func code(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Code
	}
	return 0
}

func TestReadBodyReturnsWhatWasSent(t *testing.T) {
	b := NewBodyReader(BodyConfig{})
	for _, size := range []int{0, 1, firstBytes - 1, firstBytes, firstBytes + 1, 1 << 20, 1<<20 + 1, 20<<20 + 7} {
		want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for name, r := range map[string]*http.Request{
			"known length":   post(bytes.NewReader(want), ""),
			"identity":       post(bytes.NewReader(want), "identity"),
			"unknown length": post(unsized(bytes.NewReader(want)), ""),
			"short reads":    post(iotest.HalfReader(bytes.NewReader(want)), ""),
			"gzip":           post(bytes.NewReader(zipped(t, want)), "GZIP"),
		} {
			body, err := b.ReadBody(httptest.NewRecorder(), r)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
			if !bytes.Equal(body.Bytes, want) {
				t.Errorf("%s: got %d bytes, want %d", name, len(body.Bytes), size)
			}
			body.Release()
		}
	}
	if b.budget.freeBytes != b.cfg.MemoryBytes {
		t.Errorf("got %d bytes free at the end, want %d", b.budget.freeBytes, b.cfg.MemoryBytes)
	}
}

func TestReadBodyRefusesWithTheRightStatus(t *testing.T) {
	const limit = 100_000
	b := NewBodyReader(BodyConfig{MaxBytes: limit})
	over, fits := make([]byte, limit+1), make([]byte, limit)
	cut := zipped(t, []byte(strings.Repeat("hello", 1000)))
	broken := bytes.Clone(cut)
	broken[len(broken)-5] ^= 1 // in the checksum
	tests := map[string]struct {
		body     io.Reader
		encoding string
		want     int
	}{
		"fits":                 {bytes.NewReader(fits), "", 0},
		"announced too large":  {bytes.NewReader(over), "", 413},
		"turns out too large":  {unsized(bytes.NewReader(over)), "", 413},
		"too large unzipped":   {bytes.NewReader(zipped(t, over)), "gzip", 413},
		"brotli":               {bytes.NewReader(fits), "br", 415},
		"gzip twice, declared": {bytes.NewReader(zipped(t, zipped(t, fits))), "gzip, gzip", 415},
		"not gzip":             {bytes.NewReader(fits), "gzip", 400},
		"empty gzip":           {strings.NewReader(""), "gzip", 400},
		"gzip cut off":         {bytes.NewReader(cut[:len(cut)-9]), "gzip", 400},
		"gzip checksum":        {bytes.NewReader(broken), "gzip", 400},
		"sender gone":          {iotest.ErrReader(io.ErrUnexpectedEOF), "", 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			body, err := b.ReadBody(httptest.NewRecorder(), post(test.body, test.encoding))
			if code(err) != test.want {
				t.Errorf("got %v, want %d", err, test.want)
			}
			if err == nil {
				body.Release()
			}
		})
	}
	if b.budget.freeBytes != b.cfg.MemoryBytes {
		t.Errorf("got %d bytes free at the end, want %d", b.budget.freeBytes, b.cfg.MemoryBytes)
	}
}

// Who announces too much is told at once, before it has sent that.
func TestAnnouncedLengthIsRefusedUnread(t *testing.T) {
	r := post(iotest.ErrReader(errors.New("read")), "")
	r.ContentLength = 101
	if _, err := NewBodyReader(BodyConfig{MaxBytes: 100}).ReadBody(httptest.NewRecorder(), r); code(err) != 413 {
		t.Errorf("got %v, want 413", err)
	}
}

// Case 50: what is gzip within gzip stays gzip, and is no JSON then.
func TestNestedGzipIsUnwrappedOnce(t *testing.T) {
	inner := zipped(t, []byte("hello"))
	body, err := NewBodyReader(BodyConfig{}).ReadBody(httptest.NewRecorder(), post(bytes.NewReader(zipped(t, inner)), "gzip"))
	if err != nil || !bytes.Equal(body.Bytes, inner) {
		t.Errorf("got %v, %v, want the inner gzip", body, err)
	}
}

// Case 50: 64 MiB of zeros in a few hundred KiB, for a limit of 4 MiB. Goal: refused, and the memory taken is that of the limit and not of the bomb.
func TestGzipBombIsRefusedInFlatMemory(t *testing.T) {
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	const wholeBytes = 64 << 20
	for range wholeBytes / len(zeros) {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	const limit = 4 << 20
	b := NewBodyReader(BodyConfig{MaxBytes: limit})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		if _, err := b.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(bomb.Bytes()), "gzip")); code(err) != 413 {
			t.Fatalf("got %v, want 413", err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*4*limit {
		t.Errorf("got %d MiB allocated for three bombs, want at most %d", got>>20, 3*4*limit>>20)
	}
}

// drip sends a byte at a time, with a pause before each.
type drip struct {
	pause time.Duration
	left  int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	d.left--
	p[0] = ' '
	return 1, nil
}

// Case 51: a sender that sends a byte a second is given up after the grace period, one that keeps the minimal
// rate is not, and nobody may take for ever.
func TestSlowSenderIsGivenUp(t *testing.T) {
	tests := map[string]struct {
		pause  time.Duration
		bytes  int
		want   int
		latest time.Duration
	}{
		"a byte a second":    {time.Second, 1000, 408, 11 * time.Second},
		"two within grace":   {4 * time.Second, 2, 0, 9 * time.Second},
		"the minimal rate":   {time.Second / 1024, 60 << 10, 0, 61 * time.Second},
		"half of that":       {time.Second / 512, 60 << 10, 408, 21 * time.Second},
		"more than two min.": {time.Second / 1025, 1 << 20, 408, 121 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := NewBodyReader(BodyConfig{}).ReadBody(httptest.NewRecorder(), post(&drip{test.pause, test.bytes}, ""))
				if code(err) != test.want {
					t.Errorf("got %v, want %d", err, test.want)
				}
				if took := time.Since(start); took > test.latest {
					t.Errorf("took %v, want at most %v", took, test.latest)
				}
			})
		})
	}
}

// The same over a real connection, where the deadline must interrupt a read that is under way. It is cleared after a
// good body: otherwise the request's context would be cancelled while the handler still works.
func TestDeadlineInterruptsASilentSender(t *testing.T) {
	t.Parallel()
	b := NewBodyReader(BodyConfig{ReadGrace: time.Second})
	errs := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := b.ReadBody(w, r)
		if err == nil {
			body.Release()
			select {
			case <-r.Context().Done():
				err = r.Context().Err()
			case <-time.After(1500 * time.Millisecond):
			}
		}
		errs <- err
	}))
	defer srv.Close()

	silent, stop := io.Pipe()
	defer stop.Close()
	go http.Post(srv.URL, "", silent) //nolint:errcheck // its fate is seen on the other side
	if err := <-errs; code(err) != 408 {
		t.Errorf("got %v for a silent sender, want 408", err)
	}
	resp, err := http.Post(srv.URL, "", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-errs; err != nil {
		t.Errorf("got %v for a good sender whose handler takes longer than the deadline, want none", err)
	}
}

func TestBodiesWaitForMemoryAndThenGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBodyReader(BodyConfig{MaxBytes: firstBytes / 2, MemoryBytes: firstBytes})
		first, err := b.ReadBody(httptest.NewRecorder(), post(strings.NewReader("a"), ""))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := b.ReadBody(httptest.NewRecorder(), post(strings.NewReader("b"), "")); code(err) != 503 || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %v, want 503 after 10s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start = time.Now()
		if _, err := b.ReadBody(httptest.NewRecorder(), post(strings.NewReader("c"), "").WithContext(ctx)); code(err) != 503 || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want 503 after 1s", err, time.Since(start))
		}
		done := make(chan error)
		go func() {
			body, err := b.ReadBody(httptest.NewRecorder(), post(strings.NewReader("d"), ""))
			if err == nil {
				body.Release()
			}
			done <- err
		}()
		synctest.Wait()
		first.Recycle() // keeps its share: what was decoded is still there
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("got in before the first was released: %v", err)
		default:
		}
		first.Release()
		if err := <-done; err != nil {
			t.Errorf("got %v after the first was released", err)
		}
		if b.budget.freeBytes != firstBytes || len(b.budget.waiting) != 0 {
			t.Errorf("got %d bytes free, %d waiting at the end", b.budget.freeBytes, len(b.budget.waiting))
		}
	})
}

// A large demand that does not fit yet must not hold up small ones.
func TestSmallDemandOvertakesALargeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &budget{freeBytes: 10}
		var wg sync.WaitGroup
		large := errors.New("not yet")
		if err := b.acquire(t.Context(), 8, time.Second); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { large = b.acquire(t.Context(), 9, time.Minute) })
		synctest.Wait()
		if err := b.acquire(t.Context(), 2, time.Second); err != nil {
			t.Errorf("got %v for a small demand", err)
		}
		b.release(2)
		b.release(8)
		wg.Wait()
		if large != nil || b.freeBytes != 1 {
			t.Errorf("got %v for the large demand, %d bytes free", large, b.freeBytes)
		}
	})
}

// Goal: no byte of the budget is lost, however grants and time-outs race.
func TestBudgetIsWholeAfterAStorm(t *testing.T) {
	b := &budget{freeBytes: 100}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			n := int64(i%60 + 1)
			if b.acquire(t.Context(), n, time.Duration(i%5)*time.Microsecond) == nil {
				runtime.Gosched()
				b.release(n)
			}
		})
	}
	wg.Wait()
	if b.freeBytes != 100 || len(b.waiting) != 0 {
		t.Errorf("got %d bytes free, %d waiting, want 100 and none", b.freeBytes, len(b.waiting))
	}
}

func TestBodyConfigValidateNamesEveryField(t *testing.T) {
	cfg := Config{Limits: Limits{Labels: -1}, Body: BodyConfig{MaxBytes: 1000, MemoryBytes: 1999, WaitTimeout: -1}}
	err := cfg.Validate()
	for _, want := range []string{"limits: labels", "body: wait_timeout", "memory_bytes: 1999"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := new(Config).Validate(); err != nil {
		t.Errorf("got %v for defaults", err)
	}
}
