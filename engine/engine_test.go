package engine

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testOptions(t *testing.T) Options {
	t.Helper()
	o := DefaultOptions()
	o.DataDir = t.TempDir()
	o.MemoryLimit = 256 << 20
	o.MinFreeDisk = 0
	o.Retention = 0
	return o
}

func open(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// appendSpans appends spans as one request.
func appendSpans(t *testing.T, e *Engine, tenant string, spans []tael.Span) {
	t.Helper()
	l := fragment.DefaultLimits()
	l.MaxAge, l.MaxAhead = 100*365*24*time.Hour, 100*365*24*time.Hour
	b, rejected, err := fragment.NewCutter(l).Cut(tenant, fragment.AppendOTLP(nil, spans), time.Now())
	if err != nil || rejected.Spans > 0 {
		t.Fatalf("cut: %v, rejected %s", err, rejected.Message())
	}
	if err := e.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// A span is found by id at once, after a restart, after a flush, and after a restart after that.
func TestASpanIsFoundOnItsWholeWay(t *testing.T) {
	o := testOptions(t)
	e := open(t, o)
	spans := storetest.RandomSpans(storetest.NewRand(1), 500)
	model := storetest.NewModel()
	model.Append("default", spans)
	appendSpans(t, e, "default", spans)
	check := func(when string) {
		t.Helper()
		seen := map[tael.TraceID]bool{}
		for _, s := range spans {
			if !seen[s.TraceID] {
				seen[s.TraceID] = true
				if err := storetest.CheckTrace(t.Context(), e, model, "default", s.TraceID); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
			}
		}
		if err := storetest.CheckSpans(t.Context(), e, model, "default", tael.SpanQuery{Limit: 50}); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	reopen := func() {
		t.Helper()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = open(t, o)
	}
	check("hot")
	reopen()
	check("hot, restarted")
	// The loop may have flushed the recovered segment already.
	if _, err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("cold")
	st, err := e.Stats(t.Context(), "default")
	if err != nil || st.HotSpans != 0 || st.ColdSpans == 0 || st.Spans != st.ColdSpans {
		t.Fatalf("stats after the flush: %+v, %v", st, err)
	}
	reopen()
	check("cold, restarted")
}

func TestDataDirectoryIsLocked(t *testing.T) {
	o := testOptions(t)
	e := open(t, o)
	if _, err := Open(t.Context(), o); !errors.Is(err, tael.ErrUnavailable) {
		t.Fatalf("second open: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal("second close:", err)
	}
	if _, err := e.Spans(t.Context(), "default", tael.SpanQuery{}); !errors.Is(err, tael.ErrClosed) {
		t.Fatalf("after close: %v", err)
	}
	open(t, o)
}

func TestOptionsValidateListsEveryProblem(t *testing.T) {
	err := Options{}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) < 7 {
		t.Fatalf("got %v", err)
	}
	if _, err := Open(t.Context(), Options{}); !errors.Is(err, tael.ErrInvalid) {
		t.Fatal(err)
	}
}
