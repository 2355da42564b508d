package hot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// blockBytes ends a block: about what the bodies of its entries have together, unpacked. A larger one is smaller on disk and costs more to unpack for
// a trace of it, see docs/adr/001-hot-segments.md.
const blockBytes = 48 << 10

// block is a run of a group's entries of one tenant, packed and ready to be written. Its entries are in the order of their first start, as a flush and a search by time want
// them: both come back to few blocks of each group.
type block struct {
	from, to int // in group.joined
	value    []byte
	entries  []fragment.Entry
}

// packer packs a share of a group's entries, in a goroutine.
type packer struct {
	writer fragment.BlockWriter
	buf    []byte
	list   []*fragment.Fragment
	ends   []blockEnd
}

// blockEnd is where a block ends, in group.joined and in packer.buf.
type blockEnd struct{ joined, buf int }

// keepBuffer bounds what a packer that was once large keeps.
const keepBuffer = 16 << 20

func (p *packer) reset() {
	clear(p.list[:cap(p.list)]) // an entry of fewer fragments may have come after one of more
	if cap(p.buf) > keepBuffer {
		p.buf = nil
	}
	p.writer.Shrink(keepBuffer)
	p.buf, p.ends = p.buf[:0], p.ends[:0]
}

// pack turns the chains into blocks.
func (s *Store) pack(g *group) {
	g.packed = true
	defer s.opts.Hook(StepGather + stepDone)
	// Stable, because two chains of one trace keep their order: of equal versions the later one wins.
	slices.SortStableFunc(g.joined, func(a, b joined) int {
		return cmp.Or(strings.Compare(a.tenant, b.tenant), cmp.Compare(a.start, b.start))
	})
	const worthwhile = 64 // entries: fewer are packed before a goroutine has started
	shares := max(1, min(len(g.packers), len(g.joined)/worthwhile))
	var wg sync.WaitGroup
	for i := range shares {
		p := &g.packers[i]
		from, to := i*len(g.joined)/shares, (i+1)*len(g.joined)/shares
		if i == shares-1 {
			p.pack(g, from, to, s.opts.valueLimit())
			break
		}
		wg.Go(func() { p.pack(g, from, to, s.opts.valueLimit()) })
	}
	wg.Wait()
	at := 0
	for i := range shares {
		p := &g.packers[i]
		from := 0
		for _, end := range p.ends {
			s.accept(g, block{from: at, to: end.joined, value: p.buf[from:end.buf:end.buf]})
			at, from = end.joined, end.buf
		}
	}
}

// pack packs the joined from one position to another. The resources of a block's requests have at most limit bytes, unless one entry's have more: a block goes to a
// segment with them.
func (p *packer) pack(g *group, from, to, limit int) {
	resources := 0
	for at := from; at < to; at++ {
		j := &g.joined[at]
		p.list = p.list[:0]
		for l := j.first; l >= 0; l = g.links[l].next {
			p.list = append(p.list, g.links[l].fragment)
		}
		p.writer.Add(p.list)
		resources += j.resources
		next := at + 1
		if next == to || g.joined[next].tenant != j.tenant || p.writer.Len()+g.joined[next].bytes > blockBytes || resources+g.joined[next].resources > limit {
			p.buf = p.writer.AppendBlock(p.buf)
			p.ends = append(p.ends, blockEnd{next, len(p.buf)})
			resources = 0
		}
	}
}

// accept adds a packed block to the group's, or says in its requests' errors why not.
func (s *Store) accept(g *group, b block) {
	first := &g.joined[b.from]
	if limit := s.opts.valueLimit(); len(b.value) > limit {
		g.fail(&b, fmt.Errorf("hot: append: %w: the spans of trace %s in one request take %d bytes, the limit is %d: they are not stored", tael.ErrTooLarge, first.trace, len(b.value), limit))
		return
	}
	n := len(g.entries)
	read, err := fragment.ReadBlock(b.value, first.trace, g.entries)
	if err != nil {
		g.fail(&b, fmt.Errorf("hot: append: pack trace %s: %w", first.trace, err))
		return
	}
	g.entries = read.Entries
	b.entries = g.entries[n:]
	g.blocks = append(g.blocks, b)
}

// fail notes in every request that has a part in the block why it was not stored.
func (g *group) fail(b *block, err error) {
	for at := b.from; at < b.to; at++ {
		for l := g.joined[at].first; l >= 0; l = g.links[l].next {
			g.requests[g.links[l].request].fail(g.links[l].fragment, err)
		}
	}
}

// valueLimit is the size of the largest value, in bytes: a segment takes several.
func (o Options) valueLimit() int { return int(min(maxEntry, o.SegmentBytes/4)) }
