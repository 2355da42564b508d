package hot

import (
	"cmp"
	"context"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Trace is what a segment has of a trace. It is good until the yield of Segment.Traces that got it returns.
type Trace struct {
	ID         tael.TraceID
	FirstStart uint64 // of its spans in this segment, unix nanoseconds
	Spans      int    // every version of a span counted

	ctx    context.Context
	reader *reader
	latest uint32
	found  []uint32
}

// Traces yields every trace of a sealed segment by (tenant, first start, trace id). An error of yield ends it and is returned as it is.
func (s *Segment) Traces(ctx context.Context, yield func(tenant string, t *Trace) error) error {
	if !s.acquire() {
		return s.errGone()
	}
	defer s.release()
	v := s.index.view()
	blocks := newUnpacked(keptByFlush, nil)
	defer blocks.release()
	r := newReader(s, &v, fragment.NewDecoder(), nil, blocks)
	defer r.close()
	t := Trace{ctx: ctx, reader: r}
	for _, o := range orderTraces(&v) {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.ID, t.FirstStart, t.Spans, t.latest = o.key.trace, o.firstStart, int(o.spans), o.latest
		if err := yield(v.tenants[o.key.tenant], &t); err != nil {
			return err
		}
	}
	return nil
}

type orderedTrace struct {
	key        traceKey
	firstStart uint64
	latest     uint32 // 1 + the position of its newest entry
	spans      uint32
}

// orderTraces sums up the traces of a view and puts them in order.
func orderTraces(v *view) []orderedTrace {
	var traces []orderedTrace
	slot := make([]uint32, len(v.records)) // of an entry: 1 + the place of its trace in traces
	for i := range v.records {
		r := &v.records[i]
		if r.older == 0 {
			traces = append(traces, orderedTrace{key: traceKey{trace: r.trace, tenant: r.tenant}, firstStart: r.header.MinStart})
			slot[i] = uint32(len(traces))
		} else {
			slot[i] = slot[r.older-1]
		}
		t := &traces[slot[i]-1]
		t.firstStart = min(t.firstStart, r.header.MinStart)
		t.latest = uint32(i + 1)
		t.spans += r.header.Spans
	}
	slices.SortFunc(traces, func(a, b orderedTrace) int {
		if a.key.tenant != b.key.tenant {
			return cmp.Compare(v.tenants[a.key.tenant], v.tenants[b.key.tenant])
		}
		if c := cmp.Compare(a.firstStart, b.firstStart); c != 0 {
			return c
		}
		return slices.Compare(a.key.trace[:], b.key.trace[:])
	})
	return traces
}

// Rows decodes the trace's spans, entry by entry in the order of their sequence. It may be called again. The row is borrowed until
// yield returns, but for its Resource and Scope, which stay good. An error of yield ends it and is returned as it is.
func (t *Trace) Rows(yield func(*fragment.Row) error) error { return t.each(t.reader.rows, yield) }

// Keys is Rows with rows that have only what fragment.Decoder.Keys gives, and their sequence.
func (t *Trace) Keys(yield func(*fragment.Row) error) error { return t.each(t.reader.keys, yield) }

// each reads the trace's entries in the order of their sequence.
func (t *Trace) each(read func(*record, func(*fragment.Row) error) error, yield func(*fragment.Row) error) error {
	v := t.reader.view
	t.found = t.found[:0]
	for at := t.latest; at != 0; at = v.records[at-1].older {
		t.found = append(t.found, at-1)
	}
	for _, at := range slices.Backward(t.found) {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if err := read(&v.records[at], yield); err != nil {
			return err
		}
	}
	return nil
}
