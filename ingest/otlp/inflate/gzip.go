package inflate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Flags of a member (RFC 1952, 2.3.1).
const (
	hasHeaderCRC = 1 << 1
	hasExtra     = 1 << 2
	hasName      = 1 << 3
	hasComment   = 1 << 4
)

// header reads the head of a member.
func (d *Decoder) header() error {
	rest := d.src[d.pos:]
	if len(rest) < 10 {
		return d.torn()
	}
	flags := rest[3]
	if rest[0] != 0x1f || rest[1] != 0x8b || rest[2] != 8 {
		return d.corrupt("header")
	}
	n := 10
	if flags&hasExtra != 0 {
		if len(rest) < n+2 {
			return d.torn()
		}
		if n += 2 + int(binary.LittleEndian.Uint16(rest[n:])); n > len(rest) {
			return d.torn()
		}
	}
	for _, flag := range []byte{hasName, hasComment} {
		if flags&flag != 0 {
			end := bytes.IndexByte(rest[n:], 0)
			if end < 0 {
				return d.torn()
			}
			n += end + 1
		}
	}
	if flags&hasHeaderCRC != 0 {
		if len(rest) < n+2 {
			return d.torn()
		}
		if uint16(crc32.ChecksumIEEE(rest[:n])) != binary.LittleEndian.Uint16(rest[n:]) {
			return d.corrupt("checksum of a header")
		}
		n += 2
	}
	d.pos += n
	return nil
}

// trailer compares what a member says of itself with what it was.
func (d *Decoder) trailer() error {
	d.align()
	if len(d.src)-d.pos < 8 {
		return d.torn()
	}
	if binary.LittleEndian.Uint32(d.src[d.pos:]) != d.crc || binary.LittleEndian.Uint32(d.src[d.pos+4:]) != uint32(d.written) {
		return d.corrupt("checksum")
	}
	d.pos += 8
	return nil
}
