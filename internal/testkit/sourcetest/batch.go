package sourcetest

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// buildBatch makes the record batch of some spans; a row's locator is its index.
func buildBatch(c fragment.Columns, dictionary bool, spans []tael.Span, rows []int) arrow.RecordBatch {
	schema := c.Schema()
	if dictionary {
		fields := schema.Fields()
		for i := range fields {
			if arrow.TypeEqual(fields[i].Type, arrow.BinaryTypes.String) {
				fields[i].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
			}
		}
		schema = arrow.NewSchema(fields, nil)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	at := 0
	next := func() array.Builder {
		at++
		return b.Field(at - 1)
	}
	for _, i := range rows {
		s := &spans[i]
		at = 0
		integer(next(), int64(i))
		next().(*array.FixedSizeBinaryBuilder).Append(s.TraceID[:])
		next().(*array.FixedSizeBinaryBuilder).Append(s.SpanID[:])
		next().(*array.Int32Builder).Append(int32(s.Kind))
		integer(next(), int64(s.Start))
		integer(next(), int64(s.Duration()))
		integer(next(), int64(s.Sequence))
		if c.Service {
			text(next(), s.Service())
		}
		if c.Name {
			text(next(), s.Name)
		}
		if c.Status {
			next().(*array.Int32Builder).Append(int32(s.Status.Code))
		}
		if c.End {
			integer(next(), int64(s.End))
		}
		for _, key := range c.Attributes {
			v, ok := s.Attribute(key)
			attribute(v, ok, next(), next(), next(), next(), next())
		}
	}
	return b.NewRecordBatch()
}

func integer(b array.Builder, n int64) { b.(*array.Int64Builder).Append(n) }

func text(b array.Builder, s string) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(s)
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(s); err != nil { // memory is all it needs
			b.AppendNull()
		}
	}
}

// attribute fills the five columns of a key in the order of fragment.Forms.
func attribute(v tael.Value, present bool, texts, ints, doubles, bools, others array.Builder) {
	forms := []array.Builder{texts, ints, doubles, bools, others}
	form := 4
	switch {
	case !present:
		form = -1
	case v.Kind() == tael.KindString:
		form = 0
		text(texts, v.AsString())
	case v.Kind() == tael.KindInt:
		form = 1
		integer(ints, v.AsInt())
	case v.Kind() == tael.KindDouble:
		form = 2
		doubles.(*array.Float64Builder).Append(v.AsDouble())
	case v.Kind() == tael.KindBool:
		form = 3
		bools.(*array.BooleanBuilder).Append(v.AsBool())
	default:
		others.(*array.BooleanBuilder).Append(true)
	}
	for i, b := range forms {
		if i != form {
			b.AppendNull()
		}
	}
}
