package fragment

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/taeldb/tael"
)

// Value copies the attribute's value out. The error is a tael.ErrDamaged; rows of a Decoder give none.
func (a *Attr) Value() (tael.Value, error) {
	switch a.Kind {
	case tael.KindString:
		return tael.String(string(a.Bytes)), nil
	case tael.KindInt:
		return tael.Int(int64(a.Num)), nil
	case tael.KindDouble:
		return tael.Double(math.Float64frombits(a.Num)), nil
	case tael.KindBool:
		return tael.Bool(a.Num != 0), nil
	case tael.KindBytes:
		return tael.Bytes(a.Bytes), nil
	case tael.KindArray, tael.KindMap:
		return ParseValue(a.Bytes)
	}
	return tael.Value{}, nil
}

// ParseValue decodes an OTLP AnyValue message. The error is a tael.ErrDamaged.
func ParseValue(b []byte) (tael.Value, error) {
	if err := checkValue(b, 1); err != nil {
		return tael.Value{}, fmt.Errorf("attribute value: %w: %w", tael.ErrDamaged, err)
	}
	v, err := parseValue(b)
	if err != nil {
		return tael.Value{}, fmt.Errorf("attribute value: %w: %w", tael.ErrDamaged, err)
	}
	return v, nil
}

// parseValue decodes an AnyValue message that checkValue accepts. As in the generated code the last of the cases stands, and the parts of
// an array or a map that directly follow each other are one.
func parseValue(b []byte) (tael.Value, error) {
	var a Attr
	if err := a.readValue(b, false); err != nil {
		return tael.Value{}, err
	}
	if a.Kind != tael.KindArray && a.Kind != tael.KindMap {
		return a.Value()
	}
	var list []tael.Value
	var kvs []tael.KeyValue
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return tael.Value{}, errWire
		}
		i = next
		var err error
		switch tag {
		case tagAnyArray:
			kvs = nil
			list, err = parseArray(list, content)
		case tagAnyMap:
			list = nil
			kvs, err = parseMap(kvs, content)
		case tagAnyString, tagAnyBool, tagAnyInt, tagAnyDouble, tagAnyBytes, tagAnyStrindex:
			list, kvs = nil, nil
		}
		if err != nil {
			return tael.Value{}, err
		}
	}
	if a.Kind == tael.KindMap {
		return tael.Map(kvs), nil
	}
	return tael.Array(list), nil
}

func parseArray(list []tael.Value, b []byte) ([]tael.Value, error) {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return nil, errWire
		}
		i = next
		if tag == tagListValue {
			v, err := parseValue(content)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	}
	return list, nil
}

func parseMap(kvs []tael.KeyValue, b []byte) ([]tael.KeyValue, error) {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return nil, errWire
		}
		i = next
		if tag == tagListValue {
			kv, err := parsePair(content)
			if err != nil {
				return nil, err
			}
			kvs = append(kvs, kv)
		}
	}
	return kvs, nil
}

// parsePair decodes a KeyValue message.
func parsePair(b []byte) (tael.KeyValue, error) {
	var a Attr
	if err := a.read(b, true); err != nil {
		return tael.KeyValue{}, err
	}
	var v tael.Value
	var err error
	if a.Kind == tael.KindArray || a.Kind == tael.KindMap {
		v, err = parseValue(a.Bytes)
	} else {
		v, err = a.Value()
	}
	return tael.KeyValue{Key: string(a.Key), Value: v}, err
}

// AppendValue adds the OTLP AnyValue message of v.
func AppendValue(dst []byte, v tael.Value) []byte {
	switch v.Kind() {
	case tael.KindString:
		return appendString(dst, tagAnyString, v.AsString())
	case tael.KindBytes:
		return appendString(dst, tagAnyBytes, v.AsString())
	case tael.KindInt:
		return binary.AppendUvarint(append(dst, tagAnyInt), uint64(v.AsInt()))
	case tael.KindDouble:
		return binary.LittleEndian.AppendUint64(append(dst, tagAnyDouble), math.Float64bits(v.AsDouble()))
	case tael.KindBool:
		if v.AsBool() {
			return append(dst, tagAnyBool, 1)
		}
		return append(dst, tagAnyBool, 0)
	case tael.KindArray:
		return appendMessage(dst, tagAnyArray, func(dst []byte) []byte {
			for _, e := range v.AsArray() {
				dst = appendMessage(dst, tagListValue, func(dst []byte) []byte { return AppendValue(dst, e) })
			}
			return dst
		})
	case tael.KindMap:
		return appendMessage(dst, tagAnyMap, func(dst []byte) []byte { return appendPairs(dst, tagListValue, v.AsMap()) })
	}
	return dst
}

// appendPairs adds KeyValue messages, each under the tag.
func appendPairs(dst []byte, tag byte, kvs []tael.KeyValue) []byte {
	for i := range kvs {
		dst = appendMessage(dst, tag, func(dst []byte) []byte {
			dst = appendString(dst, tagKeyValueKey, kvs[i].Key)
			return appendMessage(dst, tagKeyValueValue, func(dst []byte) []byte { return AppendValue(dst, kvs[i].Value) })
		})
	}
	return dst
}

// appendString adds a length-delimited field, also when it is empty.
func appendString(dst []byte, tag byte, s string) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(s)))
	return append(dst, s...)
}

// appendMessage adds a length-delimited field whose content add appends.
func appendMessage(dst []byte, tag byte, add func([]byte) []byte) []byte {
	dst = append(dst, tag, 0)
	at := len(dst)
	dst = add(dst)
	n := len(dst) - at
	if n < 0x80 {
		dst[at-1] = byte(n)
		return dst
	}
	// The length takes more than the byte that was left for it: move the content.
	var size [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(size[:], uint64(n))
	dst = append(dst, size[1:k]...)
	copy(dst[at-1+k:], dst[at:at+n])
	copy(dst[at-1:], size[:k])
	return dst
}
