package storetest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/taeldb/tael"
)

// Model is a whole store as simply as can be: a map of the newest versions, and a look at every span for every question. It is not
// safe for concurrent use.
type Model struct {
	tenants map[string]map[tael.Identity]tael.Span
	clock   uint64
}

// NewModel makes an empty Model.
func NewModel() *Model { return &Model{tenants: map[string]map[tael.Identity]tael.Span{}} }

// Append adds spans as a store does when they arrive together: each gets the next sequence, and replaces the span of its identity unless that one
// ends later. Of spans in one call, the later counts as the newer.
func (m *Model) Append(tenant string, spans []tael.Span) {
	t := m.tenants[tenant]
	if t == nil {
		t = map[tael.Identity]tael.Span{}
		m.tenants[tenant] = t
	}
	for _, s := range spans {
		m.clock++
		s.Sequence = m.clock
		if old, ok := t[s.Identity()]; !ok || s.Version().Compare(old.Version()) > 0 {
			t[s.Identity()] = s
		}
	}
}

// All gives the newest version of every span that passes the test, in no order.
func (m *Model) All(tenant string, test func(*tael.Span) bool) []tael.Span {
	var out []tael.Span
	for _, s := range m.tenants[tenant] {
		if test(&s) {
			out = append(out, s)
		}
	}
	return out
}

// Trace gives the spans of a trace by (start, span id, kind); none when the trace is not there.
func (m *Model) Trace(tenant string, id tael.TraceID) []tael.Span {
	out := m.All(tenant, func(s *tael.Span) bool { return s.TraceID == id })
	slices.SortFunc(out, func(a, b tael.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Spans gives all matching spans in the order of the list.
func (m *Model) Spans(tenant string, f *tael.Filter, sort tael.Sort) []tael.Span {
	out := m.All(tenant, f.Matches)
	slices.SortFunc(out, func(a, b tael.Span) int { return Order(sort, &a, &b) })
	return out
}

// Order compares two spans by their places in a list.
func Order(sort tael.Sort, a, b *tael.Span) int {
	if sort == tael.SortDuration && a.Duration() != b.Duration() {
		return cmp.Compare(b.Duration(), a.Duration())
	}
	return cmp.Or(cmp.Compare(b.Start, a.Start), bytes.Compare(a.TraceID[:], b.TraceID[:]), bytes.Compare(a.SpanID[:], b.SpanID[:]), cmp.Compare(a.Kind, b.Kind))
}

// ModelTrace is a trace in a list.
type ModelTrace struct {
	Summary tael.TraceSummary
	Spans   []tael.Span // matching, in the list's order
}

// Traces gives all traces with a matching span in the order of the list.
func (m *Model) Traces(tenant string, f *tael.Filter, sort tael.Sort, full bool) []ModelTrace {
	var out []ModelTrace
	at := map[tael.TraceID]int{}
	for _, s := range m.Spans(tenant, f, sort) {
		i, ok := at[s.TraceID]
		if !ok {
			i = len(out)
			at[s.TraceID] = i
			out = append(out, ModelTrace{})
		}
		out[i].Spans = append(out[i].Spans, s)
	}
	for i := range out {
		of := out[i].Spans
		if full {
			of = m.Trace(tenant, of[0].TraceID)
		}
		out[i].Summary = summary(of)
	}
	return out
}

func summary(spans []tael.Span) tael.TraceSummary {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b tael.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]), cmp.Compare(a.Kind, b.Kind))
	})
	root := spans[0]
	for i := len(spans) - 1; i >= 0; i-- {
		if spans[i].ParentSpanID.IsZero() {
			root = spans[i]
		}
	}
	t := tael.TraceSummary{
		TraceID: root.TraceID, RootService: root.Service(), RootOperation: root.Name,
		Start: spans[0].Start, Spans: len(spans),
	}
	for _, s := range spans {
		t.End = max(t.End, s.End)
		if s.Status.Code == tael.StatusError {
			t.Errors++
		}
		t.Services = append(t.Services, s.Service())
	}
	slices.Sort(t.Services)
	t.Services = slices.Compact(t.Services)
	return t
}
