package query

import (
	"cmp"
	"slices"

	"github.com/taeldb/tael"
)

// summarize sums up spans of one trace, at least one.
func summarize(id tael.TraceID, spans []tael.Span) tael.TraceSummary {
	t := tael.TraceSummary{TraceID: id, Spans: len(spans)}
	var root *tael.Span
	var resource *tael.Resource // of the span before: spans of one resource stand together, and its service is looked up once
	for i := range spans {
		s := &spans[i]
		if i == 0 || s.Start < t.Start {
			t.Start = s.Start
		}
		t.End = max(t.End, s.End)
		if s.Status.Code == tael.StatusError {
			t.Errors++
		}
		if root == nil || moreRoot(s, root) {
			root = s
		}
		if i == 0 || s.Resource != resource {
			resource = s.Resource
			if service := s.Service(); !slices.Contains(t.Services, service) {
				t.Services = append(t.Services, service)
			}
		}
	}
	slices.Sort(t.Services)
	if root != nil {
		t.RootService, t.RootOperation = root.Service(), root.Name
	}
	return t
}

// moreRoot reports whether a is the root rather than b: a span without parent, then the earliest, then the smallest ids.
func moreRoot(a, b *tael.Span) bool {
	if a.ParentSpanID.IsZero() != b.ParentSpanID.IsZero() {
		return a.ParentSpanID.IsZero()
	}
	return cmp.Or(cmp.Compare(a.Start, b.Start), compareIdentity(a.Identity(), b.Identity())) < 0
}
