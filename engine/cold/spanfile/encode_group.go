package spanfile

import (
	"encoding/binary"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/rle"
)

// levelGroup is the columns that have the same levels: a flat column alone, or the members of a list or map, whose pages then
// begin at the same rows and whose levels are encoded once for all of them.
type levelGroup struct {
	columns []*column
	maxDef  int
	maxRep  int
	first   int64 // row of the page's first, in the row group
	rows    int64 // of the page that def and rep cover
	def     []byte
	rep     []byte
	present bool // def has a value
	levels  []byte

	pageBytes int   // WriterOptions.PageBytes
	full      bool  // the page must end after this row
	alarm     *bool // some group is full; one for all groups, because a row touches few of them
}

// fill ends the page after this row.
func (g *levelGroup) fill() { g.full, *g.alarm = true, true }

// value notes a value of a flat column in the row (of the row group). The rows before it that got none are nulls.
func (g *levelGroup) value(row int64) {
	if g.maxDef == 0 {
		return
	}
	g.skipTo(row)
	g.def = append(g.def, 1)
	g.rows++
	g.present = true
}

// element notes a level of a repeated column for the row. rep is 0 for the row's first.
func (g *levelGroup) element(row int64, rep, def byte) {
	if rep == 0 {
		g.skipTo(row)
		g.rows++
	}
	g.rep = append(g.rep, rep)
	g.def = append(g.def, def)
	g.present = true
}

// skipTo gives the rows up to this one their null or empty list.
func (g *levelGroup) skipTo(row int64) {
	n := int(row - g.first - g.rows)
	if n <= 0 {
		return
	}
	g.rows += int64(n)
	g.def = appendZeros(g.def, n)
	if g.maxRep > 0 {
		g.rep = appendZeros(g.rep, n)
	}
}

func appendZeros(b []byte, n int) []byte {
	at := len(b)
	if cap(b)-at < n {
		b = append(make([]byte, 0, max(2*cap(b), at+n, 1024)), b...)
	}
	b = b[:at+n]
	clear(b[at:])
	return b
}

func (g *levelGroup) reset() {
	g.first, g.rows, g.present, g.full = 0, 0, false, false
	g.def, g.rep = g.def[:0], g.rep[:0]
}

// encodeLevels encodes the levels of the page that ends before the row, and starts the next. slots is the number of values and nulls in each column of the group.
func (g *levelGroup) encodeLevels(end int64) (slots int, err error) {
	g.levels = g.levels[:0]
	slots = int(end - g.first)
	switch {
	case g.maxDef == 0:
	case !g.present: // nulls or empty lists only: one run each
		for _, top := range [...]int{g.maxRep, g.maxDef} {
			if top > 0 {
				run := binary.AppendUvarint(nil, uint64(slots)<<1)
				g.levels = binary.LittleEndian.AppendUint32(g.levels, uint32(len(run)+1))
				g.levels = append(append(g.levels, run...), 0)
			}
		}
	default:
		g.skipTo(end)
		slots = len(g.def)
		if g.maxRep > 0 {
			g.levels, err = appendLevels(g.levels, g.rep, g.maxRep)
		}
		if err == nil {
			g.levels, err = appendLevels(g.levels, g.def, g.maxDef)
		}
	}
	g.reset()
	g.first = end
	return slots, err
}

func appendLevels(dst, levels []byte, top int) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	runs, err := (&rle.Encoding{BitWidth: bits.Len(uint(top))}).EncodeLevels(dst[len(dst):], levels)
	dst = append(dst, runs...)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, err
}
