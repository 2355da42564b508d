package cold

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

func TestScanYieldsNewestFirstAcrossFiles(t *testing.T) {
	table, _ := newTable(t)
	var want []int64
	for i := 1; i <= 6; i++ { // each flush is a file; their times overlap
		spans := traceOf(i, 20, noon.Add(time.Duration(i*7)*time.Second))
		mustFlush(t, table, nodeA, uint64(i), "acme", spans)
		for _, s := range spans {
			want = append(want, int64(s.Start))
		}
	}
	mustFlush(t, table, nodeA, 7, "other", traceOf(99, 5, noon))
	v := table.View()
	defer v.Release()
	got := scanAll(t, v, query.ScanRequest{Tenant: "acme"})
	if len(got.errs) > 0 {
		t.Fatal(got.errs)
	}
	slices.Sort(want)
	sorted := slices.Sorted(slices.Values(got.starts))
	if !slices.Equal(sorted, want) {
		t.Errorf("%d rows, want %d", len(sorted), len(want))
	}
	rows := slices.Clone(got.rows)
	slices.Sort(rows)
	if len(slices.Compact(rows)) != len(want) {
		t.Error("rows do not tell their spans apart")
	}
	// The rows lead back to their spans, in any order.
	s, err := v.Scan(context.Background(), query.ScanRequest{Tenant: "acme", Filter: &tael.Filter{}, Meter: query.NewMeter(query.Budget{})})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pick := []int{5, 100, 3, 119, 60}
	var numbers []int64
	for _, i := range pick {
		numbers = append(numbers, got.rows[i])
	}
	spans, err := s.Fetch(context.Background(), numbers)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range pick {
		if int64(spans[i].Start) != got.starts[at] {
			t.Errorf("row %d starts at %d, want %d", got.rows[at], spans[i].Start, got.starts[at])
		}
	}
	if _, err := s.Fetch(context.Background(), []int64{77 << rowBits}); !errors.Is(err, tael.ErrInvalid) {
		t.Errorf("a row of no file: %v", err)
	}
}

func TestScanPrunesFilesByTime(t *testing.T) {
	table, _ := newTable(t)
	for i := 1; i <= 4; i++ {
		mustFlush(t, table, nodeA, uint64(i), "acme", traceOf(i, 3, noon.Add(time.Duration(i)*time.Hour)))
	}
	v := table.View()
	defer v.Release()
	m := query.NewMeter(query.Budget{})
	f := &tael.Filter{From: uint64(noon.Add(2 * time.Hour).UnixNano()), To: uint64(noon.Add(3 * time.Hour).UnixNano())}
	got := scanAll(t, v, query.ScanRequest{Tenant: "acme", Filter: f, Terms: fragment.FilterTerms(f), Meter: m})
	if len(got.starts) != 3 || m.Explain().FilesPruned != 3 {
		t.Errorf("%d rows, %+v; want the 3 of one file and 3 files pruned", len(got.starts), m.Explain())
	}
	m = query.NewMeter(query.Budget{})
	if _, err := v.Trace(context.Background(), "acme", traceID(2), tael.TraceOptions{From: f.From, To: f.To}, m); err != nil {
		t.Fatal(err)
	}
	if e := m.Explain(); e.FilesPruned != 3 || e.FilesRead != 1 {
		t.Errorf("a trace read %+v, want one file read and 3 pruned", e)
	}
}

func TestScanLeavesOutDeletedRows(t *testing.T) {
	table, _ := newTable(t)
	spans := traceOf(1, 10, noon)
	mustFlush(t, table, nodeA, 1, "acme", spans)
	for i := range spans {
		spans[i].End += 5000
		spans[i].Name = "new"
	}
	mustFlush(t, table, nodeA, 2, "acme", spans[2:5])
	v := table.View()
	defer v.Release()
	got := scanAll(t, v, query.ScanRequest{Tenant: "acme"})
	if len(got.starts) != 10 {
		t.Errorf("%d rows, want 10", len(got.starts))
	}
	got = scanAll(t, v, query.ScanRequest{Tenant: "acme", Filter: &tael.Filter{Operation: "new"}})
	if len(got.starts) != 3 {
		t.Errorf("%d new rows, want 3", len(got.starts))
	}
	seen := map[tael.Identity]int{}
	err := v.Versions(context.Background(), "acme", []tael.TraceID{traceID(1), traceID(2)}, nil, func(id tael.Identity, _ tael.Version) { seen[id]++ })
	if err != nil || len(seen) != 10 {
		t.Errorf("%d identities (%v), want 10", len(seen), err)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%v has %d versions", id, n)
		}
	}
}

func TestScanClosedEarly(t *testing.T) {
	table, _ := newTable(t, func(o *Options) { o.Writer.RowGroupRows = 8 })
	for i := 1; i <= 5; i++ {
		var spans []tael.Span
		for n := range 8 {
			spans = append(spans, traceOf(i*100+n, 8, noon.Add(time.Duration(i)*time.Minute))...)
		}
		mustFlush(t, table, nodeA, uint64(i), "acme", spans)
	}
	v := table.View()
	defer v.Release()
	for stop := range 6 {
		ctx, cancel := context.WithCancel(context.Background())
		s, err := v.Scan(ctx, query.ScanRequest{Tenant: "acme", Filter: &tael.Filter{}, Meter: query.NewMeter(query.Budget{})})
		if err != nil {
			t.Fatal(err)
		}
		for range stop {
			b, err := s.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		cancel()
		if _, err := s.Next(ctx); err == nil {
			t.Error("a scan goes on after its context ended")
		}
		s.Close()
		s.Close()
	}
	m := query.NewMeter(query.Budget{Rows: 20})
	s, err := v.Scan(context.Background(), query.ScanRequest{Tenant: "acme", Filter: &tael.Filter{}, Meter: m})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for err == nil {
		b, nextErr := s.Next(context.Background())
		if err = nextErr; err == nil {
			b.Release()
		}
	}
	if !errors.Is(err, tael.ErrBudget) {
		t.Errorf("got %v, want it to be over budget", err)
	}
}

// A file that is gone or damaged is named, and hides nothing else.
func TestDamagedFileIsNamedAndTheOthersAnswer(t *testing.T) {
	for name, hurt := range map[string]func(path string) error{
		"missing":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"garbage": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, make([]byte, info.Size()), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, store := newTable(t)
			for i := 1; i <= 3; i++ {
				mustFlush(t, first, nodeA, uint64(i), "acme", traceOf(i, 4, noon.Add(time.Duration(i)*time.Minute)))
			}
			files := first.state.Load().tenants["acme"]
			victim := files[1].key // of trace 2
			if err := hurt(filepath.Join(strings.TrimPrefix(first.opts.Location, "file://"), victim)); err != nil {
				t.Fatal(err)
			}
			table := openTable(t, store, first.opts.Location)
			v := table.View()
			defer v.Release()
			ctx := context.Background()
			named := func(err error) bool {
				return errors.Is(err, tael.ErrDamaged) && strings.Contains(err.Error(), victim) && !errors.Is(err, tael.ErrNotFound)
			}
			got := scanAll(t, v, query.ScanRequest{Tenant: "acme"})
			if len(got.starts) != 8 || len(got.errs) != 1 || !named(got.errs[0]) {
				t.Errorf("scan: %d rows, errors %v; want 8 and one that names %s", len(got.starts), got.errs, victim)
			}
			spans, err := v.Trace(ctx, "acme", traceID(1), tael.TraceOptions{}, nil)
			if len(spans) != 4 || !named(err) {
				t.Errorf("trace: %d spans, %v", len(spans), err)
			}
			n := 0
			err = v.Versions(ctx, "acme", []tael.TraceID{traceID(1), traceID(3)}, nil, func(tael.Identity, tael.Version) { n++ })
			if n != 8 || !named(err) {
				t.Errorf("versions: %d, %v", n, err)
			}
			var s tael.Stats
			if err := v.Stats(ctx, "acme", &s); s.Spans != 12 || !named(err) {
				t.Errorf("stats: %d spans, %v", s.Spans, err)
			}
			x, err := table.Begin(ctx, nodeA, 4)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Abort(ctx)
			found := 0
			if err := x.Versions(ctx, "acme", []tael.TraceID{traceID(1), traceID(2), traceID(3)}, func(Found) { found++ }); found != 8 || !named(err) {
				t.Errorf("versions of a flush: %d, %v", found, err)
			}
		})
	}
}

func TestDamagedDeletesAreNamed(t *testing.T) {
	first, store := newTable(t)
	mustFlush(t, first, nodeA, 1, "acme", traceOf(1, 4, noon))
	changed := spanOf(1, 1, noon)
	changed.End += 1000
	mustFlush(t, first, nodeA, 2, "acme", []tael.Span{changed})
	mustFlush(t, first, nodeA, 3, "other", traceOf(5, 4, noon))
	var victim string
	for key := range first.state.Load().deletes {
		victim = key
	}
	dir := strings.TrimPrefix(first.opts.Location, "file://")
	whole, err := os.ReadFile(filepath.Join(dir, victim))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, victim, "garbage")
	table := openTable(t, store, first.opts.Location)
	v := table.View()
	got := scanAll(t, v, query.ScanRequest{Tenant: "acme"})
	if len(got.starts) != 5 || len(got.errs) != 1 || !strings.Contains(got.errs[0].Error(), victim) {
		t.Errorf("%d rows, errors %v; want 5, the superseded one too, and one that names %s", len(got.starts), got.errs, victim)
	}
	if got := scanAll(t, v, query.ScanRequest{Tenant: "other"}); len(got.starts) != 4 || len(got.errs) != 0 {
		t.Errorf("another tenant: %d rows, %v", len(got.starts), got.errs)
	}
	v.Release()
	// Once it is back, the next look at a new snapshot heals it.
	writeFile(t, dir, victim, string(whole))
	mustFlush(t, table, nodeA, 4, "acme", traceOf(9, 1, noon))
	v = table.View()
	defer v.Release()
	if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != 5 || len(got.errs) != 0 {
		t.Errorf("healed: %d rows, %v; want 5", len(got.starts), got.errs)
	}
}

// A table that was never merged stays correct and usable.
func TestManySmallFiles(t *testing.T) {
	const perTx, txs = 667, 3 // 2001 files
	dir := memoryDir(t)
	store := openStore(t, dir)
	table := openTable(t, store, "file://"+dir, func(o *Options) { o.TargetFileBytes, o.Writer.PageBytes = 1, 4<<10 })
	var g errgroup.Group
	for tx := range txs {
		g.Go(func() error {
			x, err := table.Begin(context.Background(), nodeA, 0)
			if err != nil {
				return err
			}
			var spans []tael.Span
			for i := range perTx {
				n := tx*perTx + i
				spans = append(spans, traceOf(n+1, 1, noon.Add(time.Duration(n)*time.Second))...)
			}
			if err := appendSpans(context.Background(), x, "acme", spans); err != nil {
				return err
			}
			_, err = x.Commit(context.Background())
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	table = openTable(t, store, table.opts.Location, func(o *Options) { o.CacheBytes = 1 << 20 }) // far fewer files than there are
	v := table.View()
	defer v.Release()
	if v.Files() != perTx*txs {
		t.Fatalf("%d files, want %d", v.Files(), perTx*txs)
	}
	ctx := context.Background()
	s, err := v.Scan(ctx, query.ScanRequest{Tenant: "acme", Filter: &tael.Filter{}, Meter: query.NewMeter(query.Budget{})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	s.Close()
	if n := len(table.files.open.byKey); n > 5 {
		t.Errorf("the newest row opened %d files", n)
	}
	for _, trace := range []int{1, 1000, 2001} {
		m := query.NewMeter(query.Budget{})
		spans, err := v.Trace(ctx, "acme", traceID(trace), tael.TraceOptions{}, m)
		if err != nil || len(spans) != 1 || m.Explain().FilesRead > 60 {
			t.Errorf("trace %d: %d spans, %v, %+v", trace, len(spans), err, m.Explain())
		}
	}
	if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != perTx*txs || !slices.IsSortedFunc(got.starts, func(a, b int64) int { return compareBound(uint64(b), uint64(a)) }) {
		t.Errorf("%d rows, want %d, newest first", len(got.starts), perTx*txs)
	}
	if size := table.files.open.size; size > 1<<20 {
		t.Errorf("open files take %d bytes, want at most 1 MiB", size)
	}
}

func TestClosedTable(t *testing.T) {
	table, _ := newTable(t)
	mustFlush(t, table, nodeA, 1, "acme", traceOf(1, 4, noon))
	v := table.View()
	table.Close()
	ctx := context.Background()
	_, scanErr := v.Scan(ctx, query.ScanRequest{Tenant: "acme"})
	_, traceErr := v.Trace(ctx, "acme", traceID(1), tael.TraceOptions{}, nil)
	_, beginErr := table.Begin(ctx, nodeA, 2)
	for i, err := range []error{scanErr, traceErr, beginErr, table.Refresh(ctx), v.Stats(ctx, "acme", &tael.Stats{})} {
		if !errors.Is(err, tael.ErrClosed) {
			t.Errorf("call %d: %v, want it to be closed", i, err)
		}
	}
}
