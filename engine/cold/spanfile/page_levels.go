package spanfile

import (
	"encoding/binary"
	"errors"
	"math/bits"
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
	errLevel       = errors.New("a level is over the column's maximum")
)

func newHybrid(data []byte, width uint) (hybrid, error) {
	if width > 32 {
		return hybrid{}, errHybridWidth
	}
	return hybrid{data: data, width: width}, nil
}

// run opens the next run.
func (h *hybrid) run() error {
	if len(h.data) == 0 {
		return errHybridShort
	}
	head, n := uint64(h.data[0]), 1
	if head >= 128 {
		if head, n = binary.Uvarint(h.data); n <= 0 {
			return errHybridShort
		}
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
	return uint32(loadWord(h.packed, bit>>3) >> (uint(bit) & 7) & (1<<h.width - 1))
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
			h.spread(part)
			for _, v := range part {
				if v == max {
					full++
				} else if v > max {
					return 0, errLevel
				}
			}
		}
		h.left -= n
		dst = dst[n:]
	}
	return full, nil
}

// spread writes values of a bit-packed run of at most 8 bits.
func (h *hybrid) spread(dst []uint8) {
	i := 0
	if h.width == 1 {
		for ; i < len(dst) && h.bit&7 != 0; i++ {
			dst[i] = h.packed[h.bit>>3] >> (uint(h.bit) & 7) & 1
			h.bit++
		}
		for ; len(dst)-i >= 8; i += 8 {
			// Each byte of the product has all eight bits; each keeps its own, which the sum carries to the top.
			w := uint64(h.packed[h.bit>>3]) * 0x0101010101010101 & 0x8040201008040201
			binary.LittleEndian.PutUint64(dst[i:], (w+0x7f7f7f7f7f7f7f7f)>>7&0x0101010101010101)
			h.bit += 8
		}
	}
	for ; i < len(dst); i++ {
		dst[i] = uint8(h.at(h.bit))
		h.bit += int(h.width)
	}
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
		if h.width > 2 {
			if h.at(bit) == 0 {
				if zeros == n {
					return zeros, at
				}
				zeros++
			}
			at++
			bit += int(h.width)
			continue
		}
		w, looked := h.narrow(bit, k-at, 0)
		if c := bits.OnesCount64(w); zeros+c <= n {
			zeros, at, bit = zeros+c, at+looked, bit+looked*int(h.width)
			continue
		}
		for ; zeros < n; zeros++ {
			w &= w - 1
		}
		return zeros, at + bits.TrailingZeros64(w)/int(h.width)
	}
	return zeros, at
}

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
		case h.width <= 2:
			found += h.countNarrow(k, want)
			h.bit += k * int(h.width)
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

// narrowAtOnce is the number of bits of narrow values that are looked at together: a word less what its first byte can have before them.
const narrowAtOnce = 56

// narrow gives a word with a bit for every value of a bit-packed run of width 1 or 2 that equals want, among those from bit on: count of
// them at most. The bits are width apart.
func (h *hybrid) narrow(bit, count int, want uint32) (word uint64, n int) {
	n = min(count, narrowAtOnce/int(h.width))
	w := loadWord(h.packed, bit>>3) >> (uint(bit) & 7)
	if h.width == 1 {
		return (w ^ (uint64(want) - 1)) & (1<<n - 1), n
	}
	const odd = 0x5555555555555555
	w ^= uint64(want) * odd
	return ^(w | w>>1) & odd & (1<<(2*n) - 1), n
}

func (h *hybrid) countNarrow(k int, want uint32) int {
	found, bit := 0, h.bit
	for k > 0 {
		w, n := h.narrow(bit, k, want)
		found += bits.OnesCount64(w)
		k -= n
		bit += n * int(h.width)
	}
	return found
}

// loadWord gives eight bytes from at on, zero after the end.
func loadWord(b []byte, at int) uint64 {
	if at+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[at:])
	}
	var w uint64
	for i := len(b) - 1; i >= at; i-- {
		w = w<<8 | uint64(b[i])
	}
	return w
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
