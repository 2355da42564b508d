package objstoretest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// keys lists prefix.
func (s *suite) keys(t *testing.T, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func testList(t *testing.T, s *suite) {
	// '-' and '.' sort before '/', '0' after it; a folder walked by name would yield another order than S3.
	names := []string{"a-b", "a.b", "a/b", "a/c/d", "a/c/e", "a0", "b/x", "ab/c", "é", "z", "Z"}
	for i, name := range names {
		s.put(t, s.key(name), noise(uint64(i), i*10))
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	for _, prefix := range []string{"", "a", "a/", "a/c", "a/c/", "a-", "b", "z", "nothing", "a/c/d", "nothing/at/all", "é"} {
		var want []string
		for _, name := range sorted {
			if strings.HasPrefix(name, prefix) {
				want = append(want, s.key(name))
			}
		}
		if got := s.keys(t, s.dir+"/"+prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: %q, want %q", prefix, got, want)
		}
	}
	for info, err := range s.List(t.Context(), s.dir+"/") {
		if err != nil {
			t.Fatal(err)
		}
		i := slices.Index(names, strings.TrimPrefix(info.Key, s.dir+"/"))
		if info.Size != int64(i*10) || info.Modified.IsZero() {
			t.Errorf("listed %+v, want a size of %d", info, i*10)
		}
	}
	if err := s.Delete(t.Context(), s.key("a/b")); err != nil {
		t.Fatal(err)
	}
	if got := s.keys(t, s.dir+"/a/"); !slices.Equal(got, []string{s.key("a/c/d"), s.key("a/c/e")}) {
		t.Errorf("after delete: %q", got)
	}
}

func testListMany(t *testing.T, s *suite, n int) {
	want := make([]string, n)
	var wg sync.WaitGroup
	limit := make(chan struct{}, 8)
	for i := range n {
		want[i] = s.key(fmt.Sprintf("day=%d/%06d.parquet", i%3, i))
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if _, err := s.Put(t.Context(), want[i], strings.NewReader("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(want)
	if got := s.keys(t, s.dir+"/"); !slices.Equal(got, want) {
		t.Fatalf("listed %d keys, want %d in order", len(got), n)
	}
}

func testListStopsEarly(t *testing.T, s *suite) {
	for i := range 5 {
		s.put(t, s.key(fmt.Sprint(i)), nil)
	}
	seen := 0
	for _, err := range s.List(t.Context(), s.dir+"/") {
		if err != nil {
			t.Fatal(err)
		}
		// The loop may use the store.
		if err := s.Delete(t.Context(), s.key("4")); err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Fatalf("saw %d", seen)
	}
}

func testStrangeKeys(t *testing.T, s *suite) {
	names := []string{
		"with space", "plus+and&=?#%", "percent%2Fslash", "day=2026-11-29/tenant=a b", "日本語/🙂", "..hidden..", ".dot", "a..b",
		"'quote'\"double\"", "tilde~star*", "comma,semi;colon:", "(paren)[bracket]{brace}", "at@dollar$", strings.Repeat("n", 200),
		"trailing dot.", "<angle>|pipe^caret`tick",
	}
	for _, name := range names {
		s.put(t, s.key(name), []byte(name))
	}
	for _, name := range names {
		s.want(t, s.key(name), []byte(name))
		got, err := s.GetRange(t.Context(), s.key(name), 1, 2)
		if err != nil || string(got) != name[1:3] {
			t.Errorf("range of %q: %q, %v", name, got, err)
		}
		if err := s.PutIfAbsent(t.Context(), s.key(name), []byte("x")); err == nil {
			t.Errorf("put if absent over %q succeeded", name)
		}
		if info, err := s.Stat(t.Context(), s.key(name)); err != nil || info.Key != s.key(name) {
			t.Errorf("stat of %q: %+v, %v", name, info, err)
		}
	}
	want := make([]string, len(names))
	for i, name := range names {
		want[i] = s.key(name)
	}
	slices.Sort(want)
	if got := s.keys(t, s.dir+"/"); !slices.Equal(got, want) {
		t.Errorf("listed %q\nwant   %q", got, want)
	}
	for _, name := range names {
		if err := s.Delete(t.Context(), s.key(name)); err != nil {
			t.Error(err)
		}
	}
	if got := s.keys(t, s.dir+"/"); len(got) != 0 {
		t.Errorf("left after delete: %q", got)
	}
}

// BadKeys are keys that every store refuses.
func BadKeys() []string {
	return []string{
		"", "/", "/absolute", "trailing/", "a//b", ".", "..", "../escape", "a/../b", "a/./b", "a/..", "nul\x00byte", "line\nfeed",
		"back\\slash", "bad\xffutf8", ".tmp-x", "a/.tmp-x/b", strings.Repeat("k", 256), strings.Repeat("k/", 600) + "k",
	}
}

func testBadKeys(t *testing.T, s *suite) {
	for _, key := range BadKeys() {
		for name, err := range everyCall(t.Context(), s, key) {
			if name == "list" {
				continue // of everything
			}
			wantIs(t, fmt.Sprintf("%s of key %q", name, key), err, objstore.ErrInvalid)
		}
	}
	for _, prefix := range []string{"/", "../", "a/../", "/etc", "a//", "x\x00"} {
		var got error
		for _, err := range s.List(t.Context(), prefix) {
			got = err
		}
		wantIs(t, fmt.Sprintf("list of prefix %q", prefix), got, objstore.ErrInvalid)
	}
}
