package spanfile

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/format"
)

// Limits on what a page may declare, checked before anything is allocated for it.
const (
	maxPageBytes  = 128 << 20 // unpacked
	maxPageValues = 1 << 24   // nulls included
)

// pageHeader is what is needed of a Parquet PageHeader.
type pageHeader struct {
	kind           format.PageType
	size, unpacked int // of the body, in bytes
	crc            uint32
	summed         bool // crc is there

	values      int // nulls included; entries of a dictionary page
	encoding    format.Encoding
	repEncoding format.Encoding // v1
	defEncoding format.Encoding // v1

	rows               int  // v2
	nulls              int  // v2
	repBytes, defBytes int  // v2
	raw                bool // v2: the values are not compressed
}

var errHeader = errors.New("page header: a field is missing or out of range")

// readPageHeader reads the header at the start of b and gives its length.
func readPageHeader(b []byte) (h pageHeader, n int, err error) {
	r := thriftReader{b: b}
	h.kind, h.size, h.unpacked, h.values = -1, -1, -1, -1
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 1:
			h.kind = format.PageType(r.int(f))
		case 2:
			h.unpacked = int(r.int(f))
		case 3:
			h.size = int(r.int(f))
		case 4:
			h.crc, h.summed = uint32(r.int(f)), true
		case 5, 7, 8:
			h.readKind(&r, f)
		default:
			r.skip(f)
		}
	}
	if r.err != nil {
		return h, 0, fmt.Errorf("page header: %w", r.err)
	}
	switch {
	case h.size < 0 || h.size > maxPageBytes, h.unpacked < 0 || h.unpacked > maxPageBytes, h.values < 0 || h.values > maxPageValues:
		return h, 0, errHeader
	case h.kind == format.DataPageV2:
		if h.rows < 0 || h.nulls < 0 || h.nulls > h.values || h.repBytes < 0 || h.defBytes < 0 ||
			h.repBytes > h.size || h.defBytes > h.size-h.repBytes || h.repBytes+h.defBytes > h.unpacked {
			return h, 0, errHeader
		}
	case h.kind != format.DataPage && h.kind != format.DictionaryPage:
		return h, 0, fmt.Errorf("page header: page type %d is not known", h.kind)
	}
	return h, r.at, nil
}

// readKind reads the header of one kind of page: field 5 of a data page, 7 of a dictionary page, 8 of a data page v2.
func (h *pageHeader) readKind(r *thriftReader, f thriftField) {
	outer := f.id
	h.raw = false
	for g := r.enter(f); r.next(&g); {
		switch {
		case g.id == 1:
			h.values = int(r.int(g))
		case g.id == 2 && outer != 8:
			h.encoding = format.Encoding(r.int(g))
		case g.id == 3 && outer == 5:
			h.defEncoding = format.Encoding(r.int(g))
		case g.id == 4 && outer == 5:
			h.repEncoding = format.Encoding(r.int(g))
		case g.id == 2:
			h.nulls = int(r.int(g))
		case g.id == 3 && outer == 8:
			h.rows = int(r.int(g))
		case g.id == 4 && outer == 8:
			h.encoding = format.Encoding(r.int(g))
		case g.id == 5 && outer == 8:
			h.defBytes = int(r.int(g))
		case g.id == 6 && outer == 8:
			h.repBytes = int(r.int(g))
		case g.id == 7 && outer == 8:
			h.raw = !r.bool(g)
		default:
			r.skip(g)
		}
	}
}

// openPage reads the header at the start of b and gives the page's body, whose checksum is tested when there is one:
// Thrift leaves out a zero.
func openPage(b []byte) (pageHeader, []byte, error) {
	h, n, err := readPageHeader(b)
	if err != nil {
		return h, nil, err
	}
	if h.size > len(b)-n {
		return h, nil, errors.New("page: the body is cut short")
	}
	body := b[n : n+h.size]
	if !h.summed {
		return h, body, nil
	}
	if sum := crc32.ChecksumIEEE(body); sum != h.crc {
		return h, nil, fmt.Errorf("page: the checksum is %08x, its header says %08x", sum, h.crc)
	}
	return h, body, nil
}
