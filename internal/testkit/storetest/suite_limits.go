package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

func testInvalid(t *testing.T, b *trial) {
	b.append(tael.DefaultTenant, RandomSpans(NewRand(17), 30)...)
	page, err := b.h.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 5})
	if err != nil || page.NextCursor == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	traces, err := b.h.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Limit: 1})
	if err != nil || traces.NextCursor == "" {
		t.Fatalf("first page of traces: %+v, %v", traces, err)
	}
	for name, c := range map[string]struct {
		tenant string
		q      tael.SpanQuery
	}{
		"tenant":                 {"no/good", tael.SpanQuery{}},
		"limit below":            {tael.DefaultTenant, tael.SpanQuery{Limit: -1}},
		"limit above":            {tael.DefaultTenant, tael.SpanQuery{Limit: tael.MaxLimit + 1}},
		"sort":                   {tael.DefaultTenant, tael.SpanQuery{Sort: 77}},
		"range":                  {tael.DefaultTenant, tael.SpanQuery{Filter: tael.Filter{From: 5, To: 4}}},
		"cursor":                 {tael.DefaultTenant, tael.SpanQuery{Cursor: "x"}},
		"cursor of a filter":     {tael.DefaultTenant, tael.SpanQuery{Cursor: page.NextCursor, Filter: tael.Filter{Service: "other"}}},
		"cursor of a sort":       {tael.DefaultTenant, tael.SpanQuery{Cursor: page.NextCursor, Sort: tael.SortDuration}},
		"cursor of a tenant":     {"other", tael.SpanQuery{Cursor: page.NextCursor}},
		"cursor of another list": {tael.DefaultTenant, tael.SpanQuery{Cursor: traces.NextCursor}},
		"condition":              {tael.DefaultTenant, tael.SpanQuery{Filter: tael.Filter{Attributes: []tael.AttributeMatch{{Key: "k", Op: tael.MatchRegexp, Want: "("}}}}},
	} {
		if _, err := b.h.Spans(t.Context(), c.tenant, c.q); !errors.Is(err, tael.ErrInvalid) {
			t.Errorf("spans, %s: got %v", name, err)
		}
		q := tael.TraceQuery{Filter: c.q.Filter, Sort: c.q.Sort, Limit: c.q.Limit, Cursor: c.q.Cursor}
		if name == "cursor of another list" {
			q.Cursor = page.NextCursor
		}
		if _, err := b.h.Traces(t.Context(), c.tenant, q); !errors.Is(err, tael.ErrInvalid) {
			t.Errorf("traces, %s: got %v", name, err)
		}
	}
	if _, err := b.h.Trace(t.Context(), "", tael.TraceID{1}, tael.TraceOptions{}); !errors.Is(err, tael.ErrInvalid) {
		t.Errorf("trace without tenant: got %v", err)
	}
	if _, err := b.h.Stats(t.Context(), ".."); !errors.Is(err, tael.ErrInvalid) {
		t.Errorf("stats of a bad tenant: got %v", err)
	}
	// A page may have another length than the one before, and a range that slides goes on.
	if _, err := b.h.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 7, Cursor: page.NextCursor, Filter: tael.Filter{From: 1}}); err != nil {
		t.Errorf("another limit: %v", err)
	}
}

func testCancelled(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(18), 50)
	b.append(tael.DefaultTenant, spans[:25]...)
	b.do(b.h.Flush)
	b.append(tael.DefaultTenant, spans[25:]...)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: late} {
		_, err := b.h.Trace(ctx, tael.DefaultTenant, spans[0].TraceID, tael.TraceOptions{})
		_, err2 := b.h.Spans(ctx, tael.DefaultTenant, tael.SpanQuery{})
		_, err3 := b.h.Traces(ctx, tael.DefaultTenant, tael.TraceQuery{})
		for i, err := range []error{err, err2, err3} {
			if !errors.Is(err, want) {
				t.Errorf("method %d: want %v, got %v", i, want, err)
			}
		}
	}
	b.check(tael.DefaultTenant)
}

func testStats(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(19), 90)
	b.append(tael.DefaultTenant, spans[:40]...)
	b.append("other", spans[:5]...)
	b.everywhere(func() { b.stats(t, spans[:40]) })
	b.append(tael.DefaultTenant, spans[40:]...)
	b.everywhere(func() { b.stats(t, spans) })
	s, err := b.h.Stats(t.Context(), tael.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	if s.HotSpans != 0 || s.ColdSpans != int64(len(spans)) || s.ColdFiles == 0 || s.ColdBytes == 0 {
		t.Errorf("after a flush: got %+v", s)
	}
	spans[0].End++ // what a newer version replaces counts no more when it is cold
	b.append(tael.DefaultTenant, spans...)
	b.do(b.h.Flush)
	if s, err = b.h.Stats(t.Context(), tael.DefaultTenant); err != nil || s.Spans != int64(len(spans)) {
		t.Errorf("after retries: got %+v, %v, want %d spans", s, err, len(spans))
	}
}

// stats compares the counts of spans that were each sent once.
func (b *trial) stats(t *testing.T, spans []tael.Span) {
	t.Helper()
	s, err := b.h.Stats(t.Context(), tael.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	traces := map[tael.TraceID]struct{}{}
	oldest, newest := spans[0].Start, spans[0].Start
	for i := range spans {
		traces[spans[i].TraceID] = struct{}{}
		oldest, newest = min(oldest, spans[i].Start), max(newest, spans[i].Start)
	}
	if s.Spans != int64(len(spans)) || s.HotSpans+s.ColdSpans != s.Spans || s.OldestStart != oldest || s.NewestStart != newest ||
		s.Traces < int64(len(traces)) || s.TracesExact && s.Traces != int64(len(traces)) {
		t.Errorf("got %+v, want %d spans, %d traces, starts %d to %d", s, len(spans), len(traces), oldest, newest)
	}
}

// testLargeTrace has a trace with more spans than a list of traces carries.
func testLargeTrace(t *testing.T, b *trial) {
	g := NewGenerator(NewRand(20))
	var spans []tael.Span
	for i := range tael.MaxTraceSpans + 100 {
		s := g.Span()
		s.TraceID = tael.TraceID{9, byte(i % 50 / 49)} // two traces
		s.Start = uint64(Base.UnixNano()) + uint64(i)
		s.End = s.Start + uint64(i%7)
		spans = append(spans, s)
	}
	b.append(tael.DefaultTenant, spans[:600]...)
	b.do(b.h.Flush)
	b.append(tael.DefaultTenant, spans[600:]...)
	b.everywhere(func() {
		for _, tr := range []byte{0, 1} {
			b.do(func(ctx context.Context) error {
				return CheckTrace(ctx, b.h, b.m, tael.DefaultTenant, tael.TraceID{9, tr})
			})
		}
		b.lists(tael.DefaultTenant, tael.Filter{}, 700)
		for _, limit := range []int{1, 2} {
			b.do(func(ctx context.Context) error {
				return CheckTraces(ctx, b.h, b.m, tael.DefaultTenant, tael.TraceQuery{Limit: limit})
			})
		}
	})
}
