package inflate

import "math/bits"

// An entry of a table tells what the next bits of the input mean:
//
//	bits 0-7    how many bits it takes: those of the code and the extra ones behind it
//	bits 8-11   how many of them are the code's; in a link, how many bits choose an entry of the second table
//	bits 16-30  the literal, the least length or distance, or where the second table begins
//
// An entry without any meaning, for codes that were not given, is special and nothing else.
const (
	isLiteral = 1 << 31
	isSpecial = 1 << 15 // neither a literal nor a length or distance
	isLink    = 1 << 14 // with isSpecial: the code is longer than the first table is wide
	isEnd     = 1 << 13 // with isSpecial: the block ends
)

const (
	maxCode    = 15 // bits
	litSymbols = 288
	litBits    = 11
	distBits   = 8
	// The second tables need no more than this: with the first, codes of these many symbols and bits fill 2342 entries at most, and 402 for distances
	// (zlib's examples/enough.c). Powers of two, so that a masked index needs no check.
	litSize  = 4096
	distSize = 512
	preBits  = 7
)

// Lengths 3 to 258 and distances by symbol (RFC 1951, 3.2.5): the least one, and how many extra bits are added to it.
var (
	litEntries  = makeLitEntries()
	distEntries = makeDistEntries()
	preEntries  = makePreEntries()
)

func makeLitEntries() (e [litSymbols]uint32) {
	for i := range uint32(256) {
		e[i] = isLiteral | i<<16
	}
	e[256] = isSpecial | isEnd
	least := uint32(3)
	for i := uint32(257); i < 285; i++ {
		extra := uint32(0)
		if i >= 265 {
			extra = (i - 261) / 4
		}
		e[i] = least<<16 | extra
		least += 1 << extra
	}
	e[285] = 258 << 16
	e[286], e[287] = isSpecial, isSpecial
	return e
}

func makeDistEntries() (e [32]uint32) {
	least := uint32(1)
	for i := range uint32(30) {
		extra := uint32(0)
		if i >= 4 {
			extra = (i - 2) / 2
		}
		e[i] = least<<16 | extra
		least += 1 << extra
	}
	e[30], e[31] = isSpecial, isSpecial
	return e
}

func makePreEntries() (e [19]uint32) {
	for i := range e {
		e[i] = uint32(i) << 16
	}
	return e
}

// build fills a table for the codes whose lengths are given, by symbol. It is false for lengths that are not those of a complete code, but for one
// code of one bit or none at all, which writers use for distances.
func build(table []uint32, width uint, lengths []uint8, meanings []uint32) bool {
	var count, next [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	used := len(lengths) - count[0]
	count[0] = 0
	left, longest := 1, uint(0)
	for n := 1; n <= maxCode; n++ {
		next[n] = next[n-1] + count[n-1]
		left = left<<1 - count[n]
		if left < 0 {
			return false
		}
		if count[n] > 0 {
			longest = uint(n)
		}
	}
	if left > 0 {
		if used > 1 || longest > 1 {
			return false
		}
		for i := range table[:1<<width] {
			table[i] = isSpecial
		}
	}
	var sorted [litSymbols]uint16
	for symbol, n := range lengths {
		if n > 0 {
			sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	free, prefix, wide, second := 1<<width, ^uint(0), uint(0), 0
	code, n := uint(0), uint(0) // of the symbol before, from the highest bit on
	for _, symbol := range sorted[:used] {
		if length := uint(lengths[symbol]); length > n {
			code <<= length - n
			n = length
		}
		from := uint(bits.Reverse16(uint16(code))) >> (16 - n)
		code++
		meaning := meanings[symbol]
		if n <= width {
			meaning += uint32(n)<<8 | uint32(n)
			for i := from; i < 1<<width; i += 1 << n {
				table[i] = meaning
			}
			count[n]--
			continue
		}
		if from&(1<<width-1) != prefix {
			// The codes that begin with these bits come one after another. The table is as wide as the longest of them.
			prefix = from & (1<<width - 1)
			wide = n - width
			for room := 1 << wide; width+wide < longest; wide++ {
				if room -= count[width+wide]; room <= 0 {
					break
				}
				room <<= 1
			}
			second = free
			free += 1 << wide
			if free > len(table) {
				return false
			}
			table[prefix] = uint32(second)<<16 | isSpecial | isLink | uint32(wide)<<8
		}
		meaning += uint32(n-width)<<8 | uint32(n-width)
		for i := from >> width; i < 1<<wide; i += 1 << (n - width) {
			table[second+int(i)] = meaning
		}
		count[n]--
	}
	return true
}
