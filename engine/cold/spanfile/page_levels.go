package spanfile

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// hybrid reads Parquet's RLE / bit-packed hybrid: runs of one repeated value, and groups of 8 values packed in width bits each. It is
// the form of levels and of dictionary indexes.
type hybrid struct {
	data  []byte // what follows the current run
	width uint

	left   int    // values left in the current run
	value  uint32 // of a repeated run
	packed []byte // of a bit-packed run; nil in a repeated one
	bit    int    // of the next value in packed
}

var (
	errHybridShort = errors.New("runs end before the values do")
	errHybridRun   = errors.New("a run has no values")
	errHybridWidth = errors.New("values are wider than 32 bits")
)

func newHybrid(data []byte, width uint) (hybrid, error) {
	if width > 32 {
		return hybrid{}, errHybridWidth
	}
	return hybrid{data: data, width: width}, nil
}

// run opens the next run.
func (h *hybrid) run() error {
	head, n := binary.Uvarint(h.data)
	if n <= 0 {
		return errHybridShort
	}
	data := h.data[n:]
	count := head >> 1
	if count == 0 {
		return errHybridRun
	}
	if head&1 == 0 {
		if count > 1<<31 {
			count = 1 << 31 // no page has as many values: the caller stops at its own count
		}
		size := int(h.width+7) / 8
		if len(data) < size {
			return errHybridShort
		}
		h.value = 0
		for i := size - 1; i >= 0; i-- {
			h.value = h.value<<8 | uint32(data[i])
		}
		if h.width < 32 && h.value>>h.width != 0 {
			return errHybridWidth
		}
		h.left, h.packed, h.data = int(count), nil, data[size:]
		return nil
	}
	if count > 1<<28 {
		return errHybridShort
	}
	size := int(count) * int(h.width) // bytes: 8 values of width bits are width bytes
	if size > len(data) {
		// A writer may cut the last group at the last value; what is missing is never asked for.
		size = len(data)
		h.left = int(count) * 8
		if h.width > 0 {
			h.left = size * 8 / int(h.width)
		}
		if h.left == 0 {
			return errHybridShort
		}
	} else {
		h.left = int(count) * 8
	}
	h.packed, h.bit, h.data = data[:size:size], 0, data[size:]
	if h.width == 0 {
		h.packed, h.value = nil, 0
	}
	return nil
}

// at gives the value at a bit of the run's bytes. The caller knows that it is there.
func (h *hybrid) at(bit int) uint32 {
	at := bit >> 3
	var w uint64
	if at+8 <= len(h.packed) {
		w = binary.LittleEndian.Uint64(h.packed[at:])
	} else {
		for i := len(h.packed) - 1; i >= at; i-- {
			w = w<<8 | uint64(h.packed[i])
		}
	}
	return uint32(w >> (uint(bit) & 7) & (1<<h.width - 1))
}

// read fills dst.
func (h *hybrid) read(dst []uint32) error {
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.run(); err != nil {
				return err
			}
		}
		n := min(h.left, len(dst))
		part := dst[:n]
		if h.packed == nil {
			for i := range part {
				part[i] = h.value
			}
		} else {
			h.unpack(part)
		}
		h.left -= n
		dst = dst[n:]
	}
	return nil
}

func (h *hybrid) unpack(dst []uint32) {
	bit, width, mask := h.bit, int(h.width), uint64(1)<<h.width-1
	i := 0
	for ; i < len(dst); i++ {
		at := bit >> 3
		if at+8 > len(h.packed) {
			break
		}
		dst[i] = uint32(binary.LittleEndian.Uint64(h.packed[at:]) >> (uint(bit) & 7) & mask)
		bit += width
	}
	for ; i < len(dst); i++ {
		dst[i] = h.at(bit)
		bit += width
	}
	h.bit = bit
}

// levels fills dst with values of at most max and counts those that are max.
func (h *hybrid) levels(dst []uint8, max uint8) (int, error) {
	full := 0
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.run(); err != nil {
				return 0, err
			}
		}
		n := min(h.left, len(dst))
		part := dst[:n]
		if h.packed == nil {
			if h.value > uint32(max) {
				return 0, errLevel
			}
			for i := range part {
				part[i] = uint8(h.value)
			}
			if h.value == uint32(max) {
				full += n
			}
		} else {
			top := uint8(0)
			for i := range part {
				v := uint8(h.at(h.bit))
				h.bit += int(h.width)
				top |= v
				if v == max {
					full++
				}
				part[i] = v
			}
			if top > max && slices.Max(part) > max {
				return 0, errLevel
			}
		}
		h.left -= n
		dst = dst[n:]
	}
	return full, nil
}

// pass passes over values up to, but without, the zero after the next n zeros, and over no more than limit. Where zeros start rows,
// and h stands at the start of one, that is n rows. It gives the values it passed.
func (h *hybrid) pass(n, limit int) (int, error) {
	passed := 0
	for passed < limit {
		if h.left == 0 {
			if err := h.run(); err != nil {
				return 0, err
			}
		}
		k := min(h.left, limit-passed)
		switch {
		case h.packed == nil && h.value != 0:
		case h.packed == nil:
			if k > n {
				h.left -= n
				return passed + n, nil
			}
			n -= k
		default:
			zeros, at := h.zeros(n, k)
			n -= zeros
			if at < k {
				h.bit += at * int(h.width)
				h.left -= at
				return passed + at, nil
			}
			h.bit += k * int(h.width)
		}
		h.left -= k
		passed += k
	}
	return passed, nil
}

// zeros looks at the next k values of a bit-packed run. It counts up to n zeros and stops before the one after them, at place at.
func (h *hybrid) zeros(n, k int) (zeros, at int) {
	bit := h.bit
	for at < k {
		if h.width == 1 && bit&7 == 0 && k-at >= 64 {
			w := 64 - bits.OnesCount64(binary.LittleEndian.Uint64(h.packed[bit>>3:]))
			if zeros+w <= n {
				zeros, at, bit = zeros+w, at+64, bit+64
				continue
			}
		}
		if h.at(bit) == 0 {
			if zeros == n {
				return zeros, at
			}
			zeros++
		}
		at++
		bit += int(h.width)
	}
	return zeros, at
}

var errLevel = errors.New("a level is over the column's maximum")

// count passes over n values and counts those equal to want.
func (h *hybrid) count(n int, want uint32) (int, error) {
	found := 0
	for n > 0 {
		if h.left == 0 {
			if err := h.run(); err != nil {
				return 0, err
			}
		}
		k := min(h.left, n)
		switch {
		case h.packed == nil:
			if h.value == want {
				found += k
			}
		case h.width == 1:
			ones := countOnes(h.packed, h.bit, k)
			if want == 1 {
				found += ones
			} else {
				found += k - ones
			}
			h.bit += k
		default:
			for range k {
				if h.at(h.bit) == want {
					found++
				}
				h.bit += int(h.width)
			}
		}
		h.left -= k
		n -= k
	}
	return found, nil
}

// skip passes over n values.
func (h *hybrid) skip(n int) error {
	for n > 0 {
		if h.left == 0 {
			if err := h.run(); err != nil {
				return err
			}
		}
		k := min(h.left, n)
		if h.packed != nil {
			h.bit += k * int(h.width)
		}
		h.left -= k
		n -= k
	}
	return nil
}

// countOnes counts the set bits among n from bit on.
func countOnes(b []byte, bit, n int) int {
	ones := 0
	for n > 0 && bit&7 != 0 {
		ones += int(b[bit>>3] >> (uint(bit) & 7) & 1)
		bit++
		n--
	}
	for ; n >= 64; n -= 64 {
		ones += bits.OnesCount64(binary.LittleEndian.Uint64(b[bit>>3:]))
		bit += 64
	}
	for ; n > 0; n-- {
		ones += int(b[bit>>3] >> (uint(bit) & 7) & 1)
		bit++
	}
	return ones
}
