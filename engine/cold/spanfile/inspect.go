package spanfile

import "strings"

// GroupReport is what an open file knows of a row group.
type GroupReport struct {
	Bounds
	First     int64 // row of the file
	Bytes     int64 // of its pages and dictionaries
	Index     int   // entries of the trace index
	TermBytes int   // of the filter over attributes and names
}

// ColumnReport is what a column takes in all row groups together.
type ColumnReport struct {
	ID    int32  // Iceberg field id
	Path  string // names from the top-level column on, with dots
	Bytes int64  // of its pages and dictionaries; 0 when the file does not have it
	Pages int
}

// Inspect sums up the file for a person, without reading.
func (f *File) Inspect() (groups []GroupReport, columns []ColumnReport) {
	leaves := f.shared.layout.leaves
	columns = make([]ColumnReport, len(leaves))
	for i := range leaves {
		columns[i] = ColumnReport{ID: leaves[i].ID, Path: strings.Join(leaves[i].Path, ".")}
	}
	groups = make([]GroupReport, len(f.groups))
	for i := range f.groups {
		g := &f.groups[i]
		groups[i] = GroupReport{Bounds: g.Bounds, First: g.first, Index: g.index.len(), TermBytes: g.terms}
		for j := range g.chunks {
			n := int64(g.chunks[j].dictSize)
			for _, p := range g.chunks[j].pages {
				n += int64(p.size)
			}
			groups[i].Bytes += n
			columns[j].Bytes += n
			columns[j].Pages += len(g.chunks[j].pages)
		}
	}
	return groups, columns
}

// SectionBytes is the length of the block that only tael reads.
func (f *File) SectionBytes() int64 { return f.block.Length }
