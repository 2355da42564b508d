package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// A time range of a trace never brings back a version whose newer one is outside of it.
func TestTraceRangeAndVersions(t *testing.T) {
	e := open(t, testOptions(t))
	start := uint64(storetest.Base.UnixNano())
	hour := uint64(time.Hour)
	span := tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{1}, Name: "old", Start: start, End: start + 1}
	other := tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{2}, Name: "other", Start: start, End: start + 1}
	moved := span
	moved.Name, moved.Start, moved.End = "new", start+hour, start+hour+1
	appendSpans(t, e, tael.DefaultTenant, []tael.Span{span})
	appendSpans(t, e, tael.DefaultTenant, []tael.Span{other})
	appendSpans(t, e, tael.DefaultTenant, []tael.Span{moved})
	check := func(when string) {
		t.Helper()
		tr, err := e.Trace(t.Context(), tael.DefaultTenant, span.TraceID, tael.TraceOptions{From: start, To: start + hour})
		if err != nil || len(tr.Spans) != 1 || tr.Spans[0].Name != "other" {
			t.Errorf("%s, in the hour of the old version: %v, %v", when, tr, err)
		}
		tr, err = e.Trace(t.Context(), tael.DefaultTenant, span.TraceID, tael.TraceOptions{From: start + hour})
		if err != nil || len(tr.Spans) != 1 || tr.Spans[0].Name != "new" {
			t.Errorf("%s, in the hour of the new version: %v, %v", when, tr, err)
		}
		if _, err = e.Trace(t.Context(), tael.DefaultTenant, span.TraceID, tael.TraceOptions{From: start + 2*hour}); !errors.Is(err, tael.ErrNotFound) {
			t.Errorf("%s, later: %v", when, err)
		}
	}
	check("hot")
	if _, err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	tr, err := e.Trace(t.Context(), tael.DefaultTenant, span.TraceID, tael.TraceOptions{From: start, To: start + hour})
	if err != nil || len(tr.Spans) == 0 {
		t.Fatalf("cold: %v, %v", tr, err)
	}
	for _, s := range tr.Spans {
		if s.Name == "old" {
			t.Errorf("cold: the old version is answered")
		}
	}
	moved.Start, moved.End = start+2*hour, start+2*hour+1
	moved.Name = "newer"
	appendSpans(t, e, tael.DefaultTenant, []tael.Span{moved}) // hot shadows cold
	tr, err = e.Trace(t.Context(), tael.DefaultTenant, span.TraceID, tael.TraceOptions{From: start, To: start + 2*hour})
	if err != nil || len(tr.Spans) != 1 || tr.Spans[0].Name != "other" {
		t.Errorf("hot beside cold: %v, %v", tr, err)
	}
}
