package spanfile

import (
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/taeldb/tael/fragment"
)

// groupIndexes are the page indexes of a row group's columns, written at the end of the file.
type groupIndexes struct {
	columns []*format.ColumnIndex // nil for a column without bounds
	offsets []format.OffsetIndex
}

// endGroup ends the row group and writes its pages, column by column.
func (w *Writer) endGroup() error {
	if err := w.endAllPages(); err != nil {
		return err
	}
	group := format.RowGroup{NumRows: w.row, FileOffset: w.offset, Ordinal: int16(len(w.rowGroups))}
	w.info.Splits = append(w.info.Splits, w.offset)
	indexes := groupIndexes{}
	for i, c := range w.columns {
		chunk, index, offsets, err := w.writeChunk(c)
		if err != nil {
			w.err = fmt.Errorf("span file writer: column %s: %w", c.Name, err)
			return w.err
		}
		group.Columns = append(group.Columns, chunk)
		group.TotalByteSize += chunk.MetaData.TotalUncompressedSize
		group.TotalCompressedSize += chunk.MetaData.TotalCompressedSize
		indexes.columns = append(indexes.columns, index)
		indexes.offsets = append(indexes.offsets, offsets)

		f := &w.file[i]
		f.bytes += chunk.MetaData.TotalCompressedSize
		f.slots += c.chunk.slots
		f.nulls += c.chunk.nulls
		f.bounds.merge(&c.chunk.bounds, c.Type)
		c.startGroup()
	}
	if w.err != nil {
		return w.err
	}
	w.rowGroups = append(w.rowGroups, group)
	w.indexes = append(w.indexes, indexes)
	w.sections.Groups = append(w.sections.Groups, groupSection{
		Bounds: w.bounds,
		Index:  appendTraceIndex(nil, w.traces),
		Terms:  fragment.AppendFilter(nil, w.terms.list(), w.opts.TermBits),
	})
	w.info.merge(w.bounds)
	w.attrs.startGroup()
	w.derived.startGroup()
	w.terms.reset()
	w.row, w.pages.finished, w.bounds, w.traces = 0, 0, Bounds{}, w.traces[:0]
	return nil
}

// writeChunk writes the column's dictionary and pages.
func (w *Writer) writeChunk(c *column) (chunk format.ColumnChunk, index *format.ColumnIndex, offsets format.OffsetIndex, err error) {
	start := w.offset
	meta := &chunk.MetaData
	*meta = format.ColumnMetaData{Type: c.Physical, PathInSchema: c.Path, Codec: format.Zstd, NumValues: c.chunk.slots}
	if err := w.writeDictionary(c, meta); err != nil {
		return chunk, nil, offsets, err
	}
	meta.DataPageOffset = w.offset
	at := w.offset
	used := map[format.Encoding]bool{}
	for i := range c.pages {
		p := &c.pages[i]
		offsets.PageLocations = append(offsets.PageLocations, format.PageLocation{Offset: at, CompressedPageSize: p.size, FirstRowIndex: p.firstRow})
		at += int64(p.size)
		used[p.encoding] = true
	}
	w.write(c.out)
	meta.Encoding = append(meta.Encoding, format.RLE) // of the levels
	for _, e := range [...]format.Encoding{format.Plain, format.DeltaBinaryPacked, format.RLEDictionary} {
		if used[e] || e == format.Plain && meta.DictionaryPageOffset != 0 {
			meta.Encoding = append(meta.Encoding, e)
		}
	}
	meta.TotalUncompressedSize, meta.TotalCompressedSize = c.chunk.uncompressed, w.offset-start
	meta.Statistics.NullCount = c.chunk.nulls
	c.chunk.bounds.statistics(c.Type, &meta.Statistics)
	return chunk, c.columnIndex(), offsets, nil
}

func (w *Writer) writeDictionary(c *column, meta *format.ColumnMetaData) error {
	raw, n := c.dictionaryPage()
	if n == 0 {
		return nil
	}
	meta.DictionaryPageOffset = w.offset
	header := format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(n), Encoding: format.Plain})}
	e := &w.pages
	var uncompressed int
	var err error
	if e.dictionary, e.packed, uncompressed, err = appendPage(e.dictionary[:0], e.packed, header, raw, c, e.zstd); err != nil {
		return err
	}
	c.chunk.uncompressed += int64(uncompressed)
	w.write(e.dictionary)
	return nil
}

// columnIndex is nil when the column has no bounds, or a page with values has none.
func (c *column) columnIndex() *format.ColumnIndex {
	if !c.bounded() {
		return nil
	}
	index := &format.ColumnIndex{BoundaryOrder: format.Unordered}
	ascending, descending := true, true
	var last *pageInfo
	for i := range c.pages {
		p := &c.pages[i]
		if p.null == p.bounds {
			return nil
		}
		index.NullPages = append(index.NullPages, p.null)
		index.MinValues = append(index.MinValues, p.min)
		index.MaxValues = append(index.MaxValues, p.max)
		index.NullCounts = append(index.NullCounts, p.nulls)
		if p.null {
			continue
		}
		if last != nil {
			low, top := c.compare(last.min, p.min), c.compare(last.max, p.max)
			ascending = ascending && low <= 0 && top <= 0
			descending = descending && low >= 0 && top >= 0
		}
		last = p
	}
	switch {
	case ascending:
		index.BoundaryOrder = format.Ascending
	case descending:
		index.BoundaryOrder = format.Descending
	}
	return index
}
