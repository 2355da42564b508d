package cold

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	nodeA = "aaaaaaaa-0000-4000-8000-000000000001"
	nodeB = "bbbbbbbb-0000-4000-8000-000000000002"
)

// noon is the start of the first span of a test: noon of a day, so that seconds do not cross midnight.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests move. It begins in the past, because Iceberg refuses to go back from times of the real clock by more than a minute.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock(at time.Time) *clock { return &clock{now: at} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func openStore(t testing.TB, url string) objstore.Store {
	t.Helper()
	s, err := objstore.Open(context.Background(), url, objstore.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openTable(t testing.TB, store objstore.Store, location string, change ...func(*Options)) *Table {
	t.Helper()
	o := DefaultOptions()
	o.Location = location
	for _, fn := range change {
		fn(&o)
	}
	table, err := Open(context.Background(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return table
}

// newTable opens an empty table in a folder.
func newTable(t testing.TB, change ...func(*Options)) (*Table, objstore.Store) {
	t.Helper()
	dir := memoryDir(t)
	store := openStore(t, dir)
	return openTable(t, store, "file://"+dir, change...), store
}

// memoryDir is a folder in memory where there is one: a sync of each of thousands of files is not what a test is about.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "tael-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func traceID(n int) (id tael.TraceID) {
	binary.BigEndian.PutUint64(id[:], 0x7ae1)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// spanOf makes span i of a trace; both count from 1.
func spanOf(trace, i int, start time.Time) tael.Span {
	s := tael.Span{
		TraceID: traceID(trace), Name: "work", Kind: tael.SpanKindServer,
		Start: uint64(start.UnixNano()), End: uint64(start.Add(time.Millisecond).UnixNano()),
		Attributes: []tael.KeyValue{{Key: "http.route", Value: tael.String("/items")}},
		Resource:   &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("shop")}}},
		Scope:      &tael.Scope{Name: "test"},
		Sequence:   1,
	}
	binary.BigEndian.PutUint64(s.SpanID[:], uint64(i))
	return s
}

// traceOf makes a trace of n spans, a second apart.
func traceOf(trace, n int, start time.Time) []tael.Span {
	var spans []tael.Span
	for i := 1; i <= n; i++ {
		spans = append(spans, spanOf(trace, i, start.Add(time.Duration(i-1)*time.Second)))
	}
	return spans
}

// appendSpans appends spans of a tenant in the order of a flush.
func appendSpans(ctx context.Context, x *Tx, tenant string, spans []tael.Span) error {
	first := map[tael.TraceID]uint64{}
	for i := range spans {
		if at, ok := first[spans[i].TraceID]; !ok || spans[i].Start < at {
			first[spans[i].TraceID] = spans[i].Start
		}
	}
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b tael.Span) int {
		return cmp.Or(cmp.Compare(first[a.TraceID], first[b.TraceID]), slices.Compare(a.TraceID[:], b.TraceID[:]), cmp.Compare(a.Start, b.Start))
	})
	d := fragment.NewDecoder()
	for i := range spans {
		body, resources := fragment.AppendBody(nil, spans[i:i+1])
		err := d.Rows(body, func(id fragment.ResourceID) ([]byte, error) {
			for _, r := range resources {
				if r.ID == id {
					return r.Bytes, nil
				}
			}
			return nil, errors.New("no such resource")
		}, func(r *fragment.Row) error {
			r.Sequence = spans[i].Sequence
			return x.Append(ctx, tenant, r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flush does what the compactor does: spans that the table has in a newer version are left out, stored ones that are older are deleted.
func flush(ctx context.Context, table *Table, node string, counter uint64, tenant string, spans []tael.Span) (Committed, error) {
	x, err := table.Begin(ctx, node, counter)
	if err != nil {
		return Committed{}, err
	}
	defer x.Abort(ctx)
	spans, err = resolve(ctx, x, tenant, spans)
	if err != nil {
		return Committed{}, err
	}
	if err := appendSpans(ctx, x, tenant, spans); err != nil {
		return Committed{}, err
	}
	return x.Commit(ctx)
}

func resolve(ctx context.Context, x *Tx, tenant string, spans []tael.Span) ([]tael.Span, error) {
	newest := map[tael.Identity]tael.Span{}
	var ids []tael.TraceID
	for _, s := range spans {
		if old, ok := newest[s.Identity()]; !ok || old.Version().Compare(s.Version()) < 0 {
			newest[s.Identity()] = s
		}
		if !slices.Contains(ids, s.TraceID) {
			ids = append(ids, s.TraceID)
		}
	}
	err := x.Versions(ctx, tenant, ids, func(f Found) {
		s, ok := newest[f.Identity]
		switch {
		case !ok:
		case f.Version.Compare(s.Version()) >= 0:
			delete(newest, f.Identity)
		default:
			x.Delete(f)
		}
	})
	var kept []tael.Span
	for _, s := range spans {
		if n, ok := newest[s.Identity()]; ok && n.Version() == s.Version() {
			kept = append(kept, s)
		}
	}
	return kept, err
}

func mustFlush(t testing.TB, table *Table, node string, counter uint64, tenant string, spans []tael.Span) Committed {
	t.Helper()
	done, err := flush(context.Background(), table, node, counter, tenant, spans)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// readTrace reads a trace through a view.
func readTrace(t testing.TB, table *Table, tenant string, trace int) []tael.Span {
	t.Helper()
	v := table.View()
	defer v.Release()
	spans, err := v.Trace(context.Background(), tenant, traceID(trace), tael.TraceOptions{}, query.NewMeter(query.Budget{}))
	if err != nil {
		t.Fatal(err)
	}
	return spans
}

// scanned is what a scan yields: starts in order, and rows.
type scanned struct {
	starts []int64
	rows   []int64
	errs   []error
}

// scanAll drains a scan and checks its bounds.
func scanAll(t testing.TB, v *View, req query.ScanRequest) scanned {
	t.Helper()
	ctx := context.Background()
	if req.Filter == nil {
		req.Filter = &tael.Filter{}
	}
	if req.Meter == nil {
		req.Meter = query.NewMeter(query.Budget{})
	}
	s, err := v.Scan(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out scanned
	for {
		bound, more := s.Bound()
		batch, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			if more {
				t.Errorf("bound %d at the end", bound)
			}
			return out
		}
		if errors.Is(err, tael.ErrDamaged) {
			out.errs = append(out.errs, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		rows := batch.Column(batch.Schema().FieldIndices(fragment.ColumnRow)[0]).(*array.Int64)
		starts := batch.Column(batch.Schema().FieldIndices(fragment.ColumnStart)[0]).(*array.Int64)
		for i := range rows.Len() {
			if !more || uint64(starts.Value(i)) > bound && req.Sort == tael.SortTime {
				t.Errorf("a row starts at %d, the bound was %d (%t)", starts.Value(i), bound, more)
			}
			out.starts = append(out.starts, starts.Value(i))
			out.rows = append(out.rows, rows.Value(i))
		}
		batch.Release()
	}
}
