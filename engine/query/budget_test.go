package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// within is the store with other limits.
func (s store) within(change func(*query.Options)) store {
	o := query.DefaultOptions()
	change(&o)
	s.engine = query.New(o)
	return s
}

// TestScanBudgetGoesOn pages over all time with a budget that is spent on every page: nothing is missed and nothing comes twice.
func TestScanBudgetGoesOn(t *testing.T) {
	partial := 0
	for seed := range uint64(12) {
		rng := storetest.NewRand(100 + seed)
		spans, model := history(rng, 400)
		s := over(spread(rng, spans)...).within(func(o *query.Options) { o.Budget.Rows = 90 })
		sort := tael.Sort(seed % 2)
		f := tael.Filter{}
		if seed%3 == 0 {
			f.Service = "cart"
		}
		want := model.Spans(tael.DefaultTenant, &f, sort)
		q := tael.SpanQuery{Filter: f, Sort: sort, Limit: 25}
		var got []tael.Span
		for {
			page, err := s.Spans(t.Context(), tael.DefaultTenant, q)
			if errors.Is(err, tael.ErrBudget) {
				// So many rows have one sort key that a page cannot get past them. What came before was right.
				break
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got = append(got, page.Spans...)
			if page.Partial {
				partial++
				if len(page.Missing) == 0 || page.NextCursor == "" {
					t.Fatalf("seed %d: partial page: missing %q, next cursor %q", seed, page.Missing, page.NextCursor)
				}
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				if len(got) != len(want) {
					t.Errorf("seed %d: got %d spans, want %d", seed, len(got), len(want))
				}
				break
			}
		}
		if d := storetest.DiffSpans(got, want[:min(len(got), len(want))]); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
	}
	if partial < 20 {
		t.Errorf("the budget was spent on %d pages only", partial)
	}
}

// TestScanBudgetGoesOnForTraces is the same for traces.
func TestScanBudgetGoesOnForTraces(t *testing.T) {
	for seed := range uint64(8) {
		rng := storetest.NewRand(200 + seed)
		spans, model := history(rng, 300)
		s := over(spread(rng, spans)...).within(func(o *query.Options) { o.Budget.Rows = 120 })
		q := tael.TraceQuery{Sort: tael.Sort(seed % 2), Limit: 4}
		want := model.Traces(tael.DefaultTenant, &q.Filter, q.Sort, false)
		var got []tael.TraceSummary
		for {
			page, err := s.Traces(t.Context(), tael.DefaultTenant, q)
			if errors.Is(err, tael.ErrBudget) {
				break
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got = append(got, page.Traces...)
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				if len(got) != len(want) {
					t.Errorf("seed %d: got %d traces, want %d", seed, len(got), len(want))
				}
				break
			}
		}
		for i := range got {
			if got[i].TraceID != want[i].Summary.TraceID || got[i].Spans != want[i].Summary.Spans {
				t.Fatalf("seed %d, trace %d: got %+v, want %+v", seed, i, got[i], want[i].Summary)
			}
		}
	}
}

// line makes spans a second apart, newest last, each its own trace.
func line(n int) []tael.Span {
	spans := storetest.RandomSpans(storetest.NewRand(1), n)
	for i := range spans {
		spans[i].TraceID = tael.TraceID{1, byte(i >> 16), byte(i >> 8), byte(i)}
		spans[i].Start = uint64(storetest.Base.UnixNano()) + uint64(i)*uint64(time.Second)
		spans[i].End = spans[i].Start + uint64(i)
		spans[i].Sequence = uint64(i + 1)
	}
	return spans
}

func TestScanBudgetWithRangeIsAnError(t *testing.T) {
	m := sourcetest.NewMemory(line(500)...)
	m.Blind = true
	s := over(m).within(func(o *query.Options) { o.Budget.Rows = 100 })
	f := tael.Filter{From: 1, Operation: "nowhere"}
	if _, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Filter: f}); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("spans: got %v", err)
	}
	if _, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Filter: f}); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("traces: got %v", err)
	}
	// A budget below the first batch makes no progress, so it is an error too.
	s = s.within(func(o *query.Options) { o.Budget.Rows = 1 })
	if page, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{}); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("no progress: got %+v, %v", page, err)
	}
}

func TestMemoryBudgetIsAnError(t *testing.T) {
	spans := line(300)
	for i := range spans {
		spans[i].TraceID = tael.TraceID{1}
	}
	s := over(sourcetest.NewMemory(spans...)).within(func(o *query.Options) { o.Budget.Memory = 20_000 })
	_, err := s.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{1}, tael.TraceOptions{})
	_, err2 := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 300})
	for i, err := range []error{err, err2} {
		if !errors.Is(err, tael.ErrBudget) {
			t.Errorf("method %d: got %v", i, err)
		}
	}
	// Traces that each fit, and together do not.
	for i := range spans {
		spans[i].TraceID = tael.TraceID{1, byte(i / 10)}
	}
	s.view.Sources[0].Source = sourcetest.NewMemory(spans...)
	if _, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{}); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("traces: got %v", err)
	}
}

// TestOneLargeTraceDoesNotHideTheOthers has a trace that does not fit in memory among small ones.
func TestOneLargeTraceDoesNotHideTheOthers(t *testing.T) {
	spans := line(600)
	large := tael.TraceID{7}
	for i := range spans {
		if i%3 > 0 {
			spans[i].TraceID = large
		}
	}
	s := over(sourcetest.NewMemory(spans...)).within(func(o *query.Options) { o.Budget.Memory = 200_000 })
	q := tael.TraceQuery{Limit: 20}
	seen := map[tael.TraceID]bool{}
	for {
		page, err := s.Traces(t.Context(), tael.DefaultTenant, q)
		if err != nil {
			t.Fatal(err)
		}
		if !page.Partial || len(page.Missing) != 1 || !strings.Contains(page.Missing[0], large.String()) {
			t.Fatalf("after %d traces: partial %t, missing %q", len(seen), page.Partial, page.Missing)
		}
		for _, tr := range page.Traces {
			seen[tr.TraceID] = true
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	if len(seen) != 200 || seen[large] {
		t.Errorf("got %d traces", len(seen))
	}
}

// TestATraceOfMoreVersionsThanMemory walks a trace of which not even the versions of all spans fit in memory: the pages come nevertheless.
func TestATraceOfMoreVersionsThanMemory(t *testing.T) {
	spans := line(20_000)
	for i := range spans {
		spans[i].TraceID = tael.TraceID{7}
	}
	s := over(sourcetest.NewMemory(spans...)).within(func(o *query.Options) { o.Budget.Memory = 1_000_000 })
	q := tael.SpanQuery{Limit: 200}
	for n := 0; n < 1000; n += 200 {
		page, err := s.Spans(t.Context(), tael.DefaultTenant, q)
		if err != nil || len(page.Spans) != 200 || page.Partial {
			t.Fatalf("after %d spans: %+v, %v", n, page, err)
		}
		q.Cursor = page.NextCursor
	}
}

// TestMemoryIsGivenBack lists traces whose sum is far over the budget, a few at a time.
func TestMemoryIsGivenBack(t *testing.T) {
	spans := line(3000)
	var each int64
	for i := range spans {
		spans[i].TraceID[2], spans[i].TraceID[3] = byte(i/100), 0
		spans[i].End = spans[i].Start + uint64(i%100)
		each = max(each, query.SpanBytes(&spans[i]))
	}
	m := sourcetest.NewMemory(spans...)
	m.BlockRows = 100
	s := over(m).within(func(o *query.Options) { o.Budget.Memory = each * 100 * 6 })
	for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
		page, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Limit: 2, Sort: sort})
		if err != nil || len(page.Traces) != 2 || page.Traces[0].Spans != 100 {
			t.Errorf("sort %d: got %+v, %v", sort, page, err)
		}
	}
}

func TestDeadline(t *testing.T) {
	m := sourcetest.NewMemory(line(100)...)
	s := over(m).within(func(o *query.Options) { o.DefaultDeadline = time.Nanosecond })
	_, err := s.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{1}, tael.TraceOptions{})
	_, err2 := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{})
	_, err3 := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{})
	_, err4 := s.Stats(t.Context(), tael.DefaultTenant)
	for i, err := range []error{err, err2, err3, err4} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("method %d: got %v", i, err)
		}
	}
	// A caller that goes away in the middle.
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	m.Fault = func(string) error {
		if calls++; calls == 3 {
			cancel()
		}
		return nil
	}
	if _, err := over(m).Spans(ctx, tael.DefaultTenant, tael.SpanQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: got %v", err)
	}
}

func TestOptionsValidate(t *testing.T) {
	if err := query.DefaultOptions().Validate(); err != nil {
		t.Error(err)
	}
	bad := query.Options{Budget: query.Budget{Rows: -1}, DefaultDeadline: -1}
	err := bad.Validate()
	for _, want := range []string{"budget", "deadline", "clock"} {
		if err == nil || !errors.Is(err, tael.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
}
