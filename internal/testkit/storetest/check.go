package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/taeldb/tael"
)

// CheckTrace compares a store's answer for one trace with the model's.
func CheckTrace(ctx context.Context, store tael.Store, m *Model, tenant string, id tael.TraceID) error {
	want := m.Trace(tenant, id)
	got, err := store.Trace(ctx, tenant, id, tael.TraceOptions{})
	if len(want) == 0 {
		if !errors.Is(err, tael.ErrNotFound) {
			return fmt.Errorf("trace %s of tenant %s: want not found, got %+v, error %w", id, tenant, got, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("trace %s of tenant %s: %w", id, tenant, err)
	}
	if got.TraceID != id || got.Partial {
		return fmt.Errorf("trace %s of tenant %s: answer is of %s, partial %t, missing %q", id, tenant, got.TraceID, got.Partial, got.Missing)
	}
	if d := DiffSpans(got.Spans, want); d != "" {
		return fmt.Errorf("trace %s of tenant %s: %s", id, tenant, d)
	}
	return nil
}

// CheckSpans walks all pages of a list of spans and compares them with the model's list. The query's cursor is set here.
func CheckSpans(ctx context.Context, store tael.Store, m *Model, tenant string, q tael.SpanQuery) error {
	want := m.Spans(tenant, &q.Filter, q.Sort)
	fail := func(why string) error {
		return fmt.Errorf("spans of tenant %s, %s, limit %d: %s", tenant, describe(&q.Filter, q.Sort), q.Limit, why)
	}
	var got []tael.Span
	for pages := 0; ; pages++ {
		page, err := store.Spans(ctx, tenant, q)
		if err != nil {
			return fmt.Errorf("page %d: %w", pages, errors.Join(fail("error"), err))
		}
		if page.Partial || len(page.Missing) > 0 {
			return fail(fmt.Sprintf("page %d is partial: %q", pages, page.Missing))
		}
		got = append(got, page.Spans...)
		if more := len(got) < len(want); more != (page.NextCursor != "") || more && len(page.Spans) != q.Limit || len(page.Spans) > q.Limit {
			return fail(fmt.Sprintf("page %d has %d spans, next cursor %q, %d of %d seen: %s", pages, len(page.Spans), page.NextCursor, len(got), len(want), DiffSpans(got, want)))
		}
		if page.NextCursor == "" {
			break
		}
		q.Cursor = page.NextCursor
	}
	if d := DiffSpans(got, want); d != "" {
		return fail(d)
	}
	return nil
}

// CheckTraces walks all pages of a list of traces and compares them with the model's list.
func CheckTraces(ctx context.Context, store tael.Store, m *Model, tenant string, q tael.TraceQuery) error {
	want := m.Traces(tenant, &q.Filter, q.Sort, q.Full)
	fail := func(why string) error {
		return fmt.Errorf("traces of tenant %s, %s, limit %d, full %t: %s", tenant, describe(&q.Filter, q.Sort), q.Limit, q.Full, why)
	}
	for pages := 0; ; pages++ {
		page, err := store.Traces(ctx, tenant, q)
		if err != nil {
			return fmt.Errorf("page %d: %w", pages, errors.Join(fail("error"), err))
		}
		if page.Partial || len(page.Missing) > 0 {
			return fail(fmt.Sprintf("page %d is partial: %q", pages, page.Missing))
		}
		n := min(q.Limit, len(want))
		if len(page.Traces) != n || (len(want) > n) != (page.NextCursor != "") {
			return fail(fmt.Sprintf("page %d has %d traces, next cursor %q, and %d were to come", pages, len(page.Traces), page.NextCursor, len(want)))
		}
		var spans []tael.Span
		for i, t := range want[:n] {
			if d := diffSummary(page.Traces[i], t.Summary); d != "" {
				return fail(fmt.Sprintf("page %d, row %d: %s", pages, i, d))
			}
			spans = append(spans, t.Spans...)
		}
		slices.SortFunc(spans, func(a, b tael.Span) int { return Order(q.Sort, &a, &b) })
		cut := len(spans) > tael.MaxTraceSpans
		if cut {
			spans = spans[:tael.MaxTraceSpans]
		}
		if d := DiffSpans(page.Spans, spans); d != "" || page.Truncated != cut {
			return fail(fmt.Sprintf("page %d, truncated %t: %s", pages, page.Truncated, d))
		}
		if want = want[n:]; page.NextCursor == "" {
			return nil
		}
		q.Cursor = page.NextCursor
	}
}

// describe prints a filter for a person.
func describe(f *tael.Filter, sort tael.Sort) string {
	s := fmt.Sprintf("sort %d, start %d to %d, service %q, operation %q, duration from %d", sort, f.From, f.To, f.Service, f.Operation, f.MinDuration)
	if f.MaxDuration != nil {
		s += fmt.Sprintf(" to %d", *f.MaxDuration)
	}
	if f.Status != nil {
		s += fmt.Sprintf(", status %d", *f.Status)
	}
	if f.Kind != nil {
		s += fmt.Sprintf(", kind %d", *f.Kind)
	}
	if !f.SpanID.IsZero() {
		s += ", span " + f.SpanID.String()
	}
	for _, m := range f.Attributes {
		s += fmt.Sprintf(", attribute %q", m.String())
	}
	return s
}
