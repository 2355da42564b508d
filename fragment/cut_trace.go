package fragment

import (
	"bytes"
	"hash/maphash"

	"github.com/taeldb/tael"
)

// note keeps an accepted span under its trace.
func (c *Cutter) note(s *seenSpan, span cutSpan, scope int32) {
	t := &c.traces[c.trace(s.traceID)]
	h := &t.header
	if h.Spans == 0 {
		h.MinStart = s.start
	}
	h.Spans++
	h.MinStart = min(h.MinStart, s.start)
	h.MaxStart = max(h.MaxStart, s.start)
	h.MaxEnd = max(h.MaxEnd, s.end)
	h.MaxDuration = max(h.MaxDuration, tael.Duration(s.start, s.end))
	if s.status == int32(tael.StatusError) {
		h.Errors++
	}
	if uint32(s.kind) < smallNumbers {
		t.kinds |= 1 << s.kind
	} else {
		c.terms = append(c.terms, TermKind(s.kind))
		span.lastTerm++
	}
	if uint32(s.status) < smallNumbers {
		t.statuses |= 1 << s.status
	} else {
		c.terms = append(c.terms, TermStatus(s.status))
		span.lastTerm++
	}
	t.terms += span.lastTerm - span.firstTerm

	number, size := int32(len(c.spans)), span.end-span.start
	c.spans = append(c.spans, span)
	if t.last >= 0 {
		if r := &c.runs[t.last]; r.scope == scope {
			c.spans[r.last].next = number
			r.last = number
			r.bytes += size
			return
		}
	}
	run := int32(len(c.runs))
	c.runs = append(c.runs, cutRun{scope: scope, bytes: size, first: number, last: number, next: -1, nextSame: -1})
	if t.last >= 0 {
		c.runs[t.last].next = run
	} else {
		t.first = run
	}
	t.last = run
}

// trace finds or adds the trace.
func (c *Cutter) trace(id []byte) int {
	if 2*len(c.traces) >= len(c.slots) {
		c.growSlots()
	}
	mask := uint64(len(c.slots) - 1)
	for at := maphash.Bytes(c.seed, id) & mask; ; at = (at + 1) & mask {
		n := c.slots[at]
		if n == 0 {
			c.traces = append(c.traces, cutTrace{id: tael.TraceID(id), first: -1, last: -1})
			c.slots[at] = int32(len(c.traces))
			return len(c.traces) - 1
		}
		if bytes.Equal(c.traces[n-1].id[:], id) {
			return int(n - 1)
		}
	}
}

func (c *Cutter) growSlots() {
	c.slots = make([]int32, 2*len(c.slots))
	mask := uint64(len(c.slots) - 1)
	for n := range c.traces {
		at := maphash.Bytes(c.seed, c.traces[n].id[:]) & mask
		for c.slots[at] != 0 {
			at = (at + 1) & mask
		}
		c.slots[at] = int32(n + 1)
	}
}
