package fragment

import "github.com/apache/arrow-go/v18/arrow"

// Names of the columns of a scan's record batches, in this order. The first seven are always there. String columns are utf8 or
// dictionary<int32, utf8>: a reader handles both. Times and durations are nanoseconds as int64.
const (
	ColumnRow      = "row"      // int64: where the source finds the span again, see query.Scan
	ColumnTraceID  = "trace_id" // fixed_size_binary[16]
	ColumnSpanID   = "span_id"  // fixed_size_binary[8]
	ColumnKind     = "kind"     // int32
	ColumnStart    = "start"    // int64
	ColumnDuration = "duration" // int64, see tael.Duration
	ColumnSequence = "sequence" // int64
	ColumnService  = "service"  // string; with Columns.Service
	ColumnName     = "name"     // string; with Columns.Name
	ColumnStatus   = "status"   // int32; with Columns.Status
	ColumnEnd      = "end"      // int64; with Columns.End
)

// Columns is the projection of a scan beyond the columns that are always there.
type Columns struct {
	Service, Name, Status, End bool
	// Attributes adds five columns a key, AttributeColumn(key, form) for each of Forms: at most one of them is not null in a row, and it holds the
	// value that the key names (tael.Span.Attribute: the span's own, else the resource's, else the scope's).
	Attributes []string
}

// The forms of an attribute column, one a kind of value.
const (
	FormString = "string" // string
	FormInt    = "int"    // int64
	FormDouble = "double" // float64
	FormBool   = "bool"   // bool
	FormOther  = "other"  // bool, true: the value is bytes, an array, a map or empty
)

// Forms are the forms in the order of their columns.
var Forms = [...]string{FormString, FormInt, FormDouble, FormBool, FormOther}

// AttributeColumn names the column of a key in one form.
func AttributeColumn(key, form string) string { return "attribute/" + form + "/" + key }

// Schema is the schema of the record batches, with plain utf8 for strings.
func (c Columns) Schema() *arrow.Schema {
	fields := []arrow.Field{
		{Name: ColumnRow, Type: arrow.PrimitiveTypes.Int64},
		{Name: ColumnTraceID, Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}},
		{Name: ColumnSpanID, Type: &arrow.FixedSizeBinaryType{ByteWidth: 8}},
		{Name: ColumnKind, Type: arrow.PrimitiveTypes.Int32},
		{Name: ColumnStart, Type: arrow.PrimitiveTypes.Int64},
		{Name: ColumnDuration, Type: arrow.PrimitiveTypes.Int64},
		{Name: ColumnSequence, Type: arrow.PrimitiveTypes.Int64},
	}
	if c.Service {
		fields = append(fields, arrow.Field{Name: ColumnService, Type: arrow.BinaryTypes.String})
	}
	if c.Name {
		fields = append(fields, arrow.Field{Name: ColumnName, Type: arrow.BinaryTypes.String})
	}
	if c.Status {
		fields = append(fields, arrow.Field{Name: ColumnStatus, Type: arrow.PrimitiveTypes.Int32})
	}
	if c.End {
		fields = append(fields, arrow.Field{Name: ColumnEnd, Type: arrow.PrimitiveTypes.Int64})
	}
	types := [...]arrow.DataType{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean, arrow.FixedWidthTypes.Boolean}
	for _, key := range c.Attributes {
		for i, form := range Forms {
			fields = append(fields, arrow.Field{Name: AttributeColumn(key, form), Type: types[i], Nullable: true})
		}
	}
	return arrow.NewSchema(fields, nil)
}
