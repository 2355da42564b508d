package hot

import (
	"encoding/binary"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Every key of a segment's Badger directory is made and read here; docs/formats/hot.md describes them.
//
//	'S' | tenant length (1) | tenant | trace id (16) | sequence (8) [| part (2)]   part of a packed entry
//	'R' | resource id (16) [| part (2)]                                            part of an OTLP Resource message
//
// Numbers are big-endian, so that keys sort by tenant, trace, sequence and part. The sequence of an entry is the counter of its
// segment in the high 32 bits and the entry's number in it, from 1, in the low. An entry of up to maxPart bytes is one value, whose key has
// no part. A larger one is cut: the first maxPart bytes are under the key without part, the following ones under parts 1, 2, ...; the
// user meta byte of the first says how many follow.
const (
	signalSpans    = 'S'
	signalResource = 'R'

	// maxPart keeps every value below Badger's value threshold, so that nothing reaches its value log.
	maxPart = 512 << 10
	// maxEntry is bounded by the user meta byte, which counts the parts after the first.
	maxEntry = 256 * maxPart

	spanKeyFixed = 1 + 1 + 16 + 8
	partBytes    = 2
)

// appendSpanKey appends the key of an entry's first part.
func appendSpanKey(dst []byte, tenant string, id tael.TraceID, sequence uint64) []byte {
	dst = append(dst, signalSpans, byte(len(tenant)))
	dst = append(dst, tenant...)
	dst = append(dst, id[:]...)
	return binary.BigEndian.AppendUint64(dst, sequence)
}

// appendPartKey makes the key of a further part, 1 or more, out of the key of the first.
func appendPartKey(first []byte, part int) []byte {
	return binary.BigEndian.AppendUint16(first, uint16(part))
}

// spanKey is a key read back. Tenant is borrowed from the key.
type spanKey struct {
	tenant   []byte
	trace    tael.TraceID
	sequence uint64
	part     int
}

// parseSpanKey reads a key that begins with signalSpans.
func parseSpanKey(key []byte) (k spanKey, err error) {
	if len(key) < spanKeyFixed || key[0] != signalSpans {
		return k, fmt.Errorf("key %x: %w: too short for an entry", key, tael.ErrDamaged)
	}
	n := int(key[1])
	rest := key[2:]
	switch len(key) {
	case spanKeyFixed + n:
	case spanKeyFixed + n + partBytes:
		k.part = int(binary.BigEndian.Uint16(key[len(key)-partBytes:]))
		if k.part == 0 {
			return k, fmt.Errorf("key %x: %w: part 0", key, tael.ErrDamaged)
		}
	default:
		return k, fmt.Errorf("key %x: %w: length does not fit the tenant's", key, tael.ErrDamaged)
	}
	k.tenant = rest[:n]
	k.trace = tael.TraceID(rest[n:])
	k.sequence = binary.BigEndian.Uint64(rest[n+16:])
	return k, nil
}

// appendResourceKey appends the key of a resource.
func appendResourceKey(dst []byte, id fragment.ResourceID) []byte {
	return append(append(dst, signalResource), id[:]...)
}

// parseResourceKey reads the key of a resource, or of a part of one.
func parseResourceKey(key []byte) (id fragment.ResourceID, part int, err error) {
	n := 1 + len(id)
	if len(key) < n || key[0] != signalResource || len(key) != n && len(key) != n+partBytes {
		return id, 0, fmt.Errorf("key %x: %w: not a resource's", key, tael.ErrDamaged)
	}
	if len(key) > n {
		part = int(binary.BigEndian.Uint16(key[n:]))
	}
	return fragment.ResourceID(key[1:]), part, nil
}

// sequenceOf joins a segment's counter and an entry's number.
func sequenceOf(counter uint64, n uint32) uint64 { return counter<<32 | uint64(n) }
