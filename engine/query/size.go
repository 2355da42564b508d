package query

import (
	"unsafe"

	"github.com/taeldb/tael"
)

// SpanBytes estimates the memory that a span holds by itself, in bytes: what Meter.Hold is charged for it. Resource and scope, which
// spans share, are left out.
func SpanBytes(s *tael.Span) int64 {
	n := int64(unsafe.Sizeof(*s)) + int64(len(s.TraceState)+len(s.Name)+len(s.Status.Message)) + attributesBytes(s.Attributes)
	for i := range s.Events {
		n += int64(unsafe.Sizeof(s.Events[i])) + int64(len(s.Events[i].Name)) + attributesBytes(s.Events[i].Attributes)
	}
	for i := range s.Links {
		n += int64(unsafe.Sizeof(s.Links[i])) + int64(len(s.Links[i].TraceState)) + attributesBytes(s.Links[i].Attributes)
	}
	return n
}

func attributesBytes(kvs []tael.KeyValue) int64 {
	n := int64(0)
	for i := range kvs {
		n += int64(unsafe.Sizeof(kvs[i])) + int64(len(kvs[i].Key)) + valueBytes(kvs[i].Value)
	}
	return n
}

// valueBytes is what a value holds beyond its own struct.
func valueBytes(v tael.Value) int64 {
	n := int64(len(v.AsString())) + attributesBytes(v.AsMap())
	for _, e := range v.AsArray() {
		n += int64(unsafe.Sizeof(e)) + valueBytes(e)
	}
	return n
}
