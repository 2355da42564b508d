package spanfile

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Writer writes one span file. It keeps the encoded pages of one row group and writes them when the row group ends, so
// that it streams: see WriterOptions.RowGroupBytes. It is used by one goroutine, and has nothing to free: the goroutine that compresses pages
// ends by itself after some milliseconds.
type Writer struct {
	w      io.Writer
	opts   WriterOptions
	offset int64        // bytes written
	tail   *xxh3.Hasher // of what is written after the last page
	err    error        // the first; nothing is written after it
	closed bool
	info   Info

	fields  []Field
	columns []*column
	groups  []*levelGroup
	alarm   bool
	pages   pageEncoder
	span    spanColumns
	attrs   attributeColumns
	derived derivedColumns

	row     int64 // of the row group: the next one's number
	bounds  Bounds
	traces  []uint64 // of the row group: hash << 32 | first row
	terms   termSet
	trace   tael.TraceID
	traceAt int32 // dictionary entry of trace

	file       []fileInfo // by column
	rowGroups  []format.RowGroup
	indexes    []groupIndexes
	sections   sections
	traceTerms []uint64
}

const magic = "PAR1"

// NewWriter starts a file on w. Problems of the options or of w are the error of the first Append or of Close.
func NewWriter(w io.Writer, opts WriterOptions) *Writer {
	sw := &Writer{w: w, opts: opts, fields: Schema()}
	if err := opts.Validate(); err != nil {
		sw.err = fmt.Errorf("span file writer: options: %w", err)
		return sw
	}
	zstd, err := newCompressors(opts.PageBytes)
	if err != nil {
		sw.err = fmt.Errorf("span file writer: %w", err)
		return sw
	}
	sw.pages.zstd = zstd
	sw.build()
	sw.write([]byte(magic))
	return sw
}

// build makes the columns and their groups.
func (w *Writer) build() {
	byPath := map[string]*column{}
	for _, leaf := range Leaves(w.fields) {
		c := &column{Leaf: leaf, limit: w.opts.DictionaryBytes}
		c.texts.fixed = int(leaf.Length)
		c.startGroup()
		w.columns = append(w.columns, c)
		byPath[pathOf(leaf.Path)] = c
		last := len(w.groups) - 1
		// The members of a map, or of a struct in a list, follow each other.
		if leaf.MaxRep > 0 && last >= 0 && sameParent(w.groups[last].columns[0].Path, leaf.Path) {
			c.group = w.groups[last]
			c.group.columns = append(c.group.columns, c)
			continue
		}
		c.group = &levelGroup{columns: []*column{c}, maxDef: leaf.MaxDef, maxRep: leaf.MaxRep, pageBytes: w.opts.PageBytes, alarm: &w.alarm}
		w.groups = append(w.groups, c.group)
	}
	w.file = make([]fileInfo, len(w.columns))
	w.span.bind(byPath)
	w.attrs.bind(byPath, w.columns)
	w.derived.bind(byPath, w.columns)
	w.attrs.terms, w.derived.terms = &w.terms, &w.terms
	for _, c := range w.derived.resource() {
		c.limit *= 4
	}
}

func sameParent(a, b []string) bool {
	return len(a) == len(b) && pathOf(a[:len(a)-1]) == pathOf(b[:len(b)-1])
}

// startGroup makes a column ready for a new row group.
func (c *column) startGroup() {
	c.encoding = c.Encoding
	if c.limit == 0 && c.encoding == Dictionary {
		c.encoding = Plain
	}
	c.texts.reset()
	c.numbers.reset()
	c.page = 1
	c.pages, c.out, c.chunk = c.pages[:0], c.out[:0], chunkInfo{}
}

// Rows is the number of rows appended.
func (w *Writer) Rows() int64 { return w.info.Rows + w.bounds.Rows }

// Bytes estimates the size that the file would have if it were closed now: what was written, and what the unfinished row group has compressed.
func (w *Writer) Bytes() int64 { return w.offset + w.pages.finished }

// Append adds a row, which it does not keep. Rows come in the order that docs/formats/spanfile.md tells; the rows of a trace must follow each other.
// After an error every call gives it again.
func (w *Writer) Append(r *fragment.Row) error {
	if w.err == nil && w.closed {
		w.err = fmt.Errorf("span file writer: append: %w", tael.ErrClosed)
	}
	if w.err != nil {
		return w.err
	}
	fresh := r.TraceID != w.trace || w.Rows() == 0
	if w.row > 0 && w.groupEnds(fresh) {
		if err := w.endGroup(); err != nil {
			return err
		}
	}
	w.put(r, fresh)
	if w.alarm || w.row%int64(w.opts.PageRows) == 0 {
		return w.endPages()
	}
	return nil
}

// groupEnds tells whether the row group ends before a row that begins a trace or goes on with one.
func (w *Writer) groupEnds(fresh bool) bool {
	rows, limit := w.row, int64(w.opts.RowGroupRows)
	return w.pages.finished >= int64(w.opts.RowGroupBytes) || rows >= limit && fresh || rows >= limit+max(1, limit/8)
}

// Pages whose values take less than this go on for another PageRows.
const minPageBytes = 1 << 10

// endPages ends the pages that are full after the last row.
func (w *Writer) endPages() error {
	turn := w.row%int64(w.opts.PageRows) == 0
	for _, g := range w.groups {
		end := g.full
		for _, c := range g.columns {
			end = end || turn && c.weight() >= minPageBytes
		}
		if end {
			if err := w.pages.end(g, w.row); err != nil {
				return w.fail(err)
			}
		}
	}
	w.alarm = false
	if err := w.pages.start(); err != nil {
		return w.fail(err)
	}
	return nil
}

// endAllPages ends every page, and returns when all of them are finished.
func (w *Writer) endAllPages() error {
	for _, g := range w.groups {
		if err := w.pages.end(g, w.row); err != nil {
			return w.fail(err)
		}
		g.reset()
	}
	err := w.pages.start()
	if err == nil {
		err = w.pages.finish()
	}
	if err != nil {
		return w.fail(err)
	}
	return nil
}

// fail makes an error the writer's last word.
func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("span file writer: %w", err)
	return w.err
}

// Close ends the file and sums it up. It does not close the underlying writer. A second Close gives the same.
func (w *Writer) Close() (Info, error) {
	if w.closed || w.err != nil {
		w.closed = true
		return w.info, w.err
	}
	w.closed = true
	if w.row > 0 {
		if err := w.endGroup(); err != nil {
			return Info{}, err
		}
	}
	if err := w.endFile(); err != nil {
		return Info{}, err
	}
	return w.info, nil
}

// write passes on bytes and counts them.
func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if w.tail != nil {
		_, _ = w.tail.Write(b) // a hash takes everything
	}
	n, err := w.w.Write(b)
	w.offset += int64(n)
	if err != nil {
		w.err = fmt.Errorf("span file writer: write %d bytes at %d: %w", len(b), w.offset, err)
	}
}
