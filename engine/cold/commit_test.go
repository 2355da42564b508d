package cold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// faultStore does something else for some calls.
type faultStore struct {
	objstore.Store
	mu          sync.Mutex
	putIfAbsent func(ctx context.Context, key string, data []byte) error // nil: as the store does
	get         func(ctx context.Context, key string) ([]byte, error)
	put         func(ctx context.Context, key string, r io.Reader) (int64, error)
}

func (s *faultStore) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *faultStore) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	s.mu.Lock()
	fn := s.putIfAbsent
	s.mu.Unlock()
	if fn != nil {
		return fn(ctx, key, data)
	}
	return s.Store.PutIfAbsent(ctx, key, data)
}

func (s *faultStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	fn := s.get
	s.mu.Unlock()
	if fn != nil {
		return fn(ctx, key)
	}
	return s.Store.Get(ctx, key)
}

func (s *faultStore) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	s.mu.Lock()
	fn := s.put
	s.mu.Unlock()
	if fn != nil {
		return fn(ctx, key, r)
	}
	return s.Store.Put(ctx, key, r)
}

var errLost = fmt.Errorf("the connection broke: %w", tael.ErrUnavailable)

// dataFiles lists the data files in a folder.
func dataFiles(t testing.TB, table *Table) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(strings.TrimPrefix(table.opts.Location, "file://"), dataKey, "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// race lets two taelds flush at the same time, each its own traces.
func race(t *testing.T, a, b *Table, flushes int) {
	t.Helper()
	var g errgroup.Group
	for n, table := range map[string]*Table{nodeA: a, nodeB: b} {
		g.Go(func() error {
			for i := 1; i <= flushes; i++ {
				trace := i
				if n == nodeB {
					trace += 1000
				}
				if _, err := flush(context.Background(), table, n, uint64(i), "acme", traceOf(trace, 2, noon)); err != nil {
					return fmt.Errorf("%s, flush %d: %w", n, i, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Table{a, b} {
		if err := table.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, node := range []string{nodeA, nodeB} {
			if n, _ := table.Watermark(node); n != uint64(flushes) {
				t.Errorf("watermark of %s is %d, want %d", node, n, flushes)
			}
		}
		var s tael.Stats
		if err := table.View().Stats(context.Background(), "acme", &s); err != nil || s.Spans != int64(4*flushes) {
			t.Errorf("%d spans, want %d (%v)", s.Spans, 4*flushes, err)
		}
	}
}

func TestTwoCommittersRace(t *testing.T) {
	a, store := newTable(t)
	race(t, a, openTable(t, store, a.opts.Location), 8)
}

func TestLostReplyOfTheCommit(t *testing.T) {
	dir := memoryDir(t)
	store := &faultStore{Store: openStore(t, dir)}
	table := openTable(t, store, "file://"+dir)
	store.set(func() {
		store.putIfAbsent = func(ctx context.Context, key string, data []byte) error {
			if err := store.Store.PutIfAbsent(ctx, key, data); err != nil {
				return err
			}
			return errLost
		}
	})
	done := mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 3, noon))
	if done.Rows != 3 || done.Rebased != 0 || done.Already {
		t.Errorf("committed %+v, want 3 rows at the first try", done)
	}
	if n := len(readTrace(t, table, "acme", 1)); n != 3 {
		t.Errorf("%d spans, want 3", n)
	}
}

func TestCommitThatArrivesLate(t *testing.T) {
	dir := memoryDir(t)
	store := &faultStore{Store: openStore(t, dir)}
	table := openTable(t, store, "file://"+dir)
	var late func() error
	store.set(func() {
		store.putIfAbsent = func(_ context.Context, key string, data []byte) error {
			late = func() error { return store.Store.PutIfAbsent(context.Background(), key, data) }
			return errLost
		}
	})
	ctx := context.Background()
	if _, err := flush(ctx, table, nodeA, 1, "acme", traceOf(1, 3, noon)); !errors.Is(err, tael.ErrUnavailable) {
		t.Fatalf("got %v, want it to be unavailable", err)
	}
	if n := len(dataFiles(t, table)); n != 1 {
		t.Fatalf("%d data files after a commit of unknown outcome, want 1: the table may have it", n)
	}
	store.set(func() { store.putIfAbsent = nil })
	if err := late(); err != nil {
		t.Fatal(err)
	}
	done := mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 3, noon))
	if !done.Already {
		t.Errorf("committed %+v, want it to be there already", done)
	}
	if n, files := len(readTrace(t, table, "acme", 1)), len(dataFiles(t, table)); n != 3 || files != 1 {
		t.Errorf("%d spans in %d files, want 3 in 1", n, files)
	}
	if done = mustFlush(t, table, nodeA, 2, "acme", traceOf(2, 3, noon)); done.Already || done.Rows != 3 {
		t.Errorf("committed %+v, want the next segment to be new", done)
	}
}

func TestConflictOnTheSameTrace(t *testing.T) {
	a, store := newTable(t)
	b := openTable(t, store, a.opts.Location)
	ctx := context.Background()
	x, err := a.Begin(ctx, nodeA, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := appendSpans(ctx, x, "acme", traceOf(1, 3, noon)); err != nil {
		t.Fatal(err)
	}
	mustFlush(t, b, nodeB, 1, "acme", traceOf(1, 3, noon))
	if _, err := x.Commit(ctx); !errors.Is(err, ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if n := len(dataFiles(t, a)); n != 1 {
		t.Errorf("%d data files after a conflict, want only the winner's", n)
	}
	if done := mustFlush(t, a, nodeA, 1, "acme", traceOf(1, 3, noon)); done.Rows != 0 || done.Snapshot != 0 {
		t.Errorf("committed %+v after beginning again, want only the watermark", done)
	}
	if n, _ := a.Watermark(nodeA); n != 1 {
		t.Errorf("watermark %d, want 1", n)
	}
	if n := len(readTrace(t, a, "acme", 1)); n != 3 {
		t.Errorf("%d spans, want 3", n)
	}
}

func TestOtherTracesAreRebased(t *testing.T) {
	a, store := newTable(t)
	b := openTable(t, store, a.opts.Location)
	ctx := context.Background()
	x, err := a.Begin(ctx, nodeA, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := appendSpans(ctx, x, "acme", traceOf(1, 3, noon)); err != nil {
		t.Fatal(err)
	}
	mustFlush(t, b, nodeB, 1, "acme", traceOf(2, 3, noon))
	mustFlush(t, b, nodeB, 2, "other", traceOf(1, 3, noon)) // the same trace of another tenant is another trace
	done, err := x.Commit(ctx)
	if err != nil || done.Rows != 3 || done.Rebased != 1 {
		t.Fatalf("committed %+v, %v; want 3 rows, rebased once", done, err)
	}
	if n := len(readTrace(t, a, "acme", 1)) + len(readTrace(t, a, "acme", 2)) + len(readTrace(t, a, "other", 1)); n != 9 {
		t.Errorf("%d spans, want 9", n)
	}
}

func TestDroppedDayTakesItsDeletesAlong(t *testing.T) {
	a, store := newTable(t)
	b := openTable(t, store, a.opts.Location)
	ctx := context.Background()
	mustFlush(t, a, nodeA, 1, "acme", traceOf(1, 3, noon))
	x, err := a.Begin(ctx, nodeA, 2)
	if err != nil {
		t.Fatal(err)
	}
	changed := spanOf(1, 1, noon.Add(48*time.Hour)) // the new version is of another day
	if _, err := resolve(ctx, x, "acme", []tael.Span{changed}); err != nil {
		t.Fatal(err)
	}
	if err := appendSpans(ctx, x, "acme", []tael.Span{changed}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DropDays(ctx, "", noon.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if s := a.state.Load(); len(s.files) != 1 || len(s.deletes) != 0 {
		t.Errorf("%d data files and %d delete files, want the new data file only", len(s.files), len(s.deletes))
	}
}

// A process that stands still between its look at the table and its commit can find its version free only because it was trimmed.
func TestStaleCommitterNotices(t *testing.T) {
	clock := newClock(time.Now().Add(-100 * time.Hour))
	dir := memoryDir(t)
	store := &faultStore{Store: openStore(t, dir)}
	options := func(o *Options) { o.Now, o.MetadataGrace = clock.Now, time.Hour }
	a, b := openTable(t, store, "file://"+dir, options), openTable(t, openStore(t, dir), "file://"+dir, options)
	mustFlush(t, a, nodeA, 1, "acme", traceOf(1, 2, noon))
	var once sync.Once
	store.set(func() {
		store.putIfAbsent = func(ctx context.Context, key string, data []byte) error {
			once.Do(func() {
				for i := 1; i <= 4; i++ {
					clock.add(3 * time.Hour)
					mustFlush(t, b, nodeB, uint64(i), "acme", traceOf(100+i, 2, noon))
				}
				if _, err := os.Stat(filepath.Join(dir, key)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there (%v): the test proves nothing", key, err)
				}
			})
			return store.Store.PutIfAbsent(ctx, key, data)
		}
	})
	done := mustFlush(t, a, nodeA, 2, "acme", traceOf(2, 2, noon))
	if done.Rebased != 1 {
		t.Errorf("rebased %d times, want once", done.Rebased)
	}
	fresh := openTable(t, openStore(t, dir), "file://"+dir, options)
	if n := fresh.View().Files(); n != 6 {
		t.Errorf("%d files, want 6", n)
	}
	if n, _ := fresh.Watermark(nodeA); n != 2 {
		t.Errorf("watermark %d, want 2", n)
	}
}

func TestManifestsAreMergedAndMetadataIsTrimmed(t *testing.T) {
	clock := newClock(time.Now().Add(-100 * time.Hour))
	table, store := newTable(t, func(o *Options) { o.Now, o.MetadataGrace = clock.Now, time.Hour })
	const flushes = 40
	for i := 1; i <= flushes; i++ {
		clock.add(10 * time.Minute)
		spans := traceOf(i, 1, noon)
		if i > 1 {
			older := spanOf(i-1, 1, noon)
			older.End += 1000
			spans = append(spans, older)
		}
		mustFlush(t, table, nodeA, uint64(i), "acme", spans)
	}
	s := table.state.Load()
	if n := len(s.manifests); n > 2*mergeAt {
		t.Errorf("%d manifests after %d flushes", n, flushes)
	}
	if len(s.files) != flushes || len(s.deletes) != flushes-1 {
		t.Errorf("%d files and %d delete files, want %d and %d", len(s.files), len(s.deletes), flushes, flushes-1)
	}
	if names := glob(t, strings.TrimPrefix(table.opts.Location, "file://"), "v*.metadata.json"); len(names) > 10 {
		t.Errorf("%d metadata files, want those of about an hour", len(names))
	}
	again := openTable(t, store, table.opts.Location).state.Load()
	if len(again.files) != flushes || len(again.deletes) != flushes-1 {
		t.Errorf("opened again: %d files and %d delete files", len(again.files), len(again.deletes))
	}
	for key, rows := range s.deleted {
		if !slices.Equal(rows, again.deleted[key]) {
			t.Errorf("%s: deleted %v, opened again %v", key, rows, again.deleted[key])
		}
	}
	for i := 1; i <= flushes; i++ {
		if n := len(readTrace(t, table, "acme", i)); n != 1 {
			t.Errorf("trace %d has %d spans, want 1", i, n)
		}
	}
}

func TestPlanMerge(t *testing.T) {
	sizes := func(content iceberg.ManifestContent, entries ...int) (out []manifestSize) {
		for _, n := range entries {
			out = append(out, manifestSize{content, n})
		}
		return out
	}
	many := func(n, entries int) []int { return slices.Repeat([]int{entries}, n) }
	for _, c := range []struct {
		name  string
		sizes []manifestSize
		want  []int // sizes of the groups
	}{
		{"none", nil, nil},
		{"few", sizes(iceberg.ManifestContentData, many(mergeAt-1, 1)...), nil},
		{"enough", sizes(iceberg.ManifestContentData, many(mergeAt, 1)...), []int{mergeAt}},
		{"two contents", slices.Concat(sizes(iceberg.ManifestContentData, many(mergeAt-1, 1)...), sizes(iceberg.ManifestContentDeletes, 1)), nil},
		{"two levels", sizes(iceberg.ManifestContentData, slices.Concat(many(mergeAt, 3), many(mergeAt+2, 20))...), []int{mergeAt, mergeAt + 2}},
		{"large ones stay", sizes(iceberg.ManifestContentData, many(100, 5000)...), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int
			for _, g := range planMerge(c.sizes) {
				got = append(got, len(g))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("groups of %v, want %v", got, c.want)
			}
		})
	}
}

func TestStoreErrorsKeepTheirClass(t *testing.T) {
	dir := memoryDir(t)
	store := &faultStore{Store: openStore(t, dir)}
	table := openTable(t, store, "file://"+dir)
	full := fmt.Errorf("the disk: %w", objstore.ErrFull)
	for _, part := range []string{".parquet", "-m0-", "-s0-"} {
		store.set(func() {
			store.put = func(ctx context.Context, key string, r io.Reader) (int64, error) {
				if strings.Contains(key, part) {
					return 0, full
				}
				return store.Store.Put(ctx, key, r)
			}
		})
		_, err := flush(context.Background(), table, nodeA, 1, "acme", traceOf(1, 3, noon))
		if !errors.Is(err, objstore.ErrFull) || !errors.Is(err, tael.ErrUnavailable) {
			t.Errorf("%s: %v, want a full store", part, err)
		}
		if n := len(dataFiles(t, table)); n != 0 {
			t.Errorf("%s: %d data files are left", part, n)
		}
	}
}
