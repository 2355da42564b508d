package spanfile

// Info sums up a file, for the table's manifest and the engine's file list.
type Info struct {
	Bounds            // Traces is the distinct traces of the whole file
	Bytes     int64   // size of the file
	RowGroups int     //
	Splits    []int64 // offsets of the row groups, as Iceberg's split_offsets
	Columns   []ColumnStats
}

// ColumnStats is what Iceberg keeps of a column of a file. Lower and Upper are Iceberg single-value binaries, nil when the
// column has no value or none is known (binary columns, and columns inside lists and maps); those of strings are cut to 16
// characters, the upper one made larger, so they are bounds but need not occur.
type ColumnStats struct {
	FieldID      int32
	Bytes        int64 // compressed, page headers and dictionary included
	Values       int64 // nulls included
	Nulls        int64
	Lower, Upper []byte
}
