package objstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael/engine/cold/objstore"
)

func write(t *testing.T, path string, age time.Duration) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	backdate(t, path, age)
}

func backdate(t *testing.T, path string, age time.Duration) {
	t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

func TestLeftoversAreSweptAtOpen(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at(".tmp-OLD"), 2*time.Hour)
	write(t, at("a/b/.tmp-OLD"), 2*time.Hour)
	write(t, at("a/b/.tmp-NEW"), time.Minute)
	write(t, at("a/kept.parquet"), 1000*time.Hour)
	write(t, at("gone/deeper/.tmp-OLD"), 2*time.Hour)
	for _, name := range []string{"old-empty", "old-nest/in/in", "new-empty"} {
		if err := os.MkdirAll(at(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"old-empty", "old-nest/in/in", "old-nest/in", "old-nest", "gone/deeper", "gone"} {
		backdate(t, at(name), 2*time.Hour)
	}
	var log bytes.Buffer
	store := open(t, "file://"+dir, objstore.S3Options{}, objstore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for name, want := range map[string]bool{".tmp-OLD": false, "a/b/.tmp-OLD": false, "a/b/.tmp-NEW": true, "a/kept.parquet": true,
		"gone": false, "old-empty": false, "old-nest": false, "new-empty": true} {
		if exists(t, at(name)) != want {
			t.Errorf("%s exists: %v, want %v", name, !want, want)
		}
	}
	if !strings.Contains(log.String(), "files=3") {
		t.Errorf("log: %s", log.String())
	}
	var keys []string
	for info, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if fmt.Sprint(keys) != "[a/kept.parquet]" {
		t.Errorf("listed %q: a file that is being written must not show", keys)
	}
}

func TestFolderThatGoesAwayIsNotEmpty(t *testing.T) {
	for name, replace := range map[string]bool{"removed": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cold")
			store := open(t, "file://"+dir, objstore.S3Options{})
			if _, err := store.Put(t.Context(), "a", strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(dir, dir+".away"); err != nil {
				t.Fatal(err)
			}
			if replace {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ctx := t.Context()
			_, gerr := store.Get(ctx, "a")
			_, rerr := store.GetRange(ctx, "a", 0, 1)
			_, serr := store.Stat(ctx, "a")
			_, perr := store.Put(ctx, "b", strings.NewReader("x"))
			errs := map[string]error{"get": gerr, "range": rerr, "stat": serr, "put": perr, "put if absent": store.PutIfAbsent(ctx, "c", nil)}
			if !replace {
				for _, err := range store.List(ctx, "") {
					errs["list"] = err
				}
			}
			for op, err := range errs {
				if !errors.Is(err, objstore.ErrNoStore) || errors.Is(err, objstore.ErrNotFound) {
					t.Errorf("%s: %v, want ErrNoStore and never ErrNotFound", op, err)
				}
			}
			if replace {
				if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
					t.Errorf("something was written into the empty mount point: %v, %v", left, err)
				}
				if err := os.Remove(dir); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(dir+".away", dir); err != nil {
				t.Fatal(err)
			}
			if got, err := store.Get(ctx, "a"); err != nil || string(got) != "x" {
				t.Errorf("after it came back: %q, %v", got, err)
			}
		})
	}
}

func TestFolderMakesWhatIsMissingAgain(t *testing.T) {
	dir := t.TempDir()
	store := open(t, "file://"+dir, objstore.S3Options{})
	for range 3 {
		if _, err := store.Put(t.Context(), "a/b/c/d", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		// As another process does that removes empty folders; ours still remembers them.
		if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestObjectAndFolderOfOneName(t *testing.T) {
	store := open(t, "file://"+t.TempDir(), objstore.S3Options{})
	for _, key := range []string{"object", "folder/inside"} {
		if _, err := store.Put(t.Context(), key, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	_, below := store.Put(t.Context(), "object/below", strings.NewReader("x"))
	_, over := store.Put(t.Context(), "folder", strings.NewReader("x"))
	for _, err := range []error{below, over, store.PutIfAbsent(t.Context(), "object/below", nil)} {
		if !errors.Is(err, objstore.ErrInvalid) || errors.Is(err, objstore.ErrUnavailable) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
	if err := store.Delete(t.Context(), "folder"); err != nil {
		t.Error(err)
	}
	if got, err := store.Get(t.Context(), "folder/inside"); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFolderObserved(t *testing.T) {
	seen := newCounts()
	store := open(t, "file://"+t.TempDir(), objstore.S3Options{}, objstore.WithObserver(seen.observe))
	ctx := t.Context()
	if _, err := store.Put(ctx, "a", strings.NewReader("12345")); err != nil {
		t.Fatal(err)
	}
	if err := store.PutIfAbsent(ctx, "b", []byte("123")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetRange(ctx, "a", 1, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetRange(ctx, "a", 1, 20); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if _, err := store.Get(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	for _, err := range store.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Stat(ctx, "../a"); err == nil {
		t.Fatal("escaped")
	}
	if err := store.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	want := "calls map[delete:1 get:1 get_range:2 list:1 put:1 put_if_absent:1 stat:1] failed map[get_range:1 stat:1]" +
		" bytes map[delete:0 get:5 get_range:2 list:0 put:5 put_if_absent:3 stat:0]"
	if seen.String() != want {
		t.Errorf("observed\n%v, want\n%s", seen, want)
	}
}

func TestErrorsSayOperationObjectAndRemedy(t *testing.T) {
	dir := t.TempDir()
	store := open(t, "file://"+dir, objstore.S3Options{})
	if err := store.PutIfAbsent(t.Context(), "x/y", []byte("a")); err != nil {
		t.Fatal(err)
	}
	err := store.PutIfAbsent(t.Context(), "x/y", []byte("b"))
	want := "object store: put_if_absent file://" + dir + "/x/y: object exists (read the object and decide again)"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
