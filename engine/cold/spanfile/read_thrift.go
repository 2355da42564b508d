package spanfile

import (
	"errors"
	"fmt"
)

// Wire types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth bounds the nesting of what is skipped, and so the stack.
const maxThriftDepth = 16

var errShort = errors.New("cut short")

// thriftReader walks a message of Thrift's compact protocol in place. Parquet's metadata is read with it because it keeps nothing and
// allocates nothing by itself: what stays in memory, and how much of it, is the caller's choice whatever the message claims.
// After the first error every call returns zero values, so err is asked once at the end.
type thriftReader struct {
	b   []byte
	at  int
	err error
}

// thriftField is the place in one struct: its current field.
type thriftField struct {
	id   int16
	kind byte
}

func (r *thriftReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// next steps to the next field of a struct; false at its end or after an error.
func (r *thriftReader) next(f *thriftField) bool {
	b := r.byte()
	if r.err != nil || b == 0 {
		return false
	}
	f.kind = b & 15
	if delta := b >> 4; delta != 0 {
		f.id += int16(delta)
	} else {
		f.id = int16(r.zigzag())
	}
	if f.kind == 0 || f.kind > thriftStruct {
		r.fail(fmt.Errorf("field %d has the unknown wire type %d", f.id, f.kind))
	}
	return r.err == nil
}

func (r *thriftReader) byte() byte {
	if r.err != nil || r.at >= len(r.b) {
		r.fail(errShort)
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *thriftReader) uvarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		c := r.byte()
		v |= uint64(c&127) << shift
		if c < 128 {
			return v
		}
	}
	r.fail(errors.New("a number has more than 64 bits"))
	return 0
}

func (r *thriftReader) zigzag() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// int reads a field of any integer type; another type is an error.
func (r *thriftReader) int(f thriftField) int64 {
	switch f.kind {
	case thriftByte:
		return int64(int8(r.byte()))
	case thriftI16, thriftI32, thriftI64:
		return r.zigzag()
	}
	r.fail(fmt.Errorf("field %d has wire type %d, want an integer", f.id, f.kind))
	return 0
}

// bool reads a field of a struct; in a struct the value is the type.
func (r *thriftReader) bool(f thriftField) bool {
	if f.kind != thriftTrue && f.kind != thriftFalse {
		r.fail(fmt.Errorf("field %d has wire type %d, want a truth value", f.id, f.kind))
	}
	return f.kind == thriftTrue
}

// binary reads a field's bytes, which alias the message.
func (r *thriftReader) binary(f thriftField) []byte {
	if f.kind != thriftBinary {
		r.fail(fmt.Errorf("field %d has wire type %d, want bytes", f.id, f.kind))
		return nil
	}
	return r.bytes()
}

func (r *thriftReader) bytes() []byte {
	n := r.uvarint()
	if r.err != nil || n > uint64(len(r.b)-r.at) {
		r.fail(errShort)
		return nil
	}
	v := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return v
}

// list opens a list of the wanted element type and gives its length, which is never more than the bytes that are left: an element
// takes at least one.
func (r *thriftReader) list(f thriftField, want byte) int {
	if f.kind != thriftList && f.kind != thriftSet {
		r.fail(fmt.Errorf("field %d has wire type %d, want a list", f.id, f.kind))
		return 0
	}
	n, kind := r.listHead()
	if n > 0 && kind != want && !(want == thriftTrue && kind == thriftFalse) {
		r.fail(fmt.Errorf("field %d is a list of wire type %d, want %d", f.id, kind, want))
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *thriftReader) listHead() (n int, kind byte) {
	b := r.byte()
	size := uint64(b >> 4)
	if size == 15 {
		size = r.uvarint()
	}
	if r.err != nil || size > uint64(len(r.b)-r.at) {
		r.fail(errShort)
		return 0, 0
	}
	return int(size), b & 15
}

// boolElement reads an element of a list of truth values.
func (r *thriftReader) boolElement() bool { return r.byte() == thriftTrue }

// enter checks that a field is a struct, whose fields are read next.
func (r *thriftReader) enter(f thriftField) thriftField {
	if f.kind != thriftStruct {
		r.fail(fmt.Errorf("field %d has wire type %d, want a struct", f.id, f.kind))
	}
	return thriftField{}
}

// skip passes over a field.
func (r *thriftReader) skip(f thriftField) {
	if f.kind == thriftTrue || f.kind == thriftFalse {
		return
	}
	r.skipValue(f.kind, 0)
}

func (r *thriftReader) skipValue(kind byte, depth int) {
	if depth > maxThriftDepth {
		r.fail(errors.New("nested too deeply"))
	}
	if r.err != nil {
		return
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		for range 8 {
			r.byte()
		}
	case thriftBinary:
		r.bytes()
	case thriftList, thriftSet:
		n, element := r.listHead()
		for i := 0; i < n && r.err == nil; i++ {
			r.skipValue(element, depth+1)
		}
	case thriftMap:
		n := r.uvarint()
		if n == 0 {
			return
		}
		kinds := r.byte()
		for i := uint64(0); i < n && r.err == nil; i++ {
			r.skipValue(kinds>>4, depth+1)
			r.skipValue(kinds&15, depth+1)
		}
	case thriftStruct:
		var f thriftField
		for r.next(&f) {
			if f.kind != thriftTrue && f.kind != thriftFalse {
				r.skipValue(f.kind, depth+1)
			}
		}
	default:
		r.fail(fmt.Errorf("unknown wire type %d", kind))
	}
}
