package spanfile

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"
)

// values is a list of values of one physical type: of a dictionary, or of the chosen rows of a column, nulls left out. Once filled it is
// not changed, so that strings of its bytes may be handed on without a copy.
type values struct {
	ints []int64 // Int32, Int64, Boolean (0 or 1), and the bits of a Double
	// data has the bytes of a FixedLenByteArray, width each, or of a ByteArray, value i from ends[i] to ends[i+1].
	data  []byte
	ends  []int32
	width int
}

// shape is how values of a column look in its pages.
type shape struct {
	physical       format.Type
	width          int // bytes of a FixedLenByteArray
	maxDef, maxRep uint8
}

var (
	errValuesShort = errors.New("values: fewer bytes than the values need")
	errIndex       = errors.New("values: an index is outside the dictionary")
	errTooMuch     = errors.New("values: more than 2 GiB")
)

func (v *values) len(s shape) int {
	switch s.physical {
	case format.ByteArray:
		return max(len(v.ends)-1, 0)
	case format.FixedLenByteArray:
		return len(v.data) / s.width
	}
	return len(v.ints)
}

// bytes is value i of a ByteArray, aliasing v.
func (v *values) bytes(i int) []byte { return v.data[v.ends[i]:v.ends[i+1]] }

// text is value i of a ByteArray without a copy: it keeps all of v's bytes alive.
func (v *values) text(i int) string {
	b := v.bytes(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// fixed is value i of a FixedLenByteArray, aliasing v.
func (v *values) fixed(i int) []byte { return v.data[i*v.width : (i+1)*v.width] }

func (v *values) double(i int) float64 { return math.Float64frombits(uint64(v.ints[i])) }

// size is the memory that v takes, in bytes.
func (v *values) size() int64 {
	return int64(cap(v.ints))*8 + int64(cap(v.data)) + int64(cap(v.ends))*4 + int64(unsafe.Sizeof(*v))
}

// plain appends values [from, to) of a PLAIN page with count values in src, and gives what is not read as skipped. Of a ByteArray it walks no
// further than to.
func (v *values) plain(s shape, src []byte, count, from, to int) error {
	switch s.physical {
	case format.Boolean:
		if len(src) < (count+7)/8 {
			return errValuesShort
		}
		for i := from; i < to; i++ {
			v.ints = append(v.ints, int64(src[i>>3]>>(i&7)&1))
		}
	case format.Int32:
		if len(src)/4 < count {
			return errValuesShort
		}
		for i := from; i < to; i++ {
			v.ints = append(v.ints, int64(int32(binary.LittleEndian.Uint32(src[4*i:]))))
		}
	case format.Int64, format.Double:
		if len(src)/8 < count {
			return errValuesShort
		}
		for i := from; i < to; i++ {
			v.ints = append(v.ints, int64(binary.LittleEndian.Uint64(src[8*i:])))
		}
	case format.FixedLenByteArray:
		if len(src)/s.width < count {
			return errValuesShort
		}
		v.data = append(v.data, src[from*s.width:to*s.width]...)
	case format.ByteArray:
		_, err := v.plainBytes(src, from, to-from)
		return err
	default:
		return errors.New("values: a type that span files do not have")
	}
	return nil
}

// plainBytes passes over skip values of a PLAIN ByteArray, appends the next take and gives the bytes it used.
func (v *values) plainBytes(src []byte, skip, take int) (int, error) {
	at := 0
	for range skip {
		if len(src)-at < 4 {
			return 0, errValuesShort
		}
		n := int(binary.LittleEndian.Uint32(src[at:]))
		if n > len(src)-at-4 {
			return 0, errValuesShort
		}
		at += 4 + n
	}
	if len(v.ends) == 0 {
		v.ends = append(v.ends, 0)
	}
	for range take {
		if len(src)-at < 4 {
			return 0, errValuesShort
		}
		n := int(binary.LittleEndian.Uint32(src[at:]))
		at += 4
		if n > len(src)-at {
			return 0, errValuesShort
		}
		if err := v.add(src[at : at+n]); err != nil {
			return 0, err
		}
		at += n
	}
	return at, nil
}

// add appends a value to a list of a ByteArray that is not empty or has its first end.
func (v *values) add(b []byte) error {
	if len(v.data)+len(b) > math.MaxInt32 {
		return errTooMuch
	}
	v.data = append(v.data, b...)
	v.ends = append(v.ends, int32(len(v.data)))
	return nil
}

func le32(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) }

// copyOf appends value i of from, which has the same shape.
func (v *values) copyOf(s shape, from *values, i int) error {
	switch s.physical {
	case format.ByteArray:
		if len(v.ends) == 0 {
			v.ends = append(v.ends, 0)
		}
		return v.add(from.bytes(i))
	case format.FixedLenByteArray:
		v.data = append(v.data, from.fixed(i)...)
	default:
		v.ints = append(v.ints, from.ints[i])
	}
	return nil
}

// readDictionary reads an unpacked dictionary page.
func readDictionary(s shape, src []byte, count int) (*values, error) {
	v := &values{width: s.width}
	if s.physical == format.ByteArray {
		if len(src)/4 < count {
			return nil, errValuesShort
		}
		v.ends = make([]int32, 0, count+1)
		v.data = make([]byte, 0, len(src)-4*count)
	} else if s.physical == format.Boolean {
		return nil, errors.New("values: a dictionary of truth values")
	}
	if err := v.plain(s, src, count, 0, count); err != nil {
		return nil, err
	}
	return v, nil
}
