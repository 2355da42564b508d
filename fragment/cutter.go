package fragment

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"time"
	"unsafe"

	"github.com/taeldb/tael"
)

// Cutter cuts requests into fragments. It reuses its buffers: it is used by one goroutine at a time, and what it returned is gone with its
// next use.
//
// A request is walked once: each span is checked, its terms are computed, and its place in the request is noted under its trace. Then
// the fragments are put together trace by trace, which copies the bytes of each span once.
type Cutter struct {
	limits   Limits
	now      time.Time
	earliest uint64 // span starts that Limits allow
	latest   uint64

	cache  cutCache
	termer termer
	seed   maphash.Seed
	odd    uint64 // multiplier of the hash set of terms: secret, so that no sender can make its terms collide

	body     []byte
	rejected Rejected
	order    uint64 // of the request, stamps what was seen in it

	groups []cutGroup // ResourceSpans messages
	scopes []cutScope // ScopeSpans messages
	spans  []cutSpan  // accepted spans
	runs   []cutRun   // spans of one trace that follow each other in one ScopeSpans message
	traces []cutTrace // in order of first appearance
	terms  []uint64   // of the spans
	other  []byte     // the fields of the ResourceSpans or ScopeSpans message at hand that are not looked into
	slots  []int32    // hash table of the traces: 1 + index
	pairs  map[uint64]int32

	out  builder
	made Batch
}

// cutGroup is a ResourceSpans message. Messages of the same content share the number same: that of the first.
type cutGroup struct {
	resource *cutResource
	other    []byte // owned by the cache
	same     int32
}

// cutScope is a ScopeSpans message, numbered as cutGroup is.
type cutScope struct {
	scope *cutContext
	group int32
	same  int32
}

type cutSpan struct {
	start, end          int32 // in the request, with tag and length
	firstTerm, lastTerm int32
	next                int32 // span of the run, -1 at the end
}

type cutRun struct {
	scope       int32
	bytes       int32
	first, last int32
	next        int32 // run of the trace, -1 at the end
	nextSame    int32 // run of the trace in a message of the same content, -1 at the end
}

type cutTrace struct {
	id          tael.TraceID
	header      Header
	terms       int32
	kinds       uint8 // bit n: a span of kind n, below 8
	statuses    uint8
	first, last int32 // runs
}

// NewCutter makes a Cutter. The limits are valid, see Limits.Validate.
func NewCutter(limits Limits) *Cutter {
	return &Cutter{
		limits: limits,
		cache:  newCutCache(),
		seed:   maphash.MakeSeed(),
		odd:    rand.Uint64() | 1,
		slots:  make([]int32, minSlots),
		pairs:  map[uint64]int32{},
		out:    builder{kinds: kindTerms(), statuses: statusTerms()},
	}
}

// Cut cuts an OTLP ExportTraceServiceRequest. Spans that are not acceptable (see Reason) are left out and counted; the error, a
// tael.ErrInvalid or tael.ErrTooLarge, says that the request as a whole cannot be decoded and nothing of it was taken. The batch is
// good until the next Cut; the body may be changed after Cut returned.
func (c *Cutter) Cut(tenant string, body []byte, now time.Time) (*Batch, Rejected, error) {
	if len(body) > math.MaxInt32 {
		return nil, Rejected{}, fmt.Errorf("trace request of %d bytes: %w: the largest is %d", len(body), tael.ErrTooLarge, math.MaxInt32)
	}
	c.reset(body, now)
	err := c.request(body)
	c.body = nil
	if err != nil {
		return nil, Rejected{}, fmt.Errorf("trace request of %d bytes: %w: %w", len(body), tael.ErrInvalid, err)
	}
	c.body = body
	c.build()
	c.body = nil
	c.made = Batch{Tenant: tenant, Resources: c.out.resources, Fragments: c.out.fragments, Spans: len(c.spans), Bytes: len(body)}
	return &c.made, c.rejected, nil
}

func (c *Cutter) reset(body []byte, now time.Time) {
	c.body, c.now, c.rejected = body, now, Rejected{}
	c.earliest, c.latest = startBounds(c.limits, now)
	c.order++
	c.cache.trim()
	c.groups, c.scopes, c.spans, c.runs = kept(c.groups), kept(c.scopes), kept(c.spans), kept(c.runs)
	c.terms, c.other = kept(c.terms), kept(c.other)
	// The table has at least twice as many slots as traces. It is cleared before each request, so it shrinks again after a large one.
	if len(c.slots) > minSlots && len(c.slots) > 16*len(c.traces) {
		c.slots = make([]int32, minSlots)
	} else {
		clear(c.slots)
	}
	c.traces = kept(c.traces)
	clear(c.pairs)
}

const (
	minSlots = 256
	// maxKept is the largest buffer that is used again, in bytes.
	maxKept = 16 << 20
)

// kept empties a buffer, and drops it when one large request made it huge.
func kept[T any](s []T) []T {
	var element T
	if uintptr(cap(s))*unsafe.Sizeof(element) > maxKept {
		return nil
	}
	return s[:0]
}

func startBounds(l Limits, now time.Time) (earliest, latest uint64) {
	at := now.UnixNano()
	if e := at - int64(l.MaxAge); e > 0 && e < at {
		earliest = uint64(e)
	}
	latest = math.MaxInt64
	if e := at + int64(l.MaxAhead); e >= at && e >= 0 {
		latest = uint64(e)
	}
	return earliest, latest
}

// request walks the ExportTraceServiceRequest message.
func (c *Cutter) request(b []byte) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		if tag == tagRequestResourceSpans {
			if err := c.group(content, next-len(content)); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// group walks a ResourceSpans message that starts at the offset in the request.
func (c *Cutter) group(b []byte, offset int) error {
	number, firstScope := int32(len(c.groups)), len(c.scopes)
	c.groups = append(c.groups, cutGroup{})
	c.other = c.other[:0]
	var resource []byte
	parts := 0
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagGroupResource:
			if parts++; parts == 1 {
				resource = content
			} else if err := c.checkResource(content); err != nil {
				return err
			}
		case tagGroupScopeSpans:
			if err := c.scopeSpans(content, offset+next-len(content), number); err != nil {
				return err
			}
		default:
			c.other = append(c.other, b[i:next]...)
		}
		i = next
	}
	if parts > 1 {
		if err := c.checkResource(resource); err != nil {
			return err
		}
		resource = joinFields(b, tagGroupResource)
	}
	g := &c.groups[number]
	known, err := c.cache.resource(resource)
	if err != nil {
		return err
	}
	other, err := c.cache.schema(c.other)
	if err != nil {
		return err
	}
	g.resource, g.other = known, other.bytes
	g.same = c.same(0, c.number(&known.seen, number), c.number(&other.seen, number), number)
	for i := firstScope; i < len(c.scopes); i++ {
		s := &c.scopes[i]
		s.same = c.same(1, g.same, c.number(&s.scope.seen, int32(i)), int32(i))
	}
	return nil
}

func (c *Cutter) checkResource(b []byte) error {
	_, err := parseResource(b)
	return err
}

// number gives what was seen in this request before the number it had then.
func (c *Cutter) number(s *cutSeen, n int32) int32 {
	if s.order != c.order {
		*s = cutSeen{c.order, n}
	}
	return s.number
}

// same gives the number under which a pair was met first in this request.
func (c *Cutter) same(kind uint64, a, b, n int32) int32 {
	key := kind<<63 | uint64(a)<<32 | uint64(uint32(b))
	if first, ok := c.pairs[key]; ok {
		return first
	}
	c.pairs[key] = n
	return n
}

// scopeSpans walks a ScopeSpans message.
func (c *Cutter) scopeSpans(b []byte, offset int, group int32) error {
	number := int32(len(c.scopes))
	c.scopes = append(c.scopes, cutScope{group: group})
	mark := len(c.other)
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		if tag == tagScopeSpansSpan {
			if err := c.span(content, offset+i, offset+next, number); err != nil {
				return err
			}
		} else {
			c.other = append(c.other, b[i:next]...)
		}
		i = next
	}
	known, err := c.cache.scope(c.other[mark:])
	if err != nil {
		return err
	}
	c.other = c.other[:mark]
	c.scopes[number].scope = known
	return nil
}
