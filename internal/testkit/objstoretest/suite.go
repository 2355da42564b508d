// Package objstoretest is the acceptance suite of objstore.Store: what its comments promise, tried on a real store. Each
// implementation runs it, and so does every wrapper that claims to be one.
package objstoretest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Option changes the suite for a store that is slow.
type Option func(*config)

type config struct{ listed int }

// Listed sets how many objects the paging test stores; 1100 without it, which is more than one page of S3.
func Listed(n int) Option { return func(c *config) { c.listed = n } }

// Run runs every test. open returns a store at the same place each time it is called, empty at the first call; it
// closes the store when its t ends. Tests use keys of their own and need not begin with an empty store.
func Run(t *testing.T, open func(t testing.TB) objstore.Store, opts ...Option) {
	c := config{listed: 1100}
	for _, opt := range opts {
		opt(&c)
	}
	tests := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"put get stat delete", testLifeOfAnObject},
		{"empty object", testEmptyObject},
		{"ranges", testRanges},
		{"replaced and deleted are never served", testNoStaleReads},
		{"failing reader stores nothing", testFailingReader},
		{"large object", testLargeObject},
		{"put if absent", testPutIfAbsent},
		{"put if absent race", testPutIfAbsentRace},
		{"put if absent race of equal bytes", testPutIfAbsentEqualRace},
		{"concurrent put and get never torn", testNeverTorn},
		{"list", testList},
		{"list many", func(t *testing.T, s *suite) { testListMany(t, s, c.listed) }},
		{"list stops early", testListStopsEarly},
		{"strange keys", testStrangeKeys},
		{"bad keys", testBadKeys},
		{"cancelled context", testCancelled},
		{"reopen", testReopen},
		{"close", testClose},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, &suite{Store: open(t), open: open, dir: fmt.Sprintf("t%02d", i)})
		})
	}
}

// suite is the store under test and a folder of keys for one test.
type suite struct {
	objstore.Store
	open func(testing.TB) objstore.Store
	dir  string
}

func (s *suite) key(name string) string { return s.dir + "/" + name }

func (s *suite) put(t *testing.T, key string, data []byte) {
	t.Helper()
	n, err := s.Put(t.Context(), key, onlyReader{bytes.NewReader(data)})
	if err != nil || n != int64(len(data)) {
		t.Fatalf("put %s: %d bytes, %v; want %d", key, n, err, len(data))
	}
}

func (s *suite) want(t *testing.T, key string, data []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("get %s: %d bytes, %v; want the %d bytes that were put", key, len(got), err, len(data))
	}
}

func wantIs(t *testing.T, what string, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Fatalf("%s: error %v, want %v", what, err, class)
	}
}

// onlyReader hides Seek and WriteTo, as a pipe would.
type onlyReader struct{ io.Reader }

// noise returns n bytes that look random and are the same for the same seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b) // it never fails
	return b
}

func testLifeOfAnObject(t *testing.T, s *suite) {
	key := s.key("deep/er/object.parquet")
	_, err := s.Get(t.Context(), key)
	wantIs(t, "get before put", err, objstore.ErrNotFound)
	_, err = s.Stat(t.Context(), key)
	wantIs(t, "stat before put", err, objstore.ErrNotFound)
	_, err = s.GetRange(t.Context(), key, 0, 1)
	wantIs(t, "range before put", err, objstore.ErrNotFound)
	_, err = s.GetRange(t.Context(), key, 0, 0)
	wantIs(t, "empty range before put", err, objstore.ErrNotFound)
	var detail *objstore.Error
	if !errors.As(err, &detail) || detail.Op != objstore.OpGetRange || detail.Object == "" {
		t.Fatalf("error %#v names no operation and object", err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatalf("delete of nothing: %v", err)
	}

	before := time.Now()
	data := noise(1, 100_000)
	s.put(t, key, data)
	s.want(t, key, data)
	info, err := s.Stat(t.Context(), key)
	if err != nil || info.Key != key || info.Size != int64(len(data)) || info.Modified.Location() != time.UTC {
		t.Fatalf("stat: %+v, %v", info, err)
	}
	// An hour of slack for the clock of a server elsewhere; only nonsense is caught.
	if d := info.Modified.Sub(before); d < -time.Hour || d > time.Hour {
		t.Fatalf("modified at %v, put at %v", info.Modified, before)
	}
	_, err = s.Get(t.Context(), s.key("deep/er"))
	wantIs(t, "get of a folder", err, objstore.ErrNotFound)
	_, err = s.Stat(t.Context(), s.key("deep"))
	wantIs(t, "stat of a folder", err, objstore.ErrNotFound)
	_, err = s.Get(t.Context(), key+"/below")
	wantIs(t, "get below an object", err, objstore.ErrNotFound)

	s.put(t, key, []byte("replaced"))
	s.want(t, key, []byte("replaced"))
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatalf("delete: %v", err)
		}
	}
	_, err = s.Get(t.Context(), key)
	wantIs(t, "get after delete", err, objstore.ErrNotFound)
	_, err = s.Stat(t.Context(), key)
	wantIs(t, "stat after delete", err, objstore.ErrNotFound)
}

func testEmptyObject(t *testing.T, s *suite) {
	key := s.key("empty")
	s.put(t, key, nil)
	s.want(t, key, nil)
	if got, err := s.GetRange(t.Context(), key, 0, 0); err != nil || len(got) != 0 {
		t.Fatalf("empty range of the empty object: %q, %v", got, err)
	}
	_, err := s.GetRange(t.Context(), key, 0, 1)
	wantIs(t, "range of the empty object", err, io.ErrUnexpectedEOF)
	if err := s.PutIfAbsent(t.Context(), s.key("empty2"), nil); err != nil {
		t.Fatal(err)
	}
	s.want(t, s.key("empty2"), nil)
}

func testRanges(t *testing.T, s *suite) {
	key, data := s.key("ranged"), noise(2, 10_000)
	s.put(t, key, data)
	size := int64(len(data))
	for _, r := range []struct {
		off, n int64
		class  error
	}{
		{0, 1, nil}, {0, size, nil}, {1234, 567, nil}, {size - 1, 1, nil}, {size - 8, 8, nil},
		{0, 0, nil}, {17, 0, nil}, {size, 0, nil},
		{0, size + 1, io.ErrUnexpectedEOF}, {size - 8, 9, io.ErrUnexpectedEOF}, {size, 1, io.ErrUnexpectedEOF},
		{size + 1, 0, io.ErrUnexpectedEOF}, {10 * size, 5, io.ErrUnexpectedEOF},
		{0, 1 << 60, io.ErrUnexpectedEOF}, // must not be allocated before it is known to be there
		{-1, 5, objstore.ErrInvalid}, {0, -1, objstore.ErrInvalid}, {1 << 62, 1 << 62, objstore.ErrInvalid},
	} {
		got, err := s.GetRange(t.Context(), key, r.off, r.n)
		switch {
		case r.class != nil:
			wantIs(t, fmt.Sprintf("range %d+%d", r.off, r.n), err, r.class)
			if errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, objstore.ErrNotFound) {
				t.Errorf("range %d+%d: %v is of a second class", r.off, r.n, err)
			}
		case err != nil || !bytes.Equal(got, data[r.off:r.off+r.n]):
			t.Errorf("range %d+%d: %d bytes, %v", r.off, r.n, len(got), err)
		}
	}
	// The caller owns what it gets.
	a, err := s.GetRange(t.Context(), key, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	clear(a)
	b, err := s.GetRange(t.Context(), key, 0, 100)
	if err != nil || !bytes.Equal(b, data[:100]) {
		t.Fatal("a change to a returned buffer was seen by the next reader")
	}
}

func testNoStaleReads(t *testing.T, s *suite) {
	key := s.key("changing")
	for i := range 20 {
		want := bytes.Repeat([]byte{byte('a' + i)}, 100+i)
		s.put(t, key, want)
		for range 2 {
			got, err := s.GetRange(t.Context(), key, 50, int64(50+i))
			if err != nil || !bytes.Equal(got, want[50:]) {
				t.Fatalf("round %d: %q, %v", i, got, err)
			}
		}
		if i%3 == 0 {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			_, err := s.GetRange(t.Context(), key, 0, 10)
			wantIs(t, "range after delete", err, objstore.ErrNotFound)
		}
	}
	// Another store on the same place, as a second process would be.
	other := s.open(t)
	s.put(t, key, []byte("by the first"))
	if _, err := s.GetRange(t.Context(), key, 0, 12); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Put(t.Context(), key, bytes.NewReader([]byte("by the other"))); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetRange(t.Context(), key, 0, 12)
	if err != nil || string(got) != "by the other" {
		t.Fatalf("after another store replaced the object: %q, %v", got, err)
	}
	if err := other.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetRange(t.Context(), key, 0, 12)
	wantIs(t, "range after another store deleted the object", err, objstore.ErrNotFound)
}

func testReopen(t *testing.T, s *suite) {
	data := noise(3, 50_000)
	s.put(t, s.key("kept"), data)
	if err := s.PutIfAbsent(t.Context(), s.key("once"), []byte("once")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := &suite{Store: s.open(t), open: s.open, dir: s.dir}
	again.want(t, s.key("kept"), data)
	wantIs(t, "put if absent after reopen", again.PutIfAbsent(t.Context(), s.key("once"), []byte("twice")), objstore.ErrExists)
	again.want(t, s.key("once"), []byte("once"))
	if got := again.keys(t, s.dir+"/"); !slices.Equal(got, []string{s.key("kept"), s.key("once")}) {
		t.Fatalf("listed %q", got)
	}
}

func testClose(t *testing.T, s *suite) {
	s.put(t, s.key("a"), []byte("a"))
	if _, err := s.GetRange(t.Context(), s.key("a"), 0, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	for name, err := range everyCall(t.Context(), s, s.key("a")) {
		wantIs(t, name+" after close", err, objstore.ErrClosed)
	}
}
