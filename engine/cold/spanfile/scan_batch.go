package spanfile

import (
	"context"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// dictionaryType is the type of string columns that are dictionary-coded in the file.
var dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// batch makes a record batch of the rows of the selection. Its arrays share the decoded columns' memory.
func (s *selection) batch(ctx context.Context, c fragment.Columns) (arrow.RecordBatch, error) {
	l := s.r.f.shared.layout
	leaves := []int{l.traceID, l.spanID, l.kind, l.start, l.startNanos, l.duration, l.sequence}
	for _, o := range [...]struct {
		wanted bool
		leaf   int
	}{{c.Service, l.service}, {c.Name, l.name}, {c.Status, l.status}} {
		if o.wanted {
			leaves = append(leaves, o.leaf)
		}
	}
	for _, key := range c.Attributes {
		leaves = append(leaves, s.attributeKeys(key)...)
	}
	missing := leaves[:0]
	for _, leaf := range leaves {
		if s.flat[leaf] == nil {
			missing = append(missing, leaf)
		}
	}
	if err := s.r.load(ctx, missing, s.ranges); err != nil {
		return nil, err
	}
	b := &batchBuilder{s: s}
	defer b.release()
	rows := make([]int64, s.len())
	for i, row := range s.rows {
		rows[i] = s.r.g.first + int64(row)
	}
	b.add(fragment.ColumnRow, ints64(rows))
	b.fixed(fragment.ColumnTraceID, l.traceID)
	b.fixed(fragment.ColumnSpanID, l.spanID)
	b.int32(fragment.ColumnKind, l.kind)
	micros, nanos := b.int64(l.start), b.int64(l.startNanos)
	if b.err != nil {
		return nil, b.err
	}
	starts := make([]int64, len(micros))
	for i, n := range micros {
		starts[i] = n*1000 + nanos[i]
	}
	b.add(fragment.ColumnStart, ints64(starts))
	lasted := b.int64(l.duration)
	durations := make([]int64, len(lasted))
	for i, d := range lasted {
		durations[i] = max(d, 0)
	}
	b.add(fragment.ColumnDuration, ints64(durations))
	b.add(fragment.ColumnSequence, ints64(b.int64(l.sequence)))
	if c.Service {
		b.text(fragment.ColumnService, l.service)
	}
	if c.Name {
		b.text(fragment.ColumnName, l.name)
	}
	if c.Status {
		b.int32(fragment.ColumnStatus, l.status)
	}
	if c.End && b.err == nil {
		ends := make([]int64, len(lasted))
		for i := range ends {
			ends[i] = starts[i] + lasted[i]
		}
		b.add(fragment.ColumnEnd, ints64(ends))
	}
	for _, key := range c.Attributes {
		b.attribute(ctx, key)
	}
	if b.err != nil {
		return nil, b.err
	}
	return array.NewRecordBatch(arrow.NewSchema(b.fields, nil), b.arrays, int64(s.len())), nil
}

// batchBuilder gathers the columns of a batch; after an error it does nothing.
type batchBuilder struct {
	s      *selection
	fields []arrow.Field
	arrays []arrow.Array
	err    error
}

func (b *batchBuilder) release() {
	for _, a := range b.arrays {
		a.Release()
	}
}

func (b *batchBuilder) add(name string, a arrow.Array) {
	b.fields = append(b.fields, arrow.Field{Name: name, Type: a.DataType()})
	b.arrays = append(b.arrays, a)
}

func (b *batchBuilder) addNullable(name string, a arrow.Array) {
	b.add(name, a)
	b.fields[len(b.fields)-1].Nullable = true
}

func (b *batchBuilder) vector(leaf int) *vector {
	if b.err != nil {
		return nil
	}
	v, err := b.s.vector(leaf)
	if err != nil {
		b.err = err
		return nil
	}
	return v
}

// int64 gives a column of numbers without nulls.
func (b *batchBuilder) int64(leaf int) []int64 {
	v := b.vector(leaf)
	if v == nil {
		return nil
	}
	if v.dict == nil {
		return v.ints
	}
	out := make([]int64, len(v.index))
	for i, k := range v.index {
		out[i] = v.dict.ints[k]
	}
	return out
}

func (b *batchBuilder) int32(name string, leaf int) {
	v := b.vector(leaf)
	if v == nil {
		return
	}
	out := make([]int32, v.count())
	if v.dict != nil {
		for i, k := range v.index {
			out[i] = int32(v.dict.ints[k])
		}
	} else {
		for i, n := range v.ints {
			out[i] = int32(n)
		}
	}
	b.add(name, arrayOf(arrow.PrimitiveTypes.Int32, len(out), nil, 0, arrow.Int32Traits.CastToBytes(out)))
}

func (b *batchBuilder) fixed(name string, leaf int) {
	v := b.vector(leaf)
	if v == nil {
		return
	}
	data := v.data
	if v.dict != nil {
		data = make([]byte, 0, len(v.index)*v.shape.width)
		for _, k := range v.index {
			data = append(data, v.dict.fixed(int(k))...)
		}
	}
	b.add(name, arrayOf(&arrow.FixedSizeBinaryType{ByteWidth: v.shape.width}, v.rows, nil, 0, data))
}

// text adds a string column without nulls.
func (b *batchBuilder) text(name string, leaf int) {
	v := b.vector(leaf)
	if v == nil {
		return
	}
	if v.dict == nil {
		b.add(name, stringsOf(v.rows, nil, 0, &v.values))
		return
	}
	b.add(name, wordsOf(v.rows, nil, 0, v.index, v.dict))
}

// attribute adds the five columns of a key.
func (b *batchBuilder) attribute(ctx context.Context, key string) {
	if b.err != nil {
		return
	}
	a, err := b.s.resolve(ctx, key)
	if err != nil {
		b.err = err
		return
	}
	n := b.s.len()
	for _, form := range fragment.Forms {
		name := fragment.AttributeColumn(key, form)
		valid, count := a.valid(form)
		nulls := n - count
		switch form {
		case fragment.FormString:
			texts, err := a.strings(n, valid, nulls)
			if err != nil {
				b.err = b.s.r.f.damage(b.s.r.f.place(b.s.r.i, -1), err)
				return
			}
			b.addNullable(name, texts)
		case fragment.FormInt, fragment.FormDouble:
			numbers := a.number
			if count == 0 {
				numbers = make([]int64, n)
			}
			t := arrow.PrimitiveTypes.Int64
			if form == fragment.FormDouble {
				t = arrow.PrimitiveTypes.Float64
			}
			b.addNullable(name, arrayOf(t, n, valid, nulls, arrow.Int64Traits.CastToBytes(numbers)))
		default:
			bits := make([]byte, bitutil.BytesForBits(int64(n)))
			for row := range n {
				if form == fragment.FormOther && a.isForm(row, form) || form == fragment.FormBool && a.isForm(row, form) && a.number[row] != 0 {
					bitutil.SetBit(bits, row)
				}
			}
			b.addNullable(name, arrayOf(arrow.FixedWidthTypes.Boolean, n, valid, nulls, bits))
		}
	}
}

func (a *attribute) isForm(row int, form string) bool {
	if !a.found[row] {
		return false
	}
	switch a.kinds[row] {
	case tael.KindString:
		return form == fragment.FormString
	case tael.KindInt:
		return form == fragment.FormInt
	case tael.KindDouble:
		return form == fragment.FormDouble
	case tael.KindBool:
		return form == fragment.FormBool
	}
	return form == fragment.FormOther
}

// valid gives the validity bitmap of a form's column and the number of its values.
func (a *attribute) valid(form string) ([]byte, int) {
	bits := make([]byte, bitutil.BytesForBits(int64(len(a.found))))
	count := 0
	for row := range a.found {
		if a.isForm(row, form) {
			bitutil.SetBit(bits, row)
			count++
		}
	}
	return bits, count
}

// strings is the column of the strings: indexes into the words of all lists, joined. So a long text that many rows have is there once.
func (a *attribute) strings(n int, valid []byte, nulls int) (arrow.Array, error) {
	index := make([]uint32, n)
	words := &values{ends: []int32{0}}
	if len(a.texts) == 1 {
		words = a.texts[0]
	}
	first := make([]uint32, len(a.texts)) // word of each list
	for i, t := range a.texts {
		if len(a.texts) == 1 {
			break
		}
		first[i] = uint32(len(words.ends) - 1)
		if len(t.data) > math.MaxInt32-len(words.data) {
			return nil, errTooMuch
		}
		for _, end := range t.ends[min(1, len(t.ends)):] {
			words.ends = append(words.ends, end+int32(len(words.data)))
		}
		words.data = append(words.data, t.data...)
	}
	if nulls < n {
		for row := range n {
			if a.isForm(row, fragment.FormString) {
				index[row] = first[a.text[row].list] + a.text[row].at
			}
		}
	}
	return wordsOf(n, valid, nulls, index, words), nil
}

// arrayOf makes an array over memory that is not copied. A nil bitmap says that there are no nulls.
func arrayOf(t arrow.DataType, n int, valid []byte, nulls int, data ...[]byte) arrow.Array {
	buffers := []*memory.Buffer{nil}
	if valid != nil && nulls > 0 {
		buffers[0] = memory.NewBufferBytes(valid)
	}
	for _, b := range data {
		buffers = append(buffers, memory.NewBufferBytes(b))
	}
	d := array.NewData(t, n, buffers, nil, nulls, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

func ints64(v []int64) arrow.Array {
	return arrayOf(arrow.PrimitiveTypes.Int64, len(v), nil, 0, arrow.Int64Traits.CastToBytes(v))
}

func stringsOf(n int, valid []byte, nulls int, v *values) arrow.Array {
	ends := v.ends
	if len(ends) == 0 {
		ends = []int32{0}
	}
	return arrayOf(arrow.BinaryTypes.String, n, valid, nulls, arrow.Int32Traits.CastToBytes(ends), v.data)
}

// wordsOf is a dictionary array of indexes into v.
func wordsOf(n int, valid []byte, nulls int, index []uint32, v *values) arrow.Array {
	dict := stringsOf(max(len(v.ends)-1, 0), nil, 0, v)
	defer dict.Release()
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(index))}
	if valid != nil && nulls > 0 {
		buffers[0] = memory.NewBufferBytes(valid)
	}
	d := array.NewDataWithDictionary(dictionaryType, n, buffers, nulls, 0, dict.Data().(*array.Data))
	defer d.Release()
	return array.NewDictionaryData(d)
}
