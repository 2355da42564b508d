package spanfile

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

// column is one leaf while its row group is written: the values of the page that is being filled, and the finished pages as they
// will be in the file.
type column struct {
	Leaf
	group    *levelGroup
	limit    int      // bytes of the dictionary
	encoding Encoding // of the current page: Leaf.Encoding until the dictionary is full

	values  int     // in the page, nulls not counted
	plain   []byte  // Plain
	bools   []bool  // Plain, Boolean
	indexes []int32 // Dictionary
	longs   []int64 // Delta
	bounds  valueBounds

	texts   textDictionary
	numbers numberDictionary
	page    uint32 // number of the page in the row group, from 1: see textDictionary.touched

	pages []pageInfo // finished
	out   []byte     // their headers and bodies
	chunk chunkInfo
}

// pageInfo is what the indexes say of a page.
type pageInfo struct {
	firstRow int64 // in the row group
	size     int32 // in the file, header included
	nulls    int64
	null     bool // no value
	bounds   bool // min and max are known
	min, max []byte
	encoding format.Encoding
}

// chunkInfo sums up the pages of a row group.
type chunkInfo struct {
	slots        int64 // values and nulls
	nulls        int64
	uncompressed int64
	bounds       valueBounds
}

// fileInfo sums up the chunks of the file, for Info.
type fileInfo struct {
	bytes, slots, nulls int64
	bounds              valueBounds
}

// bounded tells whether the column has bounds, and so a column index: not where no reader could use them.
func (c *column) bounded() bool { return c.MaxRep == 0 && c.Type != Binary && !c.Text }

// putText adds a value of a String, Binary or Fixed. It gives the value's dictionary entry, which is good for putIndex until the
// row group ends or the encoding changes, or noIndex.
func (c *column) putText(v []byte) int32 {
	if c.encoding == Dictionary {
		if i := c.texts.index(v, c.limit); i != noIndex {
			c.putIndex(i)
			return i
		}
		c.spill()
	}
	if c.Type != Fixed {
		c.plain = binary.LittleEndian.AppendUint32(c.plain, uint32(len(v)))
	}
	c.plain = append(c.plain, v...)
	c.values++
	if c.bounded() {
		c.bounds.addBytes(v)
	}
	if len(c.plain) >= c.group.pageBytes {
		c.group.fill()
	}
	return noIndex
}

// putIndex adds the value of a text dictionary's entry.
func (c *column) putIndex(i int32) {
	if c.texts.touched[i] != c.page {
		c.texts.touched[i] = c.page
		if c.bounded() {
			c.bounds.addBytes(c.texts.value(i))
		}
	}
	c.indexes = append(c.indexes, i)
	c.values++
}

// putNumber adds a value of any other type: an integer, the bits of a double, 0 or 1. It gives the value's dictionary entry, or noIndex.
func (c *column) putNumber(v uint64) int32 {
	c.values++
	if c.encoding == Dictionary {
		if i := c.numbers.index(v, c.limit/8); i != noIndex {
			if c.numbers.touched[i] != c.page {
				c.numbers.touched[i] = c.page
				c.bound(v)
			}
			c.indexes = append(c.indexes, i)
			return i
		}
		c.spill()
	}
	c.bound(v)
	switch {
	case c.encoding == Delta:
		c.longs = append(c.longs, int64(v))
	case c.Type == Boolean:
		c.bools = append(c.bools, v != 0)
	case c.Type == Int:
		c.plain = binary.LittleEndian.AppendUint32(c.plain, uint32(v))
	default:
		c.plain = binary.LittleEndian.AppendUint64(c.plain, v)
	}
	return noIndex
}

func (c *column) bound(v uint64) {
	switch {
	case !c.bounded():
	case c.Type == Double:
		c.bounds.addDouble(math.Float64frombits(v))
	default:
		c.bounds.addInt(int64(v))
	}
}

// spill turns the page's indexes back into plain values, because the dictionary is full: a page has one encoding.
// It ends soon, so that what follows is cut as plain pages are.
func (c *column) spill() {
	for _, i := range c.indexes {
		switch c.Type {
		case String, Binary:
			v := c.texts.value(i)
			c.plain = append(binary.LittleEndian.AppendUint32(c.plain, uint32(len(v))), v...)
		case Fixed:
			c.plain = append(c.plain, c.texts.value(i)...)
		case Int:
			c.plain = binary.LittleEndian.AppendUint32(c.plain, uint32(c.numbers.values[i]))
		default:
			c.plain = binary.LittleEndian.AppendUint64(c.plain, c.numbers.values[i])
		}
	}
	c.indexes = c.indexes[:0]
	c.encoding = Plain
	c.group.fill()
}

// entries is the number of entries in the dictionary.
func (c *column) entries() int { return max(c.texts.len(), len(c.numbers.values)) }

// weight estimates the bytes of the page's values.
func (c *column) weight() int {
	switch c.encoding {
	case Dictionary:
		return len(c.indexes) * bits.Len(uint(c.entries()-1)) / 8
	case Delta:
		return len(c.longs) * 4
	}
	return len(c.plain) + len(c.bools)/8
}

// appendValues appends the page's values, encoded, and forgets them.
func (c *column) appendValues(dst []byte) (_ []byte, e format.Encoding, err error) {
	switch {
	case c.values == 0: // and so no dictionary is needed for it
	case c.encoding == Dictionary:
		var top int32
		for _, i := range c.indexes {
			top = max(top, i)
		}
		width := roundWidth(bits.Len32(uint32(top)))
		dst = append(dst, byte(width))
		dst = appendHybrid(dst, c.indexes, width)
		e = format.RLEDictionary
	case c.encoding == Delta:
		var packed []byte
		packed, err = (&delta.BinaryPackedEncoding{}).EncodeInt64(dst[len(dst):], c.longs)
		dst = append(dst, packed...)
		e = format.DeltaBinaryPacked
	case c.Type == Boolean:
		for i, v := range c.bools {
			if i%8 == 0 {
				dst = append(dst, 0)
			}
			if v {
				dst[len(dst)-1] |= 1 << (i % 8)
			}
		}
	default:
		dst = append(dst, c.plain...)
	}
	c.values, c.plain, c.bools, c.indexes, c.longs = 0, c.plain[:0], c.bools[:0], c.indexes[:0], c.longs[:0]
	return dst, e, err
}

// dictionaryPage is the dictionary's entries, PLAIN, and their number: 0 when no page needs it.
func (c *column) dictionaryPage() (raw []byte, n int) {
	if n = len(c.numbers.values); n == 0 {
		return c.texts.page, c.texts.len()
	}
	for _, v := range c.numbers.values {
		if c.Type == Int {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		} else {
			raw = binary.LittleEndian.AppendUint64(raw, v)
		}
	}
	return raw, n
}

func roundWidth(w int) int {
	switch {
	case w > 14 && w <= 16:
		return 16
	case w <= 8 && w > 4:
		return 8
	}
	return w
}
