package query

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
)

// A cursor is base64url of: version (1 byte), check (8), then the place of the last answered row: sort key (8), start (8), trace id
// (16), span id (8), kind (4); integers are big endian. The check is XXH3-64 of the query and the place, so a cursor of another query or
// a damaged one is refused. The time range is no part of the query here, so that a range that slides with the clock ("the last 15
// minutes") can be paged through. What a list holds before the cursor's place is never answered again, whatever arrives meanwhile.
const (
	cursorVersion = 1
	cursorPlace   = 8 + 8 + 16 + 8 + 4
	cursorBytes   = 1 + 8 + cursorPlace
)

// fingerprint writes what a cursor is bound to: the kind of list, the tenant, the order and the filter but for its time range.
func fingerprint(list, tenant string, sort tael.Sort, f *tael.Filter) []byte {
	text := func(b []byte, s string) []byte {
		return append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	b := text(text(nil, list), tenant)
	b = append(b, byte(sort))
	b = text(text(b, f.Service), f.Operation)
	status, kind, longest := int64(-1), int64(-1), []byte{}
	if f.Status != nil {
		status = int64(uint32(*f.Status))
	}
	if f.Kind != nil {
		kind = int64(uint32(*f.Kind))
	}
	if f.MaxDuration != nil {
		longest = binary.BigEndian.AppendUint64(longest, *f.MaxDuration)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, status), kind)
	b = append(b, f.SpanID[:]...)
	b = binary.BigEndian.AppendUint64(b, f.MinDuration)
	b = text(b, string(longest))
	for _, m := range f.Attributes {
		b = text(append(text(b, m.Key), byte(m.Op)), m.Want)
	}
	return b
}

// formatCursor names the place after k in the list with this fingerprint.
func formatCursor(query []byte, k key) string {
	b := make([]byte, 1+8, cursorBytes)
	b[0] = cursorVersion
	b = appendPlace(b, k)
	binary.BigEndian.PutUint64(b[1:], checkOf(query, b[9:]))
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads what formatCursor wrote for the same query. The error is a tael.ErrInvalid.
func parseCursor(query []byte, s string) (key, error) {
	if base64.RawURLEncoding.DecodedLen(len(s)) != cursorBytes {
		return key{}, fmt.Errorf("cursor: %w: it has %d characters, not those of a next_cursor", tael.ErrInvalid, len(s))
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return key{}, fmt.Errorf("cursor: %w: it is not base64url", tael.ErrInvalid)
	}
	if b[0] != cursorVersion {
		return key{}, fmt.Errorf("cursor: %w: version %d is not known here: start again without it", tael.ErrInvalid, b[0])
	}
	place := b[9:]
	if binary.BigEndian.Uint64(b[1:]) != checkOf(query, place) {
		return key{}, fmt.Errorf("cursor: %w: it is of another query or tenant, or damaged: send it with the parameters that it came from", tael.ErrInvalid)
	}
	k := key{first: binary.BigEndian.Uint64(place), start: binary.BigEndian.Uint64(place[8:])}
	copy(k.id.TraceID[:], place[16:])
	copy(k.id.SpanID[:], place[32:])
	k.id.Kind = tael.SpanKind(binary.BigEndian.Uint32(place[40:]))
	return k, nil
}

func appendPlace(b []byte, k key) []byte {
	b = binary.BigEndian.AppendUint64(b, k.first)
	b = binary.BigEndian.AppendUint64(b, k.start)
	b = append(b, k.id.TraceID[:]...)
	b = append(b, k.id.SpanID[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(k.id.Kind))
}

func checkOf(query, place []byte) uint64 {
	h := xxh3.New()
	_, _ = h.Write(place) // a hash takes everything
	_, _ = h.Write(query)
	return h.Sum64()
}
