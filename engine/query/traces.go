package query

import (
	"context"
	"errors"
	"slices"

	"github.com/taeldb/tael"
)

// foundTrace is a trace with at least one matching span, read whole.
type foundTrace struct {
	best    key // of the first matching span in the list's order
	summary tael.TraceSummary
	spans   []tael.Span // matching, in the list's order, at most tael.MaxTraceSpans
	cut     bool        // spans were left out
	bytes   int64       // held for spans
}

// bestTraces collects the traces whose first matching span comes first. A matching row only says that its trace may be one: the trace is
// read whole, from all sources, before it counts. That gives its true place (the row may be superseded, and with a cursor the trace may have been
// on an earlier page, by a better span) and everything that is said about it.
type bestTraces struct {
	*run
	plan *plan
	full bool
	want int // limit + 1

	kept    []*foundTrace // in order, at most want
	waiting map[tael.TraceID]key
	done    map[tael.TraceID]struct{} // kept, or known not to be on the page
}

func (b *bestTraces) add(c candidate) {
	id := c.id.TraceID
	if _, ok := b.done[id]; ok {
		return
	}
	if k, ok := b.waiting[id]; !ok || c.before(k) {
		b.waiting[id] = c.key
	}
}

func (b *bestTraces) worst() (key, bool) {
	if len(b.kept) < b.want {
		return key{}, false
	}
	return b.kept[len(b.kept)-1].best, true
}

func (b *bestTraces) crowded() bool { return len(b.waiting) >= max(minWaiting, 2*b.want) }

func (b *bestTraces) enough(bound uint64) bool {
	if len(b.waiting) == 0 || len(b.kept)+len(b.waiting) < b.want {
		return false
	}
	n := 0
	for _, t := range b.kept {
		if t.best.first > bound {
			n++
		}
	}
	for _, k := range b.waiting {
		if k.first > bound {
			n++
		}
	}
	return n >= b.want
}

// settle reads the waiting traces in the order of their rows until the page is full and no other can come before its last.
func (b *bestTraces) settle(ctx context.Context) error {
	order := make([]key, 0, len(b.waiting))
	for _, k := range b.waiting {
		order = append(order, k)
	}
	slices.SortFunc(order, key.compare)
	for len(order) > 0 {
		worst, full := b.worst()
		if full && !order[0].before(worst) {
			break
		}
		n := min(len(order), max(b.want-len(b.kept), minTogether), maxTogether)
		if err := b.read(ctx, order[:n]); err != nil {
			return err
		}
		order = order[n:]
	}
	clear(b.waiting) // the others come after the page; a better row of them adds them again
	return nil
}

// Traces are read so many together, when there are as many.
const (
	minTogether = 4
	maxTogether = 128
)

// read reads traces and merges those that belong to the page.
func (b *bestTraces) read(ctx context.Context, ks []key) error {
	found, err := b.readTogether(ctx, ks)
	if b.memorySpent(err) {
		found, err = nil, nil
		for _, k := range ks {
			t, err := b.readAlone(ctx, k.id.TraceID)
			if err != nil {
				return err
			}
			found = append(found, t)
		}
	}
	if err != nil {
		return err
	}
	for i, k := range ks {
		b.done[k.id.TraceID] = struct{}{}
		delete(b.waiting, k.id.TraceID)
		if found[i] != nil {
			b.kept = append(b.kept, found[i])
		}
	}
	slices.SortFunc(b.kept, func(x, y *foundTrace) int { return x.best.compare(y.best) })
	for len(b.kept) > b.want {
		last := len(b.kept) - 1
		b.release(b.kept[last].bytes)
		b.kept[last] = nil
		b.kept = b.kept[:last]
	}
	return nil
}

// readTogether reads several traces at once; a trace without matching spans, or of an earlier page, is nil.
func (b *bestTraces) readTogether(ctx context.Context, ks []key) ([]*foundTrace, error) {
	ids := make([]tael.TraceID, len(ks))
	place := make(map[tael.TraceID]int, len(ks))
	for i := range ks {
		ids[i] = ks[i].id.TraceID
		place[ids[i]] = i
	}
	spans, err := b.readTraces(ctx, ids)
	if err != nil {
		return nil, err
	}
	held := bytesOf(spans)
	defer func() { b.release(held) }()
	found := make([]*foundTrace, len(ks))
	for len(spans) > 0 {
		id, n := spans[0].TraceID, 1
		for n < len(spans) && spans[n].TraceID == id {
			n++
		}
		if i, asked := place[id]; asked {
			if found[i], err = b.sumUp(id, spans[:n:n]); err != nil {
				for _, t := range found {
					if t != nil {
						b.release(t.bytes)
					}
				}
				return nil, err
			}
		}
		spans = spans[n:]
	}
	return found, nil
}

// memorySpent reports whether the error says that memory ran out, and nothing else did.
func (b *bestTraces) memorySpent(err error) bool {
	return errors.Is(err, tael.ErrBudget) && !b.meter.spent()
}

// readAlone reads a trace for which there was no memory beside others. One that by itself does not fit would make every list that it
// belongs to fail, so it is named as missing instead.
func (b *bestTraces) readAlone(ctx context.Context, id tael.TraceID) (*foundTrace, error) {
	spans, err := b.readTrace(ctx, id, tael.TraceOptions{})
	var t *foundTrace
	if err == nil {
		held := bytesOf(spans)
		t, err = b.sumUp(id, spans)
		b.release(held)
	}
	if b.memorySpent(err) && b.meter.held() <= b.meter.budget.Memory/2 {
		b.missing.add("trace " + id.String() + ": it is too large to be summed up within the memory budget of a query")
		return nil, nil
	}
	return t, err
}

// sumUp makes of the spans of a trace what the list says about it, and holds that. It changes spans. It is nil when no span matches, or when the trace was
// on an earlier page.
func (b *bestTraces) sumUp(id tael.TraceID, spans []tael.Span) (*foundTrace, error) {
	t := &foundTrace{}
	if b.full {
		t.summary = summarize(id, spans)
	}
	matching := spans[:0]
	for i := range spans {
		if b.plan.filter.Matches(&spans[i]) {
			matching = append(matching, spans[i])
		}
	}
	if len(matching) == 0 {
		return nil, nil
	}
	if !b.full {
		t.summary = summarize(id, matching)
	}
	sortSpans(matching, listOrder(b.plan.sort))
	t.best = keyOf(b.plan.sort, &matching[0])
	if b.plan.after != nil && !b.plan.after.before(t.best) {
		return nil, nil
	}
	t.cut = len(matching) > tael.MaxTraceSpans
	t.spans = slices.Clone(matching[:min(len(matching), tael.MaxTraceSpans)]) // a copy, so that the others can be freed
	t.bytes = bytesOf(t.spans)
	if err := b.meter.Hold(t.bytes); err != nil {
		b.release(t.bytes)
		return nil, err
	}
	return t, nil
}

// Traces answers a page of traces.
func (e *Engine) Traces(ctx context.Context, v View, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	ctx, cancel, r, err := e.begin(ctx, v, tenant)
	defer cancel()
	var page *tael.TracePage
	if err == nil {
		page, err = r.traces(ctx, q)
	}
	if err := r.finish("traces", err); err != nil {
		return nil, err
	}
	return page, nil
}

func (r *run) traces(ctx context.Context, q tael.TraceQuery) (*tael.TracePage, error) {
	p, err := newPlan("traces", r.tenant, q.Filter, q.Sort, q.Limit, q.Cursor)
	if err != nil {
		return nil, err
	}
	s := &scanner{run: r, plan: p, filter: newFilter(&p.scan, p.sort)}
	defer s.close()
	best := &bestTraces{
		run: r, plan: p, full: q.Full, want: p.limit + 1,
		waiting: map[tael.TraceID]key{}, done: map[tael.TraceID]struct{}{},
	}
	spent, err := s.find(ctx, best)
	if err != nil {
		return nil, err
	}
	found := best.kept
	if spent != nil {
		found = found[:s.certain(len(found), func(i int) key { return found[i].best })]
	}
	page := &tael.TracePage{}
	switch {
	case len(found) > p.limit:
		found = found[:p.limit]
		page.NextCursor = formatCursor(p.query, found[p.limit-1].best)
	case spent != nil:
		if page.NextCursor, err = s.goOn(len(found), spent); err != nil {
			return nil, err
		}
	}
	for _, t := range found {
		page.Traces = append(page.Traces, t.summary)
		page.Spans = append(page.Spans, t.spans...)
		page.Truncated = page.Truncated || t.cut
	}
	sortSpans(page.Spans, listOrder(p.sort))
	if len(page.Spans) > tael.MaxTraceSpans {
		page.Spans, page.Truncated = slices.Clone(page.Spans[:tael.MaxTraceSpans]), true
	}
	if len(page.Traces) == 0 {
		if err := r.missing.nothing(); err != nil {
			return nil, err
		}
	}
	page.Coverage = r.coverage(q.Explain, s.early)
	return page, nil
}
