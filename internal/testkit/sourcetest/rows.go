package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// yielded is a row of a scan.
type yielded struct {
	row     int64
	version tael.Version
}

// drain reads a scan to its end. It checks the order of the bounds, that no matching row is above its bound or comes twice, and that every column has what
// the span has.
func drain(ctx context.Context, scan query.Scan, req query.ScanRequest, spans map[tael.Identity]*tael.Span) (map[tael.Identity]yielded, error) {
	got := map[tael.Identity]yielded{}
	last := uint64(math.MaxUint64)
	for {
		bound, more := scan.Bound()
		if more && bound > last {
			return nil, fmt.Errorf("the bound rises from %d to %d", last, bound)
		}
		b, err := scan.Next(ctx)
		if errors.Is(err, io.EOF) {
			if _, more := scan.Bound(); more {
				return nil, errors.New("the scan is at its end and still has a bound")
			}
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		if !more && b.NumRows() > 0 {
			return nil, fmt.Errorf("%d rows after the bound said that nothing is left", b.NumRows())
		}
		if more {
			last = bound
		}
		err = check(b, bound, req, spans, got)
		b.Release()
		if err != nil {
			return nil, err
		}
	}
}

// check compares the rows of a batch with their spans.
func check(b arrow.RecordBatch, bound uint64, req query.ScanRequest, spans map[tael.Identity]*tael.Span, got map[tael.Identity]yielded) error {
	if want := req.Columns.Schema(); b.NumCols() != int64(want.NumFields()) {
		return fmt.Errorf("a batch has %d columns, want %d", b.NumCols(), want.NumFields())
	} else {
		for i, f := range want.Fields() {
			if b.ColumnName(i) != f.Name {
				return fmt.Errorf("column %d is %q, want %q", i, b.ColumnName(i), f.Name)
			}
		}
	}
	for i := range int(b.NumRows()) {
		var id tael.Identity
		copy(id.TraceID[:], column(b, fragment.ColumnTraceID).(*array.FixedSizeBinary).Value(i))
		copy(id.SpanID[:], column(b, fragment.ColumnSpanID).(*array.FixedSizeBinary).Value(i))
		id.Kind = tael.SpanKind(column(b, fragment.ColumnKind).(*array.Int32).Value(i))
		s := spans[id]
		if s == nil {
			return fmt.Errorf("a row is of a span that the tenant does not have: %s/%s/%d", id.TraceID, id.SpanID, id.Kind)
		}
		if _, again := got[id]; again {
			return fmt.Errorf("span %s/%s comes twice", id.TraceID, id.SpanID)
		}
		if key := sortKey(req.Sort, s); key > bound && req.Filter.Matches(s) {
			return fmt.Errorf("span %s/%s has the sort key %d, above the bound %d", id.TraceID, id.SpanID, key, bound)
		}
		if err := checkRow(b, i, req.Columns, s); err != nil {
			return fmt.Errorf("span %s/%s: %w", id.TraceID, id.SpanID, err)
		}
		got[id] = yielded{row: number(b, fragment.ColumnRow, i), version: tael.Version{End: s.End, Sequence: uint64(number(b, fragment.ColumnSequence, i))}}
	}
	return nil
}

func column(b arrow.RecordBatch, name string) arrow.Array {
	at := b.Schema().FieldIndices(name)
	if len(at) == 0 {
		return nil
	}
	return b.Column(at[0])
}

func number(b arrow.RecordBatch, name string, i int) int64 {
	return column(b, name).(*array.Int64).Value(i)
}

func word(b arrow.RecordBatch, name string, i int) string {
	switch c := column(b, name).(type) {
	case *array.String:
		return c.Value(i)
	case *array.Dictionary:
		return c.Dictionary().(*array.String).Value(c.GetValueIndex(i))
	}
	return "not a string column"
}

func checkRow(b arrow.RecordBatch, i int, c fragment.Columns, s *tael.Span) error {
	differs := func(name string, got, want any) error {
		if got != want {
			return fmt.Errorf("column %s: got %v, want %v", name, got, want)
		}
		return nil
	}
	errs := []error{
		differs(fragment.ColumnStart, number(b, fragment.ColumnStart, i), int64(s.Start)),
		differs(fragment.ColumnDuration, number(b, fragment.ColumnDuration, i), int64(s.Duration())),
	}
	if c.End {
		errs = append(errs, differs(fragment.ColumnEnd, number(b, fragment.ColumnEnd, i), int64(s.End)))
	}
	if c.Service {
		errs = append(errs, differs(fragment.ColumnService, word(b, fragment.ColumnService, i), s.Service()))
	}
	if c.Name {
		errs = append(errs, differs(fragment.ColumnName, word(b, fragment.ColumnName, i), s.Name))
	}
	if c.Status {
		errs = append(errs, differs(fragment.ColumnStatus, column(b, fragment.ColumnStatus).(*array.Int32).Value(i), int32(s.Status.Code)))
	}
	for _, key := range c.Attributes {
		got, there := cell(b, key, i)
		want, ok := s.Attribute(key)
		if !ok {
			want = tael.Value{}
		} else if k := want.Kind(); k == tael.KindBytes || k == tael.KindArray || k == tael.KindMap || k == tael.KindEmpty {
			want = tael.Value{} // only that it is there
		}
		if there != ok || !got.Equal(want) {
			errs = append(errs, fmt.Errorf("attribute %q: got %v %t, want %v %t", key, got, there, want, ok))
		}
	}
	return errors.Join(errs...)
}

// cell reads the five columns of an attribute.
func cell(b arrow.RecordBatch, key string, i int) (v tael.Value, there bool) {
	for _, form := range fragment.Forms {
		name := fragment.AttributeColumn(key, form)
		c := column(b, name)
		if c == nil || c.IsNull(i) {
			continue
		}
		if there {
			return tael.String("two forms of one attribute have a value"), true
		}
		there = true
		switch form {
		case fragment.FormString:
			v = tael.String(word(b, name, i))
		case fragment.FormInt:
			v = tael.Int(c.(*array.Int64).Value(i))
		case fragment.FormDouble:
			v = tael.Double(c.(*array.Float64).Value(i))
		case fragment.FormBool:
			v = tael.Bool(c.(*array.Boolean).Value(i))
		}
	}
	return v, there
}

func rowsOf(b arrow.RecordBatch) []int64 {
	return slices.Clone(column(b, fragment.ColumnRow).(*array.Int64).Int64Values())
}

// fetch reads random rows of a scan, in random order, and compares them with their spans.
func fetch(ctx context.Context, rng *rand.Rand, scan query.Scan, got map[tael.Identity]yielded, spans map[tael.Identity]*tael.Span) error {
	ids := make([]tael.Identity, 0, len(got))
	for id := range got {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b tael.Identity) int { return slices.Compare(a.SpanID[:], b.SpanID[:]) }) // the same for a seed
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:min(len(ids), rng.IntN(40))]
	rows := make([]int64, len(ids))
	for i, id := range ids {
		rows[i] = got[id].row
	}
	fetched, err := scan.Fetch(ctx, rows)
	if err != nil {
		return err
	}
	if len(fetched) != len(rows) {
		return fmt.Errorf("asked for %d spans, got %d", len(rows), len(fetched))
	}
	for i := range fetched {
		if fetched[i].Identity() != ids[i] {
			return fmt.Errorf("place %d: got span %s, want %s", i, fetched[i].SpanID, ids[i].SpanID)
		}
		if d := storetest.Diff(&fetched[i], spans[ids[i]]); d != "" {
			return fmt.Errorf("span %s: %s", ids[i].SpanID, d)
		}
		if fetched[i].Version() != got[ids[i]].version {
			return fmt.Errorf("span %s: version %+v, and the row has %+v", ids[i].SpanID, fetched[i].Version(), got[ids[i]].version)
		}
	}
	return nil
}
