package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/taeldb/tael/engine/cold/objstore"
)

func testFailingReader(t *testing.T, s *suite) {
	broken := errors.New("the source broke")
	for _, size := range []int{0, 1000, 12 << 20} { // at once, in a single request, and among the parts of an upload
		key := s.key(fmt.Sprintf("broken-%d", size))
		source := io.MultiReader(bytes.NewReader(noise(4, size)), iotest.ErrReader(broken))
		_, err := s.Put(t.Context(), key, source)
		wantIs(t, fmt.Sprintf("put of a source that breaks after %d bytes", size), err, broken)
		if errors.Is(err, objstore.ErrUnavailable) {
			t.Errorf("the source's error was taken for the store's: %v", err)
		}
		_, err = s.Get(t.Context(), key)
		wantIs(t, "get after a failed put", err, objstore.ErrNotFound)
	}
	s.put(t, s.key("old"), []byte("old"))
	_, err := s.Put(t.Context(), s.key("old"), io.MultiReader(bytes.NewReader([]byte("new")), iotest.ErrReader(broken)))
	wantIs(t, "failing replacement", err, broken)
	s.want(t, s.key("old"), []byte("old"))
	if got := s.keys(t, s.dir+"/"); len(got) != 1 {
		t.Fatalf("listed %q after failed puts", got)
	}
}

func testLargeObject(t *testing.T, s *suite) {
	// 20 MiB and a byte: several parts, the last one short.
	key, data := s.key("large"), noise(5, 20<<20+1)
	s.put(t, key, data)
	s.want(t, key, data)
	for _, off := range []int{0, 8<<20 - 10, 16<<20 - 1, len(data) - 100} { // over the seams of the parts
		got, err := s.GetRange(t.Context(), key, int64(off), 100)
		if err != nil || !bytes.Equal(got, data[off:off+100]) {
			t.Fatalf("range at %d: %d bytes, %v", off, len(got), err)
		}
	}
	// A multiple of the part size has no short last part.
	exact := data[:16<<20]
	s.put(t, key, exact)
	s.want(t, key, exact)
	info, err := s.Stat(t.Context(), key)
	if err != nil || info.Size != int64(len(exact)) {
		t.Fatalf("stat: %+v, %v", info, err)
	}
}

func testPutIfAbsent(t *testing.T, s *suite) {
	key := s.key("v1.metadata.json")
	if err := s.PutIfAbsent(t.Context(), key, []byte("first")); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "second put", s.PutIfAbsent(t.Context(), key, []byte("other")), objstore.ErrExists)
	wantIs(t, "longer put", s.PutIfAbsent(t.Context(), key, []byte("first and more")), objstore.ErrExists)
	if err := s.PutIfAbsent(t.Context(), key, []byte("first")); err != nil {
		t.Fatalf("the same bytes again: %v", err)
	}
	s.want(t, key, []byte("first"))
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := s.PutIfAbsent(t.Context(), key, []byte("third")); err != nil {
		t.Fatalf("after delete: %v", err)
	}
	s.want(t, key, []byte("third"))
	s.put(t, s.key("plain"), []byte("put"))
	wantIs(t, "over a plain put", s.PutIfAbsent(t.Context(), s.key("plain"), []byte("x")), objstore.ErrExists)
}

// race calls PutIfAbsent from n goroutines at once and returns how each ended.
func race(t *testing.T, s *suite, n int, key string, data func(i int) []byte) []error {
	t.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = s.PutIfAbsent(t.Context(), key, data(i))
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func testPutIfAbsentRace(t *testing.T, s *suite) {
	for round := range 3 {
		key := s.key(fmt.Sprintf("race-%d", round))
		data := func(i int) []byte { return noise(uint64(100+i), 5000) }
		won := -1
		for i, err := range race(t, s, 32, key, data) {
			switch {
			case err == nil && won >= 0:
				t.Fatalf("both %d and %d won", won, i)
			case err == nil:
				won = i
			default:
				wantIs(t, "loser", err, objstore.ErrExists)
			}
		}
		if won < 0 {
			t.Fatal("nobody won")
		}
		s.want(t, key, data(won))
	}
}

func testPutIfAbsentEqualRace(t *testing.T, s *suite) {
	key := s.key("equal")
	for i, err := range race(t, s, 16, key, func(int) []byte { return []byte("all the same") }) {
		if err != nil {
			t.Fatalf("caller %d: %v", i, err)
		}
	}
	s.want(t, key, []byte("all the same"))
}

func testNeverTorn(t *testing.T, s *suite) {
	const size = 300_000
	key := s.key("turning")
	version := func(b byte) []byte { return bytes.Repeat([]byte{b}, size) }
	s.put(t, key, version('a'))
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 15 {
				if _, err := s.Put(t.Context(), key, onlyReader{bytes.NewReader(version(byte('b' + w*15 + i)))}); err != nil {
					t.Errorf("put: %v", err)
					return
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := s.Get(t.Context(), key)
				if err != nil || len(got) != size || !bytes.Equal(got, version(got[0])) {
					t.Errorf("get: %d bytes of more than one version, %v", len(got), err)
					return
				}
				got, err = s.GetRange(t.Context(), key, 1000, size-1000)
				if err != nil || !bytes.Equal(got, version(got[0])[:size-1000]) {
					t.Errorf("range: %d bytes of more than one version, %v", len(got), err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// everyCall makes each call once and yields its name and error.
func everyCall(ctx context.Context, s objstore.Store, key string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		calls := []struct {
			name string
			call func() error
		}{
			{"get", func() error { _, err := s.Get(ctx, key); return err }},
			{"range", func() error { _, err := s.GetRange(ctx, key, 0, 1); return err }},
			{"stat", func() error { _, err := s.Stat(ctx, key); return err }},
			{"put", func() error { _, err := s.Put(ctx, key, bytes.NewReader([]byte("x"))); return err }},
			{"put if absent", func() error { return s.PutIfAbsent(ctx, key, []byte("x")) }},
			{"delete", func() error { return s.Delete(ctx, key) }},
			{"list", func() error {
				for _, err := range s.List(ctx, "") {
					return err
				}
				return nil
			}},
		}
		for _, c := range calls {
			if !yield(c.name, c.call()) {
				return
			}
		}
	}
}

func testCancelled(t *testing.T, s *suite) {
	key := s.key("untouched")
	s.put(t, key, []byte("old"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range everyCall(ctx, s, key) {
		wantIs(t, name+" with a cancelled context", err, context.Canceled)
	}
	s.want(t, key, []byte("old"))

	// Cancelled in the middle of a large upload.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	source := io.MultiReader(bytes.NewReader(noise(6, 10<<20)), readerFunc(func(p []byte) (int, error) {
		cancel()
		clear(p)
		return len(p), nil
	}))
	_, err := s.Put(ctx, key, source)
	wantIs(t, "put that is cancelled half-way", err, context.Canceled)
	s.want(t, key, []byte("old"))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
