package spanfile

import (
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pageEncoder turns the values of columns into pages. It belongs to one writer. Compression is four tenths of the work, so it is done by another goroutine
// while the writer takes the next rows: a batch of pages at a time, each begun when the one before is done, so that a file is the same however the two
// are scheduled.
type pageEncoder struct {
	zstd     *compressors
	gathered *pageBatch // whose pages are encoded, and not yet compressed
	running  *pageBatch // that is compressed, nil when none is
	spare    *pageBatch
	finished int64 // bytes of the pages that are compressed

	dictionary, packed []byte // scratch: a dictionary page, and it without header
}

// batchBytes is how much is gathered before it is compressed, though more pages end after the same row: it is in memory twice.
const batchBytes = 2 << 20

// pageBatch is pages that are compressed together.
type pageBatch struct {
	pages  []gatheredPage
	raw    []byte // of all pages
	packed []byte // scratch
	done   chan struct{}
	err    error
}

// gatheredPage is a page whose size is not known yet. While its batch is compressed, the out of its column is not the writer's.
type gatheredPage struct {
	column             *column
	page               int // in column.pages
	header             format.PageHeader
	from, to           int // in pageBatch.raw
	size, uncompressed int
}

// end encodes the page of every column of the group before the row.
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
	if len(e.gathered.raw) >= batchBytes {
		return e.start()
	}
	return nil
}

func (e *pageEncoder) page(c *column, levels []byte, first int64, slots int) error {
	if e.gathered == nil {
		e.gathered = &pageBatch{}
	}
	b := e.gathered
	info := pageInfo{firstRow: first, nulls: int64(slots - c.values), null: c.values == 0}
	from := len(b.raw)
	b.raw = append(b.raw, levels...)
	var err error
	if b.raw, info.encoding, err = c.appendValues(b.raw); err != nil {
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
	b.pages = append(b.pages, gatheredPage{column: c, page: len(c.pages), header: header, from: from, to: len(b.raw)})
	c.pages = append(c.pages, info)
	c.page++
	c.chunk.slots += int64(slots)
	c.chunk.nulls += info.nulls
	return nil
}

// start begins to compress what was gathered, after it finished what is under way.
func (e *pageEncoder) start() error {
	if e.gathered == nil || len(e.gathered.pages) == 0 {
		return nil
	}
	if err := e.finish(); err != nil {
		return err
	}
	b := e.gathered
	e.gathered, e.spare, e.running = e.spare, nil, b
	b.done = make(chan struct{})
	go func() {
		defer close(b.done)
		b.compress(e.zstd)
	}()
	return nil
}

// finish waits for the batch that is compressed.
func (e *pageEncoder) finish() error {
	b := e.running
	if b == nil {
		return nil
	}
	<-b.done
	for i := range b.pages {
		p := &b.pages[i]
		p.column.pages[p.page].size = int32(p.size)
		p.column.chunk.uncompressed += int64(p.uncompressed)
		e.finished += int64(p.size)
	}
	err := b.err
	b.pages, b.raw, b.err = b.pages[:0], b.raw[:0], nil
	e.running, e.spare = nil, b
	return err
}

// compress appends the pages to their columns.
func (b *pageBatch) compress(zstd *compressors) {
	for i := range b.pages {
		p := &b.pages[i]
		before := len(p.column.out)
		p.column.out, b.packed, p.uncompressed, b.err = appendPage(p.column.out, b.packed, p.header, b.raw[p.from:p.to], p.column, zstd)
		if b.err != nil {
			b.err = fmt.Errorf("column %s: %w", p.column.Name, b.err)
			return
		}
		p.size = len(p.column.out) - before
	}
}

// appendPage appends a page with its header, and gives its size with the header, uncompressed. packed is scratch.
func appendPage(dst, packed []byte, header format.PageHeader, raw []byte, c *column, zstd *compressors) (_, _ []byte, uncompressed int, err error) {
	packed = zstd.of(&c.Field).EncodeAll(raw, packed[:0])
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(raw)), int32(len(packed))
	header.CRC = int32(crc32.ChecksumIEEE(packed))
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return dst, packed, 0, err
	}
	return append(append(dst, head...), packed...), packed, len(head) + len(raw), nil
}
