package sourcetest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// testVersions compares the versions with those that scans and traces give.
func testVersions(t *testing.T, build Build) {
	src, spans := fill(t, build, 200)
	ids := []tael.TraceID{{1}, {0xff, 15: 2}}
	want := map[tael.Identity]tael.Version{}
	for i, s := range spans {
		if i%3 == 0 { // some traces, the more spans they have the likelier
			ids = append(ids, s.TraceID)
		}
	}
	asked := map[tael.TraceID]bool{}
	unique := ids[:0]
	for _, id := range ids {
		if !asked[id] {
			asked[id] = true
			unique = append(unique, id)
		}
	}
	for _, id := range unique {
		got, err := src.Trace(t.Context(), tenant, id, tael.TraceOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			want[s.Identity()] = s.Version()
		}
	}
	got := map[tael.Identity]tael.Version{}
	err := src.Versions(t.Context(), tenant, unique, query.NewMeter(query.Budget{}), func(id tael.Identity, v tael.Version) {
		if _, again := got[id]; again {
			t.Errorf("span %s comes twice", id.SpanID)
		}
		got[id] = v
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range want {
		if got[id] != v {
			t.Errorf("span %s: got %+v, want %+v", id.SpanID, got[id], v)
		}
		delete(got, id)
	}
	for id := range got {
		t.Errorf("span %s/%s was not asked for or is not there", id.TraceID, id.SpanID)
	}
	err = src.Versions(t.Context(), "nobody", unique, nil, func(id tael.Identity, _ tael.Version) { t.Errorf("nobody has span %s", id.SpanID) })
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Versions(t.Context(), tenant, nil, nil, func(tael.Identity, tael.Version) { t.Error("no trace was asked for") }); err != nil {
		t.Fatal(err)
	}
}

// testNewer stores several versions of spans: the newest is there, and nothing that never was.
func testNewer(t *testing.T, build Build) {
	g := storetest.NewGenerator(storetest.NewRand(23))
	var spans []tael.Span
	newest := map[tael.Identity]tael.Span{}
	ends := map[tael.Identity]map[uint64]bool{}
	keep := func(s tael.Span) {
		spans = append(spans, s)
		if old, ok := newest[s.Identity()]; !ok || s.End > old.End {
			newest[s.Identity()] = s
		}
		if ends[s.Identity()] == nil {
			ends[s.Identity()] = map[uint64]bool{}
		}
		ends[s.Identity()][s.End] = true
	}
	for range 60 {
		s := g.Span()
		keep(s)
		for n := range len(spans) % 3 {
			s.Name, s.End = "changed", s.End+uint64(time.Second)*uint64(n+1)
			keep(s)
		}
	}
	src := build(t, map[string][]tael.Span{tenant: spans})
	for id, want := range newest {
		got, err := src.Trace(t.Context(), tenant, id.TraceID, tael.TraceOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var best *tael.Span
		for i := range got {
			if got[i].Identity() == id && (best == nil || got[i].Version().Compare(best.Version()) > 0) {
				best = &got[i]
			}
		}
		if best == nil {
			t.Fatalf("span %s is not in its trace", id.SpanID)
		}
		if d := storetest.Diff(best, &want); d != "" {
			t.Errorf("newest version of span %s: %s", id.SpanID, d)
		}
		found := tael.Version{}
		err = src.Versions(t.Context(), tenant, []tael.TraceID{id.TraceID}, nil, func(other tael.Identity, v tael.Version) {
			if !ends[other][v.End] {
				t.Errorf("span %s never ended at %d", other.SpanID, v.End)
			}
			if other == id && v.Compare(found) > 0 {
				found = v
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if found != best.Version() {
			t.Errorf("span %s: newest version %+v, of the trace %+v", id.SpanID, found, best.Version())
		}
	}
}

func testCancelled(t *testing.T, build Build) {
	src, spans := fill(t, build, 80)
	ctx, cancel := context.WithCancel(t.Context())
	req := request(storetest.NewRand(3), tael.Filter{}, tael.SortTime, nil)
	scan, err := src.Scan(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	cancel()
	if _, err := scan.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("next: got %v", err)
	}
	if _, err := src.Trace(ctx, tenant, spans[0].TraceID, tael.TraceOptions{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("trace: got %v", err)
	}
	if err := src.Versions(ctx, tenant, []tael.TraceID{spans[0].TraceID}, nil, func(tael.Identity, tael.Version) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("versions: got %v", err)
	}
}

// testRows runs a scan out of its budget. The bound then still covers what was not yielded.
func testRows(t *testing.T, build Build) {
	src, spans := fill(t, build, 300)
	for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
		m := query.NewMeter(query.Budget{Rows: 1})
		req := request(storetest.NewRand(4), tael.Filter{}, sort, m)
		scan, err := src.Scan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		before := uint64(0)
		seen := 0
		for {
			if bound, more := scan.Bound(); more {
				before = bound
			}
			b, err := scan.Next(t.Context())
			if errors.Is(err, tael.ErrBudget) {
				break
			}
			if errors.Is(err, io.EOF) {
				t.Fatalf("sort %d: %d spans were read over a budget of one row", sort, len(spans))
			}
			if err != nil {
				t.Fatal(err)
			}
			seen += int(b.NumRows())
			b.Release()
		}
		above := 0
		for i := range spans {
			if sortKey(sort, &spans[i]) > before {
				above++
			}
		}
		if above > seen {
			t.Errorf("sort %d: %d rows were yielded, and %d are above the bound", sort, seen, above)
		}
		scan.Close()
	}
}

func testBytes(t *testing.T, build Build) {
	src, spans := fill(t, build, 100)
	m := query.NewMeter(query.Budget{Bytes: 1})
	var err error
	for i := 0; i < len(spans) && err == nil; i++ {
		_, err = src.Trace(t.Context(), tenant, spans[i].TraceID, tael.TraceOptions{}, m)
	}
	if !errors.Is(err, tael.ErrBudget) {
		t.Errorf("all traces were read for one byte: %v, charged %+v", err, m.Explain())
	}
}

// testMemory checks that a trace too large for memory stops, and that what is held while it is read is given back.
func testMemory(t *testing.T, build Build) {
	g := storetest.NewGenerator(storetest.NewRand(24))
	spans := make([]tael.Span, 300)
	for i := range spans {
		spans[i] = g.Span()
		spans[i].TraceID = tael.TraceID{7}
	}
	src := build(t, map[string][]tael.Span{tenant: spans})
	m := query.NewMeter(query.Budget{Memory: 10_000})
	if got, err := src.Trace(t.Context(), tenant, tael.TraceID{7}, tael.TraceOptions{}, m); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("a trace of %d spans in 10 kB: %v", len(got), err)
	}
	if err := m.Hold(10_000); err != nil {
		t.Errorf("memory is held after a trace that failed: %v", err)
	}
	const enough = 1 << 30
	m = query.NewMeter(query.Budget{Memory: enough})
	req := request(storetest.NewRand(5), tael.Filter{}, tael.SortTime, m)
	scan, err := src.Scan(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	var rows []int64
	for {
		b, err := scan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, rowsOf(b)...)
		b.Release()
	}
	if _, err := scan.Fetch(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if got, err := src.Trace(t.Context(), tenant, tael.TraceID{7}, tael.TraceOptions{}, m); err != nil || len(got) != len(spans) {
		t.Fatalf("got %d spans, %v", len(got), err)
	}
	scan.Close()
	if err := m.Hold(enough); err != nil {
		t.Errorf("memory is held after a trace and a scan: %v", err)
	}
}
