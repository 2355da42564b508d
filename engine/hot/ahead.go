package hot

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/taeldb/tael"
)

// ahead reads the entries of the traces that a walk comes to next, block by block. A trace that was under way for long has entries in as many blocks as there were
// commits: trace by trace, a block would be unpacked again for each trace that has a part in it.
type ahead struct {
	reader *reader
	traces []orderedTrace // of the walk
	limit  int            // bytes of bodies and entries

	from, to int          // in traces, what was read
	count    int          // of traces to read at a time: grows while the walk asks for one after the other
	entries  []aheadEntry // of traces[from:to], by trace and sequence
	starts   []int        // in entries, of each trace and of the end
	bodies   []byte
	byBlock  []int32 // positions in entries, in the order of blocks
}

// aheadEntry is an entry of a trace. One that was not read ahead is read when it is asked for.
type aheadEntry struct {
	at   uint32 // in view.records
	read bool
	from int // in ahead.bodies
}

// aheadOf is how much is read ahead of a segment that stores so many bytes: what is under way in it grows with it.
func aheadOf(stored int64) int { return int(min(max(stored*3/8, aheadBytes/8), aheadBytes)) }

const (
	aheadBytes      = 30 << 20 // at most
	aheadEntryBytes = 16 + 4
	aheadGrowth     = 4
)

// trace gives the entries of the trace at position i of the walk, oldest first. They are good until the next call. Damage is not an error here: it shows when
// the entry is read alone.
func (a *ahead) trace(ctx context.Context, i int) ([]aheadEntry, error) {
	if i < a.from || i >= a.to {
		if err := a.read(ctx, i); err != nil {
			a.from, a.to = 0, 0
			return nil, err
		}
	}
	return a.entries[a.starts[i-a.from]:a.starts[i-a.from+1]], nil
}

// body gives the body of an entry, which is read now when it was not before.
func (a *ahead) body(e *aheadEntry) ([]byte, error) {
	rec := &a.reader.view.records[e.at]
	if !e.read {
		return a.reader.body(rec)
	}
	return a.bodies[e.from : e.from+int(rec.bytes)], nil
}

// read reads the trace at position i and those after it that there is room for. A trace that there is no room for alone is only listed.
func (a *ahead) read(ctx context.Context, i int) error {
	if a.count *= aheadGrowth; i != a.to || a.count == 0 {
		a.count = 1
	}
	a.from, a.to = i, i
	a.entries, a.starts = a.entries[:0], append(a.starts[:0], 0)
	bytes, used := 0, 0
	for a.to < len(a.traces) && a.to-i < a.count {
		t := &a.traces[a.to]
		size := int(t.bytes) + int(t.entries)*aheadEntryBytes
		if a.to > i && used+size > a.limit {
			break
		}
		used += size
		bytes = a.list(t, bytes)
		a.to++
	}
	if used > a.limit {
		return nil
	}
	if cap(a.bodies) < bytes {
		a.bodies = make([]byte, bytes)
	}
	a.bodies = a.bodies[:bytes]
	a.byBlock = a.byBlock[:0]
	for k := range a.entries {
		a.byBlock = append(a.byBlock, int32(k))
	}
	slices.SortFunc(a.byBlock, func(x, y int32) int { return cmp.Compare(a.entries[x].at, a.entries[y].at) })
	for _, k := range a.byBlock {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &a.entries[k]
		rec := &a.reader.view.records[e.at]
		b, err := a.reader.bodies(rec)
		if errors.Is(err, tael.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		copy(a.bodies[e.from:], b[rec.from:rec.from+rec.bytes])
		e.read = true
	}
	return nil
}

// list adds a trace's entries, whose bodies get the places after the first so many bytes.
func (a *ahead) list(t *orderedTrace, bytes int) int {
	records := a.reader.view.records
	first := len(a.entries)
	for at := t.latest; at != 0; at = records[at-1].older {
		a.entries = append(a.entries, aheadEntry{at: at - 1})
	}
	slices.Reverse(a.entries[first:])
	for k := first; k < len(a.entries); k++ {
		a.entries[k].from = bytes
		bytes += int(records[a.entries[k].at].bytes)
	}
	a.starts = append(a.starts, len(a.entries))
	return bytes
}
