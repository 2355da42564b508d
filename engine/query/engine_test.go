package query_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestEarlyStop(t *testing.T) {
	m := sourcetest.NewMemory(line(10_000)...)
	s := over(m)
	for _, c := range []struct {
		name string
		q    tael.SpanQuery
		rows int64
		stop bool
	}{
		{"newest 20", tael.SpanQuery{Limit: 20}, 200, true},
		{"longest 20", tael.SpanQuery{Limit: 20, Sort: tael.SortDuration}, 200, true},
		{"newest 20 of a service", tael.SpanQuery{Limit: 20, Filter: tael.Filter{Service: "cart"}}, 400, true},
		{"all", tael.SpanQuery{Limit: 10_000}, 10_000, false},
	} {
		c.q.Explain = true
		page, err := s.Spans(t.Context(), tael.DefaultTenant, c.q)
		if err != nil {
			t.Fatal(err)
		}
		e := page.Explain
		if len(page.Spans) != c.q.Limit || e.Rows > c.rows || e.EarlyStop != c.stop || e.HotSegments != 1 || e.Bytes == 0 {
			t.Errorf("%s: %d spans, explain %+v", c.name, len(page.Spans), e)
		}
		traces, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Filter: c.q.Filter, Sort: c.q.Sort, Limit: c.q.Limit, Explain: true})
		if err != nil {
			t.Fatal(err)
		}
		if e := traces.Explain; len(traces.Traces) != c.q.Limit || e.Rows > c.rows || e.EarlyStop != c.stop {
			t.Errorf("traces, %s: %d traces, explain %+v", c.name, len(traces.Traces), e)
		}
	}
	// A second page begins where the first ended.
	q := tael.SpanQuery{Limit: 5000, Explain: true}
	page, err := s.Spans(t.Context(), tael.DefaultTenant, q)
	if err != nil {
		t.Fatal(err)
	}
	q.Limit, q.Cursor = 20, page.NextCursor
	if page, err = s.Spans(t.Context(), tael.DefaultTenant, q); err != nil || page.Explain.Rows > 200 || !page.Explain.EarlyStop {
		t.Errorf("second page: %+v, %v", page.Explain, err)
	}
	if page, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{}); err != nil || page.Explain != nil || len(page.Spans) != tael.DefaultLimit {
		t.Errorf("not asked to explain: %+v, %v", page.Explain, err)
	}
}

// TestVersionsAreAskedInBulk counts the calls that a page costs.
func TestVersionsAreAskedInBulk(t *testing.T) {
	var calls atomic.Int64
	m := sourcetest.NewMemory(line(2000)...)
	m.Fault = func(operation string) error {
		if operation == "versions" {
			calls.Add(1)
		}
		return nil
	}
	if _, err := over(m).Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 500, Sort: tael.SortDuration}); err != nil {
		t.Fatal(err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestSupersededAcrossSources puts an old version that matches in one source and the newer that does not in another, out of the filter's time range.
func TestSupersededAcrossSources(t *testing.T) {
	old := line(3)
	newer := slices.Clone(old)
	newer[1].Status.Code, newer[1].End, newer[1].Sequence = tael.StatusOK, newer[1].End+1, 100
	newer[1].Start -= uint64(time.Hour)
	for i := range old {
		old[i].Status.Code = tael.StatusError
	}
	code := tael.StatusError
	f := tael.Filter{Status: &code, From: old[0].Start}
	for _, s := range []store{
		over(sourcetest.NewMemory(newer[1]), sourcetest.NewMemory(old...)), over(sourcetest.NewMemory(old...), sourcetest.NewMemory(newer[1])),
		over(sourcetest.NewMemory(append(slices.Clone(old), newer[1])...)),
	} {
		page, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Filter: f, Limit: 2})
		if err != nil || len(page.Spans) != 2 || page.Spans[0].SpanID != old[2].SpanID || page.Spans[1].SpanID != old[0].SpanID || page.NextCursor != "" {
			t.Errorf("got %+v, %v", page, err)
		}
		traces, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Filter: f})
		if err != nil || len(traces.Traces) != 2 {
			t.Errorf("traces: got %+v, %v", traces, err)
		}
		trace, err := s.Trace(t.Context(), tael.DefaultTenant, old[1].TraceID, tael.TraceOptions{Explain: true})
		if err != nil || len(trace.Spans) != 1 || trace.Spans[0].Status.Code != tael.StatusOK || trace.Explain == nil {
			t.Errorf("trace: got %+v, %v", trace, err)
		}
	}
}

// TestDamage fails every n-th call of each operation with damage: the rest is answered, and the damage is named.
func TestDamage(t *testing.T) {
	spans := line(200)
	for _, operation := range []string{"scan", "next", "fetch", "trace", "versions"} {
		good, bad := sourcetest.NewMemory(spans[:100]...), sourcetest.NewMemory(spans[100:]...)
		var calls atomic.Int64
		bad.Fault = func(op string) error {
			if op == operation && calls.Add(1)%2 == 1 {
				return fmt.Errorf("file %s.x: %w", operation, tael.ErrDamaged)
			}
			return nil
		}
		s := over(good, bad)
		page, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 500})
		if err != nil {
			t.Errorf("%s: spans: %v", operation, err)
			continue
		}
		traces, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Limit: 500})
		if err != nil {
			t.Errorf("%s: traces: %v", operation, err)
			continue
		}
		if operation != "trace" && (!page.Partial || !named(page.Missing, operation)) || len(page.Spans) < 100 || operation == "versions" && len(page.Spans) != 200 {
			t.Errorf("%s: %d spans, partial %t, missing %q", operation, len(page.Spans), page.Partial, page.Missing)
		}
		if hurt := operation == "next" || operation == "trace" || operation == "scan"; hurt && operation != "scan" && !traces.Partial || len(traces.Traces) < 100 {
			t.Errorf("%s: %d traces, partial %t, missing %q", operation, len(traces.Traces), traces.Partial, traces.Missing)
		}
		calls.Store(0)
		if operation == "trace" {
			trace, err := s.Trace(t.Context(), tael.DefaultTenant, spans[0].TraceID, tael.TraceOptions{})
			if err != nil || !trace.Partial || len(trace.Spans) != 1 || !named(trace.Missing, "trace.x") {
				t.Errorf("trace: %+v, %v", trace, err)
			}
			calls.Store(0)
			// Not "not found": what is damaged could hold it.
			if trace, err = s.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{0xee}, tael.TraceOptions{}); err != nil || !trace.Partial || len(trace.Spans) != 0 {
				t.Errorf("unknown trace: %+v, %v", trace, err)
			}
		}
	}
}

func named(missing []string, what string) bool {
	return slices.ContainsFunc(missing, func(s string) bool { return strings.Contains(s, what) && strings.HasPrefix(s, "b: ") })
}

// TestEndlessDamage has a source that never gets past its damage, and one with more damage than an answer names.
func TestEndlessDamage(t *testing.T) {
	n := 0
	m := sourcetest.NewMemory(line(5000)...)
	m.BlockRows, m.BatchRows = 1, 1
	m.Fault = func(op string) error {
		if op == "next" {
			n++
			return fmt.Errorf("block %d: %w", n, tael.ErrDamaged)
		}
		return nil
	}
	page, err := over(m).Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{})
	if err != nil || !page.Partial || len(page.Missing) != 21 || len(page.Spans) != 0 || n > 1100 {
		t.Errorf("%d calls, missing %q, %v", n, page.Missing, err)
	}
}

func TestFaultsAreErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, operation := range []string{"scan", "next", "fetch", "trace", "versions", "stats"} {
		good, bad := sourcetest.NewMemory(line(100)...), sourcetest.NewMemory(line(100)[50:]...)
		bad.Fault = func(op string) error {
			if op == operation {
				return broken
			}
			return nil
		}
		s := over(bad, good)
		_, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{})
		_, err2 := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{})
		_, err3 := s.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{1}, tael.TraceOptions{})
		_, err4 := s.Stats(t.Context(), tael.DefaultTenant)
		for method, c := range map[string]struct {
			err  error
			want bool
		}{
			"spans":  {err, operation != "trace" && operation != "stats"},
			"traces": {err2, operation == "scan" || operation == "next" || operation == "trace"},
			"trace":  {err3, operation == "trace"},
			"stats":  {err4, operation == "stats"},
		} {
			if errors.Is(c.err, broken) != c.want || c.err != nil && !c.want && !errors.Is(c.err, tael.ErrNotFound) {
				t.Errorf("fault in %s: %s gives %v", operation, method, c.err)
			}
		}
	}
}

// counted takes note of queries.
type counted struct {
	kinds []string
	rows  int64
	errs  int
}

func (c *counted) Query(kind string, read tael.Explain, elapsed time.Duration, err error) {
	c.kinds = append(c.kinds, kind)
	c.rows += read.Rows
	if err != nil {
		c.errs++
	}
	if elapsed != time.Second {
		c.errs += 1000
	}
}

func TestMetrics(t *testing.T) {
	now := storetest.Base
	c := &counted{}
	s := over(sourcetest.NewMemory(line(50)...)).within(func(o *query.Options) {
		o.Metrics = c
		o.Clock = func() time.Time { now = now.Add(time.Second); return now }
	})
	_, _ = s.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{2}, tael.TraceOptions{})
	_, _ = s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{})
	_, _ = s.Traces(t.Context(), "bad tenant", tael.TraceQuery{})
	_, _ = s.Stats(t.Context(), tael.DefaultTenant)
	c.errs %= 1000 // answers that explain ask the clock once more
	if !slices.Equal(c.kinds, []string{"trace", "spans", "traces", "stats"}) || c.rows != 50 || c.errs != 2 {
		t.Errorf("got %+v", c)
	}
}

func TestStats(t *testing.T) {
	spans := line(30)
	hot, cold := sourcetest.NewMemory(spans[:10]...), sourcetest.NewMemory(spans[10:]...)
	cold.Cold = true
	got, err := over(hot, cold).Stats(t.Context(), tael.DefaultTenant)
	want := tael.Stats{Traces: 30, Spans: 30, HotSpans: 10, ColdSpans: 20, ColdBytes: 20, HotSegments: 1, ColdFiles: 1, OldestStart: spans[0].Start, NewestStart: spans[29].Start}
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, want %+v, %v", got, want, err)
	}
	if got, err = over(cold).Stats(t.Context(), tael.DefaultTenant); err != nil || !got.TracesExact || got.Traces != 20 {
		t.Errorf("one source: got %+v, %v", got, err)
	}
	cold.Fault = func(string) error { return fmt.Errorf("file x: %w", tael.ErrDamaged) }
	if got, err = over(hot, cold).Stats(t.Context(), tael.DefaultTenant); err != nil || !got.Partial || !named(got.Missing, "file x") || got.HotSpans != 10 {
		t.Errorf("beside damage: got %+v, %v", got, err)
	}
}
