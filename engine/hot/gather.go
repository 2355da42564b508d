package hot

import (
	"fmt"
	"sync"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// group is what shares a commit: the fragments of its requests, joined by trace and packed.
type group struct {
	requests []*request
	links    []link
	joined   []joined
	byTrace  map[joinKey]int32 // position in joined that takes the trace's next fragment
	packers  []packer
	entries  []entry
	keys     []byte
	bytes    int
	packed   bool
}

// link is a fragment in the chain of those that become one entry.
type link struct {
	fragment *fragment.Fragment
	request  int32
	next     int32 // -1 ends the chain
}

// joined is an entry to be.
type joined struct {
	tenant      string
	first, last int32 // in links
	fragments   int
	bytes       int
}

type joinKey struct {
	tenant string
	trace  tael.TraceID
}

// entry is packed and ready to be written.
type entry struct {
	indexEntry
	value  []byte
	joined int32
}

// packer packs a share of a group's entries, in a goroutine.
type packer struct {
	buf     []byte
	list    []*fragment.Fragment
	offsets []int
	from    int // first of the share, in joined
}

func newGroup(o Options) *group {
	return &group{byTrace: make(map[joinKey]int32), packers: make([]packer, o.Encoders)}
}

// reset makes the group empty and lets go of the requests' memory.
func (g *group) reset() {
	clear(g.requests)
	clear(g.links)
	clear(g.joined)
	clear(g.entries)
	clear(g.byTrace)
	g.requests, g.links, g.joined, g.entries, g.keys, g.bytes = g.requests[:0], g.links[:0], g.joined[:0], g.entries[:0], g.keys[:0], 0
	g.packed = false
	for i := range g.packers {
		p := &g.packers[i]
		clear(p.list)
		if cap(p.buf) > keepBuffer {
			p.buf = nil
		}
		p.buf, p.offsets = p.buf[:0], p.offsets[:0]
	}
}

// keepBuffer bounds what a group that was once large keeps.
const keepBuffer = 16 << 20

// smallGroup is the size, in bytes of fragments, below which a group is not worth packing ahead: it keeps taking requests until the writer is
// free, so that they share its sync.
const smallGroup = 256 << 10

// siblingWait is how long a small group waits, at most, for as many requests as the one before it had. Clients that were answered together send
// their next request together, but never at the same instant: without the wait the first of them takes a sync of its own, and the others, each time.
// A lone client never waits.
const siblingWait = time.Millisecond

// gather makes groups of what waits, until the queue is closed. While a group is written the next one is packed, and while that
// waits its turn the queue fills for the one after.
func (s *Store) gather() {
	defer s.wg.Done()
	defer close(s.groups)
	siblings := 0
	timer := time.NewTimer(siblingWait)
	defer timer.Stop()
	for r := range s.queue {
		g := <-s.free
		g.reset()
		s.opts.Hook(StepGather)
		s.join(g, r)
		s.joinWaiting(g)
		timer.Reset(siblingWait)
		if !s.gatherSmall(g, siblings, timer.C) {
			s.joinWaiting(g)
			s.pack(g)
			s.groups <- g
		}
		siblings = len(g.requests)
	}
}

// gatherSmall takes requests into a small group until the writer takes it, which packs it then. It is false when the group has become large.
func (s *Store) gatherSmall(g *group, siblings int, waited <-chan time.Time) bool {
	for g.bytes < smallGroup {
		var writer chan *group // nil never takes
		if len(g.requests) >= siblings || waited == nil {
			writer = s.groups
		}
		select {
		case writer <- g:
			return true
		case <-waited:
			waited = nil
		case r, ok := <-s.queue:
			if !ok {
				s.groups <- g
				return true
			}
			s.join(g, r)
		}
	}
	return false
}

// joinWaiting adds the requests that are in the queue now, up to the size of a group.
func (s *Store) joinWaiting(g *group) {
	for g.bytes < s.opts.GroupBytes {
		select {
		case r, ok := <-s.queue:
			if !ok {
				return
			}
			s.join(g, r)
		default:
			return
		}
	}
}

// join adds a request's fragments to the chains of their traces.
func (s *Store) join(g *group, r *request) {
	at := int32(len(g.requests))
	g.requests = append(g.requests, r)
	limit := s.opts.valueLimit()
	resources := 0
	for i := range r.batch.Resources {
		resources += len(r.batch.Resources[i].Bytes) + entryOverhead
	}
	if resources > limit {
		r.fail(fmt.Errorf("hot: append: %w: the resources of the request take %d bytes, the limit is %d: nothing of it is stored", tael.ErrTooLarge, resources, limit))
		return
	}
	for i := range r.batch.Fragments {
		f := &r.batch.Fragments[i]
		g.bytes += len(f.Body)
		n := int32(len(g.links))
		g.links = append(g.links, link{fragment: f, request: at, next: -1})
		key := joinKey{r.batch.Tenant, f.TraceID}
		if at, ok := g.byTrace[key]; ok {
			// A chain is kept to a part's size: short entries are cheap to read.
			if j := &g.joined[at]; j.bytes+len(f.Body) <= maxPart {
				g.links[j.last].next = n
				j.last = n
				j.fragments++
				j.bytes += len(f.Body)
				continue
			}
		}
		g.byTrace[key] = int32(len(g.joined))
		g.joined = append(g.joined, joined{tenant: r.batch.Tenant, first: n, last: n, fragments: 1, bytes: len(f.Body)})
	}
}

// pack turns the chains into entries.
func (s *Store) pack(g *group) {
	g.packed = true
	defer s.opts.Hook(StepGather + stepDone)
	const worthwhile = 32 // entries: fewer are packed before a goroutine has started
	shares := max(1, min(len(g.packers), len(g.joined)/worthwhile))
	var wg sync.WaitGroup
	for i := range shares {
		p := &g.packers[i]
		p.from = i * len(g.joined) / shares
		to := (i + 1) * len(g.joined) / shares
		if i == shares-1 {
			p.pack(g, to)
			break
		}
		wg.Go(func() { p.pack(g, to) })
	}
	wg.Wait()
	for i := range shares {
		p := &g.packers[i]
		from := 0
		for k, to := range p.offsets {
			s.accept(g, int32(p.from+k), p.buf[from:to:to])
			from = to
		}
	}
}

func (p *packer) pack(g *group, to int) {
	for at := p.from; at < to; at++ {
		p.list = p.list[:0]
		for l := g.joined[at].first; l >= 0; l = g.links[l].next {
			p.list = append(p.list, g.links[l].fragment)
		}
		p.buf = fragment.AppendEntry(p.buf, p.list)
		p.offsets = append(p.offsets, len(p.buf))
	}
}

// accept adds a packed value to the group's entries, or says in its requests' errors why not.
func (s *Store) accept(g *group, at int32, value []byte) {
	j := &g.joined[at]
	f := g.links[j.first].fragment
	if limit := s.opts.valueLimit(); len(value) > limit {
		g.fail(at, fmt.Errorf("hot: append: %w: the %d spans of trace %s in one request take %d bytes, the limit is %d: they are not stored", tael.ErrTooLarge, f.Header.Spans, f.TraceID, len(value), limit))
		return
	}
	e, err := fragment.ReadEntry(value)
	if err != nil {
		g.fail(at, fmt.Errorf("hot: append: pack trace %s: %w", f.TraceID, err))
		return
	}
	g.entries = append(g.entries, entry{
		indexEntry: indexEntry{tenant: j.tenant, trace: f.TraceID, header: e.Header, filter: e.Filter, size: len(value), parts: (len(value) - 1) / maxPart},
		value:      value,
		joined:     at,
	})
}

// fail notes in every request that has a part in the entry why it was not stored.
func (g *group) fail(at int32, err error) {
	for l := g.joined[at].first; l >= 0; l = g.links[l].next {
		g.requests[g.links[l].request].fail(err)
	}
}

// answer lets every Append of the group return.
func (g *group) answer() {
	for _, r := range g.requests {
		close(r.done)
	}
}

// valueLimit is the size of the largest value, in bytes: a segment takes several.
func (o Options) valueLimit() int { return int(min(maxEntry, o.SegmentBytes/4)) }
