package objstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// openBelow counts the descriptors of this process that point below dir.
func openBelow(t *testing.T, dir string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return -1
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, dir+"/") {
			n++
		}
	}
	return n
}

func TestOpenFilesAreFewAndLetGo(t *testing.T) {
	dir := t.TempDir()
	store := open(t, "file://"+dir, objstore.S3Options{}, objstore.WithOpenFiles(3))
	key := func(i int) string { return fmt.Sprintf("f/%d", i) }
	check := func(when string, want int) {
		t.Helper()
		if got := openBelow(t, dir); got != want && got >= 0 {
			t.Errorf("%s: %d files open, want %d", when, got, want)
		}
	}
	for i := range 6 {
		if _, err := store.Put(t.Context(), key(i), strings.NewReader("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	check("after writing", 0)
	for range 3 {
		for i := range 6 {
			if got, err := store.GetRange(t.Context(), key(i), 2, 3); err != nil || string(got) != "234" {
				t.Fatalf("%q, %v", got, err)
			}
		}
	}
	check("after reading", 3)
	if err := store.Delete(t.Context(), key(5)); err != nil {
		t.Fatal(err)
	}
	check("after delete", 2)
	if _, err := store.Put(t.Context(), key(4), strings.NewReader("replaced")); err != nil {
		t.Fatal(err)
	}
	check("after replacement", 1)
	// Removed by somebody else: the next read notices.
	if err := os.Remove(filepath.Join(dir, key(3))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetRange(t.Context(), key(3), 0, 1); !errors.Is(err, objstore.ErrNotFound) {
		t.Fatal(err)
	}
	check("after a foreign delete", 0)
	if _, err := store.GetRange(t.Context(), key(0), 0, 1); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	check("after close", 0)
}

func TestFewOpenFilesManyReaders(t *testing.T) {
	dir := t.TempDir()
	store := open(t, "file://"+dir, objstore.S3Options{}, objstore.WithOpenFiles(2))
	put := func(i int) error {
		_, err := store.Put(t.Context(), fmt.Sprint(i), strings.NewReader(strings.Repeat(fmt.Sprint(i), 100)))
		return err
	}
	for i := range 8 {
		if err := put(i); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 400 {
				i := (n*7 + g*3) % 8
				got, err := store.GetRange(t.Context(), fmt.Sprint(i), 10, 20)
				if err != nil || string(got) != strings.Repeat(fmt.Sprint(i), 20) {
					t.Errorf("%d: %q, %v", i, got, err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for n := range 60 {
			if err := put(n % 8); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	if n := openBelow(t, dir); n > 2 {
		t.Errorf("%d files open, want 2 at most", n)
	}
}
