// Package spanfile is one Parquet file of spans of one tenant and day: the cold tier's unit of storage. The flush hands sorted
// fragment.Rows to a Writer, which encodes columns and pages itself and appends sections of our own (trace index, filters,
// bounds) that standard readers ignore. Files are read back through Open. The schema and its Iceberg field ids are fixed in
// schema_fields.go; docs/formats/spanfile.md describes the bytes.
package spanfile
