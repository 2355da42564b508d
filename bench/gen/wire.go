package gen

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of opentelemetry.proto.{common,resource,trace}.v1 that the encoder writes.
const (
	fieldKey, fieldValue = 1, 2 // KeyValue

	fieldAnyString, fieldAnyBool, fieldAnyInt, fieldAnyDouble, fieldAnyArray = 1, 2, 3, 4, 5

	fieldResourceAttributes = 1
	fieldResource           = 1 // ResourceSpans
	fieldScopeSpans         = 2
	fieldResourceSchema     = 3
	fieldScope              = 1 // ScopeSpans
	fieldSpans              = 2
	fieldScopeName          = 1 // InstrumentationScope
	fieldScopeVersion       = 2

	fieldTraceID, fieldSpanID, fieldParentID = 1, 2, 4
	fieldName, fieldKind                     = 5, 6
	fieldStart, fieldEnd                     = 7, 8
	fieldAttributes, fieldEvents, fieldLinks = 9, 11, 13
	fieldStatus, fieldFlags                  = 15, 16

	fieldEventTime, fieldEventName, fieldEventAttributes = 1, 2, 3
	fieldLinkTraceID, fieldLinkSpanID                    = 1, 2
	fieldStatusMessage, fieldStatusCode                  = 2, 3
)

// appendTag is for field numbers below 16: their tag is one byte.
func appendTag(b []byte, field int, typ protowire.Type) []byte {
	return append(b, byte(field<<3)|byte(typ))
}

func appendBytesField(b []byte, field int, v []byte) []byte {
	b = appendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendStringField(b []byte, field int, v string) []byte {
	b = appendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendVarintField(b []byte, field int, v uint64) []byte {
	b = appendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendFixed64Field(b []byte, field int, v uint64) []byte {
	b = appendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, v)
}

// appendKeyValueHead appends everything of a KeyValue before the bytes of its value: the caller
// appends exactly size bytes of the given field of AnyValue's payload after it.
func appendKeyValueHead(b []byte, field int, key string, anySize int) []byte {
	size := 1 + sizeVarint(len(key)) + len(key) + 1 + sizeVarint(anySize) + anySize
	b = appendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = appendStringField(b, fieldKey, key)
	b = appendTag(b, fieldValue, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(anySize))
}

// appendStringHead appends a string attribute up to its text, of which the caller appends n bytes.
func appendStringHead(b []byte, field int, key string, n int) []byte {
	b = appendKeyValueHead(b, field, key, 1+sizeVarint(n)+n)
	b = appendTag(b, fieldAnyString, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(n))
}

func appendString(b []byte, field int, key, value string) []byte {
	return append(appendStringHead(b, field, key, len(value)), value...)
}

func appendInt(b []byte, field int, key string, value int64) []byte {
	b = appendKeyValueHead(b, field, key, 1+protowire.SizeVarint(uint64(value)))
	return appendVarintField(b, fieldAnyInt, uint64(value))
}

func appendDouble(b []byte, field int, key string, value float64) []byte {
	b = appendKeyValueHead(b, field, key, 9)
	return appendFixed64Field(b, fieldAnyDouble, math.Float64bits(value))
}

func appendBool(b []byte, field int, key string, value bool) []byte {
	b = appendKeyValueHead(b, field, key, 2)
	return appendVarintField(b, fieldAnyBool, protowire.EncodeBool(value))
}

// appendStrings appends an array attribute of strings. It is only used while preparing templates.
func appendStrings(b []byte, field int, key string, values ...string) []byte {
	var array []byte
	for _, v := range values {
		array = appendBytesField(array, 1, appendStringField(nil, fieldAnyString, v))
	}
	payload := appendBytesField(nil, fieldAnyArray, array)
	b = appendKeyValueHead(b, field, key, len(payload))
	return append(b, payload...)
}

func sizeVarint(n int) int { return protowire.SizeVarint(uint64(n)) }
