package hot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

func TestSealAndTraces(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	if err := s.Seal(context.Background()); err != nil || len(s.Sealed()) != 0 {
		t.Fatalf("sealing nothing: %v, %d sealed", err, len(s.Sealed()))
	}
	m := newModel()
	batches := cutAll(t, "default", requests(t, 1_000, 64))
	batches = append(batches, cutAll(t, "another", requests(t, 300, 64))...)
	m.add(t, batches...)
	appendAll(t, s, batches)
	if err := s.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	list := s.Sealed()
	if len(list) != 1 {
		t.Fatalf("%d segments are sealed, want 1", len(list))
	}
	seg := list[0]
	if seg.Spans() != 1300 || seg.Bytes() == 0 || seg.Counter() != 1 {
		t.Errorf("segment %d has %d spans, %d bytes", seg.Counter(), seg.Spans(), seg.Bytes())
	}
	for _, o := range []struct {
		name string
		seg  *Segment
	}{{"active before", seg}, {"recovered", nil}} {
		t.Run(o.name, func(t *testing.T) {
			seg := o.seg
			if seg == nil {
				again := open(t, testOptions(copyDir(t, s.opts.Dir)))
				seg = again.Sealed()[0]
			}
			checkTraces(t, seg, m)
		})
	}
	stop := errors.New("stop")
	if err := seg.Traces(context.Background(), func(string, *Trace) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of yield comes back as %v", err)
	}
}

// checkTraces compares what the flush sees with the model.
func checkTraces(t *testing.T, seg *Segment, m *model) {
	t.Helper()
	var (
		lastTenant string
		lastStart  uint64
		lastID     tael.TraceID
		got        = map[string][]tael.Span{}
		bounds     Bounds
	)
	err := seg.Traces(context.Background(), func(tenant string, tr *Trace) error {
		if tenant < lastTenant || tenant == lastTenant && (tr.FirstStart < lastStart || tr.FirstStart == lastStart && bytes.Compare(tr.ID[:], lastID[:]) <= 0) {
			t.Errorf("%s %d %s comes after %s %d %s", tenant, tr.FirstStart, tr.ID, lastTenant, lastStart, lastID)
		}
		lastTenant, lastStart, lastID = tenant, tr.FirstStart, tr.ID
		for range 2 {
			n, first := 0, ^uint64(0)
			err := tr.Rows(func(r *fragment.Row) error {
				if r.TraceID != tr.ID || r.Sequence>>32 != seg.Counter() || r.Sequence&(1<<32-1) == 0 {
					t.Errorf("a row of trace %s, sequence %x in trace %s", r.TraceID, r.Sequence, tr.ID)
				}
				n++
				first = min(first, r.Start)
				return nil
			})
			if err != nil {
				return err
			}
			if n != tr.Spans || first != tr.FirstStart {
				t.Errorf("trace %s has %d spans from %d, it says %d from %d", tr.ID, n, first, tr.Spans, tr.FirstStart)
			}
		}
		return tr.Rows(func(r *fragment.Row) error {
			sp := r.Span()
			got[tenant] = append(got[tenant], sp)
			if bounds.MinStart == 0 || sp.Start < bounds.MinStart {
				bounds.MinStart = sp.Start
			}
			bounds.MaxStart = max(bounds.MaxStart, sp.Start)
			bounds.MaxEnd = max(bounds.MaxEnd, sp.End)
			bounds.MaxDuration = max(bounds.MaxDuration, sp.Duration())
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, want := range m.spans {
		same(t, tenant, got[tenant], want)
	}
	if len(got) != len(m.spans) {
		t.Errorf("%d tenants, want %d", len(got), len(m.spans))
	}
	if seg.Bounds() != bounds {
		t.Errorf("bounds %+v, want %+v", seg.Bounds(), bounds)
	}
}

func TestSegmentsAreSealedByBytes(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	appendAll(t, s, cutAll(t, "default", requests(t, 20_000, 512)))
	list := s.Sealed()
	if len(list) < 2 {
		t.Fatalf("%d segments are sealed, want several", len(list))
	}
	for _, seg := range list {
		if seg.Bytes() > o.SegmentBytes || seg.Bytes() < o.SegmentBytes/2 {
			t.Errorf("segment %d is sealed at %d bytes, the limit is %d", seg.Counter(), seg.Bytes(), o.SegmentBytes)
		}
		// What is accounted covers what Badger used, so the memtable never filled.
		for _, f := range files(t, seg.dir, "*.sst") {
			t.Errorf("level 0 was written: %s", f)
		}
	}
}

func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSegmentsAreSealedByAge(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentAge = time.Minute
	var now atomic.Int64
	o.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	s := open(t, o)
	batches := cutAll(t, "default", requests(t, 20, 10))
	appendAll(t, s, batches[:1])
	now.Add(59)
	appendAll(t, s, batches[1:])
	if err := s.run(context.Background(), func() error { s.sealOld(); return nil }); err != nil || len(s.Sealed()) != 0 {
		t.Errorf("sealed before its time: %v", err)
	}
	now.Add(1)
	eventually(t, "sealed by age", func() bool { return len(s.Sealed()) == 1 })
	// The next one waits for the flush of the first.
	appendAll(t, s, batches[:1])
	now.Add(1000)
	if err := s.run(context.Background(), func() error { s.sealOld(); return nil }); err != nil || len(s.Sealed()) != 1 {
		t.Errorf("sealed while another waits: %v", err)
	}
	retireSealed(t, s)
	eventually(t, "sealed after the flush", func() bool { return len(s.Sealed()) == 1 })
}

func TestSegmentsAreSealedByHeaders(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes = 16 << 20
	o.MaxHotBytes = 512 << 20
	o.MaxHeaderBytes = 1 << 20
	s := open(t, o)
	var err error
	for _, b := range cutAll(t, "default", requests(t, 30_000, 100)) {
		if err = s.Append(context.Background(), b); err != nil {
			break
		}
	}
	if !errors.Is(err, tael.ErrOverloaded) || !strings.Contains(err.Error(), "headers") {
		t.Errorf("with the headers full: %v", err)
	}
	if len(s.Sealed()) == 0 {
		t.Error("nothing is sealed for its headers")
	}
	if n := s.Filled(); n < 100 || s.Stats().Bytes*100/o.MaxHotBytes > 50 {
		t.Errorf("%d percent are filled, want 100 or more for the headers: %+v", n, s.Stats())
	}
}

func TestRetire(t *testing.T) {
	for _, recovered := range []bool{false, true} {
		t.Run(map[bool]string{false: "written here", true: "recovered"}[recovered], func(t *testing.T) {
			o := testOptions(t.TempDir())
			s := open(t, o)
			m := newModel()
			batches := cutAll(t, "default", requests(t, 500, 64))
			m.add(t, batches...)
			appendAll(t, s, batches)
			ctx := context.Background()
			if err := s.Retire(ctx, 1); !errors.Is(err, tael.ErrInvalid) {
				t.Errorf("retire of the active segment: %v", err)
			}
			if err := s.Retire(ctx, 99); !errors.Is(err, tael.ErrNotFound) {
				t.Errorf("retire of no segment: %v", err)
			}
			if err := s.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			if recovered {
				closeStore(t, s)
				s = open(t, o)
			}
			dir := s.Sealed()[0].dir
			snap := s.Snapshot()
			defer snap.Release()
			if err := s.Retire(ctx, 1); err != nil {
				t.Fatal(err)
			}
			if err := s.Retire(ctx, 1); !errors.Is(err, tael.ErrNotFound) {
				t.Errorf("retire again: %v", err)
			}
			if st := s.Stats(); st.Segments != 0 || st.Bytes != 0 || st.HeaderBytes != 0 || st.Leaving != 1 {
				t.Errorf("stats with a reader: %+v", st)
			}
			// The snapshot from before reads on, one from after has nothing.
			same(t, "scan", scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil), m.spans["default"])
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("the directory goes under a reader: %v", err)
			}
			after := s.Snapshot()
			if n := len(after.Counters()); n != 0 {
				t.Errorf("a new snapshot has %d segments", n)
			}
			after.Release()

			// A kill now does not bring it back.
			killed := open(t, testOptions(copyDir(t, o.Dir)))
			if n := killed.Stats().Segments; n != 0 || len(segmentDirs(t, killed.opts.Dir)) != 0 {
				t.Errorf("after a kill there are %d segments, %q", n, segmentDirs(t, killed.opts.Dir))
			}

			snap.Release()
			snap.Release()
			eventually(t, "the directory goes", func() bool { return s.Stats().Leaving == 0 })
			if left := segmentDirs(t, o.Dir); len(left) != 0 {
				t.Errorf("left on disk: %q", left)
			}
			// Its number is not used again.
			appendAll(t, s, batches[:1])
			if c := s.Snapshot(); c.Counters()[0] != 2 {
				t.Errorf("the next segment is %v", c.Counters())
			} else {
				c.Release()
			}
		})
	}
}

func TestLeftoversOfRetireAreRemoved(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	appendAll(t, s, cutAll(t, "default", requests(t, 20, 10)))
	closeStore(t, s)
	dir := segmentDirs(t, o.Dir)[0]
	if err := os.Rename(dir, dir+deadSuffix); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	if left := segmentDirs(t, o.Dir); len(left) != 0 || s.Stats().Segments != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestCloseSaysThatASnapshotIsOpen(t *testing.T) {
	o := testOptions(t.TempDir())
	o.CloseTimeout = time.Millisecond
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := newModel()
	batches := cutAll(t, "default", requests(t, 20, 10))
	m.add(t, batches...)
	appendAll(t, s, batches)
	snap := s.Snapshot()
	seg := snap.held[0].segment
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "snapshot") {
		t.Errorf("close: %v", err)
	}
	same(t, "scan", scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil), m.spans["default"])
	snap.Release()
	<-seg.gone
}

// Readers, appends, seals and retires at once: every reader sees a prefix-closed set, nothing twice, and nothing torn away.
func TestReadersDuringSealAndRetire(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	batches := cutAll(t, "default", requests(t, 6_000, 100))
	var done atomic.Bool
	var readers, writers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				snap := s.Snapshot()
				seen := map[tael.Identity]bool{}
				for _, sp := range scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil) {
					if seen[sp.Identity()] {
						t.Errorf("span %s is there twice", sp.SpanID)
					}
					seen[sp.Identity()] = true
				}
				snap.Release()
			}
		})
	}
	for w := range 4 {
		writers.Go(func() {
			for i := w; i < len(batches); i += 4 {
				if err := s.Append(context.Background(), batches[i]); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					if err := s.Seal(context.Background()); err != nil {
						t.Error(err)
					}
				}
				if i%20 == 0 {
					for _, seg := range s.Sealed()[:min(1, len(s.Sealed()))] {
						if err := s.Retire(context.Background(), seg.Counter()); err != nil && !errors.Is(err, tael.ErrNotFound) {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
}
