package fragment

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tags of the OTLP messages: field number and wire type as they stand on the wire. A known field under another wire type is an
// unknown field, as in the generated code.
const (
	tagRequestResourceSpans = 1<<3 | 2

	tagGroupResource   = 1<<3 | 2 // ResourceSpans
	tagGroupScopeSpans = 2<<3 | 2
	tagGroupSchemaURL  = 3<<3 | 2

	tagScopeSpansScope     = 1<<3 | 2
	tagScopeSpansSpan      = 2<<3 | 2
	tagScopeSpansSchemaURL = 3<<3 | 2

	tagResourceAttribute = 1<<3 | 2
	tagResourceDropped   = 2<<3 | 0
	tagResourceEntity    = 3<<3 | 2

	tagScopeName      = 1<<3 | 2
	tagScopeVersion   = 2<<3 | 2
	tagScopeAttribute = 3<<3 | 2
	tagScopeDropped   = 4<<3 | 0

	tagSpanTraceID           = 1<<3 | 2
	tagSpanID                = 2<<3 | 2
	tagSpanTraceState        = 3<<3 | 2
	tagSpanParentID          = 4<<3 | 2
	tagSpanName              = 5<<3 | 2
	tagSpanKind              = 6<<3 | 0
	tagSpanStart             = 7<<3 | 1
	tagSpanEnd               = 8<<3 | 1
	tagSpanAttribute         = 9<<3 | 2
	tagSpanDroppedAttributes = 10<<3 | 0
	tagSpanEvent             = 11<<3 | 2
	tagSpanDroppedEvents     = 12<<3 | 0
	tagSpanLink              = 13<<3 | 2
	tagSpanDroppedLinks      = 14<<3 | 0
	tagSpanStatus            = 15<<3 | 2
	tagSpanFlags             = 16<<3 | 5

	tagStatusMessage = 2<<3 | 2
	tagStatusCode    = 3<<3 | 0

	tagEventTime      = 1<<3 | 1
	tagEventName      = 2<<3 | 2
	tagEventAttribute = 3<<3 | 2
	tagEventDropped   = 4<<3 | 0

	tagLinkTraceID    = 1<<3 | 2
	tagLinkSpanID     = 2<<3 | 2
	tagLinkTraceState = 3<<3 | 2
	tagLinkAttribute  = 4<<3 | 2
	tagLinkDropped    = 5<<3 | 0
	tagLinkFlags      = 6<<3 | 5

	tagKeyValueKey      = 1<<3 | 2
	tagKeyValueValue    = 2<<3 | 2
	tagKeyValueStrindex = 3<<3 | 0

	tagAnyString   = 1<<3 | 2
	tagAnyBool     = 2<<3 | 0
	tagAnyInt      = 3<<3 | 0
	tagAnyDouble   = 4<<3 | 1
	tagAnyArray    = 5<<3 | 2
	tagAnyMap      = 6<<3 | 2
	tagAnyBytes    = 7<<3 | 2
	tagAnyStrindex = 8<<3 | 0

	tagListValue = 1<<3 | 2 // of ArrayValue and of KeyValueList
)

// maxDepth is how deep values may be nested in one attribute: a value in an array in an attribute is at depth 2. Decoders of protobuf in
// C++ and Java stop at 100 messages, and everything that reads a value recurses.
const maxDepth = 100

var (
	errWire  = errors.New("not valid protobuf")
	errUTF8  = errors.New("a string is not valid UTF-8")
	errDepth = errors.New("an attribute's value is nested deeper than 100")
)

// uvarint reads a varint at b[i:] and returns where it ends; an end below 0 says that there is none.
func uvarint(b []byte, i int) (uint64, int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return uvarintLong(b, i)
}

func uvarintLong(b []byte, i int) (uint64, int) {
	v, n := protowire.ConsumeVarint(b[min(i, len(b)):])
	if n < 0 {
		return 0, -1
	}
	return v, i + n
}

// lengthOf reads a length at b[i:] and returns where the content starts and ends; an end below 0 says that it does not fit.
func lengthOf(b []byte, i int) (start, end int) {
	n, i := uvarint(b, i)
	if i < 0 || n > uint64(len(b)-i) {
		return 0, -1
	}
	return i, i + int(n)
}

// skip returns where the field with the tag ends, whose content starts at b[i:]; below 0 says that it is not valid.
func skip(b []byte, i int, tag uint64) int {
	num := tag >> 3
	if num < uint64(protowire.MinValidNumber) || num > uint64(protowire.MaxValidNumber) {
		return -1
	}
	n := protowire.ConsumeFieldValue(protowire.Number(num), protowire.Type(tag&7), b[i:])
	if n < 0 {
		return -1
	}
	return i + n
}

// skipVarint is skip for a varint.
func skipVarint(b []byte, i int) int {
	_, i = uvarint(b, i)
	return i
}

// skipFixed is skip for n bytes.
func skipFixed(b []byte, i, n int) int {
	if len(b)-i < n {
		return -1
	}
	return i + n
}

// field reads the tag at b[i:] and, when it is length-delimited, its content. For other wire types the content starts at next and the
// caller reads it. A next below 0 says that the field is not valid.
func field(b []byte, i int) (tag uint64, content []byte, next int) {
	tag, i = uvarint(b, i)
	if i < 0 || tag&7 != 2 {
		return tag, nil, i
	}
	start, end := lengthOf(b, i)
	if end < 0 || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return tag, nil, -1
	}
	return tag, b[start:end], end
}

// rest returns where a field ends that field has read the tag of and that the caller does not know.
func rest(b []byte, next int, tag uint64) int {
	if tag&7 == 2 {
		return next
	}
	return skip(b, next, tag)
}

const highBits = 0x8080808080808080

// validText is utf8.Valid with a fast way for short ASCII.
func validText(b []byte) bool {
	if n := len(b); n >= 8 && n <= 64 {
		var or uint64
		for i := 0; i < n-8; i += 8 {
			or |= binary.LittleEndian.Uint64(b[i:])
		}
		if (or|binary.LittleEndian.Uint64(b[n-8:]))&highBits == 0 {
			return true
		}
	}
	return utf8.Valid(b)
}
