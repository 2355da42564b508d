package cold

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

func TestFlushAndReadBack(t *testing.T) {
	table, _ := newTable(t)
	spans := append(traceOf(1, 5, noon), traceOf(2, 3, noon.Add(time.Minute))...)
	spans = append(spans, traceOf(3, 2, noon.Add(12*time.Hour-time.Second))...) // crosses midnight
	done := mustFlush(t, table, nodeA, 7, "acme", spans)
	if done.Rows != 10 || len(done.Files) != 2 || done.Deleted != 0 {
		t.Fatalf("committed %+v, want 10 rows in 2 files", done)
	}
	if n := len(readTrace(t, table, "acme", 1)); n != 5 {
		t.Errorf("trace 1 has %d spans, want 5", n)
	}
	if n := len(readTrace(t, table, "acme", 3)); n != 2 {
		t.Errorf("trace 3 has %d spans, want 2", n)
	}
	if n := len(readTrace(t, table, "other", 1)); n != 0 {
		t.Errorf("another tenant sees %d spans of the trace", n)
	}
	if n, ok := table.Watermark(nodeA); !ok || n != 7 {
		t.Errorf("watermark %d, %t; want 7", n, ok)
	}
	if _, ok := table.Watermark(nodeB); ok {
		t.Error("a node that never flushed has a watermark")
	}
	var s tael.Stats
	v := table.View()
	defer v.Release()
	if err := v.Stats(context.Background(), "acme", &s); err != nil {
		t.Fatal(err)
	}
	if s.Spans != 10 || s.ColdFiles != 2 || s.OldestStart != uint64(noon.UnixNano()) || s.NewestStart != uint64(noon.Add(12*time.Hour).UnixNano()) || s.Traces != 4 {
		t.Errorf("stats %+v", s)
	}
}

func TestReopenFindsEverything(t *testing.T) {
	table, store := newTable(t)
	mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 5, noon))
	mustFlush(t, table, nodeA, 2, "acme", traceOf(2, 5, noon))
	again := openTable(t, store, table.opts.Location)
	if n := len(readTrace(t, again, "acme", 1)) + len(readTrace(t, again, "acme", 2)); n != 10 {
		t.Errorf("%d spans after opening again, want 10", n)
	}
	if n, _ := again.Watermark(nodeA); n != 2 {
		t.Errorf("watermark %d, want 2", n)
	}
}

func TestSupersededRowsGetPositionDeletes(t *testing.T) {
	table, store := newTable(t)
	mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 4, noon))
	later := spanOf(1, 2, noon.Add(time.Second))
	later.End += 1000
	later.Name = "work again"
	stale := spanOf(1, 3, noon.Add(2*time.Second))
	stale.End -= 1000
	done := mustFlush(t, table, nodeA, 2, "acme", []tael.Span{later, stale})
	if done.Rows != 1 || done.Deleted != 1 {
		t.Fatalf("committed %+v, want one row for one deleted", done)
	}
	check := func(table *Table) {
		t.Helper()
		spans := readTrace(t, table, "acme", 1)
		names := map[string]int{}
		for _, s := range spans {
			names[s.Name]++
		}
		if len(spans) != 4 || names["work again"] != 1 {
			t.Errorf("the trace has %d spans, named %v", len(spans), names)
		}
		var s tael.Stats
		if err := table.View().Stats(context.Background(), "acme", &s); err != nil || s.Spans != 4 {
			t.Errorf("stats count %d spans, want 4 (%v)", s.Spans, err)
		}
	}
	check(table)
	check(openTable(t, store, table.opts.Location))
}

func TestMovedTableIsRead(t *testing.T) {
	parent := memoryDir(t)
	here, there := filepath.Join(parent, "here"), filepath.Join(parent, "there")
	store := openStore(t, here)
	table := openTable(t, store, "file://"+here)
	mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 4, noon))
	changed := spanOf(1, 2, noon.Add(time.Second))
	changed.End += 1000
	mustFlush(t, table, nodeA, 2, "acme", []tael.Span{changed})
	if err := errors.Join(table.Close(), store.Close(), os.Rename(here, there)); err != nil {
		t.Fatal(err)
	}
	store = openStore(t, there)
	table = openTable(t, store, "file://"+there)
	if n := len(readTrace(t, table, "acme", 1)); n != 4 {
		t.Fatalf("%d spans after the move, want 4", n)
	}
	changed.End += 1000
	changedOld := spanOf(1, 3, noon.Add(2*time.Second)) // in a file that was written before the move
	changedOld.End += 1000
	if done := mustFlush(t, table, nodeA, 3, "acme", []tael.Span{changed, changedOld}); done.Deleted != 2 {
		t.Errorf("committed %+v, want 2 deleted", done)
	}
	table = openTable(t, store, "file://"+there)
	if n := len(readTrace(t, table, "acme", 1)); n != 4 {
		t.Errorf("%d spans after the move and another flush, want 4", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		class  error
		says   string
	}{
		{"nothing readable", func(t *testing.T, dir string) {
			for n := 1; n <= 2; n++ {
				writeFile(t, dir, versionKey(n), "\x00\x01 no json")
			}
		}, tael.ErrDamaged, "v2.metadata.json"},
		{"newer Iceberg", func(t *testing.T, dir string) {
			writeFile(t, dir, versionKey(3), strings.Replace(readFile(t, dir, versionKey(2)), `"format-version":2`, `"format-version":4`, 1))
		}, tael.ErrNewer, "Iceberg format 4"},
		{"newer tael", func(t *testing.T, dir string) {
			writeFile(t, dir, versionKey(3), strings.Replace(readFile(t, dir, versionKey(2)), `"tael.format":"1"`, `"tael.format":"9"`, 1))
		}, tael.ErrNewer, "tael format 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, store := newTable(t)
			mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 4, noon))
			c.change(t, strings.TrimPrefix(table.opts.Location, "file://"))
			o := DefaultOptions()
			o.Location = table.opts.Location
			_, err := Open(context.Background(), store, o)
			if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v and %q", err, c.class, c.says)
			}
		})
	}
}

func TestOptionsListEveryProblem(t *testing.T) {
	if err := (func() Options { o := DefaultOptions(); o.Location = "/x"; return o })().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	err := Options{CacheBytes: -1, FilterBytes: -1, DictionaryCacheBytes: -1}.Validate()
	for _, field := range []string{"Location", "Logger", "Now", "Hook", "CacheBytes", "FilterBytes", "DictionaryCacheBytes", "Writer", "TargetFileBytes", "OpenWriters", "Parallel",
		"CommitTries", "SnapshotGrace", "MetadataGrace", "OrphanGrace"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("no word of %s in %v", field, err)
		}
	}
}

func writeFile(t *testing.T, dir, key, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, key), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, dir, key string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, key))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, metadataKey, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	return names
}

func remove(t *testing.T, dir, pattern string) {
	t.Helper()
	for _, name := range glob(t, dir, pattern) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
