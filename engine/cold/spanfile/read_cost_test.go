package spanfile

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

func TestPlanJoinsWhatIsClose(t *testing.T) {
	pieces := []extent{{0, 10}, {15, 20}, {100, 110}, {110, 130}, {500, 510}}
	for _, c := range []struct {
		gap   int64
		limit int
		want  []extent
	}{
		{0, 9, []extent{{0, 10}, {15, 20}, {100, 130}, {500, 510}}},
		{5, 9, []extent{{0, 20}, {100, 130}, {500, 510}}},
		{5, 2, []extent{{0, 130}, {500, 510}}},
		{5, 1, []extent{{0, 510}}},
		{1000, 9, []extent{{0, 510}}},
	} {
		if got := plan(slices.Clone(pieces), c.gap, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("gap %d, limit %d: %v, want %v", c.gap, c.limit, got, c.want)
		}
		backwards := slices.Clone(pieces)
		slices.Reverse(backwards)
		if got := plan(backwards, c.gap, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("backwards, gap %d, limit %d: %v, want %v", c.gap, c.limit, got, c.want)
		}
	}
	f := fetched{reads: []extent{{10, 20}, {30, 40}}, bytes: [][]byte{[]byte("0123456789"), []byte("abcdefghij")}}
	if got := string(f.at(33, 4)); got != "defg" {
		t.Errorf("a piece is %q", got)
	}
	for _, p := range []extent{{0, 5}, {15, 25}, {22, 24}, {38, 42}, {40, 41}} {
		if f.at(p.from, p.to-p.from) != nil {
			t.Errorf("%v was not read and is there", p)
		}
	}
}

// TestLookUpsReadLittle: what a look-up costs in reads and memory, on the load that the sizes were chosen for.
func TestLookUpsReadLittle(t *testing.T) {
	f, d, ids := loadFile(t, 40_000, readOptions(), DefaultReadOptions())
	if n := d.reads.Load(); n > 2 {
		t.Errorf("opening took %d reads, want 2 at most", n)
	}
	if n := f.MemoryBytes(); n > 100<<10 {
		t.Errorf("an open file of 40 000 spans keeps %d bytes, want 100 KiB at most", n)
	}
	for i := 0; i < len(ids); i += len(ids) / 20 {
		before := d.reads.Load()
		m := query.NewMeter(query.Budget{Bytes: 6 << 20, Memory: 16 << 20})
		spans, err := f.Trace(context.Background(), ids[i], nil, m)
		if err != nil || len(spans) == 0 {
			t.Fatalf("%d spans, %v", len(spans), err)
		}
		if n := d.reads.Load() - before; n > 2 {
			t.Errorf("a look-up took %d reads, want 2 at most", n)
		}
		// With another file to read, the two make a request each.
		before = d.reads.Load()
		half, err := f.Among(2).Trace(context.Background(), ids[i], nil, nil)
		if n := d.reads.Load() - before; n != 1 || err != nil || len(half) != len(spans) {
			t.Errorf("a look-up in one of two files took %d reads and gave %d spans, %v; want 1 read and %d spans", n, len(half), err, len(spans))
		}
	}
	before := d.reads.Load()
	for i := range 5000 {
		id := tael.TraceID{byte(i), byte(i >> 8), 200, 3}
		if spans, err := f.Trace(context.Background(), id, nil, nil); err != nil || len(spans) > 0 {
			t.Fatalf("%d spans, %v", len(spans), err)
		}
	}
	if n := d.reads.Load() - before; n > 0 {
		t.Errorf("looking for traces that are not there took %d reads", n)
	}
}

// TestMemoryIsGivenBack: what a read holds in the meter is free when it has ended, and too much of it is an error.
func TestMemoryIsGivenBack(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 60, perTrace: 10, services: 4, text: 300})
	f, _ := openBytes(t, writeSpans(t, smallOptions(), spans))
	ctx := context.Background()
	read := func(m *query.Meter) error {
		if _, err := f.Trace(ctx, spans[0].TraceID, nil, m); err != nil {
			return err
		}
		if err := f.Versions(ctx, []tael.TraceID{spans[0].TraceID}, nil, m, func(int64, tael.Identity, tael.Version) {}); err != nil {
			return err
		}
		groups, err := f.Scan(ctx, query.ScanRequest{Filter: &tael.Filter{Operation: "e"}, Meter: m}, nil)
		if err != nil {
			return err
		}
		for _, g := range groups {
			b, err := g.Next(ctx)
			if err != nil {
				return err
			}
			b.Release()
			g.Close()
		}
		_, err = f.Fetch(ctx, []int64{1, 5}, m)
		return err
	}
	m := query.NewMeter(query.Budget{Memory: 4 << 20})
	for range 100 {
		if err := read(m); err != nil {
			t.Fatal(err)
		}
	}
	// Everything is given back when nothing less than the budget is left to hold.
	if err := m.Hold(4 << 20); err != nil {
		t.Fatal(err)
	}
	if err := read(query.NewMeter(query.Budget{Memory: 1000})); !errors.Is(err, tael.ErrBudget) {
		t.Fatalf("reading with 1000 bytes: %v", err)
	}
}

// TestLongTextsAreSharedBetweenRows: a dictionary's long text in many rows is not one copy a row.
func TestLongTextsAreSharedBetweenRows(t *testing.T) {
	long := [2]string{strings.Repeat("a", 20<<10), strings.Repeat("b", 20<<10)}
	var spans []tael.Span
	for i := range 2000 {
		s := tael.Span{TraceID: tael.TraceID{1}, Start: testEpoch, End: testEpoch + 1, Resource: &tael.Resource{}, Scope: &tael.Scope{}}
		s.SpanID[0], s.SpanID[1] = byte(i), byte(i>>8)
		s.Attributes = []tael.KeyValue{{Key: "k", Value: tael.String(long[i%2])}}
		spans = append(spans, s)
	}
	f, _ := openBytes(t, writeSpans(t, readOptions(), spans))
	var got []tael.Span
	per := testing.AllocsPerRun(1, func() {
		var err error
		if got, err = f.Trace(context.Background(), tael.TraceID{1}, nil, nil); err != nil {
			t.Fatal(err)
		}
	})
	if len(got) != 2000 || per > 1500 {
		t.Fatalf("%d spans with %.0f allocations", len(got), per)
	}
	if n := query.SpanBytes(&got[0]); n < 20<<10 || n > math.MaxInt32 {
		t.Fatalf("a span is said to hold %d bytes", n)
	}
}
