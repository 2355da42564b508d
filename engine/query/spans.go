package query

import (
	"context"
	"slices"

	"github.com/taeldb/tael"
)

// minWaiting is how many candidates wait at least before they are settled without need. Each is some 120 bytes.
const minWaiting = 8192

// bestRows collects the best rows, as many as a page and the one after it. A row counts only when no newer version of its span is stored
// anywhere. That is found out late and in bulk: rows wait until they might fill the page, then only the best of them are looked up.
type bestRows struct {
	versions *versions
	want     int         // limit + 1
	kept     []candidate // in order, looked up, at most want
	waiting  []candidate // in no order
}

func (b *bestRows) add(c candidate) { b.waiting = append(b.waiting, c) }

func (b *bestRows) worst() (key, bool) {
	if len(b.kept) < b.want {
		return key{}, false
	}
	return b.kept[len(b.kept)-1].key, true
}

func (b *bestRows) crowded() bool { return len(b.waiting) >= max(minWaiting, 2*b.want) }

func (b *bestRows) enough(bound uint64) bool {
	if len(b.waiting) == 0 || len(b.kept)+len(b.waiting) < b.want {
		return false
	}
	n := 0
	for i := range b.kept {
		if b.kept[i].first > bound {
			n++
		}
	}
	for i := range b.waiting {
		if b.waiting[i].first > bound {
			n++
		}
	}
	return n >= b.want
}

// settle merges the waiting rows into the kept ones. Rows are looked up in order, as many at a time as the page lacks, so that few of those that
// cannot be answered are looked up.
func (b *bestRows) settle(ctx context.Context) error {
	if len(b.waiting) == 0 {
		return nil
	}
	all := make([]candidate, 0, len(b.kept)+len(b.waiting))
	all = append(append(all, b.kept...), b.waiting...)
	slices.SortFunc(all, func(x, y candidate) int { return x.compare(y.key) })

	won := make([]candidate, 0, min(b.want, len(all)))
	taken := make(map[tael.Identity]struct{}, cap(won))
	for next := 0; next < len(all) && len(won) < b.want; {
		chunk := all[next:min(len(all), next+b.want-len(won))]
		next += len(chunk)
		if err := b.versions.learn(ctx, chunk); err != nil {
			return err
		}
		for i := range chunk {
			if _, again := taken[chunk[i].id]; again || b.versions.superseded(&chunk[i]) {
				continue // the same version is stored twice, or there is a newer one
			}
			taken[chunk[i].id] = struct{}{}
			won = append(won, chunk[i])
		}
	}
	b.kept, b.waiting = won, b.waiting[:0]
	return nil
}

// Spans answers a page of spans.
func (e *Engine) Spans(ctx context.Context, v View, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	ctx, cancel, r, err := e.begin(ctx, v, tenant)
	defer cancel()
	var page *tael.SpanPage
	if err == nil {
		page, err = r.spans(ctx, q)
	}
	if err := r.finish("spans", err); err != nil {
		return nil, err
	}
	return page, nil
}

func (r *run) spans(ctx context.Context, q tael.SpanQuery) (*tael.SpanPage, error) {
	p, err := newPlan("spans", r.tenant, q.Filter, q.Sort, q.Limit, q.Cursor)
	if err != nil {
		return nil, err
	}
	s := &scanner{run: r, plan: p, filter: newFilter(&p.scan, p.sort)}
	defer s.close()
	best := &bestRows{versions: newVersions(r), want: p.limit + 1}
	spent, err := s.find(ctx, best)
	if err != nil {
		return nil, err
	}
	rows := best.kept
	if spent != nil {
		rows = rows[:s.certain(len(rows), func(i int) key { return rows[i].key })]
	}
	page := &tael.SpanPage{}
	switch {
	case len(rows) > p.limit:
		rows = rows[:p.limit]
		page.NextCursor = formatCursor(p.query, rows[p.limit-1].key)
	case spent != nil:
		if page.NextCursor, err = s.goOn(len(rows), spent); err != nil {
			return nil, err
		}
	}
	if page.Spans, err = s.fetch(ctx, rows); err != nil {
		return nil, err
	}
	if len(page.Spans) == 0 {
		if err := r.missing.nothing(); err != nil {
			return nil, err
		}
	}
	page.Coverage = r.coverage(q.Explain, s.early)
	return page, nil
}
