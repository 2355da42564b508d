package spanfile

import "github.com/taeldb/tael/fragment"

// termSet gathers the distinct terms of a row group: all that fragment.Row.AppendTerms gives for its rows. Most of a row's terms were in rows before it, which the
// dictionaries of its columns tell: such terms are neither hashed nor looked for.
type termSet struct {
	termer          fragment.Termer
	slots           []uint64 // 0 is free, which no term is
	count           int
	scratch         []uint64
	statuses, kinds uint64 // bits of the codes that are in the set, of those below 64
}

func (t *termSet) reset() {
	clear(t.slots)
	t.count, t.statuses, t.kinds = 0, 0, 0
}

// addCodes adds the terms of the row's status and kind.
func (t *termSet) addCodes(r *fragment.Row) {
	if newCode(&t.statuses, r.StatusCode) {
		t.insert(fragment.TermStatus(r.StatusCode))
	}
	if newCode(&t.kinds, r.Kind) {
		t.insert(fragment.TermKind(r.Kind))
	}
}

// newCode tells whether a code may not have been met, and notes it.
func newCode(met *uint64, code int32) bool {
	bit := uint64(1) << uint32(code) // 0 for other codes
	if *met&bit != 0 {
		return false
	}
	*met |= bit
	return true
}

// addAttribute adds the term of a row's own attribute.
func (t *termSet) addAttribute(a *fragment.Attr) {
	if term := t.termer.Attribute(a); term != 0 {
		t.insert(term)
	}
}

// addResource adds the terms of the row's resource.
func (t *termSet) addResource(r *fragment.Row) {
	t.scratch = r.AppendResourceTerms(t.scratch[:0])
	for _, term := range t.scratch {
		t.insert(term)
	}
}

// addScope adds the terms of the row's scope.
func (t *termSet) addScope(r *fragment.Row) {
	t.scratch = r.AppendScopeTerms(t.scratch[:0])
	for _, term := range t.scratch {
		t.insert(term)
	}
}

func (t *termSet) insert(term uint64) {
	if 2*t.count >= len(t.slots) {
		t.grow()
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
	for _, term := range t.slots {
		if term != 0 {
			t.scratch = append(t.scratch, term)
		}
	}
	return t.scratch
}
