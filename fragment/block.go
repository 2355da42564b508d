package fragment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"

	"github.com/klauspost/compress/s2"

	"github.com/taeldb/tael"
)

// A block is several entries as they are stored, and an entry is the fragments of one trace that were committed together. Entries share a block because
// neighbours repeat each other, so that they are packed better together, and because storing a value costs much whatever is in it. Its bytes are
// in docs/formats/block.md:
//
//	version     1 byte
//	checksum    4 bytes, CRC-32C of all that follows
//	entries     uvarint
//	heads       one an entry: trace id (16 bytes); header (40 bytes: spans, errors as uint32; min start, max start, max end, max duration
//	            as uint64); filter length, uvarint; the filter of the terms; body length, uvarint
//	bodies      of all entries in order, as one S2 block to the end
//
// All fixed numbers are little-endian.
const (
	blockVersion  = 2
	headerBytes   = 40
	headFixed     = 16 + headerBytes
	checksumStart = 1 + 4

	// maxBodies is the largest size that the bodies of a block may unpack to, in bytes.
	maxBodies = 1 << 30
)

// Entry is what a block tells of an entry without being unpacked. The filter points into the block.
type Entry struct {
	TraceID tael.TraceID
	Header  Header
	Filter  []byte // see FilterHas
	From    int    // where its body begins in the bodies of its block
	Length  int    // of its body, in bytes
}

// Body is the entry's part of the bodies of its block.
func (e *Entry) Body(bodies []byte) []byte { return bodies[e.From : e.From+e.Length] }

// BlockWriter puts entries together. The zero value is ready to use.
type BlockWriter struct {
	heads, bodies []byte
	entries       int
}

// Len is the number of bytes of bodies that were added.
func (w *BlockWriter) Len() int { return len(w.bodies) }

// Add adds an entry of fragments of one trace: its header covers all, its filter has the terms of all, and its body is their bodies in order. A block takes at most
// 1 GiB of bodies: Block.Bodies gives no more.
func (w *BlockWriter) Add(fs []*Fragment) {
	var (
		h        Header
		id       tael.TraceID
		from     = len(w.bodies)
		termsLen = 0
	)
	for _, f := range fs {
		h.Add(f.Header)
		id = f.TraceID
		termsLen += len(f.Terms)
		w.bodies = append(w.bodies, f.Body...)
	}
	w.heads = append(w.heads, id[:]...)
	w.heads = appendHeader(w.heads, &h)
	if len(fs) == 1 {
		w.heads = appendEntryFilter(w.heads, fs[0].Terms)
	} else {
		w.heads = appendJoinedFilter(w.heads, fs, termsLen)
	}
	w.heads = binary.AppendUvarint(w.heads, uint64(len(w.bodies)-from))
	w.entries++
}

// AppendBlock adds the block of what was added to dst, and forgets it.
func (w *BlockWriter) AppendBlock(dst []byte) []byte {
	at := len(dst)
	dst = grow(dst, checksumStart+binary.MaxVarintLen64+len(w.heads)+s2.MaxEncodedLen(len(w.bodies)))
	dst = append(dst, blockVersion, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(w.entries))
	dst = append(dst, w.heads...)
	packedAt := len(dst)
	packed := s2.Encode(dst[packedAt:cap(dst)], w.bodies)
	dst = dst[:packedAt+len(packed)]
	putChecksum(dst[at:])
	w.heads, w.bodies, w.entries = w.heads[:0], w.bodies[:0], 0
	return dst
}

// Shrink lets go of buffers of more than keep bytes.
func (w *BlockWriter) Shrink(keep int) {
	if cap(w.bodies) > keep {
		w.bodies = nil
	}
	if cap(w.heads) > keep {
		w.heads = nil
	}
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

func appendHeader(dst []byte, h *Header) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, h.Spans)
	dst = le.AppendUint32(dst, h.Errors)
	dst = le.AppendUint64(dst, h.MinStart)
	dst = le.AppendUint64(dst, h.MaxStart)
	dst = le.AppendUint64(dst, h.MaxEnd)
	return le.AppendUint64(dst, h.MaxDuration)
}

func getHeader(b []byte) Header {
	le := binary.LittleEndian
	return Header{
		Spans: le.Uint32(b), Errors: le.Uint32(b[4:]),
		MinStart: le.Uint64(b[8:]), MaxStart: le.Uint64(b[16:]), MaxEnd: le.Uint64(b[24:]), MaxDuration: le.Uint64(b[32:]),
	}
}

func putChecksum(block []byte) {
	binary.LittleEndian.PutUint32(block[1:], checksum(block[checksumStart:]))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Block is a stored block, read but not unpacked. Its slices point into the bytes that ReadBlock was given.
type Block struct {
	Entries []Entry
	Packed  []byte // the bodies as an S2 block
}

// ReadBlock reads what AppendBlock made, or an entry of version 1, and checks that it is undamaged. The bodies stay packed. An entry of version 1 does not name its
// trace: it gets id, which is that of the key that it is stored under. The entries go to the end of list, which may be nil. The error is a tael.ErrDamaged or
// a tael.ErrNewer.
func ReadBlock(b []byte, id tael.TraceID, list []Entry) (Block, error) {
	const least = 1 + 4 + 1
	if len(b) < least {
		return Block{}, damagedBlock("it has %d bytes, the smallest has %d", len(b), least)
	}
	switch version := b[0]; {
	case version > blockVersion:
		return Block{}, fmt.Errorf("block: %w: its version is %d, this release reads %d", tael.ErrNewer, version, blockVersion)
	case version == 0:
		return Block{}, damagedBlock("its version is 0")
	}
	if want, got := binary.LittleEndian.Uint32(b[1:]), checksum(b[checksumStart:]); want != got {
		return Block{}, damagedBlock("its checksum is %08x, its bytes have %08x", want, got)
	}
	if b[0] == entryVersion1 {
		return readEntry1(b, id, list)
	}
	n, at := uvarint(b, checksumStart)
	if at < 0 || n > uint64(len(b)-at)/headFixed {
		return Block{}, damagedBlock("it has no room for its number of entries")
	}
	end := 0
	for i := range n {
		var e Entry
		if at, end = readHead(b, at, end, &e); at < 0 {
			return Block{}, damagedBlock("the head of entry %d of %d does not fit", i, n)
		}
		list = append(list, e)
	}
	out := Block{Entries: list, Packed: b[at:]}
	if size, err := s2.DecodedLen(out.Packed); err != nil || size != end {
		return Block{}, damagedBlock("its entries have bodies of %d bytes, it has %d (%v)", end, size, err)
	}
	return out, nil
}

// readHead reads the head at b[at:] of an entry whose body begins at from. It gives the ends of both; the first is below 0 when the head does not fit.
func readHead(b []byte, at, from int, e *Entry) (int, int) {
	if len(b)-at < headFixed {
		return -1, 0
	}
	e.TraceID = tael.TraceID(b[at:])
	e.Header = getHeader(b[at+16:])
	start, end := lengthOf(b, at+headFixed)
	if end < 0 {
		return -1, 0
	}
	e.Filter = b[start:end:end]
	n, at := uvarint(b, end)
	if at < 0 || n > uint64(maxBodies-from) {
		return -1, 0
	}
	e.From, e.Length = from, int(n)
	return at, from + int(n)
}

// Bodies unpacks the bodies of all entries into dst, which grows when it must, and returns them. What dst held is overwritten. The error is a tael.ErrDamaged.
func (b Block) Bodies(dst []byte) ([]byte, error) {
	n, err := s2.DecodedLen(b.Packed)
	if err == nil && n > maxBodies {
		err = fmt.Errorf("the bodies have %d bytes, the most is %d", n, maxBodies)
	}
	if err == nil {
		dst, err = s2.Decode(dst[:cap(dst)], b.Packed)
	}
	if err != nil {
		return nil, fmt.Errorf("block: %w: %w", tael.ErrDamaged, err)
	}
	return dst, nil
}

func damagedBlock(format string, args ...any) error {
	return fmt.Errorf("block: %w: %s", tael.ErrDamaged, fmt.Sprintf(format, args...))
}
