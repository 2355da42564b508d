package tael

import "math"

// Kind is the type of a Value: the cases of OTLP's AnyValue.
type Kind uint8

// The kinds of a Value. KindEmpty is an AnyValue with no case set.
const (
	KindEmpty Kind = iota
	KindString
	KindInt
	KindDouble
	KindBool
	KindBytes
	KindArray
	KindMap
)

// Value is a typed attribute value, as in OTLP's AnyValue. The zero Value is KindEmpty.
type Value struct {
	kind Kind
	num  uint64
	str  string
	list []Value
	kvs  []KeyValue
}

// KeyValue is one attribute.
type KeyValue struct {
	Key   string
	Value Value
}

// String makes a string value.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Int makes a signed 64-bit integer value.
func Int(n int64) Value { return Value{kind: KindInt, num: uint64(n)} }

// Double makes a floating-point value. The bits are kept, NaN payloads included.
func Double(f float64) Value { return Value{kind: KindDouble, num: math.Float64bits(f)} }

// Bool makes a truth value.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Bytes makes a value of raw bytes, which are copied.
func Bytes(b []byte) Value { return Value{kind: KindBytes, str: string(b)} }

// Array makes a list of values of any kinds; the Value keeps the slice.
func Array(list []Value) Value { return Value{kind: KindArray, list: list} }

// Map makes a list of key and value pairs in the given order; the Value keeps the slice.
func Map(kvs []KeyValue) Value { return Value{kind: KindMap, kvs: kvs} }

// Kind tells which of the As methods has the value.
func (v Value) Kind() Kind { return v.kind }

// AsString is the text of a KindString, or the raw bytes of a KindBytes as a string.
func (v Value) AsString() string { return v.str }

// AsInt is the number of a KindInt.
func (v Value) AsInt() int64 { return int64(v.num) }

// AsDouble is the number of a KindDouble.
func (v Value) AsDouble() float64 { return math.Float64frombits(v.num) }

// AsBool is the truth value of a KindBool.
func (v Value) AsBool() bool { return v.num != 0 }

// AsArray is the list of a KindArray; callers do not change it.
func (v Value) AsArray() []Value { return v.list }

// AsMap is the pairs of a KindMap in their order; callers do not change it.
func (v Value) AsMap() []KeyValue { return v.kvs }

// Equal compares kind and content; doubles by their bits, maps by order.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.num != o.num || v.str != o.str || len(v.list) != len(o.list) || len(v.kvs) != len(o.kvs) {
		return false
	}
	for i := range v.list {
		if !v.list[i].Equal(o.list[i]) {
			return false
		}
	}
	for i := range v.kvs {
		if v.kvs[i].Key != o.kvs[i].Key || !v.kvs[i].Value.Equal(o.kvs[i].Value) {
			return false
		}
	}
	return true
}

// Lookup finds the first value under key.
func Lookup(kvs []KeyValue, key string) (Value, bool) {
	for i := range kvs {
		if kvs[i].Key == key {
			return kvs[i].Value, true
		}
	}
	return Value{}, false
}
