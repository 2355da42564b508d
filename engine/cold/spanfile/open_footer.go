package spanfile

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/format"

	"github.com/taeldb/tael"
)

// Limits on a footer, far beyond what a writer makes.
const (
	maxFooterBytes = 64 << 20
	maxGroupRows   = 1 << 24
)

// footer is what is needed of a Parquet FileMetaData.
type footer struct {
	rows     int64
	sections sectionsRef
	columns  []footerColumn // by column of the file
	groups   []footerGroup
}

// footerColumn is a physical column as the file's schema has it.
type footerColumn struct {
	id             int32 // Iceberg field id
	physical       format.Type
	length         int32
	maxDef, maxRep int
}

type footerGroup struct {
	rows   int64
	chunks []footerChunk
}

type footerChunk struct {
	codec                     format.CompressionCodec
	dataOffset, dictOffset    int64 // dictOffset is 0 when there is no dictionary
	size                      int64
	offsetIndex, columnIndex  int64 // offsets in the file
	offsetLength, indexLength int64
}

var errFooter = errors.New("footer: a field is missing or out of range")

// readFooter reads a FileMetaData.
func readFooter(b []byte) (*footer, error) {
	r := &thriftReader{b: b}
	t := &footer{rows: -1}
	found := false
	var refErr error
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 2:
			t.columns = readSchema(r, f)
		case 3:
			t.rows = r.int(f)
		case 4:
			n := r.list(f, thriftStruct)
			for i := 0; i < n && r.err == nil; i++ {
				t.groups = append(t.groups, readGroup(r, len(t.columns)))
			}
		case 5:
			n := r.list(f, thriftStruct)
			for i := 0; i < n && r.err == nil; i++ {
				key, value := readKeyValue(r)
				if string(key) == MetadataSections {
					found = true
					t.sections, refErr = parseSectionsRef(string(value))
				}
			}
		default:
			r.skip(f)
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("footer: %w: %w", tael.ErrDamaged, r.err)
	}
	if !found {
		return nil, fmt.Errorf("footer: %w: there is no %s in its metadata: tael did not write this file", tael.ErrDamaged, MetadataSections)
	}
	if refErr != nil {
		return nil, refErr
	}
	var rows int64
	for i := range t.groups {
		g := &t.groups[i]
		if g.rows < 0 || g.rows > maxGroupRows || len(g.chunks) != len(t.columns) {
			return nil, fmt.Errorf("%w: row group %d: %w", tael.ErrDamaged, i, errFooter)
		}
		rows += g.rows
	}
	if rows != t.rows {
		return nil, fmt.Errorf("footer: %w: it has %d rows, its row groups %d", tael.ErrDamaged, t.rows, rows)
	}
	return t, nil
}

func readKeyValue(r *thriftReader) (key, value []byte) {
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 1:
			key = r.binary(f)
		case 2:
			value = r.binary(f)
		default:
			r.skip(f)
		}
	}
	return key, value
}

// readSchema reads the list of schema elements, which is a tree in depth-first order, and gives its leaves.
func readSchema(r *thriftReader, f thriftField) []footerColumn {
	var leaves []footerColumn
	type level struct{ left, def, rep int } // children to come
	var open []level
	n := r.list(f, thriftStruct)
	for i := 0; i < n && r.err == nil; i++ {
		c, repetition, children := readElement(r)
		if i == 0 { // the root
			open = append(open, level{left: children})
			continue
		}
		for len(open) > 0 && open[len(open)-1].left == 0 {
			open = open[:len(open)-1]
		}
		if len(open) == 0 || len(open) > maxThriftDepth {
			r.fail(errors.New("the schema is not a tree"))
			return nil
		}
		parent := &open[len(open)-1]
		parent.left--
		at := level{children, parent.def, parent.rep}
		switch repetition {
		case format.Optional:
			at.def++
		case format.Repeated:
			at.def++
			at.rep++
		}
		if children > 0 {
			open = append(open, at)
			continue
		}
		c.maxDef, c.maxRep = at.def, at.rep
		leaves = append(leaves, c)
	}
	return leaves
}

func readElement(r *thriftReader) (c footerColumn, repetition format.FieldRepetitionType, children int) {
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 1:
			c.physical = format.Type(r.int(f))
		case 2:
			c.length = int32(r.int(f))
		case 3:
			repetition = format.FieldRepetitionType(r.int(f))
		case 5:
			children = max(0, int(r.int(f)))
		case 9:
			c.id = int32(r.int(f))
		default:
			r.skip(f)
		}
	}
	return c, repetition, children
}

func readGroup(r *thriftReader, columns int) footerGroup {
	g := footerGroup{rows: -1}
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 1:
			n := r.list(f, thriftStruct)
			g.chunks = make([]footerChunk, 0, min(n, columns))
			for i := 0; i < n && r.err == nil; i++ {
				g.chunks = append(g.chunks, readChunk(r))
			}
		case 3:
			g.rows = r.int(f)
		default:
			r.skip(f)
		}
	}
	return g
}

func readChunk(r *thriftReader) footerChunk {
	var c footerChunk
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 3:
			for g := r.enter(f); r.next(&g); {
				switch g.id {
				case 4:
					c.codec = format.CompressionCodec(r.int(g))
				case 7:
					c.size = r.int(g)
				case 9:
					c.dataOffset = r.int(g)
				case 11:
					c.dictOffset = r.int(g)
				default:
					r.skip(g)
				}
			}
		case 4:
			c.offsetIndex = r.int(f)
		case 5:
			c.offsetLength = r.int(f)
		case 6:
			c.columnIndex = r.int(f)
		case 7:
			c.indexLength = r.int(f)
		default:
			r.skip(f)
		}
	}
	return c
}
