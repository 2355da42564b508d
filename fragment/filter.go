package fragment

import "encoding/binary"

// A filter is a blocked Bloom filter of terms: blocks of 32 bytes, each eight little-endian words of 32 bits, as in Parquet's
// split-block Bloom filter. A term picks a block and sets one bit in each of its words. The filter has no header: its length is
// that of its blocks.
const filterBlock = 32

// DefaultFilterBits is the number of bits a term that gives about one false answer in a hundred.
const DefaultFilterBits = 10

var filterSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// FilterLen is the length in bytes of the filter of n distinct terms.
func FilterLen(n, bitsPerTerm int) int {
	return max(1, (n*bitsPerTerm+8*filterBlock-1)/(8*filterBlock)) * filterBlock
}

// AppendFilter adds the filter of the terms, which should be distinct: duplicates only make it longer. It has at least one block, which for no
// terms has nothing.
func AppendFilter(dst []byte, terms []uint64, bitsPerTerm int) []byte {
	n := FilterLen(len(terms), bitsPerTerm)
	at := len(dst)
	dst = grow(dst, n)[:at+n]
	filter := dst[at:]
	clear(filter)
	blocks := uint64(n / filterBlock)
	for _, term := range terms {
		block := (*[filterBlock]byte)(filter[filterBlock*((term>>32)*blocks>>32):])
		for i := range filterSalt {
			word := block[4*i : 4*i+4]
			binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|1<<(uint32(term)*filterSalt[i]>>27))
		}
	}
	return dst
}

// FilterHas tells whether the term can be in the filter. False is certain. An empty filter, and one of a length that no filter has, has everything.
func FilterHas(filter []byte, term uint64) bool {
	if len(filter) == 0 || len(filter)%filterBlock != 0 {
		return true
	}
	blocks := uint64(len(filter) / filterBlock)
	block := (*[filterBlock]byte)(filter[filterBlock*((term>>32)*blocks>>32):])
	for i := range filterSalt {
		if binary.LittleEndian.Uint32(block[4*i:4*i+4])&(1<<(uint32(term)*filterSalt[i]>>27)) == 0 {
			return false
		}
	}
	return true
}

// FilterMatches tells whether of each list, as FilterTerms gives them, at least one term can be in the filter.
func FilterMatches(filter []byte, terms [][]uint64) bool {
	for _, list := range terms {
		has := false
		for _, term := range list {
			if has = FilterHas(filter, term); has {
				break
			}
		}
		if !has {
			return false
		}
	}
	return true
}
