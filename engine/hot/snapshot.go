package hot

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// Snapshot is the store at one moment: every span that was acknowledged before, and none that comes later. It keeps its segments on
// disk until Release, also when they are retired meanwhile.
type Snapshot struct {
	held     []held // oldest segment first
	shut     bool
	released atomic.Bool
}

type held struct {
	segment *Segment
	view    view
}

var _ query.Source = (*Snapshot)(nil)

// Snapshot takes the store as it is now. Every method of a snapshot of a closed store answers tael.ErrClosed.
func (s *Store) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	snap := &Snapshot{held: make([]held, 0, len(s.segments)), shut: s.shut}
	for _, seg := range s.segments {
		if seg.acquire() {
			snap.held = append(snap.held, held{seg, seg.index.view()})
		}
	}
	return snap
}

// Counters lists the segments of the snapshot, oldest first.
func (s *Snapshot) Counters() []uint64 {
	list := make([]uint64, len(s.held))
	for i := range s.held {
		list[i] = s.held[i].segment.counter
	}
	return list
}

// Release lets the segments go. It is idempotent. Scans of the snapshot are closed before, and no method is called after.
func (s *Snapshot) Release() {
	if s.released.Swap(true) {
		return
	}
	for i := range s.held {
		s.held[i].segment.release()
	}
}

// usable is nil when the snapshot can be read.
func (s *Snapshot) usable(ctx context.Context, op string) error {
	if s.shut || s.released.Load() {
		return errClosed(op)
	}
	return ctx.Err()
}

// Stats adds what the snapshot has of the tenant. Every version of a span counts; a trace counts once a segment, and TracesExact turns
// false when that can make a difference.
func (s *Snapshot) Stats(ctx context.Context, tenant string, st *tael.Stats) error {
	if err := s.usable(ctx, "stats"); err != nil {
		return err
	}
	places := 0
	for i := range s.held {
		v := &s.held[i].view
		st.HotSegments++
		st.HotBytes += s.held[i].segment.Bytes()
		id, ok := v.tenant(tenant)
		if !ok {
			continue
		}
		places++
		for k := range v.records {
			r := &v.records[k]
			if r.tenant != id {
				continue
			}
			if r.older == 0 {
				st.Traces++
			}
			st.HotSpans += int64(r.header.Spans)
			st.Spans += int64(r.header.Spans)
			if st.OldestStart == 0 || r.header.MinStart < st.OldestStart {
				st.OldestStart = r.header.MinStart
			}
			st.NewestStart = max(st.NewestStart, r.header.MaxStart)
		}
	}
	if places > 1 {
		st.TracesExact = false
	}
	return nil
}

// Trace gives every stored version of every span of the trace.
func (s *Snapshot) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions, m *query.Meter) ([]tael.Span, error) {
	return s.spans(ctx, "trace", tenant, []tael.TraceID{id}, o, m)
}

// Traces implements query.TracesReader.
func (s *Snapshot) Traces(ctx context.Context, tenant string, ids []tael.TraceID, m *query.Meter) ([]tael.Span, error) {
	return s.spans(ctx, "traces", tenant, ids, tael.TraceOptions{}, m)
}

func (s *Snapshot) spans(ctx context.Context, op, tenant string, ids []tael.TraceID, o tael.TraceOptions, m *query.Meter) ([]tael.Span, error) {
	var spans []tael.Span
	var held int64
	defer func() { _ = m.Hold(-held) }() // the answer is the caller's to hold
	err := s.trace(ctx, op, tenant, ids, o, m, func(row *fragment.Row) error {
		spans = append(spans, row.Span())
		n := query.SpanBytes(&spans[len(spans)-1])
		held += n
		return m.Hold(n)
	})
	return spans, err
}

// Versions yields every stored version of every span of the traces. A trace that is not here costs a look into memory.
func (s *Snapshot) Versions(ctx context.Context, tenant string, ids []tael.TraceID, m *query.Meter, yield func(tael.Identity, tael.Version)) error {
	return s.trace(ctx, "versions", tenant, ids, tael.TraceOptions{}, m, func(row *fragment.Row) error {
		yield(row.Identity(), row.Version())
		return nil
	})
}

// trace decodes the rows of traces, segment by segment. Entries that cannot be read back are the error, after all others.
func (s *Snapshot) trace(ctx context.Context, op, tenant string, ids []tael.TraceID, o tael.TraceOptions, m *query.Meter, yield func(*fragment.Row) error) error {
	if err := s.usable(ctx, op); err != nil {
		return err
	}
	var (
		decoder *fragment.Decoder
		blocks  *unpacked
		found   []uint32
		damage  []error
	)
	for i := range s.held {
		h := &s.held[i]
		tenantID, ok := h.view.tenant(tenant)
		if !ok {
			continue
		}
		var r *reader
		for _, id := range ids {
			found = h.view.trace(found[:0], traceKey{trace: id, tenant: tenantID})
			for _, at := range found {
				rec := &h.view.records[at]
				if o.From != 0 && rec.header.MaxStart < o.From || o.To != 0 && rec.header.MinStart >= o.To {
					continue
				}
				if r == nil {
					if decoder == nil {
						decoder = fragment.NewDecoder()
						blocks = newUnpacked(keptBlocks, m, h.segment.buffers)
						defer blocks.release()
					}
					r = newReader(h.segment, &h.view, decoder, m, blocks)
					defer r.close()
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := r.rows(rec, yield); errors.Is(err, tael.ErrDamaged) {
					damage = append(damage, err)
				} else if err != nil {
					return err
				}
			}
		}
	}
	return errors.Join(damage...)
}

// Describe implements query.Describer.
func (s *Snapshot) Describe(e *tael.Explain) { e.HotSegments += len(s.held) }
