package spanfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

func randomFilter(t *testing.T, r *rand.Rand, spans []tael.Span) *tael.Filter {
	f := &tael.Filter{}
	s := &spans[r.IntN(len(spans))]
	if r.IntN(3) == 0 {
		f.From = testEpoch + r.Uint64N(3600e9)
	}
	if r.IntN(3) == 0 {
		f.To = testEpoch + r.Uint64N(3600e9)
	}
	if r.IntN(3) == 0 {
		f.Service = pick(r, s.Service(), "service-1", "nobody")
	}
	if r.IntN(4) == 0 {
		f.Operation = pick(r, "query", "1", "GET", s.Name, "none")
	}
	if r.IntN(4) == 0 {
		f.Status = &s.Status.Code
	}
	if r.IntN(4) == 0 {
		f.Kind = &s.Kind
	}
	if r.IntN(8) == 0 {
		f.SpanID = s.SpanID
	}
	if r.IntN(3) == 0 {
		f.MinDuration = r.Uint64N(1e6)
	}
	if r.IntN(4) == 0 {
		d := s.Duration()
		f.MaxDuration = &d
	}
	for range max(0, r.IntN(4)-1) {
		key := pick(r, "user.id", "http.request.method", "http.response.status_code", "url.path", "app.tier", "cached", "ratio", "host.name", "scope.key",
			"deep", "service.name", "gen_ai.request.temperature", "process.pid", "absent")
		want := pick(r, "", "a", "true", "3", "2.5", "200", "GET", "host1", strconv.Itoa(r.IntN(10)), "1002")
		if v, ok := s.Attribute(key); ok && r.IntN(2) == 0 {
			switch v.Kind() {
			case tael.KindString:
				want = v.AsString()
			case tael.KindInt:
				want = strconv.FormatInt(v.AsInt(), 10)
			}
		}
		op := tael.MatchOp(r.IntN(8))
		m, err := tael.NewMatch(key, op, want)
		if err != nil {
			continue
		}
		f.Attributes = append(f.Attributes, m)
	}
	return f
}

// scanRows runs a scan and gives the rows of all batches in the order of the file.
func scanRows(t *testing.T, f *File, req query.ScanRequest, deleted Deleted, each func(batch arrow.RecordBatch)) []int64 {
	t.Helper()
	groups, err := f.Scan(context.Background(), req, deleted)
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, g := range groups {
		bound, ok := g.Bound(req.Sort)
		if !ok {
			t.Fatal("a fresh group has no bound")
		}
		for {
			b, err := g.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, b.Column(0).(*array.Int64).Int64Values()...)
			keys := b.Column(b.Schema().FieldIndices(fragment.ColumnStart)[0])
			if req.Sort == tael.SortDuration {
				keys = b.Column(b.Schema().FieldIndices(fragment.ColumnDuration)[0])
			}
			for _, k := range keys.(*array.Int64).Int64Values() {
				if uint64(k) > bound {
					t.Fatalf("a sort key of %d, the bound was %d", k, bound)
				}
			}
			if each != nil {
				each(b)
			}
			b.Release()
		}
		if _, ok := g.Bound(req.Sort); ok {
			t.Fatal("an ended group has a bound")
		}
		g.Close()
	}
	return rows
}

func TestScanFindsWhatTheFilterMatches(t *testing.T) {
	r := randomSource(t)
	for name, o := range map[string]WriterOptions{"default": readOptions(), "small": smallOptions()} {
		t.Run(name, func(t *testing.T) {
			spans := randomSpans(r, shapeOfSpans{traces: 250, perTrace: 8, services: 7, text: 60})
			f, _ := openBytes(t, writeSpans(t, o, spans))
			var deleted Deleted
			for row := range spans {
				if r.IntN(7) == 0 {
					deleted = append(deleted, int64(row))
				}
			}
			some := 0
			for range 400 {
				filter := randomFilter(t, r, spans)
				var want []int64
				for row := range spans {
					if _, gone := slices.BinarySearch(deleted, int64(row)); !gone && filter.Matches(&spans[row]) {
						want = append(want, int64(row))
					}
				}
				req := query.ScanRequest{Tenant: "acme", Filter: filter, Terms: fragment.FilterTerms(filter), Sort: tael.Sort(r.IntN(2))}
				got := scanRows(t, f, req, deleted, nil)
				if !slices.Equal(got, want) {
					t.Fatalf("filter %+v:\n%v\nwant\n%v", *filter, got, want)
				}
				if len(want) > 0 {
					some++
				}
			}
			if some < 50 {
				t.Fatalf("only %d filters of 400 matched anything", some)
			}
		})
	}
}

func cell(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "null"
	}
	if d, ok := a.(*array.Dictionary); ok {
		return strconv.Quote(d.Dictionary().(*array.String).Value(d.GetValueIndex(i)))
	}
	switch a := a.(type) {
	case *array.String:
		return strconv.Quote(a.Value(i))
	case *array.FixedSizeBinary:
		return fmt.Sprintf("%x", a.Value(i))
	}
	return a.ValueStr(i)
}

// TestScanGivesTheColumnsOfFragments compares with the batches that hot rows become.
func TestScanGivesTheColumnsOfFragments(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 150, perTrace: 8, services: 7, text: 60})
	f, _ := openBytes(t, writeSpans(t, smallOptions(), spans))
	all := fragment.Columns{Service: true, Name: true, Status: true, End: true, Attributes: []string{"user.id", "app.tier", "host.name", "deep", "scope.key", "absent", "url.path"}}
	service := tael.Filter{Service: spans[0].Service()}
	for i, req := range []query.ScanRequest{
		{Columns: all},
		{Columns: all, Filter: &service},
		{Columns: fragment.Columns{Name: true}},
		{},
	} {
		seen := 0
		scanRows(t, f, req, nil, func(b arrow.RecordBatch) {
			var builder rowBatch
			for _, row := range b.Column(0).(*array.Int64).Int64Values() {
				builder.add(row, &spans[row])
			}
			want := builder.batch(t, req.Columns)
			defer want.Release()
			if b.NumCols() != want.NumCols() {
				t.Fatalf("%d: %d columns, want %d", i, b.NumCols(), want.NumCols())
			}
			for c := range int(b.NumCols()) {
				if b.ColumnName(c) != want.ColumnName(c) {
					t.Fatalf("%d: column %d is %q, want %q", i, c, b.ColumnName(c), want.ColumnName(c))
				}
				for row := range int(b.NumRows()) {
					if got, want := cell(b.Column(c), row), cell(want.Column(c), row); got != want {
						t.Fatalf("%d: column %q row %d: %s, want %s", i, b.ColumnName(c), row, got, want)
					}
				}
			}
			seen += int(b.NumRows())
		})
		if seen == 0 {
			t.Fatalf("%d: no rows", i)
		}
	}
}

type rowBatch struct {
	rows  []int64
	spans []*tael.Span
}

func (b *rowBatch) add(row int64, s *tael.Span) {
	b.rows = append(b.rows, row)
	b.spans = append(b.spans, s)
}

func (b *rowBatch) batch(t *testing.T, c fragment.Columns) arrow.RecordBatch {
	t.Helper()
	builder := fragment.NewBatchBuilder(allocator(), c)
	defer builder.Release()
	for i := range b.rows {
		builder.Append(b.rows[i], rowOf(b.spans[i]))
	}
	return builder.NewBatch()
}
