package gen

import (
	"iter"
)

// Request is one export request, ready to send.
type Request struct {
	// Body is an ExportTraceServiceRequest. It belongs to the receiver.
	Body []byte
	// Spans is the number of spans in the body.
	Spans int
	// Refs says which spans they are, in no particular order. It belongs to the receiver.
	Refs []Ref
}

// Ref names a span of the load: the number of its trace and its number within the trace.
type Ref struct {
	Trace uint32
	Span  uint8
}

// Requests yields the whole load in the order in which it would be sent. Each call starts again.
// Memory is bounded by how many traces are in flight at one moment of the load's time, about six
// seconds of it, and not by the number of spans.
func (g *Generator) Requests() iter.Seq[Request] {
	return func(yield func(Request) bool) {
		var b batcher = newCollector(g)
		if g.opts.Direct {
			b = newDirect(g)
		}
		var q queue
		for i := range g.traces {
			if !q.drain(g.traceStart(i), b, yield) {
				return
			}
			q.add(g, i)
		}
		if q.drain(^uint64(0), b, yield) {
			b.flush(yield)
		}
	}
}

// batcher puts spans into requests and yields those that are full. Its methods return false when
// the receiver wants no more.
type batcher interface {
	put(s *shape, j int, yield func(Request) bool) bool
	flush(yield func(Request) bool) bool
}

// open is a trace of which some spans have not been sent yet.
type open struct {
	shape shape
	order [MaxTraceSpans]uint8 // span numbers by end time
	sent  int
	next  uint64 // end time of the next span to send
}

// queue is a heap of the open traces by the end of their next span.
type queue struct {
	heap []*open
	free []*open
}

func (q *queue) add(g *Generator, i int) {
	var o *open
	if n := len(q.free); n > 0 {
		o, q.free = q.free[n-1], q.free[:n-1]
	} else {
		o = &open{}
	}
	o.shape.draw(g, i)
	spans := &o.shape.spans
	for j := range o.shape.n {
		k := j
		for ; k > 0 && spans[o.order[k-1]].end > spans[j].end; k-- {
			o.order[k] = o.order[k-1]
		}
		o.order[k] = uint8(j)
	}
	o.sent, o.next = 0, spans[o.order[0]].end
	q.heap = append(q.heap, o)
	for at := len(q.heap) - 1; at > 0; {
		up := (at - 1) / 2
		if q.heap[up].next <= q.heap[at].next {
			break
		}
		q.heap[up], q.heap[at] = q.heap[at], q.heap[up]
		at = up
	}
}

// drain sends every span that ended before the given time: no trace that is still to come can have
// one that ended earlier.
func (q *queue) drain(before uint64, b batcher, yield func(Request) bool) bool {
	for len(q.heap) > 0 && q.heap[0].next < before {
		o := q.heap[0]
		if !b.put(&o.shape, int(o.order[o.sent]), yield) {
			return false
		}
		if o.sent++; o.sent < o.shape.n {
			o.next = o.shape.spans[o.order[o.sent]].end
		} else {
			last := len(q.heap) - 1
			q.heap[0], q.heap = q.heap[last], q.heap[:last]
			q.free = append(q.free, o)
		}
		q.sink()
	}
	return true
}

func (q *queue) sink() {
	for at := 0; ; {
		low := 2*at + 1
		if low >= len(q.heap) {
			return
		}
		if right := low + 1; right < len(q.heap) && q.heap[right].next < q.heap[low].next {
			low = right
		}
		if q.heap[at].next <= q.heap[low].next {
			return
		}
		q.heap[at], q.heap[low] = q.heap[low], q.heap[at]
		at = low
	}
}
