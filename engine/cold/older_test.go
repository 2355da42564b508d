package cold

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// harm damages the metadata of a table that was flushed twice: v3.metadata.json is its newest.
var harm = []struct {
	name  string
	hurt  func(t *testing.T, dir string, second []string) // second: what the second flush wrote
	says  string
	stale bool // the newest metadata cannot be used, so nothing can be committed on it
}{
	{"garbage", func(t *testing.T, dir string, _ []string) { writeFile(t, dir, versionKey(3), "\x00\x01 no json") }, "v3.metadata.json", true},
	{"empty", func(t *testing.T, dir string, _ []string) { writeFile(t, dir, versionKey(3), "") }, "v3.metadata.json", true},
	{"half", func(t *testing.T, dir string, _ []string) {
		whole := readFile(t, dir, versionKey(3))
		writeFile(t, dir, versionKey(3), whole[:len(whole)/2])
	}, "v3.metadata.json", true},
	{"lost", func(t *testing.T, dir string, _ []string) { remove(t, dir, "v3.metadata.json") }, "v3.metadata.json", true},
	{"lost manifest list", func(t *testing.T, dir string, second []string) { removeOf(t, second, "-s0-") }, "manifest list", true},
	{"garbage manifest list", func(t *testing.T, dir string, second []string) {
		for _, path := range among(second, "-s0-") {
			writeFile(t, filepath.Dir(path), filepath.Base(path), "Obj\x01 garbage")
		}
	}, "manifest list", true},
	{"lost manifest", func(t *testing.T, dir string, second []string) { removeOf(t, second, "-m0-") }, "manifest", false},
	{"garbage manifest", func(t *testing.T, dir string, second []string) {
		for _, path := range among(second, "-m0-") {
			writeFile(t, filepath.Dir(path), filepath.Base(path), "Obj\x01 garbage")
		}
	}, "manifest", false},
}

func among(paths []string, part string) (out []string) {
	for _, path := range paths {
		if strings.Contains(filepath.Base(path), part) {
			out = append(out, path)
		}
	}
	return out
}

func removeOf(t *testing.T, paths []string, part string) {
	t.Helper()
	for _, path := range among(paths, part) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// A table with damaged metadata opens: what other metadata lists is answered, and the damage is named to every tenant. Nothing is committed in place of metadata that
// cannot be read. When it is restored all is there again, without a restart.
func TestDamagedMetadataIsNamedAndTheRestAnswers(t *testing.T) {
	for _, c := range harm {
		t.Run(c.name, func(t *testing.T) {
			first, store := newTable(t)
			dir := strings.TrimPrefix(first.opts.Location, "file://")
			mustFlush(t, first, nodeA, 1, "acme", traceOf(1, 4, noon))
			before := glob(t, dir, "*")
			mustFlush(t, first, nodeA, 2, "acme", traceOf(2, 3, noon))
			second := slices.DeleteFunc(glob(t, dir, "*"), func(path string) bool { return slices.Contains(before, path) })
			whole := map[string]string{}
			for _, path := range second {
				whole[path] = readFile(t, filepath.Dir(path), filepath.Base(path))
			}
			c.hurt(t, dir, second)

			table := openTable(t, store, first.opts.Location)
			named := func(err error) bool { return errors.Is(err, tael.ErrDamaged) && strings.Contains(err.Error(), c.says) }
			v := table.View()
			for tenant, rows := range map[string]int{"acme": 4, "other": 0} {
				if got := scanAll(t, v, query.ScanRequest{Tenant: tenant}); len(got.starts) != rows || len(got.errs) != 1 || !named(got.errs[0]) {
					t.Errorf("%s: %d rows, errors %v; want %d and one that names the %s", tenant, len(got.starts), got.errs, rows, c.says)
				}
			}
			if spans, err := v.Trace(t.Context(), "acme", traceID(1), tael.TraceOptions{}, nil); len(spans) != 4 || !named(err) {
				t.Errorf("trace: %d spans, %v", len(spans), err)
			}
			v.Release()
			_, err := flush(t.Context(), table, nodeA, 3, "acme", traceOf(3, 2, noon))
			if !named(err) {
				t.Errorf("flush: %v", err)
			}
			for _, clean := range []func() error{
				func() error { _, err := table.Expire(t.Context()); return err },
				func() error { _, err := table.Orphans(t.Context(), nodeA, 0); return err },
			} {
				if err := clean(); err != nil && !named(err) {
					t.Errorf("clean-up: %v", err)
				}
			}
			rows := 7
			if !c.stale {
				// A flush that has waited for long enough goes on beside what it cannot read.
				beside(t, table, 3, traceOf(3, 2, noon))
				rows += 2
			}

			for path, content := range whole {
				writeFile(t, filepath.Dir(path), filepath.Base(path), content)
			}
			if err := table.Refresh(t.Context()); err != nil {
				t.Fatalf("restored: %v", err)
			}
			mustFlush(t, table, nodeA, 4, "acme", traceOf(4, 2, noon))
			for _, table := range []*Table{table, openTable(t, store, first.opts.Location)} {
				v := table.View()
				if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != rows+2 || len(got.errs) != 0 {
					t.Errorf("restored: %d rows, %v; want %d", len(got.starts), got.errs, rows+2)
				}
				v.Release()
			}
		})
	}
}

// beside flushes new traces although something of the table cannot be read.
func beside(t *testing.T, table *Table, counter uint64, spans []tael.Span) {
	t.Helper()
	x, err := table.Begin(t.Context(), nodeA, counter)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Abort(t.Context())
	if err := appendSpans(t.Context(), x, "acme", spans); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An operator who cannot restore a damaged metadata file removes it, and the table goes on from the one before.
func TestGoingOnFromAnOlderMetadataFile(t *testing.T) {
	first, store := newTable(t)
	mustFlush(t, first, nodeA, 1, "acme", traceOf(1, 4, noon))
	mustFlush(t, first, nodeA, 2, "acme", traceOf(2, 3, noon))
	dir := strings.TrimPrefix(first.opts.Location, "file://")
	writeFile(t, dir, versionKey(3), "garbage")
	table := openTable(t, store, first.opts.Location)
	remove(t, dir, "v3.metadata.json")
	if err := table.Refresh(t.Context()); !errors.Is(err, tael.ErrDamaged) || !strings.Contains(err.Error(), hintKey) {
		t.Fatalf("without the file, which the hint names: %v", err)
	}
	remove(t, dir, filepath.Base(hintKey))
	mustFlush(t, table, nodeA, 2, "acme", traceOf(2, 3, noon)) // again: the table does not have it
	v := table.View()
	defer v.Release()
	if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != 7 || len(got.errs) != 0 {
		t.Errorf("%d rows, %v; want 7", len(got.starts), got.errs)
	}
}
