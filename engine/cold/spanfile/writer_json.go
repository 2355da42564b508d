package spanfile

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/taeldb/tael"
)

// appendJSONObject appends attributes as a JSON object to read: sorted by key, the first of a repeated key. The exact form is beside it, see
// appendResource.
func appendJSONObject(dst []byte, kvs []tael.KeyValue) []byte {
	order := make([]int, len(kvs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(kvs[a].Key, kvs[b].Key) })
	dst = append(dst, '{')
	for n, i := range order {
		if n > 0 {
			if kvs[order[n-1]].Key == kvs[i].Key {
				continue
			}
			dst = append(dst, ',')
		}
		dst = append(appendJSONText(dst, kvs[i].Key), ':')
		dst = appendJSONValue(dst, kvs[i].Value)
	}
	return append(dst, '}')
}

func appendJSONValue(dst []byte, v tael.Value) []byte {
	switch v.Kind() {
	case tael.KindString:
		return appendJSONText(dst, v.AsString())
	case tael.KindInt:
		return strconv.AppendInt(dst, v.AsInt(), 10)
	case tael.KindDouble:
		f := v.AsDouble()
		if math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no such numbers
			return appendJSONText(dst, strconv.FormatFloat(f, 'g', -1, 64))
		}
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	case tael.KindBool:
		return strconv.AppendBool(dst, v.AsBool())
	case tael.KindBytes:
		return appendJSONText(dst, base64.StdEncoding.EncodeToString([]byte(v.AsString())))
	case tael.KindArray:
		dst = append(dst, '[')
		for i, e := range v.AsArray() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONValue(dst, e)
		}
		return append(dst, ']')
	case tael.KindMap:
		return appendJSONObject(dst, v.AsMap())
	}
	return append(dst, "null"...)
}

func appendJSONText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s { // what is not UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
