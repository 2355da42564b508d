package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// bigTrace makes span i of a trace of many, with attributes of about the usual size.
func bigTrace(id tael.TraceID, i int, r *tael.Resource, s *tael.Scope) tael.Span {
	span := tael.Span{
		TraceID: id, Name: fmt.Sprintf("step %d", i%97), Kind: tael.SpanKindInternal, Resource: r, Scope: s,
		Start: uint64(storetest.Base.UnixNano()) + uint64(i)*1000,
		Attributes: []tael.KeyValue{
			{Key: "http.route", Value: tael.String(fmt.Sprintf("/items/%d", i%1000))}, {Key: "attempt", Value: tael.Int(int64(i % 7))},
			{Key: "note", Value: tael.String(fmt.Sprintf("what happened at step %d of the work", i))},
		},
	}
	span.End = span.Start + uint64(i%50)*1000
	binary.BigEndian.PutUint64(span.SpanID[:], uint64(i)+1)
	return span
}

// 10 000 spans of one trace come in 50 requests at the same time, some twice: all are read back, hot, restarted and cold.
func TestOneTraceFromManyRequests(t *testing.T) {
	h := newHarness(t, smallOptions(t))
	model := storetest.NewModel()
	id := tael.TraceID{1}
	resource, scope := &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("wide")}}}, &tael.Scope{Name: "test"}
	requests := make([][]tael.Span, 50)
	for i := range 10_000 {
		requests[i%50] = append(requests[i%50], bigTrace(id, i, resource, scope))
	}
	var wg sync.WaitGroup
	for i, spans := range requests {
		model.Append(tael.DefaultTenant, spans)
		for range 1 + i%5/4 {
			wg.Go(func() {
				if err := storetest.Append(t.Context(), h, tael.DefaultTenant, spans); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	check := func(when string) {
		t.Helper()
		if err := storetest.CheckTrace(t.Context(), h, model, tael.DefaultTenant, id); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		page, err := h.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Full: true})
		if err != nil || len(page.Traces) != 1 || page.Traces[0].Spans != 10_000 || !page.Truncated {
			t.Fatalf("%s: %+v, %v", when, page.Traces, err)
		}
	}
	check("hot")
	if err := h.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("restarted")
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("cold")
}

// One trace of 100 000 spans (TAEL_TEST_LONG: a million) goes in, is flushed and is walked page by page, with memory that does not grow with it; a read
// of all of it at once ends at the memory budget with an error that says so, and nothing else.
func TestOneHugeTrace(t *testing.T) {
	n := 100_000
	if _, long := longUntil(); long {
		n = 1_000_000
	}
	o := smallOptions(t)
	o.HotMaxBytes = 64 << 20
	h := newHarness(t, o)
	peak := watchMemory(t)
	id := tael.TraceID{2}
	resource, scope := &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("huge")}}}, &tael.Scope{Name: "test"}
	const perRequest = 2000
	for from := 0; from < n; from += perRequest {
		spans := make([]tael.Span, perRequest)
		for i := range spans {
			spans[i] = bigTrace(id, from+i, resource, scope)
		}
		err := storetest.Append(t.Context(), h, tael.DefaultTenant, spans)
		for errors.Is(err, tael.ErrOverloaded) { // it may be faster than the flush
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = storetest.Append(t.Context(), h, tael.DefaultTenant, spans)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	walk := func(when string) {
		t.Helper()
		seen, last := 0, ^uint64(0)
		q := tael.SpanQuery{Filter: tael.Filter{Service: "huge"}, Limit: tael.MaxLimit}
		for {
			page, err := h.Spans(t.Context(), tael.DefaultTenant, q)
			if err != nil {
				t.Fatalf("%s, after %d spans: %v", when, seen, err)
			}
			for i := range page.Spans {
				if page.Spans[i].Start >= last {
					t.Fatalf("%s: span %d is not older than the one before", when, seen+i)
				}
				last = page.Spans[i].Start
			}
			seen += len(page.Spans)
			// The whole walk is the same work for every page: a few pages tell.
			if q.Cursor = page.NextCursor; q.Cursor == "" || seen >= 50_000 {
				break
			}
		}
		if seen < min(n, 50_000) {
			t.Fatalf("%s: %d spans", when, seen)
		}
	}
	walk("hot or half")
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	walk("cold")
	s, err := h.Stats(t.Context(), tael.DefaultTenant)
	if err != nil || s.Spans != int64(n) || s.ColdSpans != s.Spans {
		t.Errorf("stats %+v, %v", s, err)
	}
	tr, err := h.Trace(t.Context(), tael.DefaultTenant, id, tael.TraceOptions{})
	if !errors.Is(err, tael.ErrBudget) && (err != nil || len(tr.Spans) != n) {
		t.Errorf("the whole trace: %v", err)
	}
	if _, err := h.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Full: true}); err != nil && !errors.Is(err, tael.ErrBudget) {
		t.Errorf("its summary: %v", err)
	}
	if most := peak(); most > 3*minMemory {
		t.Errorf("the heap took %d MiB, the limit is %d", most>>20, minMemory>>20)
	} else {
		t.Logf("the heap took %d MiB", most>>20)
	}
}

// watchMemory gives the most that the heap took since, without what it had.
func watchMemory(t *testing.T) func() uint64 {
	runtime.GC()
	var most atomic.Uint64
	read := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most.Store(max(most.Load(), m.HeapAlloc))
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				read()
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return most.Load
}

// Spans from a year ago up to an hour ahead are taken and found again, hot and cold; what is older or further ahead is refused by name. A store whose own clock
// goes back a year, or ahead, between two starts loses nothing.
func TestOddClocks(t *testing.T) {
	o := smallOptions(t)
	h := newHarness(t, o)
	now := o.Now()
	gen := storetest.NewGenerator(storetest.NewRand(31))
	model := storetest.NewModel()
	send := func(at time.Time) fragment.Rejected {
		t.Helper()
		s := gen.Span()
		s.Start, s.End = uint64(at.UnixNano()), uint64(at.Add(time.Second).UnixNano())
		b, rejected, err := fragment.NewCutter(fragment.DefaultLimits()).Cut(tael.DefaultTenant, fragment.AppendOTLP(nil, []tael.Span{s}), now)
		if err != nil {
			t.Fatal(err)
		}
		if rejected.Spans == 0 {
			if err := h.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			model.Append(tael.DefaultTenant, []tael.Span{s})
		}
		return rejected
	}
	const year = 365 * 24 * time.Hour
	for _, ahead := range []time.Duration{-year + time.Hour, -30 * 24 * time.Hour, -time.Hour, 0, 50 * time.Minute} {
		if r := send(now.Add(ahead)); r.Spans != 0 {
			t.Errorf("a span %v from now: %s", ahead, r.Message())
		}
	}
	for _, ahead := range []time.Duration{-year - time.Hour, 2 * time.Hour, year} {
		if r := send(now.Add(ahead)); r.Spans != 1 || r.Message() == "" {
			t.Errorf("a span %v from now was taken", ahead)
		}
	}
	for _, shift := range []time.Duration{0, -year, 2 * year, 0} {
		clock := o.Now
		h.o.Now = func() time.Time { return clock().Add(shift) }
		if err := h.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := send(now.Add(-time.Minute)); r.Spans != 0 {
			t.Fatal(r.Message())
		}
		for _, flush := range []bool{false, true} {
			if flush {
				if err := h.Flush(t.Context()); err != nil {
					t.Fatalf("clock off by %v: flush: %v", shift, err)
				}
				if err := h.Maintain(t.Context()); err != nil {
					t.Fatalf("clock off by %v: maintain: %v", shift, err)
				}
			}
			if err := compare(t.Context(), h, model, tael.DefaultTenant); err != nil {
				t.Fatalf("clock off by %v, flushed %t: %v", shift, flush, err)
			}
		}
	}
}
