package spanfile

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// noIndex says that a value did not go into a dictionary.
const noIndex = int32(-1)

// textDictionary numbers the distinct texts of a column in a row group. It is an open hash table over one slab, which is the dictionary page
// as well, because a Go map would need a string for every look-up and an allocation for every entry.
type textDictionary struct {
	fixed   int      // bytes of every value, 0 for a length before each
	slots   []uint64 // low half of the hash << 32 | entry + 1; 0 is free
	page    []byte   // PLAIN
	offsets []uint32 // of the entries' bytes in page
	touched []uint32 // number of the page that last had the entry, see pageBounds
}

func (d *textDictionary) reset() {
	clear(d.slots)
	d.page, d.offsets, d.touched = d.page[:0], d.offsets[:0], d.touched[:0]
}

func (d *textDictionary) len() int { return len(d.offsets) }

// value is the bytes of an entry, good until the next add.
func (d *textDictionary) value(i int32) []byte {
	at := d.offsets[i]
	n := uint32(d.fixed)
	if d.fixed == 0 {
		n = binary.LittleEndian.Uint32(d.page[at-4:])
	}
	return d.page[at : at+n]
}

// index finds v or adds it, unless the page would be larger than limit: then it is noIndex.
func (d *textDictionary) index(v []byte, limit int) int32 {
	if 4*len(d.offsets) >= 3*len(d.slots) {
		d.grow()
	}
	h := xxh3.Hash(v)
	mask := uint64(len(d.slots) - 1)
	for i := h >> 32 & mask; ; i = (i + 1) & mask {
		s := d.slots[i]
		if s == 0 {
			if len(d.page)+4+len(v) > limit {
				return noIndex
			}
			d.slots[i] = h<<32 | uint64(len(d.offsets)+1)
			return d.add(v)
		}
		if uint32(s>>32) == uint32(h) {
			if e := int32(uint32(s)) - 1; bytes.Equal(d.value(e), v) {
				return e
			}
		}
	}
}

// add appends v without looking for it.
func (d *textDictionary) add(v []byte) int32 {
	if d.fixed == 0 {
		d.page = binary.LittleEndian.AppendUint32(d.page, uint32(len(v)))
	}
	d.offsets = append(d.offsets, uint32(len(d.page)))
	d.touched = append(d.touched, 0)
	d.page = append(d.page, v...)
	return int32(len(d.offsets) - 1)
}

func (d *textDictionary) grow() {
	d.slots = make([]uint64, max(64, 2*len(d.slots)))
	mask := uint64(len(d.slots) - 1)
	for e := range d.offsets {
		h := xxh3.Hash(d.value(int32(e)))
		i := h >> 32 & mask
		for d.slots[i] != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = h<<32 | uint64(e+1)
	}
}

// numberDictionary numbers the distinct 64-bit patterns of a column in a row group.
type numberDictionary struct {
	slots   []int32 // entry + 1; 0 is free
	values  []uint64
	touched []uint32
	last    int32 // the entry that index gave last: most columns of numbers repeat it
}

func (d *numberDictionary) reset() {
	clear(d.slots)
	d.values, d.touched, d.last = d.values[:0], d.touched[:0], 0
}

// index finds v or adds it, unless there would be more than limit entries: then it is noIndex.
func (d *numberDictionary) index(v uint64, limit int) int32 {
	if int(d.last) < len(d.values) && d.values[d.last] == v {
		return d.last
	}
	if 2*len(d.values) >= len(d.slots) {
		d.grow()
	}
	mask := uint64(len(d.slots) - 1)
	for i := scatter(v) & mask; ; i = (i + 1) & mask {
		s := d.slots[i]
		if s == 0 {
			if len(d.values) >= limit {
				return noIndex
			}
			d.values = append(d.values, v)
			d.touched = append(d.touched, 0)
			d.slots[i] = int32(len(d.values))
			d.last = int32(len(d.values) - 1)
			return d.last
		}
		if d.values[s-1] == v {
			d.last = s - 1
			return d.last
		}
	}
}

func (d *numberDictionary) grow() {
	d.slots = make([]int32, max(16, 2*len(d.slots)))
	mask := uint64(len(d.slots) - 1)
	for e, v := range d.values {
		i := scatter(v) & mask
		for d.slots[i] != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = int32(e + 1)
	}
}

// scatter mixes all bits of v into the low ones.
func scatter(v uint64) uint64 {
	v ^= v >> 32
	v *= 0x9e3779b97f4a7c15
	return v ^ v>>29
}
