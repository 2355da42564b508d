package spanfile

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Field numbers of the OTLP messages that are stored as they are. protowire has the encoding; the messages are small enough to
// write by hand, and hand-written ones keep what generated code would not (an empty AnyValue, the order of a map).
const (
	otlpKey, otlpValue = 1, 2 // KeyValue

	otlpString, otlpBool, otlpInt, otlpDouble, otlpBytes = 1, 2, 3, 4, 7 // AnyValue

	otlpResource, otlpResourceSchema = 1, 3 // ResourceSpans
	otlpScope, otlpScopeSchema       = 1, 3 // ScopeSpans

	otlpResourceAttributes, otlpResourceDropped = 1, 2 // Resource

	otlpScopeName, otlpScopeVersion, otlpScopeAttributes, otlpScopeDropped = 1, 2, 3, 4 // InstrumentationScope
)

// appendResource appends an OTLP ResourceSpans message with the resource and its schema URL and without spans.
func appendResource(dst []byte, r *tael.Resource) []byte {
	if r == nil {
		return dst
	}
	var m []byte
	m = appendKeyValues(m, otlpResourceAttributes, r.Attributes)
	m = appendCount(m, otlpResourceDropped, r.Dropped)
	if len(m) > 0 {
		dst = appendBytes(dst, otlpResource, m)
	}
	return appendText(dst, otlpResourceSchema, r.SchemaURL)
}

// appendScope appends an OTLP ScopeSpans message with the scope and its schema URL and without spans.
func appendScope(dst []byte, s *tael.Scope) []byte {
	if s == nil {
		return dst
	}
	var m []byte
	m = appendText(m, otlpScopeName, s.Name)
	m = appendText(m, otlpScopeVersion, s.Version)
	m = appendKeyValues(m, otlpScopeAttributes, s.Attributes)
	m = appendCount(m, otlpScopeDropped, s.Dropped)
	if len(m) > 0 {
		dst = appendBytes(dst, otlpScope, m)
	}
	return appendText(dst, otlpScopeSchema, s.SchemaURL)
}

func appendKeyValues(dst []byte, field protowire.Number, kvs []tael.KeyValue) []byte {
	for i := range kvs {
		m := appendText(nil, otlpKey, kvs[i].Key)
		m = appendBytes(m, otlpValue, fragment.AppendValue(nil, kvs[i].Value))
		dst = appendBytes(dst, field, m)
	}
	return dst
}

// appendAttr appends the value of a row's attribute as an OTLP AnyValue message.
func appendAttr(dst []byte, a *fragment.Attr) []byte {
	switch a.Kind {
	case tael.KindString:
		return appendBytes(dst, otlpString, a.Bytes)
	case tael.KindBytes:
		return appendBytes(dst, otlpBytes, a.Bytes)
	case tael.KindArray, tael.KindMap:
		return append(dst, a.Bytes...)
	}
	return appendNumber(dst, a.Kind, a.Num)
}

func appendNumber(dst []byte, kind tael.Kind, num uint64) []byte {
	switch kind {
	case tael.KindInt:
		return protowire.AppendVarint(protowire.AppendTag(dst, otlpInt, protowire.VarintType), num)
	case tael.KindDouble:
		return binary.LittleEndian.AppendUint64(protowire.AppendTag(dst, otlpDouble, protowire.Fixed64Type), num)
	case tael.KindBool:
		return protowire.AppendVarint(protowire.AppendTag(dst, otlpBool, protowire.VarintType), num&1)
	}
	return dst
}

func appendBytes[T string | []byte](dst []byte, field protowire.Number, b T) []byte {
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// appendText leaves an empty text out, as proto3 does.
func appendText(dst []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return appendBytes(dst, field, s)
}

func appendCount(dst []byte, field protowire.Number, n uint32) []byte {
	if n == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), uint64(n))
}
