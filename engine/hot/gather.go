package hot

import (
	"fmt"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// group is what shares a commit: the fragments of its requests, joined by trace and packed into blocks.
type group struct {
	requests []*request
	links    []link
	joined   []joined
	byTrace  map[joinKey]int32 // position in joined that takes the trace's next fragment
	packers  []packer
	blocks   []block
	entries  []fragment.Entry // of blocks
	index    []indexBlock     // of the blocks that were written, not yet visible
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
	trace       tael.TraceID
	start       uint64 // what it is ordered by: the earliest start of its first fragment, but not before that of an earlier chain of the trace
	first, last int32  // in links
	bytes       int
	resources   int // bytes of those of its requests, at most
}

type joinKey struct {
	tenant string
	trace  tael.TraceID
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
	clear(g.blocks)
	clear(g.index)
	clear(g.byTrace)
	g.requests, g.links, g.joined, g.keys, g.bytes = g.requests[:0], g.links[:0], g.joined[:0], g.keys[:0], 0
	g.blocks, g.entries, g.index = g.blocks[:0], g.entries[:0], g.index[:0]
	g.packed = false
	for i := range g.packers {
		g.packers[i].reset()
	}
}

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
		r.fail(nil, fmt.Errorf("hot: append: %w: the resources of the request take %d bytes, the limit is %d: nothing of it is stored", tael.ErrTooLarge, resources, limit))
		return
	}
	for i := range r.batch.Fragments {
		f := &r.batch.Fragments[i]
		g.bytes += len(f.Body)
		n := int32(len(g.links))
		g.links = append(g.links, link{fragment: f, request: at, next: -1})
		key := joinKey{r.batch.Tenant, f.TraceID}
		start := f.Header.MinStart
		if at, ok := g.byTrace[key]; ok {
			// A chain is kept to a part's size: short entries are cheap to read. And its requests' resources go to a segment with it, so that together they
			// have no more than those of one request may have.
			if j := &g.joined[at]; j.bytes+len(f.Body) <= maxPart && j.resources+resources <= limit {
				g.links[j.last].next = n
				j.last = n
				j.bytes += len(f.Body)
				j.resources += resources
				continue
			} else {
				start = max(start, j.start)
			}
		}
		g.byTrace[key] = int32(len(g.joined))
		g.joined = append(g.joined, joined{tenant: r.batch.Tenant, trace: f.TraceID, start: start, first: n, last: n, bytes: len(f.Body), resources: resources})
	}
}

// answer lets every Append of the group return.
func (g *group) answer() {
	for _, r := range g.requests {
		close(r.done)
	}
}
