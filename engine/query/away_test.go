package query_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
)

// A source that cannot be reached, at each of its operations, leaves the other one's spans: the answer has them and says that it is partial. Where nothing is
// left, the answer is the error, never an empty list or "not found". It is asked no more in the same query.
func TestASourceThatIsAway(t *testing.T) {
	spans := line(200)
	for _, operation := range []string{"scan", "next", "fetch", "trace", "versions", "stats"} {
		good, bad := sourcetest.NewMemory(spans[:100]...), sourcetest.NewMemory(spans[100:]...)
		calls := 0
		bad.Fault = func(op string) error {
			if op != operation {
				return nil
			}
			calls++
			return fmt.Errorf("connection refused: %w", tael.ErrUnavailable)
		}
		s := over(good, bad)
		// partial checks one answer of so many spans or traces.
		partial := func(what string, c tael.Coverage, n, least int, hurt bool, err error) {
			t.Helper()
			if err != nil || n < least || c.Partial != hurt || hurt && (len(c.Missing) != 1 || !named(c.Missing, "connection refused")) || hurt && calls != 1 {
				t.Errorf("fault in %s: %s: %d found, partial %t, missing %q, %d calls, %v", operation, what, n, c.Partial, c.Missing, calls, err)
			}
			calls = 0
		}
		page, err := s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: 500})
		partial("spans", page.Coverage, len(page.Spans), 100, operation != "trace" && operation != "stats", err)
		traces, err := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Limit: 500})
		partial("traces", traces.Coverage, len(traces.Traces), 100, operation == "scan" || operation == "next" || operation == "trace", err)
		trace, err := s.Trace(t.Context(), tael.DefaultTenant, spans[0].TraceID, tael.TraceOptions{})
		partial("trace", trace.Coverage, len(trace.Spans), 1, operation == "trace", err)
		stats, err := s.Stats(t.Context(), tael.DefaultTenant)
		partial("stats", stats.Coverage, int(stats.Spans), 100, operation == "stats", err)

		f := tael.Filter{From: spans[150].Start, To: spans[150].Start + 1} // which the good one has nothing of
		_, err = s.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Filter: f})
		_, err2 := s.Traces(t.Context(), tael.DefaultTenant, tael.TraceQuery{Filter: f})
		_, err3 := s.Trace(t.Context(), tael.DefaultTenant, spans[150].TraceID, tael.TraceOptions{})
		for method, c := range map[string]struct {
			err  error
			away bool
		}{
			"spans":  {err, operation == "scan" || operation == "next" || operation == "fetch" || operation == "versions"},
			"traces": {err2, operation == "scan" || operation == "next" || operation == "trace"},
			"trace":  {err3, operation == "trace"},
		} {
			if errors.Is(c.err, tael.ErrUnavailable) != c.away || c.err != nil && !c.away {
				t.Errorf("fault in %s: %s with nothing left gives %v", operation, method, c.err)
			}
		}
	}
}
