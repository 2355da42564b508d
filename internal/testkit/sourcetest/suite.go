package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// Build makes the source under test: it holds the spans of each tenant, which arrived in this order. It is closed in t.Cleanup. A source
// that resolves versions when it stores may hold only the newest version of a span.
type Build func(t *testing.T, spans map[string][]tael.Span) query.Source

// Run checks that a Source keeps its contract.
func Run(t *testing.T, build Build) {
	for name, test := range map[string]func(*testing.T, Build){
		"scan": testScan, "empty": testEmpty, "trace": testTrace, "traces": testTraces, "versions": testVersions, "newer versions": testNewer, "stats": testStats,
		"cancelled": testCancelled, "rows budget": testRows, "bytes budget": testBytes, "memory budget": testMemory, "close": testClose,
	} {
		t.Run(name, func(t *testing.T) { test(t, build) })
	}
}

const tenant, otherTenant = tael.DefaultTenant, "other.tenant"

// fill builds a source with n random spans of one tenant and some, partly the same, of another.
func fill(t *testing.T, build Build, n int) (query.Source, []tael.Span) {
	t.Helper()
	spans := storetest.RandomSpans(storetest.NewRand(uint64(n)), n)
	return build(t, map[string][]tael.Span{tenant: spans, otherTenant: spans[n/2:]}), spans
}

// request is a scan with the columns that the filter needs and some others.
func request(rng *rand.Rand, f tael.Filter, sort tael.Sort, m *query.Meter) query.ScanRequest {
	some := func() bool { return rng.IntN(2) == 0 }
	c := fragment.Columns{Service: f.Service != "" || some(), Name: f.Operation != "" || some(), Status: f.Status != nil || some(), End: some()}
	seen := map[string]bool{}
	for _, a := range f.Attributes {
		if !seen[a.Key] {
			seen[a.Key] = true
			c.Attributes = append(c.Attributes, a.Key)
		}
	}
	for _, key := range []string{"user.id", "not.there"} {
		if some() && !seen[key] {
			c.Attributes = append(c.Attributes, key)
		}
	}
	return query.ScanRequest{Tenant: tenant, Filter: &f, Terms: fragment.FilterTerms(&f), Sort: sort, Columns: c, Meter: m}
}

// testScan compares what scans with random filters yield and fetch with the spans.
func testScan(t *testing.T, build Build) {
	src, spans := fill(t, build, 400)
	byID := map[tael.Identity]*tael.Span{}
	for i := range spans {
		byID[spans[i].Identity()] = &spans[i]
	}
	rng := storetest.NewRand(21)
	for n := range 120 {
		f := storetest.RandomFilter(rng, spans)
		if n < 2 {
			f = tael.Filter{}
		}
		m := query.NewMeter(query.Budget{})
		req := request(rng, f, tael.Sort(n%2), m)
		scan, err := src.Scan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(t.Context(), scan, req, byID)
		if err != nil {
			t.Fatalf("filter %+v, sort %d: %v", f, req.Sort, err)
		}
		for i := range spans {
			if _, ok := got[spans[i].Identity()]; !ok && f.Matches(&spans[i]) {
				t.Fatalf("filter %+v, sort %d: span %s/%s matches and was not yielded", f, req.Sort, spans[i].TraceID, spans[i].SpanID)
			}
		}
		if err := fetch(t.Context(), rng, scan, got, byID); err != nil {
			t.Fatalf("filter %+v, sort %d: fetch: %v", f, req.Sort, err)
		}
		if read := m.Explain(); read.Rows < int64(len(got)) || len(got) > 0 && read.Bytes == 0 {
			t.Errorf("%d rows yielded, charged: %+v", len(got), read)
		}
		scan.Close()
	}
}

func testEmpty(t *testing.T, build Build) {
	sources := map[string]query.Source{"nothing": build(t, nil)}
	sources["another tenant"] = build(t, map[string][]tael.Span{otherTenant: storetest.RandomSpans(storetest.NewRand(22), 20)})
	for name, src := range sources {
		req := request(storetest.NewRand(1), tael.Filter{}, tael.SortTime, nil)
		scan, err := src.Scan(t.Context(), req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if rows, err := drain(t.Context(), scan, req, nil); err != nil || len(rows) != 0 {
			t.Errorf("%s: scan yields %d rows, %v", name, len(rows), err)
		}
		scan.Close()
		if spans, err := src.Trace(t.Context(), tenant, tael.TraceID{1}, tael.TraceOptions{}, nil); err != nil || len(spans) != 0 {
			t.Errorf("%s: trace gives %d spans, %v", name, len(spans), err)
		}
		s := tael.Stats{TracesExact: true}
		if err := src.Stats(t.Context(), tenant, &s); err != nil || s.HotSpans != 0 || s.ColdSpans != 0 || s.Traces != 0 || s.OldestStart != 0 {
			t.Errorf("%s: stats %+v, %v", name, s, err)
		}
	}
}

func testTrace(t *testing.T, build Build) {
	src, spans := fill(t, build, 200)
	traces := map[tael.TraceID]map[tael.Identity]*tael.Span{}
	for i := range spans {
		id := spans[i].TraceID
		if traces[id] == nil {
			traces[id] = map[tael.Identity]*tael.Span{}
		}
		traces[id][spans[i].Identity()] = &spans[i]
	}
	for id, want := range traces {
		got, err := src.Trace(t.Context(), tenant, id, tael.TraceOptions{}, query.NewMeter(query.Budget{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := same(got, want); err != nil {
			t.Errorf("trace %s: %v", id, err)
		}
		// A hint leaves out no span that started within it.
		for _, s := range want {
			got, err := src.Trace(t.Context(), tenant, id, tael.TraceOptions{From: s.Start, To: s.Start + 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for i := range got {
				found = found || got[i].Identity() == s.Identity()
			}
			if !found {
				t.Errorf("trace %s: with a hint at its start, span %s is left out", id, s.SpanID)
			}
			break
		}
	}
	for _, who := range []string{"nobody", "default2", "d"} {
		if got, err := src.Trace(t.Context(), who, spans[0].TraceID, tael.TraceOptions{}, nil); err != nil || len(got) != 0 {
			t.Errorf("tenant %q: got %d spans, %v", who, len(got), err)
		}
	}
}

// testTraces compares what a source that reads several traces at once gives for them with what it gives for each.
func testTraces(t *testing.T, build Build) {
	src, spans := fill(t, build, 250)
	many, ok := src.(query.TracesReader)
	if !ok {
		return // it need not be one
	}
	rng := storetest.NewRand(25)
	for round := range 20 {
		ids := []tael.TraceID{{1, 2, 3}} // nobody has it
		want := map[tael.Identity]*tael.Span{}
		chosen := map[tael.TraceID]bool{}
		for range round * 2 {
			if id := spans[rng.IntN(len(spans))].TraceID; !chosen[id] {
				chosen[id] = true
				ids = append(ids, id)
			}
		}
		for i := range spans {
			if chosen[spans[i].TraceID] {
				want[spans[i].Identity()] = &spans[i]
			}
		}
		got, err := many.Traces(t.Context(), tenant, ids, query.NewMeter(query.Budget{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := same(got, want); err != nil {
			t.Errorf("%d traces: %v", len(ids), err)
		}
	}
	all := []tael.TraceID{spans[0].TraceID, {7}}
	if got, err := many.Traces(t.Context(), "nobody", all, nil); err != nil || len(got) != 0 {
		t.Errorf("nobody has %d spans, %v", len(got), err)
	}
	if got, err := many.Traces(t.Context(), tenant, nil, nil); err != nil || len(got) != 0 {
		t.Errorf("no trace has %d spans, %v", len(got), err)
	}
	m := query.NewMeter(query.Budget{Memory: 1})
	if _, err := many.Traces(t.Context(), tenant, all, m); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("in a byte of memory: %v", err)
	}
	if m.Hold(1) != nil {
		t.Error("memory is held after traces that failed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := many.Traces(ctx, tenant, all, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// same compares a trace's spans, in any order, with those wanted.
func same(got []tael.Span, want map[tael.Identity]*tael.Span) error {
	seen := map[tael.Identity]bool{}
	for i := range got {
		id := got[i].Identity()
		if want[id] == nil || seen[id] {
			return fmt.Errorf("span %s is of another trace or comes twice", id.SpanID)
		}
		seen[id] = true
		if d := storetest.Diff(&got[i], want[id]); d != "" {
			return fmt.Errorf("span %s: %s", id.SpanID, d)
		}
	}
	if len(seen) != len(want) {
		return fmt.Errorf("got %d spans, want %d", len(seen), len(want))
	}
	return nil
}

func testStats(t *testing.T, build Build) {
	src, spans := fill(t, build, 150)
	traces := map[tael.TraceID]bool{}
	oldest, newest := spans[0].Start, spans[0].Start
	for _, s := range spans {
		traces[s.TraceID] = true
		oldest, newest = min(oldest, s.Start), max(newest, s.Start)
	}
	before := tael.Stats{TracesExact: true, HotSpans: 5, ColdSpans: 7, Traces: 2, OldestStart: oldest + 1, NewestStart: newest + 9}
	s := before
	if err := src.Stats(t.Context(), tenant, &s); err != nil {
		t.Fatal(err)
	}
	if got := s.HotSpans + s.ColdSpans - 12; got != int64(len(spans)) {
		t.Errorf("got %d spans, want %d", got, len(spans))
	}
	if got := s.Traces - 2; got < int64(len(traces)) || s.TracesExact && got != int64(len(traces)) {
		t.Errorf("got %d traces, exact %t, want %d", got, s.TracesExact, len(traces))
	}
	if s.OldestStart != oldest || s.NewestStart != newest+9 {
		t.Errorf("got starts %d to %d, want %d to %d", s.OldestStart, s.NewestStart, oldest, newest+9)
	}
}

func testClose(t *testing.T, build Build) {
	src, _ := fill(t, build, 60)
	for batches := range 3 {
		req := request(storetest.NewRand(2), tael.Filter{}, tael.SortTime, nil)
		scan, err := src.Scan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var rows []int64
		for range batches {
			if b, err := scan.Next(t.Context()); err == nil {
				rows = append(rows, rowsOf(b)...)
				b.Release()
			}
		}
		scan.Close()
		scan.Close()
		if _, err := scan.Next(t.Context()); err == nil {
			t.Error("a closed scan yields a batch")
		}
		if len(rows) > 0 {
			if _, err := scan.Fetch(t.Context(), rows[:1]); errors.Is(err, tael.ErrDamaged) {
				t.Errorf("fetch from a closed scan is taken for damage: %v", err)
			}
		}
	}
}
