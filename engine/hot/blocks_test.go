package hot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// appendTogether opens a store and appends batches that share one group, in any order. It gives the errors.
func appendTogether(t *testing.T, o Options, batches []*fragment.Batch) (*Store, []error) {
	t.Helper()
	gate := make(chan struct{})
	var once sync.Once
	o.Hook = func(step string) {
		if step == StepGather {
			once.Do(func() { <-gate })
		}
	}
	s := open(t, o)
	errs := make([]error, len(batches))
	var wg sync.WaitGroup
	for i, b := range batches {
		wg.Go(func() { errs[i] = s.Append(context.Background(), b) })
	}
	eventually(t, "every request is on its way", func() bool { return len(s.queue) == len(batches)-1 })
	close(gate)
	wg.Wait()
	return s, errs
}

// smallSpans are spans of so many traces, numbered from first, with a resource of these attributes.
func smallSpans(first, traces int, attributes ...tael.KeyValue) []tael.Span {
	resource := &tael.Resource{Attributes: attributes}
	spans := make([]tael.Span, traces)
	for i := range spans {
		n := first + i
		start := uint64(loadEnd.UnixNano()) - uint64(n) - 10
		spans[i] = tael.Span{TraceID: tael.TraceID{0: byte(n >> 8), 1: byte(n), 2: 1}, SpanID: tael.SpanID{1}, Name: "x", Start: start, End: start + 1, Resource: resource, Scope: &tael.Scope{}}
	}
	return spans
}

// A resource of many attributes makes the filters of its entries large. Entries that fit a value only one by one, and others beside them, are stored all the same.
func TestLargeFiltersOfOneGroup(t *testing.T) {
	o := testOptions(t.TempDir())
	var many []tael.KeyValue
	for i := range 3000 {
		many = append(many, tael.KeyValue{Key: fmt.Sprintf("key %d", i), Value: tael.String("x")})
	}
	batches := []*fragment.Batch{
		cut(t, "default", fragment.AppendOTLP(nil, smallSpans(0, 400, many...))),
		cut(t, "default", fragment.AppendOTLP(nil, smallSpans(400, 400, tael.KeyValue{Key: "service.name", Value: tael.String("neighbour")}))),
	}
	m := newModel()
	m.add(t, batches...)
	s, errs := appendTogether(t, o, batches)
	for i, err := range errs {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	checkAll(t, s, m)
	checkAll(t, open(t, testOptions(copyDir(t, o.Dir))), m)
}

// Requests of one trace whose resources fit a segment only one by one may share a group all the same.
func TestLargeResourcesOfOneTrace(t *testing.T) {
	o := testOptions(t.TempDir())
	m := newModel()
	var batches []*fragment.Batch
	for i := range 10 {
		spans := smallSpans(1, 1, tael.KeyValue{Key: "long", Value: tael.String(strings.Repeat("x", o.valueLimit()*9/10) + string(rune('a'+i)))})
		spans[0].SpanID[1] = byte(i)
		batches = append(batches, cut(t, "default", fragment.AppendOTLP(nil, spans)))
	}
	m.add(t, batches...)
	s, errs := appendTogether(t, o, batches)
	for i, err := range errs {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	checkAll(t, s, m)
}

// Of a block with an entry that cannot be decoded the others are inspected, and the entry is named.
func TestInspectBesideDamage(t *testing.T) {
	o := testOptions(t.TempDir())
	o.Encoders = 1
	b := *cut(t, "default", fragment.AppendOTLP(nil, append(smallSpans(0, 5, tael.KeyValue{Key: "a", Value: tael.String("good")}), smallSpans(10, 1, tael.KeyValue{Key: "a", Value: tael.String("lost")})...)))
	kept := b.Resources[:0:0]
	for _, r := range b.Resources {
		if !strings.Contains(string(r.Bytes), "lost") {
			kept = append(kept, r)
		}
	}
	b.Resources = kept
	appendAll(t, open(t, o), []*fragment.Batch{&b})
	spans := 0
	r, err := InspectSegment(context.Background(), segmentDirs(t, o.Dir)[0], func(_ string, row *fragment.Row) error {
		spans++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The lost one started first, and so has the block's first number.
	lost := tael.TraceID{1: 10, 2: 1}.String()
	if spans != 5 || len(r.Damage) != 1 || !strings.Contains(r.Damage[0], lost) {
		t.Errorf("%d spans, want 5; damage %q, want trace %s", spans, r.Damage, lost)
	}
	if r.Entries != 6 || r.Spans != 6 {
		t.Errorf("%d entries of %d spans, want 6 of 6", r.Entries, r.Spans)
	}
}

// Large blocks of a trace are not kept by number alone: the memory of a reader does not grow with them.
func TestReadingLargeBlocksHoldsLittle(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes, o.MaxHotBytes = 32<<20, 128<<20
	s := open(t, o)
	const blocks, size = 12, 1 << 20
	b := bigBatch(t, 7, size, 1)
	for range blocks {
		appendAll(t, s, []*fragment.Batch{b})
	}
	snap := s.Snapshot()
	defer snap.Release()
	m := query.NewMeter(query.Budget{Memory: keptBlocks*blockBytes + size/2})
	rows := 0
	err := snap.Versions(context.Background(), "default", []tael.TraceID{{7}}, m, func(tael.Identity, tael.Version) { rows++ })
	if err != nil || rows != blocks {
		t.Errorf("%d rows, want %d: %v", rows, blocks, err)
	}
}

// Reading one entry unpacks its block, and that is what a query's budget counts, once.
func TestBudgetCountsWhatIsUnpacked(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	b := cut(t, "default", fragment.AppendOTLP(nil, smallSpans(0, 100, tael.KeyValue{Key: "a", Value: tael.String("b")})))
	appendAll(t, s, []*fragment.Batch{b})
	var all int64
	for i := range b.Fragments {
		all += int64(len(b.Fragments[i].Body))
	}
	snap := s.Snapshot()
	defer snap.Release()
	m := query.NewMeter(query.Budget{})
	ids := []tael.TraceID{b.Fragments[0].TraceID, b.Fragments[50].TraceID}
	if _, err := snap.Traces(context.Background(), "default", ids, m); err != nil {
		t.Fatal(err)
	}
	if e := m.Explain(); e.Bytes != all || e.HotFragments != 2 || e.Rows != 2 {
		t.Errorf("%+v, want %d bytes of 2 fragments", e, all)
	}
	m = query.NewMeter(query.Budget{Bytes: all - 1})
	if _, err := snap.Traces(context.Background(), "default", ids, m); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("with a budget of less than the block: %v", err)
	}
}

// Of two versions of a span that end at the same time the later wins, so that the chains of a trace in a group keep their order, whatever their spans begin with.
func TestChainsOfATraceKeepTheirOrder(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	g := newGroup(s.opts)
	g.reset()
	const before = 1000
	for i, later := range []uint64{50, 10, 90, 0, 70} {
		spans := smallSpans(i*100, 20, tael.KeyValue{Key: "a", Value: tael.String("b")}) // neighbours
		long := spans[0]
		long.TraceID, long.SpanID = tael.TraceID{9}, tael.SpanID{byte(i + 1)}
		long.Start = uint64(loadEnd.UnixNano()) - before + later
		long.End = long.Start + 1
		long.Name = strings.Repeat("x", maxPart*2/3)
		s.join(g, &request{batch: cut(t, "default", fragment.AppendOTLP(nil, append(spans, long)))})
	}
	s.pack(g)
	chains, last := 0, int32(-1)
	for _, j := range g.joined {
		if j.trace != (tael.TraceID{9}) {
			continue
		}
		if chains++; g.links[j.first].request <= last {
			t.Errorf("the chain of request %d comes after that of request %d", g.links[j.first].request, last)
		}
		last = g.links[j.first].request
	}
	if chains != 5 {
		t.Errorf("%d chains, want 5", chains)
	}
}

// A group that is used again holds nothing of the requests before.
func TestGroupLetsGo(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	g := newGroup(s.opts)
	g.reset()
	var list []*fragment.Batch
	for i := range 5 {
		spans := smallSpans(0, 2, tael.KeyValue{Key: "a", Value: tael.String("b")})
		spans[0].SpanID[1] = byte(i)
		if i > 0 {
			spans = spans[1:] // trace 1, the first by start, has more fragments than trace 0
		}
		list = append(list, cut(t, "default", fragment.AppendOTLP(nil, spans)))
	}
	for _, b := range list {
		s.join(g, &request{batch: b})
	}
	s.pack(g)
	g.reset()
	for i := range g.packers {
		for _, f := range g.packers[i].list[:cap(g.packers[i].list)] {
			if f != nil {
				t.Fatalf("trace %s of a request that was answered is held", f.TraceID)
			}
		}
	}
}
