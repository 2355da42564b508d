package fragment

import (
	"github.com/klauspost/compress/s2"

	"github.com/taeldb/tael"
)

// Version 1 is one entry, as releases before blocks stored it:
//
//	version     1 byte
//	checksum    4 bytes, CRC-32C of all that follows
//	header      40 bytes
//	filter len  uvarint, then the filter of the terms
//	body        one S2 block to the end
const (
	entryVersion1 = 1
	entry1Fixed   = checksumStart + headerBytes
)

// readEntry1 reads an entry of version 1 whose checksum was found right as a block of one.
func readEntry1(b []byte, id tael.TraceID, list []Entry) (Block, error) {
	if len(b) <= entry1Fixed {
		return Block{}, damagedBlock("as an entry of version 1 it has %d bytes, the smallest has %d", len(b), entry1Fixed+1)
	}
	from, to := lengthOf(b, entry1Fixed)
	if to < 0 {
		return Block{}, damagedBlock("the filter of an entry of version 1 does not fit")
	}
	n, err := s2.DecodedLen(b[to:])
	if err != nil || n > maxBodies {
		return Block{}, damagedBlock("the body of an entry of version 1 has %d bytes, the most is %d (%v)", n, maxBodies, err)
	}
	e := Entry{TraceID: id, Header: getHeader(b[checksumStart:]), Filter: b[from:to:to], Length: n}
	return Block{Entries: append(list, e), Packed: b[to:]}, nil
}
