package fragment

import (
	"encoding/binary"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
)

// A term is a 64-bit hash of something that a span can be found by: XXH3-64 of a kind byte and content. Terms are stored in
// filters, so they never change; 0 is never a term. The term of an attribute is the hash of the OTLP KeyValue message that has
// the key and the text as a string value, in its usual encoding, so that most attributes are hashed as they stand in the request.
const (
	termService = 0x01 // the service name
	termStatus  = 0x02 // the status code, 4 bytes little-endian
	termKind    = 0x03 // the kind, 4 bytes little-endian
	termTrace   = 0x04 // the 16 bytes of the trace id
	// 0x0a is the first byte of a KeyValue message.
)

// MaxTermText is the largest value, in bytes, that an attribute is indexed by; of longer ones only the key is, see TermOther.
const MaxTermText = 256

// TermService is the term of a span of the service, as tael.Resource.ServiceName names it.
func TermService(name string) uint64 {
	return hashTerm(append([]byte{termService}, name...))
}

// TermStatus is the term of a span with the status code.
func TermStatus(code int32) uint64 { return termNumber(termStatus, code) }

// TermKind is the term of a span of the kind.
func TermKind(kind int32) uint64 { return termNumber(termKind, kind) }

func termNumber(kind byte, n int32) uint64 {
	b := [5]byte{kind}
	binary.LittleEndian.PutUint32(b[1:], uint32(n))
	return hashTerm(b[:])
}

// TermTrace is the term of a trace id.
func TermTrace(id tael.TraceID) uint64 {
	b := [17]byte{termTrace}
	copy(b[1:], id[:])
	return hashTerm(b[:])
}

// TermAttribute is the term of an attribute: a string of at most MaxTermText bytes as it is, an integer as its decimal text, a truth value as
// "true" or "false".
func TermAttribute(key, text string) uint64 {
	var scratch [128]byte
	return hashTerm(appendTermText(appendTermKey(scratch[:0], key), text))
}

// TermOther is the term of a key that has a value which is not indexed by its text: a double, bytes, an array, a map, or a string longer
// than MaxTermText.
func TermOther(key string) uint64 {
	var scratch [128]byte
	return hashTerm(appendTermKey(scratch[:0], key))
}

func hashTerm(b []byte) uint64 {
	if h := xxh3.Hash(b); h != 0 {
		return h
	}
	return 1
}

func appendTermKey[T string | []byte](dst []byte, key T) []byte {
	dst = binary.AppendUvarint(append(dst, tagKeyValueKey), uint64(len(key)))
	return append(dst, key...)
}

// appendTermText completes the encoding of an attribute that appendTermKey began.
func appendTermText[T string | []byte](dst []byte, text T) []byte {
	dst = binary.AppendUvarint(append(dst, tagKeyValueValue), uint64(1+uvarintLen(uint64(len(text)))+len(text)))
	dst = binary.AppendUvarint(append(dst, tagAnyString), uint64(len(text)))
	return append(dst, text...)
}

// termer makes terms of attributes without allocating.
type termer struct {
	space [2 * MaxTermText]byte
}

// Termer makes the terms of a row's own attributes one by one, for who knows which of them it has already. It is used by one goroutine.
type Termer struct{ termer }

// Attribute gives the term of an attribute, or 0 for one that has none: its value is empty.
func (t *Termer) Attribute(a *Attr) uint64 { return t.attribute(a.Key, a.Kind, a.Num, a.Bytes) }

// TermIsOfKey tells whether the term of an attribute depends on its key only, see TermOther.
func TermIsOfKey(a *Attr) bool {
	switch a.Kind {
	case tael.KindString:
		return len(a.Bytes) > MaxTermText
	case tael.KindDouble, tael.KindBytes, tael.KindArray, tael.KindMap:
		return true
	}
	return false
}

// attribute gives the term of an attribute, or 0 for one that no term is kept of: an empty value.
func (t *termer) attribute(key []byte, kind tael.Kind, num uint64, text []byte) uint64 {
	b := appendTermKey(t.space[:0], key)
	switch kind {
	case tael.KindEmpty:
		return 0
	case tael.KindString:
		if len(text) <= MaxTermText {
			b = appendTermText(b, text)
		}
	case tael.KindInt:
		return t.number(b, int64(num))
	case tael.KindBool:
		b = appendTermText(b, strconv.FormatBool(num != 0))
	}
	return hashTerm(b)
}

// number is attribute for an integer, of which the key is encoded already.
func (t *termer) number(key []byte, n int64) uint64 {
	b := append(append(t.space[:0], key...), tagKeyValueValue, 0, tagAnyString, 0)
	b = strconv.AppendInt(b, n, 10)
	digits := len(b) - len(key) - 4
	b[len(key)+1], b[len(key)+3] = byte(digits+2), byte(digits)
	return hashTerm(b)
}

// appendTerms adds the terms of attributes that were copied out.
func appendTerms(dst []uint64, kvs []tael.KeyValue) []uint64 {
	var t termer
	for i := range kvs {
		v := kvs[i].Value
		var num uint64
		switch v.Kind() {
		case tael.KindInt:
			num = uint64(v.AsInt())
		case tael.KindBool:
			if v.AsBool() {
				num = 1
			}
		}
		if term := t.attribute([]byte(kvs[i].Key), v.Kind(), num, []byte(v.AsString())); term != 0 {
			dst = append(dst, term)
		}
	}
	return dst
}

// AppendTerms adds the terms of what the row can be found by: service, status, kind, and its attributes with those of its resource and
// scope. There may be duplicates.
func (r *Row) AppendTerms(dst []uint64) []uint64 {
	dst = append(dst, TermStatus(r.StatusCode), TermKind(r.Kind))
	var t Termer
	for i := range r.Attributes {
		if term := t.Attribute(&r.Attributes[i]); term != 0 {
			dst = append(dst, term)
		}
	}
	return r.AppendScopeTerms(r.AppendResourceTerms(dst))
}

// AppendResourceTerms adds those of AppendTerms that the row's resource gives.
func (r *Row) AppendResourceTerms(dst []uint64) []uint64 {
	switch {
	case r.Resource == nil:
		return dst
	case r.Resource.terms != nil:
		return append(dst, r.Resource.terms...)
	}
	return append(appendTerms(dst, r.Resource.Attributes), TermService(r.Resource.Service))
}

// AppendScopeTerms adds those of AppendTerms that the row's scope gives.
func (r *Row) AppendScopeTerms(dst []uint64) []uint64 {
	switch {
	case r.Scope == nil || len(r.Scope.Attributes) == 0:
		return dst
	case r.scopeTerms != nil:
		return append(dst, r.scopeTerms...)
	}
	return appendTerms(dst, r.Scope.Attributes)
}

// FilterTerms gives what must be among the terms of a span that matches the filter: of each list at least one. Parts of the filter that
// no term can decide are left out.
func FilterTerms(f *tael.Filter) [][]uint64 {
	var all [][]uint64
	if f.Service != "" {
		all = append(all, []uint64{TermService(f.Service)})
	}
	if f.Status != nil {
		all = append(all, []uint64{TermStatus(int32(*f.Status))})
	}
	if f.Kind != nil {
		all = append(all, []uint64{TermKind(int32(*f.Kind))})
	}
	for i := range f.Attributes {
		m := &f.Attributes[i]
		if m.Op != tael.MatchEqual {
			continue
		}
		var any []uint64
		if len(m.Want) <= MaxTermText {
			any = append(any, TermAttribute(m.Key, m.Want))
		}
		if n, ok := m.Number(); ok {
			if text := strconv.FormatInt(n, 10); text != m.Want {
				any = append(any, TermAttribute(m.Key, text))
			}
		}
		// A double is equal to a number, and a long string to a long text.
		if _, err := strconv.ParseFloat(m.Want, 64); err == nil || len(m.Want) > MaxTermText {
			any = append(any, TermOther(m.Key))
		}
		all = append(all, any)
	}
	return all
}

func uvarintLen(n uint64) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}
