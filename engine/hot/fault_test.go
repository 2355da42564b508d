package hot

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

func TestLowDiskRefusesAndRecovers(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MinFreeDisk = 1000
	var free atomic.Uint64
	free.Store(1000)
	o.FreeDisk = func(string) (uint64, error) { return free.Load(), nil }
	r := prometheus.NewRegistry()
	o.Registerer = r
	s := open(t, o)
	m := newModel()
	batches := cutAll(t, "default", requests(t, 300, 50))
	m.add(t, batches[0])
	appendAll(t, s, batches[:1])

	free.Store(999)
	err := s.Append(context.Background(), batches[1])
	if !errors.Is(err, tael.ErrUnavailable) || !strings.Contains(err.Error(), "999 bytes are free") {
		t.Errorf("append on a full disk: %v", err)
	}
	if err := s.Health(); !errors.Is(err, tael.ErrUnavailable) || !strings.Contains(err.Error(), "999 bytes are free") {
		t.Errorf("health on a full disk: %v", err)
	}
	checkAll(t, s, m) // reads go on
	free.Store(1000)
	eventually(t, "health turns green", func() bool { return s.Health() == nil })
	m.add(t, batches[1])
	appendAll(t, s, batches[1:2])
	checkAll(t, s, m)

	// Health turns red without an append too, and says an error of the question as it is.
	free.Store(1)
	eventually(t, "health turns red", func() bool { return s.Health() != nil })
	free.Store(2000)
	eventually(t, "health turns green", func() bool { return s.Health() == nil })
	if n := metric(t, r, "tael_hot_refusals_total"); n < 1 {
		t.Errorf("%v refusals are counted", n)
	}
	if n := metric(t, r, "tael_hot_spans_total"); n != float64(batches[0].Spans+batches[1].Spans) {
		t.Errorf("%v spans are counted", n)
	}
	if n := metric(t, r, "tael_hot_segments"); n != 1 {
		t.Errorf("%v segments", n)
	}
}

// metric sums up a counter or gauge over its labels.
func metric(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
			return sum
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	o := testOptions(t.TempDir())
	var broken atomic.Bool
	fault := errors.New("the disk says no")
	o.syncLog = func(db *badger.DB) error {
		if broken.Load() {
			return fault
		}
		return db.Sync()
	}
	s := open(t, o)
	m := newModel()
	batches := cutAll(t, "default", requests(t, 400, 50))
	m.add(t, batches[0])
	appendAll(t, s, batches[:1])
	broken.Store(true)
	err := s.Append(context.Background(), batches[1])
	if !errors.Is(err, tael.ErrUnavailable) || !errors.Is(err, fault) {
		t.Errorf("append: %v", err)
	}
	broken.Store(false)
	eventually(t, "a new segment is tried", func() bool { return s.Health() == nil })
	m.add(t, batches[2])
	appendAll(t, s, batches[2:3])
	checkAll(t, s, m)
	if list := s.Sealed(); len(list) != 1 || list[0].Counter() != 1 || list[0].Spans() != int64(batches[0].Spans) {
		t.Errorf("the segment that failed is not sealed with what it had made durable: %d", len(list))
	}
}

func TestNoNewSegmentIsRefusedUntilThereIsOne(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	// The counter can not be written: its temporary file is a directory.
	blockCounter(t, o.Dir, true)
	batches := cutAll(t, "default", requests(t, 100, 50))
	if err := s.Append(context.Background(), batches[0]); !errors.Is(err, tael.ErrUnavailable) {
		t.Errorf("append without a segment: %v", err)
	}
	if err := s.Health(); !errors.Is(err, tael.ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
	blockCounter(t, o.Dir, false)
	eventually(t, "health turns green", func() bool { return s.Health() == nil })
	appendAll(t, s, batches)
}

func TestWrongTenantAndEmptyBatch(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	b := *cut(t, "default", requests(t, 5, 5)[0])
	b.Tenant = "a/b"
	if err := s.Append(context.Background(), &b); !errors.Is(err, tael.ErrInvalid) {
		t.Errorf("a tenant with a slash: %v", err)
	}
	if err := s.Append(context.Background(), &fragment.Batch{Tenant: "default"}); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Append(ctx, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that was given up: %v", err)
	}
}

func TestConcurrentAppendsShareSyncs(t *testing.T) {
	o := testOptions(t.TempDir())
	var syncs atomic.Int64
	o.syncLog = func(db *badger.DB) error { syncs.Add(1); return db.Sync() }
	s := open(t, o)
	m := newModel()
	batches := cutAll(t, "default", requests(t, 8_000, 40))
	m.add(t, batches...)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batches) {
					return
				}
				if err := s.Append(context.Background(), batches[i]); err != nil {
					t.Error(err)
				}
				// What was acknowledged is in the very next snapshot.
				snap := s.Snapshot()
				f := &batches[i].Fragments[0]
				spans, err := snap.Trace(context.Background(), "default", f.TraceID, tael.TraceOptions{}, nil)
				snap.Release()
				if err != nil || len(spans) < int(f.Header.Spans) {
					t.Errorf("%d spans of an acknowledged trace, want %d or more: %v", len(spans), f.Header.Spans, err)
				}
			}
		})
	}
	wg.Wait()
	checkAll(t, s, m)
	if n := syncs.Load(); n >= int64(len(batches)) {
		t.Errorf("%d syncs for %d requests", n, len(batches))
	}
	if n, entries := s.Stats().Entries, fragments(batches); n >= int64(entries) {
		t.Errorf("%d entries for %d fragments: none was joined", n, entries)
	}
}

func fragments(batches []*fragment.Batch) (n int) {
	for _, b := range batches {
		n += len(b.Fragments)
	}
	return n
}

func TestSyncInterval(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SyncInterval = time.Hour
	var syncs atomic.Int64
	o.syncLog = func(db *badger.DB) error { syncs.Add(1); return db.Sync() }
	s := open(t, o)
	m := newModel()
	batches := cutAll(t, "default", requests(t, 300, 50))
	m.add(t, batches...)
	appendAll(t, s, batches)
	if n := syncs.Load(); n != 0 {
		t.Errorf("%d syncs before the interval", n)
	}
	checkAll(t, open(t, testOptions(copyDir(t, o.Dir))), m) // a kill loses nothing
	if err := s.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := syncs.Load(); n != 1 {
		t.Errorf("%d syncs at the seal, want 1", n)
	}
	if n, err := readHighWater(s.Sealed()[0].dir); err != nil || int64(n) != s.Stats().Entries {
		t.Errorf("the high-water number is %d of %d entries, %v", n, s.Stats().Entries, err)
	}

	o = testOptions(t.TempDir())
	o.SyncInterval = time.Millisecond
	syncs.Store(0)
	o.syncLog = func(db *badger.DB) error { syncs.Add(1); return db.Sync() }
	s = open(t, o)
	appendAll(t, s, batches[:1])
	eventually(t, "synced within the interval", func() bool { return syncs.Load() > 0 })
}

func TestOptionsListEveryProblem(t *testing.T) {
	if err := DefaultOptions("x").Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	_, err := Open(context.Background(), Options{SegmentAge: -1, SyncInterval: -1, MaxHotBytes: -1})
	if !errors.Is(err, tael.ErrInvalid) {
		t.Fatalf("open: %v", err)
	}
	for _, what := range []string{"dir", "segment bytes", "max hot bytes", "segment age", "max header bytes", "group bytes", "encoders", "sync interval", "probe interval", "recoverers", "close timeout"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%q is not named in %v", what, err)
		}
	}
	o := DefaultOptions("x")
	o.MaxHotBytes = o.SegmentBytes
	if err := o.Validate(); err == nil {
		t.Error("one segment is enough for max hot bytes")
	}
}
