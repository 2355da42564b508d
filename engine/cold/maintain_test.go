package cold

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// days flushes a trace of each tenant on each of n days from noon on.
func days(t *testing.T, table *Table, n int, tenants ...string) {
	t.Helper()
	for day := range n {
		for _, tenant := range tenants {
			mustFlush(t, table, nodeA, 0, tenant, traceOf(day+1, 3, noon.Add(time.Duration(day)*24*time.Hour)))
		}
	}
}

func TestDropDays(t *testing.T) {
	table, store := newTable(t)
	days(t, table, 4, "acme", "other")
	ctx := context.Background()
	for _, c := range []struct {
		tenant string
		before time.Time
		want   Dropped
	}{
		{"", noon, Dropped{}},
		{"", noon.Add(11 * time.Hour), Dropped{}}, // the first day has an hour left
		{"acme", noon.Add(12 * time.Hour), Dropped{Days: 1, Files: 1, Rows: 3}},
		{"", noon.Add(47 * time.Hour), Dropped{Days: 3, Files: 3, Rows: 9}},
		{"nobody", noon.Add(470 * time.Hour), Dropped{}},
	} {
		got, err := table.DropDays(ctx, c.tenant, c.before)
		if err != nil {
			t.Fatal(err)
		}
		if got.Bytes == 0 != (c.want.Files == 0) {
			t.Errorf("dropped %d bytes of %d files", got.Bytes, got.Files)
		}
		got.Bytes = 0
		if got != c.want {
			t.Errorf("%q before %s: dropped %+v, want %+v", c.tenant, c.before, got, c.want)
		}
	}
	again := openTable(t, store, table.opts.Location)
	for _, tenant := range []string{"acme", "other"} {
		for day := 1; day <= 4; day++ {
			want := 3
			if day <= 2 {
				want = 0
			}
			if n := len(readTrace(t, again, tenant, day)); n != want {
				t.Errorf("%s, day %d: %d spans, want %d", tenant, day, n, want)
			}
		}
	}
}

func TestDropOldestUntil(t *testing.T) {
	table, _ := newTable(t)
	days(t, table, 4, "acme")
	ctx := context.Background()
	total := table.state.Load().bytes()
	if got, err := table.DropOldestUntil(ctx, total); err != nil || got.Files != 0 {
		t.Errorf("dropped %+v (%v), want nothing", got, err)
	}
	if got, err := table.DropOldestUntil(ctx, total-1); err != nil || got.Files != 1 {
		t.Errorf("dropped %+v (%v), want one day", got, err)
	}
	if got, err := table.DropOldestUntil(ctx, 1); err != nil || got.Files != 2 {
		t.Errorf("dropped %+v (%v), want all but the newest day", got, err)
	}
	if n := len(readTrace(t, table, "acme", 4)); n != 3 {
		t.Errorf("the newest day has %d spans, want 3", n)
	}
}

func TestPlanOldest(t *testing.T) {
	for _, c := range []struct {
		perDay map[int32]int64
		max    int64
		last   int32
		some   bool
	}{
		{nil, 0, 0, false},
		{map[int32]int64{5: 10}, 1, 0, false},
		{map[int32]int64{5: 10, 6: 10}, 20, 0, false},
		{map[int32]int64{5: 10, 6: 10}, 19, 5, true},
		{map[int32]int64{5: 10, 6: 10, 9: 50}, 59, 6, true},
		{map[int32]int64{-1: 10, 0: 10, 1: 10}, 15, 0, true},
	} {
		if last, some := planOldest(c.perDay, c.max); last != c.last || some != c.some {
			t.Errorf("%v, %d: %d, %t; want %d, %t", c.perDay, c.max, last, some, c.last, c.some)
		}
	}
}

// Files go when the last snapshot that has them is superseded for long enough; until then a view reads them.
func TestExpireKeepsWhatViewsRead(t *testing.T) {
	clock := newClock(time.Now().Add(-48 * time.Hour))
	table, store := newTable(t, func(o *Options) { o.Now, o.SnapshotGrace = clock.Now, 10*time.Minute })
	ctx := context.Background()
	days(t, table, 2, "acme")
	changed := spanOf(2, 1, noon.Add(24*time.Hour))
	changed.End += 1000
	mustFlush(t, table, nodeA, 0, "acme", []tael.Span{changed})
	clock.add(time.Minute)
	v := table.View()
	defer v.Release()
	if _, err := table.DropDays(ctx, "", noon.Add(12*time.Hour)); err != nil {
		t.Fatal(err)
	}
	clock.add(9 * time.Minute)
	if _, err := table.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != 6 || len(got.errs) != 0 {
		t.Fatalf("within the grace a view reads %d rows (%v), want 6", len(got.starts), got.errs)
	}
	clock.add(2 * time.Minute)
	mustFlush(t, table, nodeA, 0, "acme", traceOf(9, 3, noon.Add(48*time.Hour))) // so that the drop is not the newest snapshot
	removed, err := table.Expire(ctx)
	if err != nil || removed.Files == 0 {
		t.Fatalf("removed %+v, %v", removed, err)
	}
	clock.add(time.Hour)
	if _, err := table.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	s := table.state.Load()
	if n := len(s.head.meta.Snapshots()); n != 1 {
		t.Errorf("%d snapshots are left, want the current one", n)
	}
	// What is in the store is exactly what the table has.
	need, err := table.reach(ctx, s, s.head.meta.Snapshots(), false)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range store.List(ctx, tableKey+"/") {
		if err != nil {
			t.Fatal(err)
		}
		if _, isVersion := parseVersionKey(info.Key); !isVersion && info.Key != hintKey && !need.has(info.Key) {
			t.Errorf("%s is left", info.Key)
		}
	}
	again := openTable(t, store, table.opts.Location)
	if n := len(readTrace(t, again, "acme", 2)) + len(readTrace(t, again, "acme", 9)) + len(readTrace(t, again, "acme", 1)); n != 6 {
		t.Errorf("%d spans are left, want 6", n)
	}
}

func TestOrphans(t *testing.T) {
	clock := newClock(time.Now())
	table, store := newTable(t, func(o *Options) { o.Now, o.OrphanGrace = clock.Now, 2*time.Hour })
	ctx := context.Background()
	mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 3, noon))
	x, err := table.Begin(ctx, nodeA, 2) // a flush that is still going on
	if err != nil {
		t.Fatal(err)
	}
	if err := appendSpans(ctx, x, "acme", traceOf(2, 3, noon)); err != nil {
		t.Fatal(err)
	}
	if err := x.finishWriters(); err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimPrefix(table.opts.Location, "file://")
	day := filepath.Join(dataKey, "acme", "2026-11-20")
	mine := []string{
		filepath.Join(day, nodeA+"-9-1-00000000.parquet"), filepath.Join(day, nodeA+"-9-2-00000000.deletes.parquet"),
		metadataKey + nodeA + "-x-m0.avro", metadataKey + noOwner + "-x-s0.avro",
	}
	others := []string{filepath.Join(day, nodeB+"-9-1-00000000.parquet"), metadataKey + nodeB + "-x-m0.avro", metadataKey + "notes.txt"}
	for _, key := range slices.Concat(mine, others) {
		writeFile(t, dir, key, "left behind")
	}
	there := func(keys []string) (n int) {
		for _, key := range keys {
			if _, err := os.Stat(filepath.Join(dir, key)); err == nil {
				n++
			}
		}
		return n
	}
	clock.add(time.Hour)
	if removed, err := table.Orphans(ctx, nodeA, 0); err != nil || removed.Files != 0 {
		t.Fatalf("within the grace: removed %+v, %v", removed, err)
	}
	clock.add(2 * time.Hour)
	if removed, err := table.Orphans(ctx, nodeA, 0); err != nil || removed.Files != len(mine) || removed.Bytes == 0 {
		t.Errorf("removed %+v, %v; want %d files", removed, err, len(mine))
	}
	if n := there(mine); n != 0 {
		t.Errorf("%d orphans are left", n)
	}
	if n := there(others); n != len(others) {
		t.Errorf("%d of %d files of others are left", n, len(others))
	}
	if done, err := x.Commit(ctx); err != nil || done.Rows != 3 {
		t.Errorf("the flush that went on meanwhile: %+v, %v", done, err)
	}
	again := openTable(t, store, table.opts.Location)
	if n := len(readTrace(t, again, "acme", 1)) + len(readTrace(t, again, "acme", 2)); n != 6 {
		t.Errorf("%d spans, want 6", n)
	}
}

// A flush that took very long finds out that its files were taken for orphans, by another process or a person.
func TestLateCommitChecksItsFiles(t *testing.T) {
	clock := newClock(time.Now())
	table, _ := newTable(t, func(o *Options) { o.Now = clock.Now })
	ctx := context.Background()
	x, err := table.Begin(ctx, nodeA, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := appendSpans(ctx, x, "acme", traceOf(1, 3, noon)); err != nil {
		t.Fatal(err)
	}
	if err := x.finishWriters(); err != nil {
		t.Fatal(err)
	}
	for _, name := range dataFiles(t, table) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	clock.add(13 * time.Hour)
	if _, err := x.Commit(ctx); err == nil || !strings.Contains(err.Error(), "orphan") {
		t.Fatalf("got %v, want it to be refused", err)
	}
	if done := mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 3, noon)); done.Rows != 3 {
		t.Errorf("committed %+v", done)
	}
}

// A process that is killed at any step leaves a table that opens, and flushing the same segment again gives every span once.
func TestKilledAtEveryStep(t *testing.T) {
	for _, step := range Steps() {
		for _, side := range []string{".before", ".after"} {
			t.Run(step+side, func(t *testing.T) { killedAt(t, step+side) })
		}
	}
}

func killedAt(t *testing.T, at string) {
	clock := newClock(time.Now().Add(-100 * time.Hour))
	dir := memoryDir(t)
	location := "file://" + dir
	shared := func(o *Options) { o.Now, o.MetadataGrace, o.OrphanGrace = clock.Now, time.Hour, 2*time.Hour }
	setup := openTable(t, openStore(t, dir), location, shared)
	mustFlush(t, setup, nodeA, 1, "acme", traceOf(1, 4, noon))
	mustFlush(t, setup, nodeA, 2, "acme", traceOf(2, 4, noon.Add(-24*time.Hour)))
	clock.add(3 * time.Hour)
	writeFile(t, dir, fileName("acme", dayOf(uint64(noon.UnixNano())), nodeA, 9, 1, "00000000")+dataSuffix, "an orphan")
	// What the process does: a flush that supersedes rows, expiry, clean-up.
	newer := traceOf(1, 2, noon)
	for i := range newer {
		newer[i].End += 1000
	}
	newer = append(newer, traceOf(3, 2, noon)...)
	reached := false
	store := &mortalStore{Store: openStore(t, dir)}
	victim := openTable(t, store, location, shared, func(o *Options) {
		o.Hook = func(step string) {
			if step == at && !reached {
				reached = true
				store.dead.Store(true)
			}
		}
	})
	ctx := context.Background()
	work := func(table *Table) (err error) {
		if _, err = flush(ctx, table, nodeA, 3, "acme", newer); err != nil {
			return err
		}
		if _, err = table.DropDays(ctx, "", noon.Add(-12*time.Hour)); err != nil {
			return err
		}
		clock.add(3 * time.Hour)
		if _, err = flush(ctx, table, nodeA, 4, "acme", traceOf(4, 2, noon)); err != nil {
			return err
		}
		if _, err = table.Expire(ctx); err != nil {
			return err
		}
		removeOld := table.opts.Now
		table.opts.Now = func() time.Time { return time.Now().Add(200 * time.Hour) } // files have the real time
		_, err = table.Orphans(ctx, nodeA, 0)
		table.opts.Now = removeOld
		return err
	}
	err := work(victim)
	if !reached {
		t.Fatalf("the step was not reached (%v)", err)
	}
	victim.Close()
	survivor := openTable(t, openStore(t, dir), location, shared)
	if err := work(survivor); err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Table{survivor, openTable(t, openStore(t, dir), location, shared)} {
		v := table.View()
		got := scanAll(t, v, query.ScanRequest{Tenant: "acme"})
		if len(got.starts) != 8 || len(got.errs) != 0 {
			t.Errorf("%d rows (%v), want 8", len(got.starts), got.errs)
		}
		ids := map[tael.Identity]int{}
		for trace := 1; trace <= 4; trace++ {
			for _, s := range readTrace(t, table, "acme", trace) {
				ids[s.Identity()]++
			}
		}
		for id, n := range ids {
			if n != 1 {
				t.Errorf("%v is there %d times", id, n)
			}
		}
		if n, _ := table.Watermark(nodeA); n != 4 || len(ids) != 8 {
			t.Errorf("watermark %d and %d spans, want 4 and 8", n, len(ids))
		}
		v.Release()
	}
}

// A commit that brings no snapshot works beside one of a machine whose clock is ahead.
func TestMaintenanceBesideAClockAhead(t *testing.T) {
	clock := newClock(time.Now().Add(90 * time.Hour))
	table, store := newTable(t, func(o *Options) { o.Now = clock.Now })
	for i := range 3 {
		mustFlush(t, table, nodeA, uint64(i+1), tael.DefaultTenant, traceOf(i+1, 2, noon))
	}
	clock.add(24 * time.Hour)
	if removed, err := table.Expire(t.Context()); err != nil || removed.Files == 0 {
		t.Fatalf("expire: removed %+v, %v", removed, err)
	}
	behind := openTable(t, store, table.opts.Location)
	x, err := behind.Begin(t.Context(), nodeB, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(t.Context()); err != nil {
		t.Fatalf("commit of a watermark: %v", err)
	}
	if n, _ := behind.Watermark(nodeB); n != 1 {
		t.Errorf("watermark %d, want 1", n)
	}
}
