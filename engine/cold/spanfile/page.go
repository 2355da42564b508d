package spanfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// oldPlainDictionary is the name that Parquet 1.0 had for both a dictionary and the indexes into it. It is read, never written.
const oldPlainDictionary = format.Encoding(2)

// rowRange is the rows from up to, but without, to.
type rowRange struct{ from, to int }

func (r rowRange) len() int { return r.to - r.from }

// vector is one leaf in the chosen rows, in their order: the levels of every entry, and the values of those that are there.
type vector struct {
	shape
	rows     int
	def, rep []uint8 // nil when the highest level is 0
	absent   bool    // no chosen row has a value; there are no levels

	values // when dict is nil
	dict   *values
	index  []uint32 // into dict, a value
}

// count is the number of values.
func (c *vector) count() int {
	if c.dict != nil {
		return len(c.index)
	}
	return c.values.len(c.shape)
}

// at gives the list and the place in it of value i.
func (c *vector) at(i int) (*values, int) {
	if c.dict != nil {
		return c.dict, int(c.index[i])
	}
	return &c.values, i
}

func (c *vector) int(i int) int64    { v, k := c.at(i); return v.ints[k] }
func (c *vector) text(i int) string  { v, k := c.at(i); return v.text(k) }
func (c *vector) blob(i int) []byte  { v, k := c.at(i); return v.bytes(k) }
func (c *vector) fixed(i int) []byte { v, k := c.at(i); return v.fixed(k) }

// nulls adds rows without a value.
func (c *vector) nulls(rows int) {
	c.rows += rows
	if c.maxDef > 0 {
		c.def = append(c.def, make([]uint8, rows)...)
	}
	if c.maxRep > 0 {
		c.rep = append(c.rep, make([]uint8, rows)...)
	}
}

// take is a piece of a page's values: skip some, then take some.
type take struct{ skip, take int }

// pageReader unpacks pages, one goroutine at a time. Its buffers are reused; what it adds to a column is the column's own.
type pageReader struct {
	zstd   *zstd.Decoder
	buf    []byte // of a data page
	dict   []byte // of a dictionary page, which is unpacked while a data page is read
	stream stream
	takes  []take
	index  []uint32
	ints   []int64
}

var (
	errLevels   = errors.New("page: the levels are cut short")
	errRows     = errors.New("page: it does not have the rows that the offset index says")
	errNoValues = errors.New("page: it has fewer values than its levels say")
)

// unpackSlack is room after the unpacked bytes, with which the decompressor can copy faster.
const unpackSlack = 64

// unpack decompresses src, which must become size bytes. The answer is good until buf is used again.
func (p *pageReader) unpack(buf *[]byte, codec format.CompressionCodec, src []byte, size int) ([]byte, error) {
	switch codec {
	case format.Uncompressed:
		if len(src) != size {
			return nil, errors.New("page: its size is not what its header says")
		}
		return src, nil
	case format.Zstd:
		*buf = slices.Grow((*buf)[:0], size+unpackSlack)
		out, err := p.zstd.DecodeAll(src, (*buf)[:0:size+unpackSlack])
		if err != nil {
			return nil, fmt.Errorf("page: zstd: %w", err)
		}
		if len(out) != size {
			return nil, errors.New("page: it unpacks to another size than its header says")
		}
		return out, nil
	}
	return nil, fmt.Errorf("page: compression %d is not one that span files have", codec)
}

// data adds the rows of sel, in order and counted from the page's first row, of the data page at the start of b to c. The page has rows
// rows by the offset index. dict gives the column chunk's dictionary when the page needs it.
func (p *pageReader) data(c *vector, codec format.CompressionCodec, b []byte, rows int, sel []rowRange, dict func() (*values, error)) error {
	h, body, err := openPage(b)
	if err != nil {
		return err
	}
	if h.kind == format.DictionaryPage {
		return errors.New("page: a dictionary where data is expected")
	}
	if c.maxRep == 0 && h.values != rows || h.values < rows {
		return errRows
	}
	if c.streams(h, codec, rows, sel) {
		return p.streamed(c, h, body, rows, sel)
	}
	var rep, def []byte
	if h.kind == format.DataPageV2 {
		if h.rows != rows {
			return errRows
		}
		rep, def, body = body[:h.repBytes], body[h.repBytes:h.repBytes+h.defBytes], body[h.repBytes+h.defBytes:]
	} else {
		if body, err = p.unpack(&p.buf, codec, body, h.unpacked); err != nil {
			return err
		}
		if c.maxRep > 0 {
			if rep, body, err = prefixed(body, h.repEncoding); err != nil {
				return err
			}
		}
		if c.maxDef > 0 {
			if def, body, err = prefixed(body, h.defEncoding); err != nil {
				return err
			}
		}
	}
	total, err := p.levels(c, h, rep, def, rows, sel)
	if err != nil || total == 0 {
		return err
	}
	if h.kind == format.DataPageV2 && !h.raw {
		if body, err = p.unpack(&p.buf, codec, body, h.unpacked-h.repBytes-h.defBytes); err != nil {
			return err
		}
	}
	return p.values(c, h, body, dict)
}

// prefixed cuts levels of a page v1 off: four bytes of length, then the runs.
func prefixed(b []byte, e format.Encoding) (levels, rest []byte, err error) {
	if e != format.RLE {
		return nil, nil, fmt.Errorf("page: encoding %d of levels is not one that span files have", e)
	}
	if len(b) < 4 {
		return nil, nil, errLevels
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, errLevels
	}
	return b[4 : 4+n], b[4+n:], nil
}

// levels adds the levels of the chosen rows to c, leaves in p.takes which of the page's values they have, and gives their number.
func (p *pageReader) levels(c *vector, h pageHeader, repBytes, defBytes []byte, rows int, sel []rowRange) (int, error) {
	rep, err := newHybrid(repBytes, levelWidth(c.maxRep))
	if err != nil {
		return 0, err
	}
	def, err := newHybrid(defBytes, levelWidth(c.maxDef))
	if err != nil {
		return 0, err
	}
	p.takes = p.takes[:0]
	row, left, total := 0, h.values, 0 // the next row; entries left in the page
	for _, r := range sel {
		if r.from < row || r.to > rows || r.from > r.to {
			return 0, errors.New("page: rows outside the page were asked for")
		}
		skip, n := r.from-row, r.len() // entries
		if c.maxRep > 0 {
			if skip, n, err = repeated(c, &rep, r, row, rows, left); err != nil {
				return 0, err
			}
		}
		left -= skip + n
		row = r.to
		t := take{skip, n}
		if c.maxDef > 0 {
			if t.skip, err = def.count(skip, uint32(c.maxDef)); err != nil {
				return 0, err
			}
			at := len(c.def)
			c.def = slices.Grow(c.def, n)[:at+n]
			if t.take, err = def.levels(c.def[at:], c.maxDef); err != nil {
				return 0, err
			}
		}
		c.rows += r.len()
		total += t.take
		p.takes = append(p.takes, t)
	}
	return total, nil
}

// repeated adds the repetition levels of the rows r, where rep stands at the start of row at and left entries are left. It gives the
// entries before the rows and in them.
func repeated(c *vector, rep *hybrid, r rowRange, at, rows, left int) (skip, n int, err error) {
	if skip, err = rep.pass(r.from-at, left); err != nil {
		return 0, 0, err
	}
	left -= skip
	if r.to == rows {
		n = left
	} else {
		ahead := *rep
		if n, err = ahead.pass(r.len(), left); err != nil {
			return 0, 0, err
		}
	}
	start := len(c.rep)
	c.rep = slices.Grow(c.rep, n)[:start+n]
	if _, err := rep.levels(c.rep[start:], c.maxRep); err != nil {
		return 0, 0, err
	}
	found := 0
	for _, v := range c.rep[start:] {
		if v == 0 {
			found++
		}
	}
	if found != r.len() || n > 0 && c.rep[start] != 0 {
		return 0, 0, errRows
	}
	return skip, n, nil
}

// values adds the values of p.takes to c.
func (p *pageReader) values(c *vector, h pageHeader, body []byte, dict func() (*values, error)) error {
	last, total := 0, 0 // one after the last value that is wanted; how many are
	for _, t := range p.takes {
		last += t.skip + t.take
		total += t.take
	}
	switch h.encoding {
	case format.Plain:
		if err := c.own(total); err != nil {
			return err
		}
		return p.plain(c, body, last)
	case format.RLEDictionary, oldPlainDictionary:
		d, err := dict()
		if err != nil {
			return err
		}
		return p.indexes(c, body, d, total)
	case format.DeltaBinaryPacked:
		if c.physical != format.Int64 && c.physical != format.Int32 {
			break
		}
		if err := c.own(total); err != nil {
			return err
		}
		if len(p.takes) == 1 {
			var err error
			c.ints, err = decodeDelta(c.ints, body, h.values, p.takes[0].skip, last)
			return err
		}
		var err error
		if p.ints, err = decodeDelta(p.ints[:0], body, h.values, 0, last); err != nil {
			return err
		}
		at := 0
		for _, t := range p.takes {
			at += t.skip
			c.ints = append(c.ints, p.ints[at:at+t.take]...)
			at += t.take
		}
		return nil
	case format.RLE:
		if c.physical != format.Boolean {
			break
		}
		return p.truths(c, body, total)
	}
	return fmt.Errorf("page: encoding %d of values is not one that span files have", h.encoding)
}

// plain adds the values of p.takes of a PLAIN page, and reads nothing after value last.
func (p *pageReader) plain(c *vector, body []byte, last int) error {
	at := 0
	for _, t := range p.takes {
		if c.physical == format.ByteArray {
			n, err := c.values.plainBytes(body, t.skip, t.take)
			if err != nil {
				return err
			}
			body = body[n:]
			continue
		}
		at += t.skip
		if err := c.values.plain(c.shape, body, last, at, at+t.take); err != nil {
			return err
		}
		at += t.take
	}
	return nil
}
