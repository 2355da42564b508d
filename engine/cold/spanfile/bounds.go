package spanfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"
)

// Lengths to which the bounds of texts are cut: characters in Iceberg's, bytes in the column index. A row group's statistics have no
// way to say that they were cut, so they are left out when they are longer.
const (
	icebergCharacters = 16
	indexBytes        = 16
	statisticsBytes   = 64
)

// valueBounds gathers the smallest and the largest value of a page, a chunk or a file, in the order that Parquet and Iceberg give the
// type: signed numbers, unsigned bytes. Doubles are kept without NaNs.
type valueBounds struct {
	any      bool
	min, max []byte // texts and fixed bytes
	low, top int64  // integers and truth values
	from, to float64
}

func (b *valueBounds) reset() { b.any = false }

func (b *valueBounds) addBytes(v []byte) {
	if !b.any {
		b.any = true
		if b.min == nil {
			b.min, b.max = []byte{}, []byte{} // not nil when empty: an empty text is a bound
		}
		b.min, b.max = append(b.min[:0], v...), append(b.max[:0], v...)
		return
	}
	if bytes.Compare(v, b.min) < 0 {
		b.min = append(b.min[:0], v...)
	} else if bytes.Compare(v, b.max) > 0 {
		b.max = append(b.max[:0], v...)
	}
}

func (b *valueBounds) addInt(v int64) {
	if !b.any {
		b.any, b.low, b.top = true, v, v
		return
	}
	b.low, b.top = min(b.low, v), max(b.top, v)
}

func (b *valueBounds) addDouble(v float64) {
	if math.IsNaN(v) {
		return
	}
	if !b.any {
		b.any, b.from, b.to = true, v, v
		return
	}
	b.from, b.to = min(b.from, v), max(b.to, v)
}

// merge widens b by o, of the same type.
func (b *valueBounds) merge(o *valueBounds, t Type) {
	if !o.any {
		return
	}
	switch t {
	case String, Fixed:
		b.addBytes(o.min)
		b.addBytes(o.max)
	case Double:
		b.addDouble(o.from)
		b.addDouble(o.to)
	default:
		b.addInt(o.low)
		b.addInt(o.top)
	}
}

// plain is the bounds as Parquet's statistics and, for the types that we have, Iceberg's single values: the same little endian bytes.
func (b *valueBounds) plain(t Type) (low, top []byte) {
	if !b.any {
		return nil, nil
	}
	switch t {
	case String, Fixed:
		return b.min, b.max
	case Int:
		return binary.LittleEndian.AppendUint32(nil, uint32(b.low)), binary.LittleEndian.AppendUint32(nil, uint32(b.top))
	case Boolean:
		return []byte{byte(b.low)}, []byte{byte(b.top)}
	case Double:
		from, to := b.from, b.to
		// A zero of either sign is in the bounds, whatever order a reader gives them.
		if from == 0 {
			from = math.Copysign(0, -1)
		}
		if to == 0 {
			to = 0
		}
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(from)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(to))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(b.low)), binary.LittleEndian.AppendUint64(nil, uint64(b.top))
}

// iceberg is the bounds as Iceberg keeps them. The upper one is nil when nothing short is above the largest text.
func (b *valueBounds) iceberg(t Type) (low, top []byte) {
	return b.short(t, math.MaxInt, icebergCharacters)
}

// index is the bounds as the column index has them: an upper one that cannot be short is whole.
func (b *valueBounds) index(t Type) (low, top []byte) {
	low, top = b.short(t, indexBytes, math.MaxInt)
	if top == nil && b.any {
		top = bytes.Clone(b.max)
	}
	return low, top
}

// short is the bounds with texts cut to so many bytes and characters.
func (b *valueBounds) short(t Type, size, characters int) (low, top []byte) {
	low, top = b.plain(t)
	if t == String && b.any {
		low = low[:cutLength(low, size, characters)]
		if n := cutLength(top, size, characters); n < len(top) {
			return bytes.Clone(low), raise(bytes.Clone(top[:n]))
		}
	}
	return bytes.Clone(low), bytes.Clone(top)
}

// cutLength is the length of the longest prefix of whole characters within so many bytes and characters.
func cutLength(text []byte, size, characters int) int {
	n := 0
	for characters > 0 && n < len(text) {
		_, w := utf8.DecodeRune(text[n:])
		if n+w > size {
			break
		}
		n += w
		characters--
	}
	return n
}

// raise makes a text larger than every one that it is a prefix of: its last character becomes the next one. It is nil when there is none.
func raise(text []byte) []byte {
	for len(text) > 0 {
		r, w := utf8.DecodeLastRune(text)
		text = text[:len(text)-w]
		switch {
		case r == utf8.MaxRune:
			continue
		case r+1 == 0xD800: // surrogates are no characters
			r = 0xDFFF
		}
		return utf8.AppendRune(text, r+1)
	}
	return nil
}

// statistics fills in the row group's statistics.
func (b *valueBounds) statistics(t Type, s *format.Statistics) {
	low, top := b.plain(t)
	if len(low) <= statisticsBytes && len(top) <= statisticsBytes {
		s.MinValue, s.MaxValue = bytes.Clone(low), bytes.Clone(top)
	}
}

// compare orders two bounds of the column as they are in the column index.
func (c *column) compare(a, b []byte) int {
	switch c.Type {
	case String, Fixed:
		return bytes.Compare(a, b)
	case Int:
		return cmp.Compare(int32(binary.LittleEndian.Uint32(a)), int32(binary.LittleEndian.Uint32(b)))
	case Boolean:
		return cmp.Compare(a[0], b[0])
	case Double:
		return cmp.Compare(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return cmp.Compare(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
}
