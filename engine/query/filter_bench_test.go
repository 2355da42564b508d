package query

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// benchBatch makes a batch of n rows with a service, and one attribute that is a string in most and a double in some.
func benchBatch(n int, dictionary bool) arrow.RecordBatch {
	c := fragment.Columns{Service: true, End: true, Attributes: []string{"user.id"}}
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
	text := func(f int, s string) {
		switch f := b.Field(f).(type) {
		case *array.StringBuilder:
			f.Append(s)
		case *array.BinaryDictionaryBuilder:
			_ = f.AppendString(s)
		}
	}
	for i := range n {
		id := [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}
		for _, at := range []int{0, 4, 5, 6, 8} {
			b.Field(at).(*array.Int64Builder).Append(int64(i))
		}
		b.Field(1).(*array.FixedSizeBinaryBuilder).Append(id[:])
		b.Field(2).(*array.FixedSizeBinaryBuilder).Append(id[:8])
		b.Field(3).(*array.Int32Builder).Append(int32(i % 6))
		text(7, []string{"cart", "checkout", "payments"}[i%3])
		for at := 9; at <= 13; at++ {
			switch {
			case at == 9 && i%4 > 0:
				text(9, []string{"alice", "bob", "carol"}[i%3])
			case at == 11 && i%4 == 0:
				b.Field(at).(*array.Float64Builder).Append(float64(i))
			default:
				b.Field(at).AppendNull()
			}
		}
	}
	return b.NewRecordBatch()
}

func benchFilter(tb testing.TB, attribute string) *filter {
	f := tael.Filter{Service: "cart", MinDuration: 100}
	if attribute != "" {
		m, err := tael.ParseMatch(attribute)
		if err != nil {
			tb.Fatal(err)
		}
		f.Attributes = []tael.AttributeMatch{m}
	}
	return newFilter(&f, tael.SortTime)
}

func TestFilterMakesNoGarbagePerRow(t *testing.T) {
	for _, dictionary := range []bool{false, true} {
		for _, attribute := range []string{"", "user.id=bob", "user.id!=bob", "user.id=~^b", "user.id>7.5"} {
			small, large := benchBatch(300, dictionary), benchBatch(5000, dictionary)
			f := benchFilter(t, attribute)
			run := func(b arrow.RecordBatch) func() {
				return func() {
					var c columns
					if err := c.bind(b); err != nil {
						t.Fatal(err)
					}
					if _, err := f.rows(&c, 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(large)() // rooms grow once
			a, b := testing.AllocsPerRun(20, run(small)), testing.AllocsPerRun(20, run(large))
			if b > a+1 {
				t.Errorf("dictionary %t, %q: %v allocations for 300 rows, %v for 5000", dictionary, attribute, a, b)
			}
			small.Release()
			large.Release()
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	for _, dictionary := range []bool{false, true} {
		for _, attribute := range []string{"", "user.id=bob", "user.id=~^b", "user.id>7.5"} {
			name := "plain/" + attribute
			if dictionary {
				name = "dictionary/" + attribute
			}
			b.Run(name, func(b *testing.B) {
				const rows = 8192
				batch := benchBatch(rows, dictionary)
				defer batch.Release()
				f := benchFilter(b, attribute)
				b.ReportAllocs()
				for b.Loop() {
					var c columns
					if err := c.bind(batch); err != nil {
						b.Fatal(err)
					}
					if _, err := f.rows(&c, 0); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}
