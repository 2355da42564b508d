package fragment

import (
	"encoding/binary"

	"github.com/taeldb/tael"
)

// read decodes a KeyValue message. With text, strings must be valid UTF-8; what is inside arrays and maps always must be.
func (a *Attr) read(b []byte, text bool) error {
	*a = Attr{}
	values := 0
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagKeyValueKey:
			if text && !validText(content) {
				return errUTF8
			}
			a.Key = content
		case tagKeyValueValue:
			values++
			if err := a.readValue(content, text); err != nil {
				return err
			}
		case tagKeyValueStrindex:
			next = skipVarint(b, next)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	if values > 1 {
		return a.readValue(joinFields(b, tagKeyValueValue), text)
	}
	return nil
}

// readValue decodes an AnyValue message over what a holds.
func (a *Attr) readValue(b []byte, text bool) error {
	a.Kind, a.Num, a.Bytes = tael.KindEmpty, 0, nil
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagAnyString:
			if text && !validText(content) {
				return errUTF8
			}
			a.Kind, a.Bytes = tael.KindString, content
		case tagAnyBool:
			a.Kind = tael.KindBool
			if a.Num, next = uvarint(b, next); a.Num != 0 {
				a.Num = 1
			}
		case tagAnyInt:
			a.Kind = tael.KindInt
			a.Num, next = uvarint(b, next)
		case tagAnyDouble:
			a.Kind = tael.KindDouble
			a.Num, next = fixed64(b, next)
		case tagAnyArray, tagAnyMap:
			if err := checkList(content, 2, tag == tagAnyMap); err != nil {
				return err
			}
			a.Kind = tael.KindArray
			if tag == tagAnyMap {
				a.Kind = tael.KindMap
			}
		case tagAnyBytes:
			a.Kind, a.Bytes = tael.KindBytes, content
		case tagAnyStrindex: // means something in profiles only
			a.Kind = tael.KindEmpty
			next = skipVarint(b, next)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	switch a.Kind {
	case tael.KindInt, tael.KindDouble, tael.KindBool:
		a.Bytes = nil
	case tael.KindString, tael.KindBytes:
		a.Num = 0
	case tael.KindArray, tael.KindMap:
		a.Num, a.Bytes = 0, b
	default:
		a.Num, a.Bytes = 0, nil
	}
	return nil
}

// usual tells where the key ends and the value starts in a KeyValue message that has a key of less than 128 bytes, then a value of 2 to 16383
// bytes, and nothing else. A key of 0 says that it is not so; then any other encoding may be.
func usual(b []byte) (key, value int) {
	if len(b) < 4 || b[0] != tagKeyValueKey || b[1] >= 0x80 {
		return 0, 0
	}
	key = 2 + int(b[1])
	if key+4 > len(b) || b[key] != tagKeyValueValue {
		return 0, 0
	}
	n := int(b[key+1])
	if value = key + 2; n >= 0x80 {
		high := b[value]
		if high >= 0x80 || high == 0 {
			return 0, 0
		}
		n = n&0x7f | int(high)<<7
		value++
	}
	if value+n != len(b) || n < 2 {
		return 0, 0
	}
	return key, value
}

// usualText tells where the text starts in an AnyValue message of at least 2 bytes that begins with tagAnyString, when it has less than 16384 bytes
// and nothing follows; else 0.
func usualText(v []byte) int {
	n, at := int(v[1]), 2
	if n >= 0x80 {
		if len(v) < 3 || v[2] >= 0x80 || v[2] == 0 {
			return 0
		}
		n = n&0x7f | int(v[2])<<7
		at = 3
	}
	if at+n != len(v) {
		return 0
	}
	return at
}

func fixed64(b []byte, i int) (uint64, int) {
	if len(b)-i < 8 {
		return 0, -1
	}
	return binary.LittleEndian.Uint64(b[i:]), i + 8
}

func fixed32(b []byte, i int) (uint32, int) {
	if len(b)-i < 4 {
		return 0, -1
	}
	return binary.LittleEndian.Uint32(b[i:]), i + 4
}

// joinFields concatenates what a valid message has under one length-delimited tag: a message in several parts is decoded as the parts in a row.
func joinFields(b []byte, want uint64) []byte {
	var joined []byte
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return joined
		}
		if tag == want {
			joined = append(joined, content...)
		}
		i = next
	}
	return joined
}

// checkValue tells whether an AnyValue message can be decoded.
func checkValue(b []byte, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagAnyString:
			if !validText(content) {
				return errUTF8
			}
		case tagAnyArray, tagAnyMap:
			if err := checkList(content, depth+1, tag == tagAnyMap); err != nil {
				return err
			}
		default:
			if next = rest(b, next, tag); next < 0 {
				return errWire
			}
		}
		i = next
	}
	return nil
}

// checkList is checkValue for an ArrayValue or a KeyValueList message, whose values are at the depth.
func checkList(b []byte, depth int, pairs bool) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		if tag == tagListValue {
			check := checkValue
			if pairs {
				check = checkPair
			}
			if err := check(content, depth); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// checkPair is checkValue for a KeyValue message.
func checkPair(b []byte, depth int) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagKeyValueKey:
			if !validText(content) {
				return errUTF8
			}
		case tagKeyValueValue:
			if err := checkValue(content, depth); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}
