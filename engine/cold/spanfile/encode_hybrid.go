package spanfile

import "encoding/binary"

// Dictionary indexes and levels are written in Parquet's RLE / bit-packed hybrid. Rows of a trace follow each other, so that values often repeat some 10 or 20
// times, from anywhere: parquet-go's encoder sees a run only where 8 values from a multiple of 8 on are equal, and takes twice the bytes for the trace ids.

// A run takes two or three bytes, and ends the bit-packed values before it.
const minRun = 8

// appendHybrid appends the values, each of so many bits.
func appendHybrid[T int32 | byte](dst []byte, values []T, width int) []byte {
	from := 0 // of what is to be bit-packed
	for i := 0; i < len(values); {
		v, end := values[i], i+1
		for end < len(values) && values[end] == v {
			end++
		}
		// What is bit-packed before the run is filled up to a multiple of 8 from the run.
		at := i + (8-(i-from)%8)%8
		if end-at < minRun && !(end == len(values) && from == i) {
			i = end
			continue
		}
		if at > from {
			dst = appendPacked(dst, values[from:at], width)
		}
		dst = binary.AppendUvarint(dst, uint64(end-at)<<1)
		for shift := 0; shift < width; shift += 8 {
			dst = append(dst, byte(uint32(v)>>shift))
		}
		i, from = end, end
	}
	if from < len(values) {
		dst = appendPacked(dst, values[from:], width)
	}
	return dst
}

// appendPacked appends a bit-packed run. Only the last one's values may be no multiple of 8; zeros fill it up.
func appendPacked[T int32 | byte](dst []byte, values []T, width int) []byte {
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	start := len(dst)
	var bits uint64
	n := 0
	for _, v := range values {
		bits |= uint64(uint32(v)) << n
		for n += width; n >= 8; n -= 8 {
			dst = append(dst, byte(bits))
			bits >>= 8
		}
	}
	if n > 0 {
		dst = append(dst, byte(bits))
	}
	return append(dst, make([]byte, start+groups*width-len(dst))...)
}
