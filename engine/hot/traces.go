package hot

import (
	"cmp"
	"context"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// Trace is what a segment has of a trace. It is good until the yield of Segment.Traces that got it returns.
type Trace struct {
	ID         tael.TraceID
	FirstStart uint64 // of its spans in this segment, unix nanoseconds
	Spans      int    // every version of a span counted

	ctx   context.Context
	ahead ahead
	place int // in ahead.traces
}

// Traces yields every trace of a sealed segment by (tenant, first start, trace id). An error of yield ends it and is returned as it is.
func (s *Segment) Traces(ctx context.Context, yield func(tenant string, t *Trace) error) error {
	return s.traces(ctx, nil, aheadOf(s.stored.Load()), yield)
}

// traces is Traces that reads ahead so many bytes.
func (s *Segment) traces(ctx context.Context, m *query.Meter, limit int, yield func(tenant string, t *Trace) error) error {
	if !s.acquire() {
		return s.errGone()
	}
	defer s.release()
	v := s.index.view()
	blocks := newUnpacked(keptBlocks, m, s.buffers)
	defer blocks.release()
	r := newReader(s, &v, fragment.NewDecoder(), m, blocks)
	defer r.close()
	t := Trace{ctx: ctx, ahead: ahead{reader: r, traces: orderTraces(&v), limit: limit}}
	for i := range t.ahead.traces {
		if err := ctx.Err(); err != nil {
			return err
		}
		o := &t.ahead.traces[i]
		t.ID, t.FirstStart, t.Spans, t.place = o.key.trace, o.firstStart, int(o.spans), i
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
	entries    uint32
	bytes      uint64 // of bodies
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
		t.entries++
		t.bytes += uint64(r.bytes)
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
func (t *Trace) Rows(yield func(*fragment.Row) error) error {
	return t.each(t.ahead.reader.decode, yield)
}

// Keys is Rows with rows that have only what fragment.Decoder.Keys gives, and their sequence.
func (t *Trace) Keys(yield func(*fragment.Row) error) error {
	return t.each(t.ahead.reader.decodeKeys, yield)
}

// each decodes the trace's entries in the order of their sequence.
func (t *Trace) each(decode func(*record, []byte, func(*fragment.Row) error) error, yield func(*fragment.Row) error) error {
	entries, err := t.ahead.trace(t.ctx, t.place)
	if err != nil {
		return err
	}
	for i := range entries {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		body, err := t.ahead.body(&entries[i])
		if err != nil {
			return err
		}
		if err := decode(&t.ahead.reader.view.records[entries[i].at], body, yield); err != nil {
			return err
		}
	}
	return nil
}
