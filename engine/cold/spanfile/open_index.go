package spanfile

import (
	"errors"
	"fmt"
	"math"
)

// pageRef is where a data page lies and which rows it has. Offsets are from the start of the row group's first chunk.
type pageRef struct {
	offset uint32
	size   uint32 // header included
	first  uint32 // row of the group
	null   bool   // no row has a value
}

var (
	errOffsetIndex = errors.New("offset index: a field is missing or out of range")
	errColumnIndex = errors.New("column index: it does not have an entry a page")
)

// readOffsetIndex appends the pages of a column chunk that lies in the file between from and to, in a group of rows rows that begins at
// base.
func readOffsetIndex(dst []pageRef, b []byte, base, from, to int64, rows int) ([]pageRef, error) {
	r := thriftReader{b: b}
	start := len(dst)
	var f thriftField
	for r.next(&f) {
		if f.id != 1 {
			r.skip(f)
			continue
		}
		n := r.list(f, thriftStruct)
		for i := 0; i < n && r.err == nil; i++ {
			offset, size, first := int64(-1), int64(-1), int64(-1)
			var g thriftField
			for r.next(&g) {
				switch g.id {
				case 1:
					offset = r.int(g)
				case 2:
					size = r.int(g)
				case 3:
					first = r.int(g)
				default:
					r.skip(g)
				}
			}
			ok := offset >= from && offset <= to && size > 0 && size <= to-offset && first >= 0 && first < int64(rows) && offset-base <= math.MaxUint32
			if len(dst) == start {
				ok = ok && first == 0
			} else {
				last := dst[len(dst)-1]
				ok = ok && first > int64(last.first) && offset-base >= int64(last.offset)+int64(last.size)
			}
			if r.err == nil && !ok {
				return dst, errOffsetIndex
			}
			dst = append(dst, pageRef{offset: uint32(offset - base), size: uint32(size), first: uint32(first)})
		}
	}
	if r.err != nil {
		return dst, fmt.Errorf("offset index: %w", r.err)
	}
	if len(dst) == start && rows > 0 {
		return dst, errOffsetIndex
	}
	return dst, nil
}

// readColumnIndex notes which pages have no value. The index has no checksum, so what it says twice must agree: without repetition, or
// with lists of one level, a page has no value when it has as many nulls as rows.
func readColumnIndex(pages []pageRef, b []byte, rows int, maxRep uint8) error {
	r := thriftReader{b: b}
	nulls, counts := -1, -1
	var f thriftField
	for r.next(&f) {
		switch f.id {
		case 1:
			nulls = r.list(f, thriftTrue)
			if r.err == nil && nulls != len(pages) {
				return errColumnIndex
			}
			for i := 0; i < nulls && r.err == nil; i++ {
				pages[i].null = r.boolElement()
			}
		case 5:
			counts = r.list(f, thriftI64)
			if r.err == nil && (nulls != len(pages) || counts != nulls) {
				return errColumnIndex
			}
			for i := 0; i < counts && r.err == nil; i++ {
				end := rows
				if i+1 < len(pages) {
					end = int(pages[i+1].first)
				}
				if n := r.zigzag(); r.err == nil && maxRep <= 1 && pages[i].null != (n == int64(end)-int64(pages[i].first)) {
					return errors.New("column index: the number of nulls of a page is not right")
				}
			}
		default:
			r.skip(f)
		}
	}
	if r.err != nil {
		return fmt.Errorf("column index: %w", r.err)
	}
	if nulls < 0 || counts < 0 {
		return errColumnIndex
	}
	return nil
}
