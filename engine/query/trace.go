package query

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/taeldb/tael"
)

// Trace reads every span of a trace from all sources, the newest version of each, by (start, span id, kind). tael.ErrNotFound
// means that no source has it and that all of them could be read; an answer without spans that is partial leaves that open, and tael.ErrUnavailable says that a
// source that could not be reached may have it.
func (e *Engine) Trace(ctx context.Context, v View, tenant string, id tael.TraceID, o tael.TraceOptions) (*tael.Trace, error) {
	ctx, cancel, r, err := e.begin(ctx, v, tenant)
	defer cancel()
	var spans []tael.Span
	if err == nil {
		spans, err = r.readTrace(ctx, id, o)
	}
	if err == nil && (o.From != 0 || o.To != 0) {
		spans, err = r.newest(ctx, spans)
	}
	if err == nil && len(spans) == 0 {
		if err = r.missing.nothing(); err == nil && !r.missing.any() {
			err = fmt.Errorf("trace %s: %w", id, tael.ErrNotFound)
		}
	}
	if err := r.finish("trace", err); err != nil {
		return nil, err
	}
	sortSpans(spans, func(a, b *tael.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]), cmp.Compare(a.Kind, b.Kind))
	})
	return &tael.Trace{TraceID: id, Spans: spans, Coverage: r.coverage(o.Explain, false)}, nil
}

// readTrace asks all sources at the same time and keeps the newest version of each span, in order of identity. What it returns is held in the
// meter; the caller gives it back with release.
func (r *run) readTrace(ctx context.Context, id tael.TraceID, o tael.TraceOptions) ([]tael.Span, error) {
	return r.fromAll(func(s NamedSource) ([]tael.Span, error) {
		spans, err := s.Source.Trace(ctx, r.tenant, id, o, r.meter)
		if err = r.missing.note(s.Name, err); err != nil {
			err = fmt.Errorf("read trace %s from %s: %w", id, s.Name, err)
		}
		return spans, err
	})
}

// newest leaves out what has a newer version elsewhere. Where a time range kept data from being read, that may be outside of it.
func (r *run) newest(ctx context.Context, spans []tael.Span) ([]tael.Span, error) {
	rows := make([]candidate, len(spans))
	for i := range spans {
		rows[i] = candidate{key: key{id: spans[i].Identity()}, version: spans[i].Version()}
	}
	v := newVersions(r)
	if err := v.learn(ctx, rows); err != nil {
		return nil, err
	}
	kept := spans[:0]
	for i := range spans {
		if !v.superseded(&rows[i]) {
			kept = append(kept, spans[i])
		}
	}
	return kept, nil
}

// readTraces is readTrace for several traces.
func (r *run) readTraces(ctx context.Context, ids []tael.TraceID) ([]tael.Span, error) {
	return r.fromAll(func(s NamedSource) (spans []tael.Span, err error) {
		if many, ok := s.Source.(TracesReader); ok {
			spans, err = many.Traces(ctx, r.tenant, ids, r.meter)
			if err = r.missing.note(s.Name, err); err != nil {
				err = fmt.Errorf("read %d traces from %s: %w", len(ids), s.Name, err)
			}
			return spans, err
		}
		for _, id := range ids {
			if r.missing.isAway(s.Name) {
				break
			}
			more, err := s.Source.Trace(ctx, r.tenant, id, tael.TraceOptions{}, r.meter)
			if err = r.missing.note(s.Name, err); err != nil {
				return nil, fmt.Errorf("read trace %s from %s: %w", id, s.Name, err)
			}
			spans = append(spans, more...)
		}
		return spans, nil
	})
}

// fromAll reads from all sources at the same time, holds what they give and keeps the winners.
func (r *run) fromAll(from func(NamedSource) ([]tael.Span, error)) ([]tael.Span, error) {
	parts := make([][]tael.Span, len(r.view.Sources))
	errs := make([]error, len(r.view.Sources))
	read := func(i int) {
		if r.missing.isAway(r.view.Sources[i].Name) {
			return
		}
		spans, err := from(r.view.Sources[i])
		if err == nil {
			parts[i], err = spans, r.hold(spans)
		}
		errs[i] = err
	}
	var wg sync.WaitGroup
	for i := 1; i < len(parts); i++ {
		wg.Go(func() { read(i) })
	}
	if len(parts) > 0 {
		read(0)
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			for _, spans := range parts {
				r.release(bytesOf(spans))
			}
			return nil, err
		}
	}
	return r.winners(slices.Concat(parts...)), nil
}

// winners keeps the newest version of every identity, once, and gives back what the others held.
func (r *run) winners(spans []tael.Span) []tael.Span {
	sortSpans(spans, func(a, b *tael.Span) int {
		return cmp.Or(compareIdentity(a.Identity(), b.Identity()), b.Version().Compare(a.Version()))
	})
	kept := spans[:0]
	var freed int64
	for i := range spans {
		if len(kept) > 0 && kept[len(kept)-1].Identity() == spans[i].Identity() {
			freed += SpanBytes(&spans[i])
			continue
		}
		kept = append(kept, spans[i])
	}
	clear(spans[len(kept):])
	r.release(freed)
	return kept
}

// hold charges spans to the query's memory; they are charged after an error too.
func (r *run) hold(spans []tael.Span) error { return r.meter.Hold(bytesOf(spans)) }

func bytesOf(spans []tael.Span) int64 {
	var n int64
	for i := range spans {
		n += SpanBytes(&spans[i])
	}
	return n
}

// release gives memory back, which cannot fail a query.
func (r *run) release(n int64) {
	if n != 0 {
		_ = r.meter.Hold(-n)
	}
}
