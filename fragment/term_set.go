package fragment

import "math/bits"

// termSet is a hash set of terms in a table that is reused.
type termSet struct {
	table []uint64 // 0 is a free slot
	shift uint
	odd   uint64
}

// newTermSet makes an empty set for at most n terms in the table, which grows when it must. The odd multiplier says where a term is looked
// for: when terms come from a sender it is secret.
func newTermSet(table *[]uint64, n int, odd uint64) termSet {
	log := uint(bits.Len(uint(2*n + 1)))
	if len(*table) < 1<<log {
		*table = make([]uint64, 1<<log)
	} else {
		clear((*table)[:1<<log])
	}
	return termSet{table: (*table)[:1<<log], shift: 64 - log, odd: odd}
}

// add appends those of the terms that are not in the set, and adds them to it.
func (s *termSet) add(dst, terms []uint64) []uint64 {
	mask := uint64(len(s.table) - 1)
	for _, term := range terms {
		at := term * s.odd >> s.shift
		for s.table[at&mask] != 0 && s.table[at&mask] != term {
			at++
		}
		if s.table[at&mask] == 0 {
			s.table[at&mask] = term
			dst = append(dst, term)
		}
	}
	return dst
}
