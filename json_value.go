package tael

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// exactInt is the largest integer up to which every integer is a double.
const exactInt = 1 << 53

// appendAttributes writes attributes as an object, the first of each key.
func appendAttributes(dst []byte, kvs []KeyValue) []byte {
	dst = append(dst, '{')
	var seen map[string]struct{}
	if len(kvs) > manyAttributes {
		seen = make(map[string]struct{}, len(kvs))
	}
	first := true
	for i := range kvs {
		if repeats(kvs[:i], kvs[i].Key, seen) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendText(dst, kvs[i].Key), ':')
		dst = appendValue(dst, kvs[i].Value)
	}
	return append(dst, '}')
}

// manyAttributes is the number from which a set finds a repeated key faster than a look at all before.
const manyAttributes = 24

func repeats(before []KeyValue, key string, seen map[string]struct{}) bool {
	if seen != nil {
		_, again := seen[key]
		seen[key] = struct{}{}
		return again
	}
	_, again := Lookup(before, key)
	return again
}

func appendValue(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindString:
		return appendText(dst, v.AsString())
	case KindInt:
		return appendInt(dst, v.AsInt())
	case KindDouble:
		return appendDouble(dst, v.AsDouble())
	case KindBool:
		return strconv.AppendBool(dst, v.AsBool())
	case KindBytes:
		return appendBytes(dst, v.AsString())
	case KindMap:
		return appendAttributes(dst, v.AsMap())
	case KindArray:
		dst = append(dst, '[')
		for i, e := range v.AsArray() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, e)
		}
		return append(dst, ']')
	}
	return append(dst, "null"...)
}

func appendInt(dst []byte, n int64) []byte {
	if n > exactInt || n < -exactInt {
		return append(strconv.AppendInt(append(dst, '"'), n, 10), '"')
	}
	return strconv.AppendInt(dst, n, 10)
}

func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

func appendCount(dst []byte, field string, n uint32) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, field...), uint64(n), 10)
}

// appendMillis writes nanoseconds as milliseconds, exactly.
func appendMillis(dst []byte, nanos uint64) []byte {
	dst = strconv.AppendUint(dst, nanos/1e6, 10)
	rest := nanos % 1e6
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := uint64(1e5); rest > 0; unit /= 10 {
		dst = append(dst, '0'+byte(rest/unit))
		rest %= unit
	}
	return dst
}

// appendTime writes unix nanoseconds as RFC 3339 in UTC with nine digits of a second. The largest are of the year 2554.
func appendTime(dst []byte, nanos uint64) []byte {
	seconds := nanos / 1e9
	year, month, day := time.Unix(int64(seconds), 0).UTC().Date()
	dst = strconv.AppendInt(dst, int64(year), 10) // 1970 and later: always four digits
	dst = appendTwo(append(dst, '-'), uint64(month))
	dst = appendTwo(append(dst, '-'), uint64(day))
	dst = appendTwo(append(dst, 'T'), seconds/3600%24)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	dst = append(dst, '.')
	rest := nanos % 1e9
	for unit := uint64(1e8); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(rest/unit))
		rest %= unit
	}
	return append(dst, 'Z')
}

func appendTwo(dst []byte, n uint64) []byte { return append(dst, '0'+byte(n/10), '0'+byte(n%10)) }

// statusNames and kindNames are how the API writes OTLP's codes.
var (
	statusNames = [...]string{StatusUnset: "unset", StatusOK: "ok", StatusError: "error"}
	kindNames   = [...]string{
		SpanKindUnspecified: "unspecified", SpanKindInternal: "internal", SpanKindServer: "server",
		SpanKindClient: "client", SpanKindProducer: "producer", SpanKindConsumer: "consumer",
	}
)

func appendStatus(dst []byte, c StatusCode) []byte {
	if c >= 0 && int(c) < len(statusNames) {
		return append(dst, statusNames[c]...)
	}
	return strconv.AppendInt(dst, int64(c), 10)
}

func appendKind(dst []byte, k SpanKind) []byte {
	if k >= 0 && int(k) < len(kindNames) {
		return append(dst, kindNames[k]...)
	}
	return strconv.AppendInt(dst, int64(k), 10)
}

// String is the code as the API writes it.
func (c StatusCode) String() string { return string(appendStatus(nil, c)) }

// String is the kind as the API writes it.
func (k SpanKind) String() string { return string(appendKind(nil, k)) }

// appendText writes a quoted string.
func appendText(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
