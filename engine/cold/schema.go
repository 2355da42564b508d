package cold

import (
	"fmt"

	"github.com/apache/iceberg-go"

	"github.com/taeldb/tael/engine/cold/spanfile"
)

// Field ids of the columns that the table itself looks at; spanfile.Schema fixes them.
const (
	fieldTenant   = 1 // tenant
	fieldStart    = 5 // start_time, in microseconds
	fieldDuration = 7 // duration_nano

	partitionTenant = 1000
	partitionDay    = 1001
)

// tableSchema is spanfile's schema in Iceberg's terms. A field that is not optional is required.
func tableSchema() *iceberg.Schema {
	return iceberg.NewSchema(0, nestedFields(spanfile.Schema())...)
}

func nestedFields(fields []spanfile.Field) []iceberg.NestedField {
	out := make([]iceberg.NestedField, len(fields))
	for i, f := range fields {
		out[i] = iceberg.NestedField{ID: int(f.ID), Name: f.Name, Type: fieldType(f), Required: !f.Optional, Doc: f.Doc}
	}
	return out
}

func fieldType(f spanfile.Field) iceberg.Type {
	switch f.Type {
	case spanfile.String:
		return iceberg.PrimitiveTypes.String
	case spanfile.Binary:
		return iceberg.PrimitiveTypes.Binary
	case spanfile.Int:
		return iceberg.PrimitiveTypes.Int32
	case spanfile.Long:
		return iceberg.PrimitiveTypes.Int64
	case spanfile.Double:
		return iceberg.PrimitiveTypes.Float64
	case spanfile.Boolean:
		return iceberg.PrimitiveTypes.Bool
	case spanfile.Timestamp:
		return iceberg.PrimitiveTypes.TimestampTz
	case spanfile.Struct:
		return &iceberg.StructType{FieldList: nestedFields(f.Fields)}
	case spanfile.List:
		e := f.Fields[0]
		return &iceberg.ListType{ElementID: int(e.ID), Element: fieldType(e), ElementRequired: !e.Optional}
	case spanfile.Map:
		k, v := f.Fields[0], f.Fields[1]
		return &iceberg.MapType{KeyID: int(k.ID), KeyType: fieldType(k), ValueID: int(v.ID), ValueType: fieldType(v), ValueRequired: !v.Optional}
	}
	return iceberg.FixedTypeOf(int(f.Length))
}

// partitionSpec is identity(tenant), day(start_time).
func partitionSpec() iceberg.PartitionSpec {
	return iceberg.NewPartitionSpec(
		iceberg.PartitionField{SourceIDs: []int{fieldTenant}, FieldID: partitionTenant, Name: "tenant", Transform: iceberg.IdentityTransform{}},
		iceberg.PartitionField{SourceIDs: []int{fieldStart}, FieldID: partitionDay, Name: "start_time_day", Transform: iceberg.DayTransform{}},
	)
}

func partitionValues(tenant string, day int32) map[int]any {
	return map[int]any{partitionTenant: tenant, partitionDay: iceberg.Date(day)}
}

// readPartition is the inverse of partitionValues.
func readPartition(values map[int]any) (tenant string, day int32, err error) {
	tenant, ok := values[partitionTenant].(string)
	if !ok {
		return "", 0, fmt.Errorf("partition tenant is %T, want a string", values[partitionTenant])
	}
	switch d := values[partitionDay].(type) {
	case iceberg.Date:
		return tenant, int32(d), nil
	case int32:
		return tenant, d, nil
	case int:
		return tenant, int32(d), nil
	}
	return "", 0, fmt.Errorf("partition start_time_day is %T, want a date", values[partitionDay])
}
