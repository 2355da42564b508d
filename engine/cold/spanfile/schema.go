package spanfile

import "github.com/parquet-go/parquet-go/format"

// Type is the Iceberg type of a field.
type Type uint8

// The types of the schema. A Long that holds an unsigned number of OTLP (start times, flags, dropped counts) is never negative.
const (
	String    Type = iota // UTF-8
	Binary                // any bytes
	Int                   // int32
	Long                  // int64
	Double                // float64
	Boolean               //
	Timestamp             // Iceberg timestamptz: microseconds since 1970 UTC
	Fixed                 // Length bytes
	Struct                // Fields are its members
	List                  // Fields[0] is its element
	Map                   // Fields[0] is its key, Fields[1] its value
)

// Encoding is how the writer starts to encode a column; readers go by the page headers.
type Encoding uint8

// The encodings.
const (
	Plain      Encoding = iota
	Dictionary          // RLE_DICTIONARY; the rest of a row group is Plain when its dictionary outgrows WriterOptions.DictionaryBytes
	Delta               // DELTA_BINARY_PACKED
)

// Field is a column or a part of a nested column.
type Field struct {
	ID       int32 // Iceberg field id; never reused, never changed
	Name     string
	Type     Type
	Length   int32 // bytes of a Fixed
	Optional bool  // null for "not there"; lists and maps are empty instead
	Encoding Encoding
	Text     bool   // long text: no bounds, and compressed better
	Dense    bool   // compressed as well as long text: the fast level leaves too much
	Span     string // the span attribute that the column holds, when it is the first of its key and of the column's type
	Resource string // the resource attribute that the column repeats, when it is a string
	Doc      string
	Fields   []Field
}

// Leaf is a physical column of the file.
type Leaf struct {
	Field
	Column   int      // number in the file, from 0
	Path     []string // in the Parquet schema, from the top-level column on
	MaxDef   int      // definition level of a value that is there
	MaxRep   int      // repetition level of a further value of the innermost list or map
	Physical format.Type
}

// Leaves lists the physical columns of fields in file order.
func Leaves(fields []Field) []Leaf {
	var leaves []Leaf
	for _, f := range fields {
		leaves = appendLeaves(leaves, f, nil, 0, 0)
	}
	return leaves
}

func appendLeaves(leaves []Leaf, f Field, path []string, def, rep int) []Leaf {
	path = append(path[:len(path):len(path)], f.Name)
	if f.Optional {
		def++
	}
	switch f.Type {
	case Struct:
		for _, m := range f.Fields {
			leaves = appendLeaves(leaves, m, path, def, rep)
		}
	case List:
		leaves = appendLeaves(leaves, f.Fields[0], append(path, groupList), def+1, rep+1)
	case Map:
		path = append(path, groupMap)
		leaves = appendLeaves(leaves, f.Fields[0], path, def+1, rep+1)
		leaves = appendLeaves(leaves, f.Fields[1], path, def+1, rep+1)
	default:
		leaves = append(leaves, Leaf{Field: f, Column: len(leaves), Path: path, MaxDef: def, MaxRep: rep, Physical: f.Type.physical()})
	}
	return leaves
}

// Names of the repeated groups inside lists and maps, as the Parquet format asks for.
const (
	groupList = "list"
	groupMap  = "key_value"
)

func (t Type) physical() format.Type {
	switch t {
	case String, Binary:
		return format.ByteArray
	case Int:
		return format.Int32
	case Long, Timestamp:
		return format.Int64
	case Double:
		return format.Double
	case Boolean:
		return format.Boolean
	}
	return format.FixedLenByteArray
}
