package fragment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"

	"github.com/klauspost/compress/s2"

	"github.com/taeldb/tael"
)

// An entry is one or several fragments of one trace as they are stored. Its bytes are in docs/formats/entry.md:
//
//	version     1 byte
//	checksum    4 bytes, CRC-32C of all that follows
//	header      40 bytes: spans, errors as uint32; min start, max start, max end, max duration as uint64
//	filter len  uvarint, then the filter of the terms
//	body        one S2 block to the end
//
// All fixed numbers are little-endian.
const (
	entryVersion = 1
	entryFixed   = 1 + 4 + 40
	// maxBody is the largest body that an entry may unpack to, in bytes.
	maxBody = 1 << 30
)

// Entry is a stored entry, read but not unpacked. Its slices point into the bytes that ReadEntry was given.
type Entry struct {
	Header Header
	Filter []byte // see FilterHas
	Packed []byte // the body as an S2 block
}

// AppendEntry adds an entry of fragments of one trace: the header covers all, the filter has the terms of all, and the body is the
// bodies in order, compressed as one. The bodies have at most 1 GiB together: Entry.Body gives no more.
func AppendEntry(dst []byte, fs []*Fragment) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, entryFixed)...)
	var h Header
	bodyLen, termsLen := 0, 0
	for _, f := range fs {
		h.Add(f.Header)
		bodyLen += len(f.Body)
		termsLen += len(f.Terms)
	}
	putHeader(dst[at+5:], &h)

	if len(fs) == 1 {
		dst = appendEntryFilter(dst, fs[0].Terms)
	} else {
		dst = appendJoinedFilter(dst, fs, termsLen)
	}

	// Several bodies are put together behind the place of the packed one.
	packedAt, room := len(dst), s2.MaxEncodedLen(bodyLen)
	var body []byte
	if len(fs) == 1 {
		dst = grow(dst, room)
		body = fs[0].Body
	} else {
		dst = grow(dst, room+bodyLen)
		body = dst[packedAt+room : packedAt+room]
		for _, f := range fs {
			body = append(body, f.Body...)
		}
	}
	packed := s2.Encode(dst[packedAt:packedAt+room], body)
	dst = dst[:packedAt+len(packed)]
	dst[at] = entryVersion
	putChecksum(dst[at:])
	return dst
}

// grow makes room for n more bytes after the length.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, 2*len(b)+n), b...)
}

func appendEntryFilter(dst []byte, terms []uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(FilterLen(len(terms), DefaultFilterBits)))
	return AppendFilter(dst, terms, DefaultFilterBits)
}

// appendJoinedFilter adds the filter of the distinct terms of several fragments, which have n terms together.
func appendJoinedFilter(dst []byte, fs []*Fragment, n int) []byte {
	// On the stack where that is enough.
	var tableSpace [1024]uint64
	var termsSpace [512]uint64
	table, terms := tableSpace[:], termsSpace[:0]
	set := newTermSet(&table, n, rand.Uint64()|1)
	for _, f := range fs {
		terms = set.add(terms, f.Terms)
	}
	return appendEntryFilter(dst, terms)
}

func putHeader(b []byte, h *Header) {
	le := binary.LittleEndian
	le.PutUint32(b, h.Spans)
	le.PutUint32(b[4:], h.Errors)
	le.PutUint64(b[8:], h.MinStart)
	le.PutUint64(b[16:], h.MaxStart)
	le.PutUint64(b[24:], h.MaxEnd)
	le.PutUint64(b[32:], h.MaxDuration)
}

func getHeader(b []byte) Header {
	le := binary.LittleEndian
	return Header{
		Spans: le.Uint32(b), Errors: le.Uint32(b[4:]),
		MinStart: le.Uint64(b[8:]), MaxStart: le.Uint64(b[16:]), MaxEnd: le.Uint64(b[24:]), MaxDuration: le.Uint64(b[32:]),
	}
}

func putChecksum(entry []byte) { binary.LittleEndian.PutUint32(entry[1:], checksum(entry[5:])) }

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// ReadEntry reads what AppendEntry made, and checks that it is undamaged. The body stays packed. The error is a tael.ErrDamaged or a tael.ErrNewer.
func ReadEntry(b []byte) (Entry, error) {
	if len(b) < entryFixed+1 {
		return Entry{}, fmt.Errorf("entry: %w: it has %d bytes, the smallest has %d", tael.ErrDamaged, len(b), entryFixed+1)
	}
	if b[0] != entryVersion {
		if b[0] > entryVersion {
			return Entry{}, fmt.Errorf("entry: %w: its version is %d, this release reads %d", tael.ErrNewer, b[0], entryVersion)
		}
		return Entry{}, fmt.Errorf("entry: %w: its version is %d", tael.ErrDamaged, b[0])
	}
	if want, got := binary.LittleEndian.Uint32(b[1:]), checksum(b[5:]); want != got {
		return Entry{}, fmt.Errorf("entry: %w: its checksum is %08x, its bytes have %08x", tael.ErrDamaged, want, got)
	}
	from, to := lengthOf(b, entryFixed)
	if to < 0 {
		return Entry{}, fmt.Errorf("entry: %w: its filter does not fit", tael.ErrDamaged)
	}
	return Entry{Header: getHeader(b[5:]), Filter: b[from:to:to], Packed: b[to:]}, nil
}

// Body unpacks the body into dst, which grows when it must, and returns it. What dst held is overwritten. The error is a tael.ErrDamaged.
func (e Entry) Body(dst []byte) ([]byte, error) {
	n, err := s2.DecodedLen(e.Packed)
	if err == nil && n > maxBody {
		err = fmt.Errorf("the body has %d bytes, the largest is %d", n, maxBody)
	}
	if err == nil {
		dst, err = s2.Decode(dst[:cap(dst)], e.Packed)
	}
	if err != nil {
		return nil, fmt.Errorf("entry: %w: %w", tael.ErrDamaged, err)
	}
	return dst, nil
}
