package engine

import (
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// Traces whose spans start on many days, in any order, make files by the day and not by the span.
func TestTracesOfManyDays(t *testing.T) {
	const days, traces = 7, 4
	e := open(t, testOptions(t))
	model := storetest.NewModel()
	tenants := []string{"a", "b"}
	rng := storetest.NewRand(9)
	send := func(late uint64) {
		t.Helper()
		for _, tenant := range tenants {
			var spans []tael.Span
			for i := range 40 * traces {
				start := uint64(storetest.Base.Add(-time.Duration(rng.IntN(days))*24*time.Hour + time.Duration(i)).UnixNano())
				spans = append(spans, tael.Span{TraceID: tael.TraceID{byte(1 + i%traces)}, SpanID: tael.SpanID{1, byte(i)}, Name: "x", Start: start,
					End: start + 5 + late, Resource: &tael.Resource{}, Scope: &tael.Scope{}})
			}
			appendSpans(t, e, tenant, spans)
			model.Append(tenant, spans)
		}
	}
	check := func() {
		t.Helper()
		for _, tenant := range tenants {
			if err := storetest.CheckSpans(t.Context(), e, model, tenant, tael.SpanQuery{Limit: 50}); err != nil {
				t.Fatal(err)
			}
			for i := range traces {
				if err := storetest.CheckTrace(t.Context(), e, model, tenant, tael.TraceID{byte(1 + i)}); err != nil {
					t.Fatal(err)
				}
			}
			st, err := e.Stats(t.Context(), tenant)
			if want := int64(40 * traces); err != nil || st.ColdSpans != want || st.HotSpans != 0 {
				t.Fatalf("tenant %s: stats %+v, %v, want %d cold spans", tenant, st, err, want)
			}
		}
	}
	send(0)
	done, err := e.Flush(t.Context())
	if err != nil || done.Files > 2*days*len(tenants) {
		t.Fatalf("flushed %+v, %v", done, err)
	}
	check()
	send(uint64(10 * 24 * time.Hour)) // newer versions, many on another day
	if _, err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
}
