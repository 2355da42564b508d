package query_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
)

// Queries share the memory of a pool: one that finds it held by others is told to try again, and each gives back what it held, however it ended.
func TestQueriesShareMemory(t *testing.T) {
	spans := line(100)
	var all int64
	for i := range spans {
		all += query.SpanBytes(&spans[i])
	}
	waiting, goOn := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	m := sourcetest.NewMemory(spans...)
	m.Fault = func(op string) error {
		if op == "fetch" && first.CompareAndSwap(true, false) {
			close(waiting)
			<-goOn
		}
		return nil
	}
	pool := query.NewPool(all * 7 / 2)
	s := over(m).within(func(o *query.Options) { o.Pool = pool })
	list := func(q tael.SpanQuery) error {
		page, err := s.Spans(t.Context(), tael.DefaultTenant, q)
		if err == nil && len(page.Spans) != q.Limit {
			t.Errorf("got %d spans, want %d", len(page.Spans), q.Limit)
		}
		return err
	}
	for range 20 {
		if err := list(tael.SpanQuery{Limit: 100}); err != nil {
			t.Fatalf("one query at a time: %v", err)
		}
		if _, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Limit: 100}); err != nil {
			t.Fatalf("one query at a time: %v", err)
		}
	}
	small := over(m).within(func(o *query.Options) { o.Pool = query.NewPool(all / 10) })
	for range 3 {
		if _, err := small.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 100}); !errors.Is(err, tael.ErrOverloaded) {
			t.Fatalf("more than the pool: %v", err)
		}
		if _, err := small.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 2}); err != nil {
			t.Fatalf("a small one after it: %v", err)
		}
	}
	first.Store(true)
	done := make(chan error, 1)
	go func() { done <- list(tael.SpanQuery{Limit: 100}) }()
	<-waiting // the first holds what it has found
	if err := list(tael.SpanQuery{Limit: 1}); err != nil {
		t.Errorf("a small one beside it: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}
