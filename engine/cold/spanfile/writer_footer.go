package spanfile

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael/fragment"
)

// endFile writes everything after the last page: indexes, sections, footer.
func (w *Writer) endFile() error {
	w.tail = xxh3.New()
	for g := range w.rowGroups {
		for i, index := range w.indexes[g].columns {
			if index == nil {
				continue
			}
			chunk := &w.rowGroups[g].Columns[i]
			chunk.ColumnIndexOffset = w.offset
			n, err := w.writeThrift(index)
			if err != nil {
				return err
			}
			chunk.ColumnIndexLength = int32(n)
		}
	}
	for g := range w.rowGroups {
		for i := range w.indexes[g].offsets {
			chunk := &w.rowGroups[g].Columns[i]
			chunk.OffsetIndexOffset = w.offset
			n, err := w.writeThrift(&w.indexes[g].offsets[i])
			if err != nil {
				return err
			}
			chunk.OffsetIndexLength = int32(n)
		}
	}
	w.sections.Traces = fragment.AppendFilter(nil, w.traceTerms, w.opts.TraceBits)
	ref := sectionsRef{Offset: w.offset, Version: SectionsVersion}
	block := appendSections(nil, &w.sections)
	ref.Length = int64(len(block))
	w.write(block)
	if err := w.writeFooter(ref); err != nil {
		return err
	}
	w.sumUp()
	return w.err
}

func (w *Writer) writeThrift(v any) (int, error) {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		w.err = fmt.Errorf("span file writer: %T: %w", v, err)
	}
	w.write(b)
	return len(b), w.err
}

func (w *Writer) writeFooter(ref sectionsRef) error {
	meta := format.FileMetaData{
		Version:          2,
		Schema:           schemaElements(w.fields),
		NumRows:          w.info.Rows,
		RowGroups:        w.rowGroups,
		KeyValueMetadata: []format.KeyValue{{Key: MetadataSections, Value: ref.String()}},
		CreatedBy:        w.opts.CreatedBy,
	}
	for range w.columns {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: new(format.TypeDefinedOrder)})
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err == nil && len(footer) > math.MaxInt32 {
		err = fmt.Errorf("%d bytes: too many row groups", len(footer))
	}
	if err != nil {
		w.err = fmt.Errorf("span file writer: footer: %w", err)
		return w.err
	}
	// Parquet has no checksum of its footer, so one goes before it.
	tail := w.tail
	w.tail = nil
	_, _ = tail.Write(footer) // a hash takes everything
	w.write(binary.LittleEndian.AppendUint64(nil, tail.Sum64()))
	w.write(footer)
	w.write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))), magic...))
	return w.err
}

// sumUp completes the Info.
func (w *Writer) sumUp() {
	w.info.Bytes = w.offset
	w.info.RowGroups = len(w.rowGroups)
	for i, c := range w.columns {
		f := &w.file[i]
		s := ColumnStats{FieldID: c.ID, Bytes: f.bytes, Values: f.slots, Nulls: f.nulls}
		if c.bounded() && f.bounds.any {
			s.Lower, s.Upper = f.bounds.iceberg(c.Type)
		}
		w.info.Columns = append(w.info.Columns, s)
	}
}

// schemaElements is the schema as the footer has it: depth first.
func schemaElements(fields []Field) []format.SchemaElement {
	elements := []format.SchemaElement{{Name: "spans", NumChildren: thrift.New(int32(len(fields)))}}
	for _, f := range fields {
		elements = appendElements(elements, f)
	}
	return elements
}

func appendElements(elements []format.SchemaElement, f Field) []format.SchemaElement {
	e := format.SchemaElement{Name: f.Name, FieldID: f.ID, RepetitionType: thrift.New(format.Required)}
	if f.Optional {
		e.RepetitionType.Set(format.Optional)
	}
	children := f.Fields
	switch f.Type {
	case Struct:
		e.NumChildren = thrift.New(int32(len(children)))
	case List:
		e.NumChildren = thrift.New(int32(1))
		e.LogicalType, e.ConvertedType = format.LogicalType{Value: new(format.ListType)}, thrift.New(deprecated.List)
	case Map:
		e.NumChildren = thrift.New(int32(1))
		e.LogicalType, e.ConvertedType = format.LogicalType{Value: new(format.MapType)}, thrift.New(deprecated.Map)
	default:
		e.Type = thrift.New(f.Type.physical())
		switch f.Type {
		case String:
			e.LogicalType, e.ConvertedType = format.LogicalType{Value: new(format.StringType)}, thrift.New(deprecated.UTF8)
		case Timestamp:
			e.LogicalType = format.LogicalType{Value: &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: new(format.MicroSeconds)}}}
			e.ConvertedType = thrift.New(deprecated.TimestampMicros)
		case Fixed:
			e.TypeLength = thrift.New(f.Length)
		}
	}
	elements = append(elements, e)
	if f.Type == List || f.Type == Map {
		name := groupList
		if f.Type == Map {
			name = groupMap
		}
		elements = append(elements, format.SchemaElement{Name: name, RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(len(children)))})
	}
	for _, child := range children {
		elements = appendElements(elements, child)
	}
	return elements
}
