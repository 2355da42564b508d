package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// hangUp ends the connection without an answer.
func hangUp() { panic(http.ErrAbortHandler) }

// answerError reads the request to its end first; a client that is still sending would see a broken connection instead.
func answerError(w http.ResponseWriter, r *http.Request, status int, code string) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>scripted</Message></Error>", code)
}

// counts is an Observer that keeps what it was told.
type counts struct {
	mu     sync.Mutex
	calls  map[string]int
	failed map[string]int
	bytes  map[string]int64
}

func newCounts() *counts {
	return &counts{calls: map[string]int{}, failed: map[string]int{}, bytes: map[string]int64{}}
}

func (c *counts) observe(op string, n int64, d time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[op]++
	c.bytes[op] += n
	if err != nil || d < 0 {
		c.failed[op]++
	}
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("calls %v failed %v bytes %v", c.calls, c.failed, c.bytes)
}

func (c *counts) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.calls)
	clear(c.failed)
	clear(c.bytes)
}

// faulty opens a store behind a front that hands every request to a script while one is set.
func faulty(t *testing.T, o objstore.S3Options, opts ...objstore.Option) (objstore.Store, func(script func(http.ResponseWriter, *http.Request, http.Handler) bool)) {
	t.Helper()
	server := s3server.Start(t, s3server.Versitygw)
	var script atomic.Pointer[func(http.ResponseWriter, *http.Request, http.Handler) bool]
	f := front(t, server, false, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		s := script.Load()
		return s != nil && (*s)(w, r, next)
	})
	so := server.Options()
	so.Endpoint = f.URL
	so.StallTimeout, so.Adaptive = o.StallTimeout, o.Adaptive
	store := open(t, server.URL("p"), so, opts...)
	return store, func(fn func(http.ResponseWriter, *http.Request, http.Handler) bool) {
		if fn == nil {
			script.Store(nil)
			return
		}
		script.Store(&fn)
	}
}

func TestRetriesAreCounted(t *testing.T) {
	for _, adaptive := range []bool{false, true} {
		t.Run(fmt.Sprintf("adaptive %v", adaptive), func(t *testing.T) {
			seen := newCounts()
			store, script := faulty(t, objstore.S3Options{Adaptive: adaptive}, objstore.WithObserver(seen.observe))
			if _, err := store.Put(t.Context(), "a", strings.NewReader("content")); err != nil {
				t.Fatal(err)
			}
			seen.reset()
			var n atomic.Int32
			script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if n.Add(1) > 2 {
					return false
				}
				answerError(w, r, http.StatusServiceUnavailable, "ServiceUnavailable")
				return true
			})
			if got, err := store.Get(t.Context(), "a"); err != nil || string(got) != "content" {
				t.Fatalf("%q, %v", got, err)
			}
			// Bytes of the error documents are counted too: they were read.
			if seen.calls["get"] != 3 || seen.failed["get"] != 2 || seen.bytes["get"] < 7 {
				t.Errorf("observed %v", seen)
			}
			script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				answerError(w, r, http.StatusInternalServerError, "InternalError")
				return true
			})
			seen.reset()
			if _, err := store.Get(t.Context(), "a"); !errors.Is(err, objstore.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
			if seen.calls["get"] != 3 {
				t.Errorf("%d attempts, want 3", seen.calls["get"])
			}
		})
	}
}

func TestObservedRequests(t *testing.T) {
	seen := newCounts()
	store, _ := faulty(t, objstore.S3Options{}, objstore.WithObserver(seen.observe))
	seen.reset()
	ctx := t.Context()
	if _, err := store.Put(ctx, "big", bytes.NewReader(make([]byte, 20<<20))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, "small", strings.NewReader("12345")); err != nil {
		t.Fatal(err)
	}
	if err := store.PutIfAbsent(ctx, "once", []byte("123")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetRange(ctx, "big", 5, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(ctx, "none"); !errors.Is(err, objstore.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := store.Stat(ctx, "big"); err != nil {
		t.Fatal(err)
	}
	for _, err := range store.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(ctx, "once"); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"upload_create": 1, "upload_part": 3, "upload_complete": 1, "put": 1, "put_if_absent": 1, "get_range": 1,
		"get": 1, "stat": 1, "list": 1, "delete": 1}
	if fmt.Sprint(seen.calls) != fmt.Sprint(want) {
		t.Errorf("observed %v, want %v", seen.calls, want)
	}
	if seen.bytes["upload_part"] < 20<<20 || seen.bytes["put"] < 5 || seen.bytes["get_range"] != 1000 {
		t.Errorf("bytes %v", seen.bytes)
	}
	if len(seen.failed) != 1 || seen.failed["get"] != 1 {
		t.Errorf("failed %v", seen.failed)
	}
}

// TestLostReplyOfPutIfAbsent: the server stores the object, the answer is lost, the client tries again and meets itself.
func TestLostReplyOfPutIfAbsent(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{})
	var puts atomic.Int32
	script(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPut || puts.Add(1) > 1 {
			return false
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		hangUp()
		return true
	})
	if err := store.PutIfAbsent(t.Context(), "v2.metadata.json", []byte("mine, id 42")); err != nil {
		t.Fatalf("a lost reply of our own put: %v", err)
	}
	if puts.Load() != 2 {
		t.Errorf("%d puts, want 2", puts.Load())
	}
	script(nil)
	if err := store.PutIfAbsent(t.Context(), "v2.metadata.json", []byte("theirs")); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("%v, want ErrExists", err)
	}
}

func TestConditionalConflictIsTriedAgain(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{})
	var n atomic.Int32
	script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if n.Add(1) > 1 {
			return false
		}
		answerError(w, r, http.StatusConflict, "ConditionalRequestConflict")
		return true
	})
	if err := store.PutIfAbsent(t.Context(), "a", []byte("x")); err != nil || n.Load() != 2 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

func TestBrokenAnswers(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{})
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	if _, err := store.Put(t.Context(), "a", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	cutFirst := func(times int32) func(http.ResponseWriter, *http.Request, http.Handler) bool {
		n.Store(0)
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if n.Add(1) > times {
				return false
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			for name, values := range rec.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(rec.Code)
			w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
			http.NewResponseController(w).Flush()
			hangUp()
			return true
		}
	}
	script(cutFirst(2))
	if got, err := store.Get(t.Context(), "a"); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("get whose answer broke off twice: %d bytes, %v", len(got), err)
	}
	script(cutFirst(2))
	if got, err := store.GetRange(t.Context(), "a", 100, 200_000); err != nil || !bytes.Equal(got, data[100:200_100]) {
		t.Fatalf("range whose answer broke off twice: %d bytes, %v", len(got), err)
	}
	script(cutFirst(1000))
	_, err := store.GetRange(t.Context(), "a", 100, 200_000)
	if !errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that always breaks off: %v, want ErrUnavailable and not the end of the object", err)
	}
	if n.Load() != 3 {
		t.Errorf("%d attempts, want 3", n.Load())
	}
	// A server that ignores the range must not pass for one that honours it.
	script(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool { r.Header.Del("Range"); return false })
	if got, err := store.GetRange(t.Context(), "a", 100, 10); err == nil {
		t.Errorf("a range that the server ignored gave %q", got)
	}
}

func TestStalledServer(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{StallTimeout: 100 * time.Millisecond})
	release, entered := make(chan struct{}), make(chan struct{}, 100)
	script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		entered <- struct{}{}
		<-release
		return true
	})
	// Without a stall limit only the context would end this, with another error.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := store.Get(ctx, "a")
	if !errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that never answers: %v, want ErrUnavailable", err)
	}
	// Three attempts; net/http itself repeats one whose pooled connection fails before an answer.
	if n := len(entered); n < 3 || n > 4 {
		t.Errorf("%d requests, want 3 or 4", n)
	}
	for len(entered) > 0 {
		<-entered
	}
	// The caller giving up wins over the retries.
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if _, err := store.Get(ctx, "a"); !errors.Is(err, context.Canceled) || errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("cancelled while the server stalls: %v, want context.Canceled", err)
	}
	close(release)
	script(nil)
	if _, err := store.Put(t.Context(), "a", strings.NewReader("x")); err != nil {
		t.Errorf("after the stall: %v", err)
	}
}
