package spanfile

import "github.com/taeldb/tael/fragment"

// termSet gathers the distinct terms of a row group.
type termSet struct {
	slots   []uint64 // 0 is free; the term 0 is kept apart
	zero    bool
	count   int
	scratch []uint64
}

func (t *termSet) reset() {
	clear(t.slots)
	t.zero, t.count = false, 0
}

// add adds the terms of the row.
func (t *termSet) add(r *fragment.Row) {
	t.scratch = r.AppendTerms(t.scratch[:0])
	for 2*(t.count+len(t.scratch)) >= len(t.slots) {
		t.grow()
	}
	for _, term := range t.scratch {
		t.insert(term)
	}
}

func (t *termSet) insert(term uint64) {
	if term == 0 {
		t.zero = true
		return
	}
	mask := uint64(len(t.slots) - 1)
	i := term & mask // terms are hashes
	for t.slots[i] != 0 {
		if t.slots[i] == term {
			return
		}
		i = (i + 1) & mask
	}
	t.slots[i] = term
	t.count++
}

func (t *termSet) grow() {
	old := t.slots
	t.slots = make([]uint64, max(1024, 2*len(old)))
	t.count = 0
	for _, term := range old {
		if term != 0 {
			t.insert(term)
		}
	}
}

// list gives the terms, good until the next add.
func (t *termSet) list() []uint64 {
	t.scratch = t.scratch[:0]
	if t.zero {
		t.scratch = append(t.scratch, 0)
	}
	for _, term := range t.slots {
		if term != 0 {
			t.scratch = append(t.scratch, term)
		}
	}
	return t.scratch
}
