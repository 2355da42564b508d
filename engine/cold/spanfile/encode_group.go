package spanfile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// levelGroup is the columns that have the same levels: a flat column alone, or the members of a list or map, whose pages then
// begin at the same rows and whose levels are encoded once for all of them.
type levelGroup struct {
	columns []*column
	maxDef  int
	maxRep  int
	first   int64 // row of the page's first, in the row group
	rows    int64 // of the page that def and rep cover
	def     []byte
	rep     []byte
	present bool // def has a value
	levels  []byte

	pageBytes int   // WriterOptions.PageBytes
	full      bool  // the page must end after this row
	alarm     *bool // some group is full; one for all groups, because a row touches few of them
}

// fill ends the page after this row.
func (g *levelGroup) fill() { g.full, *g.alarm = true, true }

// value notes a value of a flat column in the row (of the row group). The rows before it that got none are nulls.
func (g *levelGroup) value(row int64) {
	if g.maxDef == 0 {
		return
	}
	g.skipTo(row)
	g.def = append(g.def, 1)
	g.rows++
	g.present = true
}

// element notes a level of a repeated column for the row. rep is 0 for the row's first.
func (g *levelGroup) element(row int64, rep, def byte) {
	if rep == 0 {
		g.skipTo(row)
		g.rows++
	}
	g.rep = append(g.rep, rep)
	g.def = append(g.def, def)
	g.present = true
}

// skipTo gives the rows up to this one their null or empty list.
func (g *levelGroup) skipTo(row int64) {
	n := int(row - g.first - g.rows)
	if n <= 0 {
		return
	}
	g.rows += int64(n)
	g.def = appendZeros(g.def, n)
	if g.maxRep > 0 {
		g.rep = appendZeros(g.rep, n)
	}
}

func appendZeros(b []byte, n int) []byte {
	at := len(b)
	if cap(b)-at < n {
		b = append(make([]byte, 0, max(2*cap(b), at+n, 1024)), b...)
	}
	b = b[:at+n]
	clear(b[at:])
	return b
}

func (g *levelGroup) reset() {
	g.first, g.rows, g.present, g.full = 0, 0, false, false
	g.def, g.rep = g.def[:0], g.rep[:0]
}

// encodeLevels encodes the levels of the page that ends before the row, and starts the next. slots is the number of values and nulls in each column of the group.
func (g *levelGroup) encodeLevels(end int64) (slots int, err error) {
	g.levels = g.levels[:0]
	slots = int(end - g.first)
	switch {
	case g.maxDef == 0:
	case !g.present: // nulls or empty lists only: one run each
		for _, top := range [...]int{g.maxRep, g.maxDef} {
			if top > 0 {
				run := binary.AppendUvarint(nil, uint64(slots)<<1)
				g.levels = binary.LittleEndian.AppendUint32(g.levels, uint32(len(run)+1))
				g.levels = append(append(g.levels, run...), 0)
			}
		}
	default:
		g.skipTo(end)
		slots = len(g.def)
		if g.maxRep > 0 {
			g.levels, err = appendLevels(g.levels, g.rep, g.maxRep)
		}
		if err == nil {
			g.levels, err = appendLevels(g.levels, g.def, g.maxDef)
		}
	}
	g.reset()
	g.first = end
	return slots, err
}

func appendLevels(dst, levels []byte, top int) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	runs, err := (&rle.Encoding{BitWidth: bits.Len(uint(top))}).EncodeLevels(dst[len(dst):], levels)
	dst = append(dst, runs...)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, err
}

// pageEncoder compresses pages. It belongs to one writer.
type pageEncoder struct {
	zstd   *compressors
	raw    []byte // scratch: the page before
	packed []byte // and after compression

	dictionary []byte // scratch: a dictionary page
}

// end finishes the page of every column of the group before the row.
func (e *pageEncoder) end(g *levelGroup, row int64) error {
	first := g.first
	if row == first {
		return nil
	}
	slots, err := g.encodeLevels(row)
	if err != nil {
		return err
	}
	for _, c := range g.columns {
		if err := e.page(c, g.levels, first, slots); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return nil
}

func (e *pageEncoder) page(c *column, levels []byte, first int64, slots int) error {
	info := pageInfo{firstRow: first, nulls: int64(slots - c.values), null: c.values == 0}
	e.raw = append(e.raw[:0], levels...)
	var err error
	if e.raw, info.encoding, err = c.appendValues(e.raw); err != nil {
		return err
	}
	if c.bounded() {
		info.bounds = c.bounds.any
		info.min, info.max = c.bounds.index(c.Type)
		c.chunk.bounds.merge(&c.bounds, c.Type)
		c.bounds.reset()
	}
	header := format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(slots), Encoding: info.encoding, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
	})}
	at := len(c.out)
	if c.out, err = e.append(c.out, header, e.raw, c); err != nil {
		return err
	}
	info.size = int32(len(c.out) - at)
	c.pages = append(c.pages, info)
	c.page++
	c.chunk.slots += int64(slots)
	c.chunk.nulls += info.nulls
	return nil
}

// append appends a page with its header and counts it.
func (e *pageEncoder) append(dst []byte, header format.PageHeader, raw []byte, c *column) ([]byte, error) {
	e.packed = e.zstd.of(&c.Field).EncodeAll(raw, e.packed[:0])
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(raw)), int32(len(e.packed))
	header.CRC = int32(crc32.ChecksumIEEE(e.packed))
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return dst, err
	}
	c.chunk.uncompressed += int64(len(head) + len(raw))
	return append(append(dst, head...), e.packed...), nil
}
