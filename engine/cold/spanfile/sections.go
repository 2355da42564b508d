package spanfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
)

// MetadataSections is the key in the footer's key-value metadata whose value says where the sections are:
// "offset,length,version" in decimal. SectionsVersion is the newest version that this release reads.
const (
	MetadataSections = "tael.sections"
	SectionsVersion  = 1
)

// Bounds is what is known of a file or a row group without reading a column. Times are unix nanoseconds.
type Bounds struct {
	Rows               int64
	Traces             int64 // distinct; a trace that goes on in the next row group counts in both
	Errors             int64 // spans with status error
	MinStart, MaxStart uint64
	MaxEnd             uint64
	MaxDuration        uint64
}

// add widens b by a row.
func (b *Bounds) add(start, end uint64, failed bool) {
	if b.Rows == 0 {
		b.MinStart = start
	}
	b.Rows++
	if failed {
		b.Errors++
	}
	b.MinStart = min(b.MinStart, start)
	b.MaxStart = max(b.MaxStart, start)
	b.MaxEnd = max(b.MaxEnd, end)
	b.MaxDuration = max(b.MaxDuration, tael.Duration(start, end))
}

// merge widens b by a row group; Traces is the caller's.
func (b *Bounds) merge(o Bounds) {
	if o.Rows == 0 {
		return
	}
	if b.Rows == 0 {
		b.MinStart = o.MinStart
	}
	b.Rows += o.Rows
	b.Errors += o.Errors
	b.MinStart = min(b.MinStart, o.MinStart)
	b.MaxStart = max(b.MaxStart, o.MaxStart)
	b.MaxEnd = max(b.MaxEnd, o.MaxEnd)
	b.MaxDuration = max(b.MaxDuration, o.MaxDuration)
}

// groupSection is the section of one row group. Its slices point into the block that it was read from.
type groupSection struct {
	Bounds
	Index traceIndex
	Terms []byte // fragment filter over the terms of the group's rows
}

// sections is everything of ours in a file.
type sections struct {
	Traces []byte // fragment filter over fragment.TermTrace of the file's traces
	Groups []groupSection
}

// Sizes in the block; see docs/formats/spanfile.md.
const (
	sectionsMagic = "tael"
	blockHead     = 4 + 4 + 4 + 4     // magic, version, row groups, bytes of the trace filter
	groupHead     = 7*8 + 4 + 4       // bounds, traces in the index, bytes of the term filter
	sumBytes      = 8                 // XXH3-64
	entryBytes    = 8                 // of the trace index: hash, row
	maxGroups     = math.MaxInt32 / 2 // guards sizes computed from a damaged head
)

// appendSections appends the block.
func appendSections(dst []byte, s *sections) []byte {
	from := len(dst)
	dst = append(dst, sectionsMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, SectionsVersion)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s.Groups)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s.Traces)))
	for i := range s.Groups {
		g := &s.Groups[i]
		for _, n := range [...]uint64{uint64(g.Rows), uint64(g.Traces), uint64(g.Errors), g.MinStart, g.MaxStart, g.MaxEnd, g.MaxDuration} {
			dst = binary.LittleEndian.AppendUint64(dst, n)
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(g.Index.len()))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(g.Terms)))
	}
	dst = append(dst, s.Traces...)
	for i := range s.Groups {
		dst = append(dst, s.Groups[i].Index...)
		dst = append(dst, s.Groups[i].Terms...)
	}
	return binary.LittleEndian.AppendUint64(dst, xxh3.Hash(dst[from:]))
}

// parseSections reads a block. The result points into b. Errors are a tael.ErrDamaged or a tael.ErrNewer.
func parseSections(b []byte) (*sections, error) {
	damaged := func(why string) (*sections, error) {
		return nil, fmt.Errorf("sections: %w: %s", tael.ErrDamaged, why)
	}
	if len(b) < blockHead+sumBytes || string(b[:4]) != sectionsMagic {
		return damaged("no section block where the footer says")
	}
	if v := binary.LittleEndian.Uint32(b[4:]); v != SectionsVersion {
		return nil, versionError(uint64(v))
	}
	body, sum := b[:len(b)-sumBytes], binary.LittleEndian.Uint64(b[len(b)-sumBytes:])
	if xxh3.Hash(body) != sum {
		return damaged("the checksum does not match")
	}
	n, traces := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
	if n > maxGroups || n*groupHead > len(body)-blockHead {
		return damaged("more row groups than bytes")
	}
	s := &sections{Groups: make([]groupSection, n)}
	heads, rest := body[blockHead:blockHead+n*groupHead], body[blockHead+n*groupHead:]
	if traces > len(rest) {
		return damaged("the trace filter ends after the block")
	}
	s.Traces, rest = rest[:traces:traces], rest[traces:]
	for i := range s.Groups {
		g := &s.Groups[i]
		h := heads[i*groupHead:]
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(h[8*i:]) }
		g.Rows, g.Traces, g.Errors = int64(word(0)), int64(word(1)), int64(word(2))
		g.MinStart, g.MaxStart, g.MaxEnd, g.MaxDuration = word(3), word(4), word(5), word(6)
		index := int(binary.LittleEndian.Uint32(h[56:])) * entryBytes
		terms := int(binary.LittleEndian.Uint32(h[60:]))
		if g.Rows < 0 || index > len(rest) || terms > len(rest)-index {
			return damaged("row group " + strconv.Itoa(i) + " ends after the block")
		}
		g.Index, g.Terms, rest = traceIndex(rest[:index:index]), rest[index:index+terms:index+terms], rest[index+terms:]
	}
	if len(rest) > 0 {
		return damaged("bytes are left over")
	}
	return s, nil
}

func versionError(v uint64) error {
	if v > SectionsVersion {
		return fmt.Errorf("sections of version %d, this release reads %d: %w: use a newer release", v, SectionsVersion, tael.ErrNewer)
	}
	return fmt.Errorf("sections of version %d: %w: there is no such version", v, tael.ErrDamaged)
}

// sectionsRef is where the block lies in the file.
type sectionsRef struct {
	Offset, Length int64
	Version        uint64
}

// String is the metadata value.
func (r sectionsRef) String() string {
	return fmt.Sprintf("%d,%d,%d", r.Offset, r.Length, r.Version)
}

// parseSectionsRef reads the metadata value. Errors are a tael.ErrDamaged or a tael.ErrNewer; the caller compares with the file's size.
func parseSectionsRef(value string) (sectionsRef, error) {
	parts := strings.Split(value, ",")
	// A newer version may add parts, but keeps the first three.
	if len(parts) >= 3 {
		offset, err1 := strconv.ParseInt(parts[0], 10, 64)
		length, err2 := strconv.ParseInt(parts[1], 10, 64)
		version, err3 := strconv.ParseUint(parts[2], 10, 32)
		if errors.Join(err1, err2, err3) == nil && offset >= 0 && length >= 0 {
			r := sectionsRef{offset, length, version}
			if version != SectionsVersion {
				return r, versionError(version)
			}
			return r, nil
		}
	}
	return sectionsRef{}, fmt.Errorf("metadata %s=%.64q: %w: want offset,length,version", MetadataSections, value, tael.ErrDamaged)
}

// traceHash is the hash of a trace id in the trace index.
func traceHash(id tael.TraceID) uint32 { return uint32(xxh3.Hash(id[:])) }

// traceIndex says where in a row group each trace begins: n hashes in ascending order, then their n first rows (from the group's
// first row). A trace's rows follow each other. Traces of the same hash have an entry each, by row.
type traceIndex []byte

func (x traceIndex) len() int { return len(x) / entryBytes }

func (x traceIndex) hash(i int) uint32 { return binary.LittleEndian.Uint32(x[4*i:]) }

func (x traceIndex) row(i int) int64 {
	return int64(binary.LittleEndian.Uint32(x[4*(x.len()+i):]))
}

// find appends the first rows of the traces that have id's hash: those of id itself, if it is there, and rarely of others.
func (x traceIndex) find(dst []int64, id tael.TraceID) []int64 {
	h, n := traceHash(id), x.len()
	for i := sort.Search(n, func(i int) bool { return x.hash(i) >= h }); i < n && x.hash(i) == h; i++ {
		dst = append(dst, x.row(i))
	}
	return dst
}

// appendTraceIndex appends the index of traces given as hash<<32 | first row, which it sorts.
func appendTraceIndex(dst []byte, entries []uint64) []byte {
	sort.Slice(entries, func(i, j int) bool { return entries[i] < entries[j] })
	for _, e := range entries {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(e>>32))
	}
	for _, e := range entries {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(e))
	}
	return dst
}
