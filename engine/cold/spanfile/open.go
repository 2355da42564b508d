package spanfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// File is an open file: its footer, page locations, trace index and bounds are in memory, everything else is read when asked for. It is
// safe for concurrent use and holds nothing that needs closing.
type File struct {
	r      RangeReader
	opts   ReadOptions
	shared *Shared
	id     uint64 // in the shared cache

	info   Info
	traces []byte // fragment filter over fragment.TermTrace
	block  sectionsRef
	groups []group
}

// group is a row group.
type group struct {
	Bounds
	first  int64 // row of the file
	base   int64 // where its first chunk begins in the file; everything of it is within 4 GiB from there
	index  traceIndex
	chunks []chunk // by leaf of the layout
	terms  int     // bytes of the term filter
}

// chunk is a column in a row group. A column that the file does not have has no pages.
type chunk struct {
	pages    []pageRef
	dict     uint32 // offset from the group's base
	dictSize uint32 // 0 without dictionary
	codec    format.CompressionCodec
}

const (
	parquetMagic = "PAR1"
	tailHead     = 8 // length of the footer, magic
)

// Open reads the end of a file of size bytes: once, and a second time when what belongs to the footer is longer than ReadOptions.TailBytes. A
// file that tael did not write, or that is damaged, is a tael.ErrDamaged; one of a newer release a tael.ErrNewer.
func Open(ctx context.Context, r RangeReader, size int64, o ReadOptions) (*File, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Shared == nil {
		shared, err := NewShared(DefaultCacheBytes)
		if err != nil {
			return nil, err
		}
		o.Shared = shared
	}
	f := &File{r: r, opts: o, shared: o.Shared, id: o.Shared.files.Add(1)}
	if size < int64(len(parquetMagic)+tailHead) {
		return nil, f.damage("", fmt.Errorf("%d bytes are too few for a Parquet file", size))
	}
	t := &tail{f: f, size: size, from: size}
	if err := t.need(ctx, max(0, size-o.TailBytes)); err != nil {
		return nil, err
	}
	end := t.b[len(t.b)-tailHead:]
	length := int64(binary.LittleEndian.Uint32(end))
	if string(end[4:]) != parquetMagic || length > min(maxFooterBytes, size-tailHead-int64(len(parquetMagic))) {
		return nil, f.damage("", errors.New("it does not end like a Parquet file: written in part, or not one"))
	}
	start := size - tailHead - length
	if err := t.need(ctx, start); err != nil {
		return nil, err
	}
	head, err := readFooter(t.at(start, length))
	if err != nil {
		return nil, f.damage("", err)
	}
	if start < int64(len(parquetMagic))+sumBytes {
		return nil, f.damage("", errors.New("there is nothing before its footer"))
	}
	if err := f.load(ctx, t, head, start-sumBytes); err != nil {
		return nil, err
	}
	f.info.Bytes = size
	return f, nil
}

// tail is the end of the file, as far as it has been read.
type tail struct {
	f    *File
	size int64
	from int64 // offset of b in the file
	b    []byte
}

// need reads from off on, if that has not been done.
func (t *tail) need(ctx context.Context, off int64) error {
	if off >= t.from {
		return nil
	}
	b, err := t.f.r.ReadRange(ctx, off, t.from-off)
	if err != nil {
		return fmt.Errorf("span file %s: reading its end: %w", t.f.opts.Name, err)
	}
	if int64(len(b)) != t.from-off {
		return t.f.damage("", fmt.Errorf("%d bytes at %d were read where the file should have %d", len(b), off, t.from-off))
	}
	t.b = append(b[:len(b):len(b)], t.b...)
	t.from = off
	return nil
}

// at is a part of what was read.
func (t *tail) at(off, n int64) []byte { return t.b[off-t.from : off-t.from+n] }

// load takes what is kept out of the footer, the indexes and the sections. At limit is their checksum, and then the footer.
func (f *File) load(ctx context.Context, t *tail, head *footer, limit int64) error {
	first := head.sections.Offset
	inside := func(off, n int64) bool {
		return off >= int64(len(parquetMagic)) && n >= 0 && off <= limit && n <= limit-off
	}
	if !inside(head.sections.Offset, head.sections.Length) {
		return f.damage("", errors.New("the sections lie outside the file"))
	}
	for i := range head.groups {
		for j := range head.groups[i].chunks {
			c := &head.groups[i].chunks[j]
			if !inside(c.offsetIndex, c.offsetLength) || c.offsetLength == 0 || c.columnIndex != 0 && !inside(c.columnIndex, c.indexLength) {
				return f.damage(f.place(i, -1), errors.New("a page index lies outside the file or is missing"))
			}
			first = min(first, c.offsetIndex)
			if c.columnIndex != 0 {
				first = min(first, c.columnIndex)
			}
		}
	}
	if limit-first > maxTailBytes {
		return f.damage("", fmt.Errorf("its indexes take more than %d bytes", maxTailBytes))
	}
	if err := t.need(ctx, first); err != nil {
		return err
	}
	h := xxh3.New()
	_, _ = h.Write(t.at(first, limit-first)) // a hash takes everything
	_, _ = h.Write(t.at(limit+sumBytes, t.size-tailHead-limit-sumBytes))
	if h.Sum64() != binary.LittleEndian.Uint64(t.at(limit, sumBytes)) {
		return f.damage("", errors.New("the checksum of its indexes, sections and footer does not match"))
	}
	f.block = head.sections
	s, err := parseSections(t.at(f.block.Offset, f.block.Length))
	if err != nil {
		return f.damage("", err)
	}
	if len(s.Groups) != len(head.groups) {
		return f.damage("", errors.New("the sections have another number of row groups than the footer"))
	}
	columns, err := f.match(head.columns)
	if err != nil {
		return f.damage("", err)
	}
	f.traces = bytes.Clone(s.Traces)
	f.groups = make([]group, len(head.groups))
	f.info.RowGroups = len(head.groups)
	row := int64(0)
	for i := range f.groups {
		g, h, sec := &f.groups[i], &head.groups[i], &s.Groups[i]
		if sec.Rows != h.rows || sec.Index.len() > int(h.rows) {
			return f.damage(f.place(i, -1), errors.New("the sections have other rows than the footer"))
		}
		*g = group{Bounds: sec.Bounds, first: row, index: traceIndex(bytes.Clone(sec.Index)), terms: len(sec.Terms)}
		row += h.rows
		traces := f.info.Traces + sec.Traces
		f.info.merge(sec.Bounds)
		f.info.Traces = traces
		if err := f.loadChunks(t, i, h, columns, first); err != nil {
			return err
		}
	}
	f.keepTerms(s)
	return nil
}

// maxTailBytes bounds what Open reads.
const maxTailBytes = 256 << 20

// match finds the layout's leaf of each column of the file, -1 for a column that this release does not know.
func (f *File) match(columns []footerColumn) ([]int, error) {
	l := f.shared.layout
	byID := make(map[int32]int, len(l.leaves))
	for i := range l.leaves {
		byID[l.leaves[i].ID] = i
	}
	found := make([]bool, len(l.leaves))
	to := make([]int, len(columns))
	for i, c := range columns {
		leaf, ok := byID[c.id]
		if !ok {
			to[i] = -1
			continue
		}
		want := &l.leaves[leaf]
		if found[leaf] || c.physical != want.Physical || c.maxDef != want.MaxDef || c.maxRep != want.MaxRep || c.physical == format.FixedLenByteArray && c.length != want.Length {
			return nil, fmt.Errorf("column %d (field id %d) is not of the type that %s has", i, c.id, want.Name)
		}
		found[leaf] = true
		to[i] = leaf
	}
	for i, ok := range found {
		if !ok && l.leaves[i].MaxDef == 0 {
			return nil, fmt.Errorf("the column %s is missing", l.leaves[i].Name)
		}
	}
	return to, nil
}

// loadChunks takes the page locations of group i; data ends at limit.
func (f *File) loadChunks(t *tail, i int, h *footerGroup, columns []int, limit int64) error {
	g := &f.groups[i]
	g.base = limit
	for j := range h.chunks {
		c := &h.chunks[j]
		if c.dictOffset == 0 {
			c.dictOffset = c.dataOffset
		}
		if c.dictOffset < int64(len(parquetMagic)) || c.dataOffset < c.dictOffset || c.size <= 0 || c.size > limit-c.dictOffset || c.dataOffset-c.dictOffset > c.size ||
			c.dataOffset-c.dictOffset > maxPageBytes {
			return f.damage(f.place(i, columns[j]), errors.New("its pages lie outside the file"))
		}
		g.base = min(g.base, c.dictOffset)
	}
	g.chunks = make([]chunk, len(f.shared.layout.leaves))
	var pages []pageRef
	bounds := make([]int, len(h.chunks)+1)
	for j := range h.chunks {
		c := &h.chunks[j]
		if columns[j] >= 0 {
			var err error
			if c.dataOffset-g.base > math.MaxUint32 {
				return f.damage(f.place(i, columns[j]), errors.New("the row group is larger than 4 GiB"))
			}
			if pages, err = readOffsetIndex(pages, t.at(c.offsetIndex, c.offsetLength), g.base, c.dataOffset, c.dictOffset+c.size, int(g.Rows)); err != nil {
				return f.damage(f.place(i, columns[j]), err)
			}
			if c.columnIndex != 0 {
				if err := readColumnIndex(pages[bounds[j]:], t.at(c.columnIndex, c.indexLength), int(g.Rows), f.shared.layout.shapes[columns[j]].maxRep); err != nil {
					return f.damage(f.place(i, columns[j]), err)
				}
			}
		}
		bounds[j+1] = len(pages)
	}
	pages = append(make([]pageRef, 0, len(pages)), pages...)
	for j, leaf := range columns {
		if leaf < 0 {
			continue
		}
		c := &h.chunks[j]
		g.chunks[leaf] = chunk{
			pages: pages[bounds[j]:bounds[j+1]:bounds[j+1]],
			dict:  uint32(c.dictOffset - g.base), dictSize: uint32(c.dataOffset - c.dictOffset), codec: c.codec,
		}
	}
	return nil
}

// place names a row group and, unless leaf is below 0, a column in errors.
func (f *File) place(group, leaf int) string {
	if leaf < 0 {
		return fmt.Sprintf("row group %d: ", group)
	}
	return fmt.Sprintf("row group %d, column %s: ", group, f.shared.layout.leaves[leaf].Name)
}

// damage is the error of bytes that are not what they should be.
func (f *File) damage(place string, err error) error {
	if errors.Is(err, tael.ErrDamaged) || errors.Is(err, tael.ErrNewer) {
		return fmt.Errorf("span file %s: %s%w", f.opts.Name, place, err)
	}
	return fmt.Errorf("span file %s: %s%w: %w", f.opts.Name, place, tael.ErrDamaged, err)
}

// Info sums up the file. Columns and Splits are not known to a reader, and Traces counts a trace once a row group.
func (f *File) Info() Info { return f.info }

// MemoryBytes is about what the open file keeps in memory, the shared cache not counted.
func (f *File) MemoryBytes() int64 {
	n := int64(unsafe.Sizeof(*f)) + int64(len(f.traces))
	for i := range f.groups {
		g := &f.groups[i]
		n += int64(unsafe.Sizeof(*g)) + int64(len(g.index)) + int64(len(g.chunks))*int64(unsafe.Sizeof(chunk{}))
		for j := range g.chunks {
			n += int64(len(g.chunks[j].pages)) * int64(unsafe.Sizeof(pageRef{}))
		}
	}
	return n
}

// HasTrace tells whether the file can have rows of the trace, without reading. False is certain, and true is wrong about once in a hundred
// million times.
func (f *File) HasTrace(id tael.TraceID) bool {
	if !fragment.FilterHas(f.traces, fragment.TermTrace(id)) {
		return false
	}
	for i := range f.groups {
		if len(f.groups[i].index.find(nil, id)) > 0 {
			return true
		}
	}
	return false
}
