package fragment

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
)

// BatchBuilder turns rows into record batches of the schema that Columns describes. It is used by one goroutine at a time.
type BatchBuilder struct {
	schema *arrow.Schema
	record *array.RecordBuilder
	rows   int

	row, start, duration, sequence, end *array.Int64Builder
	traceID, spanID                     *array.FixedSizeBinaryBuilder
	kind, status                        *array.Int32Builder
	service, name                       *array.StringBuilder
	attributes                          []attributeBuilder
}

// attributeBuilder is the columns of one key.
type attributeBuilder struct {
	key          string
	text         *array.StringBuilder
	int          *array.Int64Builder
	double       *array.Float64Builder
	truth, other *array.BooleanBuilder
}

// NewBatchBuilder makes a builder of batches of the columns. Release frees it.
func NewBatchBuilder(mem memory.Allocator, c Columns) *BatchBuilder {
	schema := c.Schema()
	record := array.NewRecordBuilder(mem, schema)
	b := &BatchBuilder{schema: schema, record: record}
	at := 0
	next := func() array.Builder { at++; return record.Field(at - 1) }
	b.row = next().(*array.Int64Builder)
	b.traceID = next().(*array.FixedSizeBinaryBuilder)
	b.spanID = next().(*array.FixedSizeBinaryBuilder)
	b.kind = next().(*array.Int32Builder)
	b.start = next().(*array.Int64Builder)
	b.duration = next().(*array.Int64Builder)
	b.sequence = next().(*array.Int64Builder)
	if c.Service {
		b.service = next().(*array.StringBuilder)
	}
	if c.Name {
		b.name = next().(*array.StringBuilder)
	}
	if c.Status {
		b.status = next().(*array.Int32Builder)
	}
	if c.End {
		b.end = next().(*array.Int64Builder)
	}
	for _, key := range c.Attributes {
		b.attributes = append(b.attributes, attributeBuilder{
			key:    key,
			text:   next().(*array.StringBuilder),
			int:    next().(*array.Int64Builder),
			double: next().(*array.Float64Builder),
			truth:  next().(*array.BooleanBuilder),
			other:  next().(*array.BooleanBuilder),
		})
	}
	return b
}

// Append adds a row, which is copied, under the locator that the source finds it by.
func (b *BatchBuilder) Append(locator int64, r *Row) {
	b.rows++
	b.row.Append(locator)
	b.traceID.Append(r.TraceID[:])
	b.spanID.Append(r.SpanID[:])
	b.kind.Append(r.Kind)
	b.start.Append(int64(r.Start))
	b.duration.Append(int64(r.Duration()))
	b.sequence.Append(int64(r.Sequence))
	if b.service != nil {
		b.service.Append(r.service())
	}
	if b.name != nil {
		b.name.BinaryBuilder.Append(r.Name)
	}
	if b.status != nil {
		b.status.Append(r.StatusCode)
	}
	if b.end != nil {
		b.end.Append(int64(r.End))
	}
	for i := range b.attributes {
		b.attributes[i].append(r)
	}
}

// Len is the number of rows in the batch at hand.
func (b *BatchBuilder) Len() int { return b.rows }

// NewBatch gives the rows until now, which the caller releases, and begins the next batch.
func (b *BatchBuilder) NewBatch() arrow.RecordBatch {
	b.rows = 0
	return b.record.NewRecordBatch()
}

// Release frees the builder. Batches that it gave stay.
func (b *BatchBuilder) Release() { b.record.Release() }

// append adds the value that the key names in the row: to the column of its form, and null to the others.
func (b *attributeBuilder) append(r *Row) {
	a, v, found := r.attribute(b.key)
	var form array.Builder
	switch {
	case a != nil:
		form = b.value(a)
	case found:
		form = b.copied(v)
	}
	if form != b.text {
		b.text.AppendNull()
	}
	if form != b.int {
		b.int.AppendNull()
	}
	if form != b.double {
		b.double.AppendNull()
	}
	if form != b.truth {
		b.truth.AppendNull()
	}
	if form != b.other {
		b.other.AppendNull()
	}
}

// value adds an own attribute to the column that it returns.
func (b *attributeBuilder) value(a *Attr) array.Builder {
	switch a.Kind {
	case tael.KindString:
		b.text.BinaryBuilder.Append(a.Bytes)
		return b.text
	case tael.KindInt:
		b.int.Append(int64(a.Num))
		return b.int
	case tael.KindDouble:
		b.double.Append(math.Float64frombits(a.Num))
		return b.double
	case tael.KindBool:
		b.truth.Append(a.Num != 0)
		return b.truth
	}
	b.other.Append(true)
	return b.other
}

// copied is value for an attribute of the resource or the scope.
func (b *attributeBuilder) copied(v tael.Value) array.Builder {
	switch v.Kind() {
	case tael.KindString:
		b.text.Append(v.AsString())
		return b.text
	case tael.KindInt:
		b.int.Append(v.AsInt())
		return b.int
	case tael.KindDouble:
		b.double.Append(v.AsDouble())
		return b.double
	case tael.KindBool:
		b.truth.Append(v.AsBool())
		return b.truth
	}
	b.other.Append(true)
	return b.other
}
