// Package inflate unpacks gzip that lies whole in memory, as a request's body does. It takes half the time of a decoder that reads a stream: bits
// are loaded eight bytes at a time, and what was unpacked is its own window, so that nothing is copied twice.
package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrCorrupt is the class of all errors but those of a caller: what was given is not gzip, or not all of it.
var ErrCorrupt = errors.New("gzip: corrupt")

// Window is how many of the last bytes a Decoder may copy from.
const Window = 32 << 10

// Decoder unpacks one gzip stream after another, of one member or many. The zero value is to be Reset. It holds some 20 KiB and is not safe for
// concurrent use.
type Decoder struct {
	src  []byte
	pos  int
	bits uint64 // loaded before they were asked for
	n    uint   // how many of them

	in           state
	last         bool // this block is the member's last
	stored       int  // bytes that are left of a block that is not compressed
	length, back int  // what is left to copy of a match that had no room
	written      uint64
	crc          uint32
	fixed        bool // the tables are those of a block with fixed codes
	lit          [litSize]uint32
	dist         [distSize]uint32
	pre          [1 << preBits]uint32
	lengths      [litSymbols + 32]uint8
}

type state uint8

const (
	inHeader state = iota // a member begins, or everything ends
	inBlock               // a block begins
	inStored
	inCodes
	inTrailer
)

// Reset begins a new stream. src is borrowed until the next Reset.
func (d *Decoder) Reset(src []byte) {
	d.src, d.pos, d.bits, d.n = src, 0, 0, 0
	d.in, d.length, d.last = inHeader, 0, false
}

// Size is how long the stream says to be unpacked, as far as that can be known: a lie, if it is so meant, and only its last member.
func (d *Decoder) Size() int64 {
	if len(d.src) < 18 {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(d.src[len(d.src)-4:]))
}

// Append unpacks to the end of dst and never beyond its capacity. The error is nil when there was no more room: the caller calls again with more of it,
// and with at least the last Window bytes of what it has got so far before. It is io.EOF when everything was unpacked and its checksum is right. Bytes
// between the length and the capacity of what it returns may have been written to.
func (d *Decoder) Append(dst []byte) ([]byte, error) {
	if len(d.src) == 0 {
		return dst, d.torn()
	}
	for {
		var err error
		switch d.in {
		case inHeader:
			if d.pos == len(d.src) {
				return dst, io.EOF
			}
			if err = d.header(); err == nil {
				d.in, d.written, d.crc = inBlock, 0, 0
			}
		case inBlock:
			err = d.block()
		case inTrailer:
			if err = d.trailer(); err == nil {
				d.in = inHeader
			}
		default:
			from := len(dst)
			var full bool
			dst, full, err = d.unpack(dst)
			d.crc = crc32.Update(d.crc, crc32.IEEETable, dst[from:])
			d.written += uint64(len(dst) - from)
			if full && err == nil {
				return dst, nil
			}
		}
		if err != nil {
			return dst, err
		}
	}
}

// unpack goes on with a block. full is true when there was no room for the rest of it.
func (d *Decoder) unpack(dst []byte) (_ []byte, full bool, err error) {
	if d.in == inStored {
		n := min(d.stored, cap(dst)-len(dst), len(d.src)-d.pos)
		dst = append(dst, d.src[d.pos:d.pos+n]...)
		d.pos += n
		d.stored -= n
		switch {
		case d.stored == 0:
			d.blockEnds()
		case d.pos == len(d.src):
			return dst, false, d.torn()
		default:
			full = true
		}
		return dst, full, nil
	}
	first := len(dst) - int(min(d.written, uint64(len(dst)))) // of this member
	at := len(dst)
	for d.in == inCodes && !full && err == nil {
		if at, err = d.quick(dst[:cap(dst)], at, first); err == nil && d.in == inCodes {
			at, full, err = d.careful(dst[:cap(dst)], at, first)
		}
	}
	return dst[:at], full, err
}

// block reads the head of a block.
func (d *Decoder) block() error {
	head, err := d.take(3)
	if err != nil {
		return err
	}
	d.last = head&1 != 0
	switch head >> 1 {
	case 0:
		d.align()
		if len(d.src)-d.pos < 4 {
			return d.torn()
		}
		n := binary.LittleEndian.Uint16(d.src[d.pos:])
		if n != ^binary.LittleEndian.Uint16(d.src[d.pos+2:]) {
			return d.corrupt("length of a stored block")
		}
		d.pos += 4
		d.in, d.stored = inStored, int(n)
		return nil
	case 1:
		if !d.fixed {
			for i := range litSymbols {
				switch {
				case i < 144, i >= 280:
					d.lengths[i] = 8
				case i < 256:
					d.lengths[i] = 9
				default:
					d.lengths[i] = 7
				}
			}
			build(d.lit[:], litBits, d.lengths[:litSymbols], litEntries[:])
			for i := range 32 {
				d.lengths[i] = 5
			}
			build(d.dist[:], distBits, d.lengths[:32], distEntries[:])
			d.fixed = true
		}
	case 2:
		d.fixed = false
		if err := d.codes(); err != nil {
			return err
		}
	default:
		return d.corrupt("kind of a block")
	}
	d.in = inCodes
	return nil
}

func (d *Decoder) blockEnds() {
	d.in = inBlock
	if d.last {
		d.in = inTrailer
	}
}

// preOrder is the order in which the lengths of the codes for lengths come (RFC 1951, 3.2.7).
var preOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads the codes of a block.
func (d *Decoder) codes() error {
	head, err := d.take(14)
	if err != nil {
		return err
	}
	lits, dists, pres := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if lits > 286 || dists > 30 {
		return d.corrupt("number of codes")
	}
	var pre [19]uint8
	for _, i := range preOrder[:pres] {
		n, err := d.take(3)
		if err != nil {
			return err
		}
		pre[i] = uint8(n)
	}
	if !build(d.pre[:], preBits, pre[:], preEntries[:]) {
		return d.corrupt("codes for lengths")
	}
	lengths := d.lengths[:lits+dists]
	for i := 0; i < len(lengths); {
		d.refill()
		e := d.pre[d.bits&(1<<preBits-1)]
		if e == isSpecial {
			return d.corrupt("code for a length")
		}
		if _, err := d.take(uint(e & 255)); err != nil {
			return err
		}
		symbol := uint8(e >> 16)
		if symbol < 16 {
			lengths[i] = symbol
			i++
			continue
		}
		least, extra, value := 3, uint(2), uint8(0)
		switch symbol {
		case 16:
			if i == 0 {
				return d.corrupt("repeated length")
			}
			value = lengths[i-1]
		case 17:
			extra = 3
		case 18:
			least, extra = 11, 7
		}
		more, err := d.take(extra)
		if err != nil {
			return err
		}
		n := least + int(more)
		if i+n > len(lengths) {
			return d.corrupt("repeated length")
		}
		for range n {
			lengths[i] = value
			i++
		}
	}
	if !build(d.lit[:], litBits, lengths[:lits], litEntries[:]) || !build(d.dist[:], distBits, lengths[lits:], distEntries[:]) {
		return d.corrupt("codes")
	}
	return nil
}

// refill loads as many bits as there is room for, but never 64: quick's shifts need one less.
func (d *Decoder) refill() {
	for ; d.n < 56 && d.pos < len(d.src); d.n += 8 {
		d.bits |= uint64(d.src[d.pos]) << d.n
		d.pos++
	}
}

// take gives the next n bits, 16 at most.
func (d *Decoder) take(n uint) (uint, error) {
	if d.n < n {
		if d.refill(); d.n < n {
			return 0, d.torn()
		}
	}
	v := uint(d.bits) & (1<<n - 1)
	d.bits >>= n
	d.n -= n
	return v, nil
}

// align goes on at the next whole byte.
func (d *Decoder) align() {
	d.pos -= int(d.n / 8)
	d.bits, d.n = 0, 0
}

func (d *Decoder) torn() error { return fmt.Errorf("%w: %w", ErrCorrupt, io.ErrUnexpectedEOF) }

func (d *Decoder) corrupt(what string) error {
	return fmt.Errorf("%w: %s near byte %d", ErrCorrupt, what, d.pos)
}
