package fragment

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
)

func TestBatchHasRows(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	source := newSpanSource(newRand(t))
	keys := []string{"a", "k", "service.name", "not there", "größe"}
	for _, columns := range []Columns{{}, {Service: true, Name: true, Status: true, End: true, Attributes: keys}, {Status: true, Attributes: keys[:1]}} {
		b := NewBatchBuilder(mem, columns)
		for round := range 3 {
			var spans []tael.Span
			err := rowsOf(source.spans(200*round), func(r *Row) error {
				r.Sequence = uint64(len(spans)) + 7
				spans = append(spans, r.Span())
				b.Append(int64(1000+len(spans)), r)
				return nil
			})
			if err != nil || b.Len() != len(spans) {
				t.Fatalf("%d rows of %d: %v", b.Len(), len(spans), err)
			}
			batch := b.NewBatch()
			if !batch.Schema().Equal(columns.Schema()) || batch.NumRows() != int64(len(spans)) || b.Len() != 0 {
				t.Fatalf("%d rows of %s", batch.NumRows(), batch.Schema())
			}
			for i := range spans {
				checkBatchRow(t, batch, i, int64(1001+i), &spans[i], columns)
			}
			batch.Release()
		}
		b.Release()
	}
}

func checkBatchRow(t *testing.T, batch arrow.RecordBatch, row int, locator int64, s *tael.Span, c Columns) {
	t.Helper()
	want := map[string]any{
		ColumnRow: locator, ColumnTraceID: string(s.TraceID[:]), ColumnSpanID: string(s.SpanID[:]), ColumnKind: int32(s.Kind),
		ColumnStart: int64(s.Start), ColumnDuration: int64(s.Duration()), ColumnSequence: int64(s.Sequence),
	}
	if c.Service {
		want[ColumnService] = s.Service()
	}
	if c.Name {
		want[ColumnName] = s.Name
	}
	if c.Status {
		want[ColumnStatus] = int32(s.Status.Code)
	}
	if c.End {
		want[ColumnEnd] = int64(s.End)
	}
	for _, key := range c.Attributes {
		v, ok := s.Attribute(key)
		switch {
		case !ok:
		case v.Kind() == tael.KindString:
			want[AttributeColumn(key, FormString)] = v.AsString()
		case v.Kind() == tael.KindInt:
			want[AttributeColumn(key, FormInt)] = v.AsInt()
		case v.Kind() == tael.KindDouble:
			want[AttributeColumn(key, FormDouble)] = v.AsDouble()
		case v.Kind() == tael.KindBool:
			want[AttributeColumn(key, FormBool)] = v.AsBool()
		default:
			want[AttributeColumn(key, FormOther)] = true
		}
	}
	for i, column := range batch.Columns() {
		name := batch.ColumnName(i)
		var got any
		if column.IsValid(row) {
			switch a := column.(type) {
			case *array.Int64:
				got = a.Value(row)
			case *array.Int32:
				got = a.Value(row)
			case *array.Float64:
				got = a.Value(row)
			case *array.Boolean:
				got = a.Value(row)
			case *array.String:
				got = a.Value(row)
			case *array.FixedSizeBinary:
				got = string(a.Value(row))
			}
		}
		if f, ok := got.(float64); got != want[name] && !(ok && f != f) {
			t.Errorf("row %d: %s is %v, want %v", row, name, got, want[name])
		}
	}
}
