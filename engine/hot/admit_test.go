package hot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// fill appends until an append is refused, at once.
func fill(t *testing.T, s *Store) error {
	t.Helper()
	for _, body := range requests(t, 20_000, 512) {
		if err := s.Append(context.Background(), cut(t, "default", body)); err != nil {
			return err
		}
	}
	return nil
}

// sealSegments makes so many segments of a batch each.
func sealSegments(t *testing.T, s *Store, batch *fragment.Batch, n int) {
	t.Helper()
	for range n {
		appendAll(t, s, []*fragment.Batch{batch})
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// retireSealed makes room.
func retireSealed(t *testing.T, s *Store) {
	t.Helper()
	for _, seg := range s.Sealed() {
		if err := s.Retire(context.Background(), seg.Counter()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOverloadIsRefusedWithItsReason(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MaxHotBytes = 2 * o.SegmentBytes
	s := open(t, o)
	if err := fill(t, s); !errors.Is(err, tael.ErrOverloaded) || !strings.Contains(err.Error(), "wait for their flush") {
		t.Fatalf("append over the limit: %v", err)
	}
	retireSealed(t, s)
	eventually(t, "the segments go", func() bool { return s.Stats().Leaving == 0 })
	appendAll(t, s, cutAll(t, "default", requests(t, 100, 50)))
}

func TestManySegmentsAreRefused(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MaxHotBytes = 2 * o.SegmentBytes
	s := open(t, o)
	batch := cut(t, "default", requests(t, 5, 5)[0])
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		if err = s.Append(context.Background(), batch); err == nil {
			err = s.Seal(context.Background())
		}
	}
	if !errors.Is(err, tael.ErrOverloaded) || !strings.Contains(err.Error(), "as many segments as memory allows") || n != 3 {
		t.Errorf("append number %d, for the third segment of two: %v", n, err)
	}
}

// However many appends come at once, and however large, there are never more segments than the limits allow: each takes the memory of a full one. What there was no
// segment for at first is stored by the same append, and nothing is stored twice.
func TestNoMoreSegmentsThanTheLimit(t *testing.T) {
	for name, perRequest := range map[string]int{"many": 256, "one of more segments than there may be": 40_000} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			o.MaxHotBytes = 3 * o.SegmentBytes
			o.MaxWait = time.Hour
			s := open(t, o)
			const spans = 40_000
			batches := cutAll(t, "default", requests(t, spans, perRequest))
			errs := make(chan error, len(batches))
			for _, b := range batches {
				go func() { errs <- s.Append(t.Context(), b) }()
			}
			times := map[tael.Identity]int{}
			flush := func(seg *Segment) { // the oldest goes, whenever it may
				err := seg.Traces(t.Context(), func(_ string, tr *Trace) error {
					return tr.Keys(func(r *fragment.Row) error { times[r.Identity()]++; return nil })
				})
				if err == nil {
					err = s.Retire(t.Context(), seg.Counter())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for done := 0; done < len(batches); {
				select {
				case err := <-errs:
					if err != nil {
						t.Fatal(err)
					}
					done++
				case <-time.After(time.Millisecond):
					if sealed := s.Sealed(); len(sealed) > 0 {
						flush(sealed[0])
					}
				}
				if n := s.Stats().Segments; n > 3 {
					t.Fatalf("%d segments", n)
				}
			}
			if err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, seg := range s.Sealed() {
				flush(seg)
			}
			twice := 0
			for _, n := range times {
				twice += n - 1
			}
			if len(times) != spans || twice > 0 {
				t.Errorf("%d spans are stored, want %d; %d of them again", len(times), spans, twice)
			}
		})
	}
}

// However many parts can never be stored, what can be tried again is not forgotten.
func TestARequestKeepsWhyItFailed(t *testing.T) {
	var r request
	for i := range 20 {
		r.fail(&fragment.Fragment{}, fmt.Errorf("part %d: %w", i, tael.ErrTooLarge))
	}
	r.fail(&fragment.Fragment{TraceID: tael.TraceID{7}}, errNoSegment)
	r.fail(&fragment.Fragment{}, tael.ErrUnavailable)
	if len(r.lost) != 8 || len(r.again) != 1 || r.again[0].TraceID != (tael.TraceID{7}) || !errors.Is(r.broken, tael.ErrUnavailable) {
		t.Errorf("%d lost, %d to try again, broken by %v", len(r.lost), len(r.again), r.broken)
	}
}

// Segments of a former process, however many, do not keep the first of a new one from being made.
func TestRecoveredSegmentsLeaveRoomForOne(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	batch := cut(t, "default", requests(t, 5, 5)[0])
	sealSegments(t, s, batch, 5)
	closeStore(t, s)
	o.MaxHotBytes = 2 * o.SegmentBytes
	s = open(t, o)
	appendAll(t, s, []*fragment.Batch{batch, batch})
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), batch); !errors.Is(err, tael.ErrOverloaded) {
		t.Errorf("a second one beside them: %v", err)
	}
	retireSealed(t, s)
	appendAll(t, s, []*fragment.Batch{batch})
}

// A full store whose disk was bad for a moment is not said to have a bad disk afterwards.
func TestAFullStoreTurnsGreen(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MaxHotBytes = 2 * o.SegmentBytes
	o.MinFreeDisk = 1000
	var free atomic.Uint64
	free.Store(2000)
	o.FreeDisk = func(string) (uint64, error) { return free.Load(), nil }
	s := open(t, o)
	batch := cut(t, "default", requests(t, 5, 5)[0])
	sealSegments(t, s, batch, 2)
	free.Store(10)
	eventually(t, "health turns red", func() bool { return s.Health() != nil })
	free.Store(2000)
	eventually(t, "health turns green", func() bool { return s.Health() == nil })
	if err := s.Append(t.Context(), batch); !errors.Is(err, tael.ErrOverloaded) {
		t.Errorf("append to a full store: %v", err)
	}
}

// fullStore is a store that is full, whose next appends wait, and batches of 200 spans for it.
func fullStore(t *testing.T, wait time.Duration) (*Store, *prometheus.Registry, []*fragment.Batch) {
	t.Helper()
	o := testOptions(t.TempDir())
	o.MaxHotBytes = 2 * o.SegmentBytes
	r := prometheus.NewRegistry()
	o.Registerer = r
	s := open(t, o)
	if err := fill(t, s); !errors.Is(err, tael.ErrOverloaded) {
		t.Fatalf("the store is not full: %v", err)
	}
	s.opts.MaxWait = wait
	return s, r, cutAll(t, "default", requests(t, 200, 50))
}

// waiting starts an append of each batch and returns when all of them wait for room.
func waiting(ctx context.Context, t *testing.T, s *Store, r *prometheus.Registry, batches []*fragment.Batch) <-chan error {
	t.Helper()
	before := metric(t, r, "tael_hot_waits_total")
	errs := make(chan error, len(batches))
	for _, b := range batches {
		go func() { errs <- s.Append(ctx, b) }()
	}
	eventually(t, "the appends wait", func() bool { return metric(t, r, "tael_hot_waits_total") == before+float64(len(batches)) })
	select {
	case err := <-errs:
		t.Fatalf("an append of a full store did not wait: %v", err)
	default:
	}
	return errs
}

func TestAppendWaitsForRoom(t *testing.T) {
	s, r, batches := fullStore(t, time.Hour)
	spans := s.Stats().Spans
	errs := waiting(t.Context(), t, s, r, batches)
	retireSealed(t, s)
	for range batches {
		if err := <-errs; err != nil {
			t.Errorf("an append that room was made for: %v", err)
		}
	}
	if now := s.Stats().Spans; now >= spans || now < 200 {
		t.Errorf("%d spans, of %d before and 200 that waited", now, spans)
	}
	if n := metric(t, r, "tael_hot_refusals_total"); n != 1 {
		t.Errorf("%v refusals, want the one that filled the store", n)
	}
}

func TestAppendWaitsForSegmentsToGo(t *testing.T) {
	o := testOptions(t.TempDir())
	o.MaxHotBytes = 2 * o.SegmentBytes
	r := prometheus.NewRegistry()
	o.Registerer = r
	s := open(t, o)
	batch := cut(t, "default", requests(t, 5, 5)[0])
	appendAll(t, s, []*fragment.Batch{batch})
	var held []*Snapshot
	var err error
	for err == nil {
		if err = s.Append(t.Context(), batch); err == nil {
			held = append(held, s.Snapshot()) // a query that goes on: the segments go with it
			err = s.Seal(t.Context())
			retireSealed(t, s)
		}
	}
	if n := s.Stats().Leaving; !errors.Is(err, tael.ErrOverloaded) || n != 10 {
		t.Fatalf("with %d segments that are retired and read: %v", n, err)
	}
	s.opts.MaxWait = time.Hour
	errs := waiting(t.Context(), t, s, r, []*fragment.Batch{batch})
	for _, snap := range held {
		snap.Release()
	}
	if err := <-errs; err != nil {
		t.Errorf("an append after the segments went: %v", err)
	}
}

func TestAppendIsRefusedWhenNoRoomIsMade(t *testing.T) {
	s, r, batches := fullStore(t, time.Millisecond)
	if err := s.Append(t.Context(), batches[0]); !errors.Is(err, tael.ErrOverloaded) || !strings.Contains(err.Error(), "wait for their flush") {
		t.Errorf("append after its wait: %v", err)
	}
	if n := metric(t, r, "tael_hot_refusals_total"); n != 2 {
		t.Errorf("%v refusals, want 2", n)
	}
}

func TestAppendThatWaitsIsGivenUp(t *testing.T) {
	s, r, batches := fullStore(t, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	errs := waiting(ctx, t, s, r, batches[:1])
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("an append whose client went: %v", err)
	}
	errs = waiting(t.Context(), t, s, r, batches)
	closeStore(t, s)
	for range batches {
		if err := <-errs; !errors.Is(err, tael.ErrClosed) {
			t.Errorf("an append that waited when the store was closed: %v", err)
		}
	}
}
