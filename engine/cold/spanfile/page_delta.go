package spanfile

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errDelta = errors.New("delta encoding: the header or a block is not readable")

// decodeDelta appends values [from, to) of a DELTA_BINARY_PACKED page of at most limit values to dst. It stops unpacking at to.
// Sums wrap, as the format says.
func decodeDelta(dst []int64, src []byte, limit, from, to int) ([]int64, error) {
	blockSize, n := binary.Uvarint(src)
	if n <= 0 {
		return dst, errDelta
	}
	src = src[n:]
	minis, n := binary.Uvarint(src)
	if n <= 0 {
		return dst, errDelta
	}
	src = src[n:]
	total, n := binary.Uvarint(src)
	if n <= 0 {
		return dst, errDelta
	}
	src = src[n:]
	first, n := binary.Varint(src)
	if n <= 0 {
		return dst, errDelta
	}
	src = src[n:]
	if blockSize == 0 || blockSize > 1<<16 || minis == 0 || minis > blockSize || blockSize%minis != 0 || total > uint64(limit) {
		return dst, errDelta
	}
	per := int(blockSize / minis) // values of a miniblock
	if per%8 != 0 {
		return dst, errDelta
	}
	count := int(total)
	if to > count || from > to || from < 0 {
		return dst, errDelta
	}
	if from == to {
		return dst, nil
	}
	at, value := 1, first
	if from == 0 {
		dst = append(dst, value)
	}
	for at < to {
		low, n := binary.Varint(src)
		if n <= 0 || len(src)-n < int(minis) {
			return dst, errDelta
		}
		widths := src[n : n+int(minis)]
		src = src[n+int(minis):]
		for i := 0; i < len(widths) && at < to; i++ {
			width := uint(widths[i])
			if width > 64 {
				return dst, errDelta
			}
			size := per * int(width) / 8
			need := min(per, count-at) // values that this miniblock must have
			if len(src) < size {
				if len(src) < (need*int(width)+7)/8 {
					return dst, errDelta
				}
				size = len(src)
			}
			take := min(need, to-at)
			dst, value = unpackDelta(dst, src[:size], take, width, low, value, from-at)
			at += take
			src = src[size:]
		}
	}
	return dst, nil
}

// unpackDelta sums take deltas of a miniblock and appends the values from skip on.
func unpackDelta(dst []int64, src []byte, take int, width uint, low, value int64, skip int) ([]int64, int64) {
	if width == 0 {
		for i := range take {
			value += low
			if i >= skip {
				dst = append(dst, value)
			}
		}
		return dst, value
	}
	mask := ^uint64(0) >> (64 - width)
	bit := uint(0)
	for i := range take {
		value += low + int64(deltaBits(src, bit, width)&mask)
		bit += width
		if i >= skip {
			dst = append(dst, value)
		}
	}
	return dst, value
}

// deltaBits gives at least width bits from bit on; the caller masks them.
func deltaBits(src []byte, bit, width uint) uint64 {
	at, shift := int(bit>>3), bit&7
	if at+9 <= len(src) {
		w := binary.LittleEndian.Uint64(src[at:]) >> shift
		if shift+width > 64 {
			w |= uint64(src[at+8]) << (64 - shift)
		}
		return w
	}
	var lo, hi uint64
	for i := min(len(src), at+9) - 1; i >= at; i-- {
		hi = hi<<8 | lo>>56
		lo = lo<<8 | uint64(src[i])
	}
	if shift == 0 {
		return lo
	}
	return lo>>shift | hi<<(64-shift)
}

// levelWidth is the number of bits of a level.
func levelWidth(max uint8) uint { return uint(bits.Len8(max)) }
