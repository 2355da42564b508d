package query

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// columns are the typed columns of one record batch: those that are always there, and the conditional ones on demand.
type columns struct {
	batch                          arrow.RecordBatch
	rows                           int
	row, start, duration, seq, end []int64
	kind                           []int32
	trace, span                    *array.FixedSizeBinary
}

// bind finds the columns of a batch. The error is an internal fault: a source that breaks its contract.
func (c *columns) bind(b arrow.RecordBatch) error {
	c.batch, c.rows = b, int(b.NumRows())
	var err error
	for _, n := range []struct {
		name string
		to   *[]int64
	}{
		{fragment.ColumnRow, &c.row}, {fragment.ColumnStart, &c.start}, {fragment.ColumnDuration, &c.duration},
		{fragment.ColumnSequence, &c.seq}, {fragment.ColumnEnd, &c.end},
	} {
		col, e := columnOf[*array.Int64](b, n.name)
		if e != nil {
			return e
		}
		*n.to = col.Int64Values()
	}
	kind, err := columnOf[*array.Int32](b, fragment.ColumnKind)
	if err != nil {
		return err
	}
	c.kind = kind.Int32Values()
	if c.trace, err = columnOf[*array.FixedSizeBinary](b, fragment.ColumnTraceID); err != nil {
		return err
	}
	c.span, err = columnOf[*array.FixedSizeBinary](b, fragment.ColumnSpanID)
	return err
}

// identity copies the ids of row i.
func (c *columns) identity(i int32) tael.Identity {
	id := tael.Identity{Kind: tael.SpanKind(c.kind[i])}
	copy(id.TraceID[:], c.trace.Value(int(i)))
	copy(id.SpanID[:], c.span.Value(int(i)))
	return id
}

// key is the place of row i in the list.
func (c *columns) key(sort tael.Sort, i int32) key {
	k := key{first: uint64(c.start[i]), start: uint64(c.start[i]), id: c.identity(i)}
	if sort == tael.SortDuration {
		k.first = uint64(c.duration[i])
	}
	return k
}

// version is the version of row i.
func (c *columns) version(i int32) tael.Version {
	return tael.Version{End: uint64(c.end[i]), Sequence: uint64(c.seq[i])}
}

// columnOf finds a column by name and type.
func columnOf[T arrow.Array](b arrow.RecordBatch, name string) (T, error) {
	var none T
	at := b.Schema().FieldIndices(name)
	if len(at) == 0 {
		return none, fmt.Errorf("record batch has no column %q", name)
	}
	col, ok := b.Column(at[0]).(T)
	if !ok {
		return none, fmt.Errorf("column %q of a record batch is %s, not %T", name, b.Column(at[0]).DataType(), none)
	}
	return col, nil
}

// texts is a string column, plain or by dictionary.
type texts struct {
	plain   *array.String
	dict    *array.Dictionary
	words   *array.String // of dict
	indexes []int32       // of dict: the word of each row that is not null
}

func textsOf(b arrow.RecordBatch, name string) (texts, error) {
	col, err := columnOf[arrow.Array](b, name)
	if err != nil {
		return texts{}, err
	}
	switch col := col.(type) {
	case *array.String:
		return texts{plain: col}, nil
	case *array.Dictionary:
		words, ok := col.Dictionary().(*array.String)
		indexes, ok2 := col.Indices().(*array.Int32)
		if ok && ok2 {
			return texts{dict: col, words: words, indexes: indexes.Int32Values()}, nil
		}
	}
	return texts{}, fmt.Errorf("column %q of a record batch is %s, neither utf8 nor dictionary<int32, utf8>", name, col.DataType())
}
