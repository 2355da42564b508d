package hot

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// A batch is made of a few entries first, because a search for the newest is often satisfied with those, then of more.
const (
	firstChunk = 16
	nextChunk  = 64
)

// scan yields the rows of candidate entries, those that can hold the best rows first. A segment's headers are looked at only when no candidate
// is better than the best that it could hold: the newest spans are usually in the newest segment.
type scan struct {
	snapshot *Snapshot
	request  query.ScanRequest
	segments []segmentPart // not looked at yet, the best last
	heap     []candidate   // the best on top
	chunk    int
	held     int64 // bytes, charged to the meter
	damage   error // of a part after the rows of the last batch, which the next call of Next returns

	decoder *fragment.Decoder
	readers []*reader // by position in snapshot.held, made when needed
	blocks  *unpacked // of all readers
	builder *fragment.BatchBuilder
	closed  bool
}

// segmentPart is a segment that can hold matches.
type segmentPart struct {
	bound   uint64 // the largest sort key of its rows
	segment int    // in snapshot.held
	tenant  uint16
}

// candidate is an entry that can hold matches.
type candidate struct {
	bound   uint64 // the largest sort key of its rows
	at      uint32 // in view.records
	segment uint32 // in snapshot.held
}

const candidateBytes = 16

// Scan plans a scan of the entries whose headers and filters do not exclude a match.
func (s *Snapshot) Scan(ctx context.Context, req query.ScanRequest) (query.Scan, error) {
	if err := s.usable(ctx, "scan"); err != nil {
		return nil, err
	}
	sc := &scan{snapshot: s, request: req, chunk: firstChunk}
	for i := range s.held {
		v := &s.held[i].view
		tenant, ok := v.tenant(req.Tenant)
		if !ok || !fitsTimes(req.Filter, v.bounds.MinStart, v.bounds.MaxStart) || v.bounds.MaxDuration < req.Filter.MinDuration {
			continue
		}
		sc.segments = append(sc.segments, segmentPart{bound: sc.key(v.bounds.MaxStart, v.bounds.MaxDuration), segment: i, tenant: tenant})
	}
	slices.SortStableFunc(sc.segments, func(a, b segmentPart) int { return cmp.Compare(a.bound, b.bound) })
	if err := sc.look(); err != nil {
		sc.Close()
		return nil, err
	}
	return sc, nil
}

// key picks the sort key.
func (s *scan) key(maxStart, maxDuration uint64) uint64 {
	if s.request.Sort == tael.SortDuration {
		return maxDuration
	}
	return maxStart
}

// look takes in the candidates of segments until the best candidate is better than what the other segments can hold.
func (s *scan) look() error {
	for len(s.segments) > 0 {
		p := s.segments[len(s.segments)-1]
		if len(s.heap) > 0 && s.heap[0].bound >= p.bound {
			return nil
		}
		s.segments = s.segments[:len(s.segments)-1]
		before := len(s.heap)
		v := &s.snapshot.held[p.segment].view
		for k := range v.records {
			r := &v.records[k]
			if r.tenant == p.tenant && fits(s.request.Filter, &r.header) && fragment.FilterMatches(v.filter(r), s.request.Terms) {
				s.heap = append(s.heap, candidate{bound: s.key(r.header.MaxStart, r.header.MaxDuration), at: uint32(k), segment: uint32(p.segment)})
			}
		}
		bytes := int64(len(s.heap)-before) * candidateBytes
		s.held += bytes
		if err := s.request.Meter.Hold(bytes); err != nil {
			return err
		}
		for i := len(s.heap)/2 - 1; i >= 0; i-- {
			s.down(i)
		}
	}
	return nil
}

// fitsTimes tells whether spans that start between first and last can match.
func fitsTimes(f *tael.Filter, first, last uint64) bool {
	return (f.From == 0 || last >= f.From) && (f.To == 0 || first < f.To)
}

// fits tells whether an entry's header allows a match.
func fits(f *tael.Filter, h *fragment.Header) bool {
	return fitsTimes(f, h.MinStart, h.MaxStart) && h.MaxDuration >= f.MinDuration &&
		(f.Status == nil || *f.Status != tael.StatusError || h.Errors > 0)
}

// down restores the heap below position i.
func (s *scan) down(i int) {
	h := s.heap
	for {
		best := 2*i + 1
		if best >= len(h) {
			return
		}
		if best+1 < len(h) && h[best+1].bound > h[best].bound {
			best++
		}
		if h[i].bound >= h[best].bound {
			return
		}
		h[i], h[best] = h[best], h[i]
		i = best
	}
}

// pop takes the best candidate.
func (s *scan) pop() candidate {
	c := s.heap[0]
	last := len(s.heap) - 1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.down(0)
	return c
}

// Bound is the largest sort key that is still to come.
func (s *scan) Bound() (uint64, bool) {
	if s.closed || len(s.heap) == 0 && len(s.segments) == 0 && s.damage == nil {
		return 0, false
	}
	bound := uint64(0)
	if len(s.heap) > 0 {
		bound = s.heap[0].bound
	}
	if n := len(s.segments); n > 0 {
		bound = max(bound, s.segments[n-1].bound)
	}
	return bound, true
}

// Next decodes the next entries and keeps the rows that match. The batch is empty when none does, also when no segment that was left had a
// candidate. After an entry that cannot be read it goes on with the others.
func (s *scan) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if s.closed {
		return nil, errClosed("scan")
	}
	if err := s.damage; err != nil {
		s.damage = nil
		return nil, err
	}
	if len(s.heap) == 0 && len(s.segments) == 0 {
		return nil, io.EOF
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	if s.builder == nil {
		s.builder = fragment.NewBatchBuilder(memory.DefaultAllocator, s.request.Columns)
	}
	for i := 0; i < s.chunk && len(s.heap) > 0; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n := len(s.segments); n > 0 && s.segments[n-1].bound > s.heap[0].bound {
			break // another segment may be better; the next batch looks there
		}
		c := s.pop()
		ordinal := 0
		err := s.reader(int(c.segment)).rows(&s.snapshot.held[c.segment].view.records[c.at], func(row *fragment.Row) error {
			if row.Matches(s.request.Filter) && ordinal < maxOrdinal {
				s.builder.Append(locator(int(c.segment), c.at, ordinal), row)
			}
			ordinal++
			return nil
		})
		if errors.Is(err, tael.ErrDamaged) {
			if s.builder.Len() == 0 {
				return nil, err
			}
			s.damage = err
			break
		}
		if err != nil {
			return nil, err
		}
	}
	s.chunk = nextChunk
	return s.builder.NewBatch(), nil
}

// A locator says where a row is: the segment's position in the snapshot, the entry's in the index, the row's in the entry.
const (
	ordinalBits = 23
	entryBits   = 28
	maxOrdinal  = 1 << ordinalBits
)

func locator(segment int, at uint32, ordinal int) int64 {
	return int64(segment)<<(entryBits+ordinalBits) | int64(at)<<ordinalBits | int64(ordinal)
}

func splitLocator(l int64) (segment int, at uint32, ordinal int) {
	return int(l >> (entryBits + ordinalBits)), uint32(l>>ordinalBits) & (1<<entryBits - 1), int(l & (maxOrdinal - 1))
}
