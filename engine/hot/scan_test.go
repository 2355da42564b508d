package hot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// scanAll runs a scan to its end, checks its promises on the way, and fetches every row that the filter matches.
func scanAll(t *testing.T, snap *Snapshot, tenant string, f *tael.Filter, sort tael.Sort, m *query.Meter) []tael.Span {
	t.Helper()
	ctx := context.Background()
	sc, err := snap.Scan(ctx, query.ScanRequest{Tenant: tenant, Filter: f, Terms: fragment.FilterTerms(f), Sort: sort, Columns: fragment.Columns{Service: true, Name: true, Status: true}, Meter: m})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	var rows []int64
	last := ^uint64(0)
	for {
		bound, more := sc.Bound()
		if more && bound > last {
			t.Fatalf("the bound grows from %d to %d", last, bound)
		}
		batch, err := sc.Next(ctx)
		if errors.Is(err, io.EOF) {
			if more {
				t.Fatal("the end comes though there was a bound")
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		key := fragment.ColumnStart
		if sort == tael.SortDuration {
			key = fragment.ColumnDuration
		}
		keys := batch.Column(batch.Schema().FieldIndices(key)[0]).(*array.Int64)
		locators := batch.Column(batch.Schema().FieldIndices(fragment.ColumnRow)[0]).(*array.Int64)
		for i := range int(batch.NumRows()) {
			if uint64(keys.Value(i)) > bound {
				t.Fatalf("a row has the key %d, the bound was %d", keys.Value(i), bound)
			}
			rows = append(rows, locators.Value(i))
		}
		batch.Release()
		last = bound
	}
	seed := rand.New(rand.NewPCG(1, 2))
	seed.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	spans, err := sc.Fetch(ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sc.Fetch(ctx, rows[:min(3, len(rows))])
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		if again[i].Identity() != spans[i].Identity() {
			t.Fatalf("row %d is another span when it is fetched again", rows[i])
		}
	}
	return spans
}

// testSeed is fixed unless TAEL_TEST_LONG=1.
func testSeed(t *testing.T) uint64 {
	seed := uint64(20260301)
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return seed
}

// randomFilter takes its values from a span of the load, so that most filters match something.
func randomFilter(r *rand.Rand, spans []tael.Span) *tael.Filter {
	s := spans[r.IntN(len(spans))]
	f := &tael.Filter{}
	if r.IntN(3) == 0 {
		f.From = s.Start - r.Uint64N(5e9)
	}
	if r.IntN(3) == 0 {
		f.To = s.Start + 1 + r.Uint64N(5e9)
	}
	if r.IntN(3) == 0 {
		f.Service = s.Service()
	}
	if r.IntN(4) == 0 {
		f.Operation = s.Name[:min(len(s.Name), 1+r.IntN(8))]
	}
	if r.IntN(4) == 0 {
		f.Status = &s.Status.Code
	}
	if r.IntN(5) == 0 {
		f.Kind = &s.Kind
	}
	if r.IntN(5) == 0 {
		f.MinDuration = s.Duration()
	}
	if r.IntN(6) == 0 {
		d := s.Duration()
		f.MaxDuration = &d
	}
	if len(s.Attributes) > 0 && r.IntN(2) == 0 {
		kv := s.Attributes[r.IntN(len(s.Attributes))]
		want := ""
		switch v := kv.Value; v.Kind() {
		case tael.KindString:
			want = v.AsString()
		case tael.KindInt:
			want = strconv.FormatInt(v.AsInt(), 10)
		case tael.KindBool:
			want = strconv.FormatBool(v.AsBool())
		}
		if m, err := tael.NewMatch(kv.Key, tael.MatchEqual, want); err == nil {
			f.Attributes = append(f.Attributes, m)
		}
	}
	return f
}

func TestScanAgainstModel(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 8_000, 256))
	batches = append(batches, cutAll(t, "other", requests(t, 500, 50))...)
	m.add(t, batches...)
	appendAll(t, s, batches)
	snap := s.Snapshot()
	defer snap.Release()

	r := rand.New(rand.NewPCG(testSeed(t), 0))
	rounds := 30
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		rounds = 1000
	}
	found := 0
	for range rounds {
		tenant := []string{"default", "default", "other"}[r.IntN(3)]
		f := randomFilter(r, m.spans[tenant])
		var want []tael.Span
		for _, sp := range m.spans[tenant] {
			if f.Matches(&sp) {
				want = append(want, sp)
			}
		}
		meter := query.NewMeter(query.Budget{})
		got := scanAll(t, snap, tenant, f, tael.Sort(r.IntN(2)), meter)
		// A source may yield more than matches; the caller tests again.
		got = slices.DeleteFunc(got, func(sp tael.Span) bool { return !f.Matches(&sp) })
		same(t, fmt.Sprintf("filter %+v", *f), got, want)
		if e := meter.Explain(); len(want) > 0 && (e.HotFragments == 0 || e.Rows < int64(len(want)) || e.Bytes == 0) {
			t.Errorf("the meter has %+v for %d rows", e, len(want))
		}
		found += len(want)
	}
	if found == 0 {
		t.Error("no filter matched anything")
	}
}

func TestScanOfAllInBothOrders(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 3_000, 128))
	m.add(t, batches...)
	appendAll(t, s, batches)
	snap := s.Snapshot()
	defer snap.Release()
	for _, sort := range []tael.Sort{tael.SortTime, tael.SortDuration} {
		same(t, "scan", scanAll(t, snap, "default", &tael.Filter{}, sort, nil), m.spans["default"])
	}
}

func TestScanReadsLittleForTheNewest(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	appendAll(t, s, cutAll(t, "default", requests(t, 5_000, 512)))
	snap := s.Snapshot()
	defer snap.Release()
	meter := query.NewMeter(query.Budget{})
	f := &tael.Filter{}
	sc, err := snap.Scan(context.Background(), query.ScanRequest{Tenant: "default", Filter: f, Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	batch, err := sc.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	batch.Release()
	if n := meter.Explain().HotFragments; n != firstChunk {
		t.Errorf("%d entries are read for the first batch, want %d", n, firstChunk)
	}
}

func TestScanKeepsToItsBudget(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	appendAll(t, s, cutAll(t, "default", requests(t, 2_000, 512)))
	snap := s.Snapshot()
	defer snap.Release()
	for name, b := range map[string]query.Budget{"rows": {Rows: 10}, "bytes": {Bytes: 10}, "memory": {Memory: 10}} {
		meter := query.NewMeter(b)
		sc, err := snap.Scan(context.Background(), query.ScanRequest{Tenant: "default", Filter: &tael.Filter{}, Meter: meter})
		if err == nil {
			_, err = sc.Next(context.Background())
			sc.Close()
		}
		if !errors.Is(err, tael.ErrBudget) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	appendAll(t, s, cutAll(t, "default", requests(t, 100, 50)))
	snap := s.Snapshot()
	defer snap.Release()
	ctx, cancel := context.WithCancel(context.Background())
	sc, err := snap.Scan(ctx, query.ScanRequest{Tenant: "default", Filter: &tael.Filter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	cancel()
	if _, err := sc.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("next: %v", err)
	}
	if _, err := sc.Fetch(ctx, []int64{0}); !errors.Is(err, context.Canceled) {
		t.Errorf("fetch: %v", err)
	}
	if _, err := sc.Fetch(context.Background(), []int64{1 << 60}); !errors.Is(err, tael.ErrInvalid) {
		t.Errorf("fetch of a row that never was: %v", err)
	}
	sc.Close()
	if _, err := sc.Next(context.Background()); !errors.Is(err, tael.ErrClosed) {
		t.Errorf("next after close: %v", err)
	}
}

func TestVersionsAndResentSpans(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 500, 100))
	m.add(t, batches...)
	m.add(t, batches...) // every stored version comes back; the query engine keeps the newest
	appendAll(t, s, batches)
	appendAll(t, s, batches)
	checkAll(t, s, m)

	snap := s.Snapshot()
	defer snap.Release()
	byTrace := m.traces("default")
	ids := []tael.TraceID{{9, 9, 9}}
	want := map[tael.Identity]int{}
	for id, spans := range byTrace {
		ids = append(ids, id)
		for _, sp := range spans {
			want[sp.Identity()]++
		}
	}
	versions := map[tael.Identity][]tael.Version{}
	err := snap.Versions(context.Background(), "default", ids, nil, func(id tael.Identity, v tael.Version) {
		versions[id] = append(versions[id], v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(versions) != len(want) {
		t.Errorf("%d identities, want %d", len(versions), len(want))
	}
	for id, list := range versions {
		if len(list) != want[id] {
			t.Fatalf("%d versions of %v, want %d", len(list), id, want[id])
		}
		if list[0].Compare(list[1]) == 0 {
			t.Fatalf("the versions of %v cannot be told apart: %+v", id, list)
		}
	}
}

func TestSnapshotDoesNotChange(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 4_000, 256))
	m.add(t, batches[:8]...)
	appendAll(t, s, batches[:8])
	snap := s.Snapshot()
	defer snap.Release()
	appendAll(t, s, batches[8:])
	same(t, "scan", scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil), m.spans["default"])
	for id, want := range m.traces("default") {
		got, err := snap.Trace(context.Background(), "default", id, tael.TraceOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "trace", got, want)
	}
}

func TestTraceHintsLeaveOut(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	appendAll(t, s, cutAll(t, "default", requests(t, 100, 50)))
	snap := s.Snapshot()
	defer snap.Release()
	rec := snap.held[0].view.records[0]
	for _, test := range []struct {
		o    tael.TraceOptions
		some bool
	}{
		{tael.TraceOptions{From: rec.header.MinStart, To: rec.header.MinStart + 1}, true},
		{tael.TraceOptions{To: 1}, false},
		{tael.TraceOptions{From: uint64(loadEnd.UnixNano()) * 2}, false},
	} {
		spans, err := snap.Trace(context.Background(), "default", rec.trace, test.o, nil)
		if err != nil || (len(spans) > 0) != test.some {
			t.Errorf("%+v: %d spans, %v", test.o, len(spans), err)
		}
	}
}

// Entries that cannot be read are named, and everything else is found.
func TestScanGoesOnAfterDamage(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 1_000, 50))
	m.add(t, batches...)
	appendAll(t, s, batches)
	snap := s.Snapshot()
	defer snap.Release()
	// The index says that there are blocks where Badger has none.
	v := &snap.held[0].view
	v.blocks = slices.Clone(v.blocks)
	lostBlocks := map[uint32]bool{1: true, uint32(len(v.blocks) - 1): true}
	for at := range lostBlocks {
		v.blocks[at].number += 1 << 20
	}
	missing, lost := 0, 0
	for i := range v.records {
		if lostBlocks[v.records[i].block] {
			lost++
			missing += int(v.records[i].header.Spans)
		}
	}
	sc, err := snap.Scan(context.Background(), query.ScanRequest{Tenant: "default", Filter: &tael.Filter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	rows, damage := int64(0), 0
	for {
		bound, more := sc.Bound()
		batch, err := sc.Next(context.Background())
		if errors.Is(err, io.EOF) {
			if more {
				t.Error("the end comes though there was a bound")
			}
			break
		}
		if errors.Is(err, tael.ErrDamaged) {
			damage++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		starts := batch.Column(batch.Schema().FieldIndices(fragment.ColumnStart)[0]).(*array.Int64)
		for i := range starts.Len() {
			if uint64(starts.Value(i)) > bound {
				t.Fatalf("a row starts at %d, the bound was %d", starts.Value(i), bound)
			}
		}
		rows += batch.NumRows()
		batch.Release()
	}
	if lost < 4 || damage != lost || int(rows) != len(m.spans["default"])-missing {
		t.Errorf("%d rows and %d errors, want %d and %d", rows, damage, len(m.spans["default"])-missing, lost)
	}
}
