package cold

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// lookup finds the files that can have some of the traces.
type lookup struct {
	table *Table
	ids   []tael.TraceID
	terms []uint64
	meter *query.Meter // counts files that the filters exclude; may be nil
}

func newLookup(t *Table, ids []tael.TraceID) *lookup {
	q := &lookup{table: t, ids: ids, terms: make([]uint64, len(ids))}
	for i, id := range ids {
		q.terms[i] = fragment.TermTrace(id)
	}
	return q
}

// each calls visit for every file that can have some of the traces, with those, several at a time. A file that is damaged does not keep it
// from the others. See gather for the error.
func (q *lookup) each(ctx context.Context, files []*dataFile, visit func(ctx context.Context, f *dataFile, ids []tael.TraceID) error) error {
	return q.summaries(ctx, files, func(ctx context.Context, f *dataFile, s *fileSummary) error {
		var ids []tael.TraceID
		for i, term := range q.terms {
			if fragment.FilterHas(s.filter, term) {
				ids = append(ids, q.ids[i])
			}
		}
		if len(ids) == 0 {
			return q.meter.Read(tael.Explain{FilesPruned: 1})
		}
		return visit(ctx, f, ids)
	})
}

// places is the number of files that can have a trace, as far as their filters are in memory; 1 when there are several traces.
func (q *lookup) places(files []*dataFile) int {
	n := 0
	if len(q.ids) == 1 {
		for _, f := range files {
			if s, ok := q.table.files.known(f); ok && fragment.FilterHas(s.filter, q.terms[0]) {
				n++
			}
		}
	}
	return max(n, 1)
}

// summaries calls visit for every file, several at a time.
func (q *lookup) summaries(ctx context.Context, files []*dataFile, visit func(ctx context.Context, f *dataFile, s *fileSummary) error) error {
	var all gather
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(q.table.opts.Parallel)
	for _, f := range files {
		if gctx.Err() != nil {
			break
		}
		s, ok := q.table.files.known(f)
		if ok && len(q.ids) == 1 && !fragment.FilterHas(s.filter, q.terms[0]) {
			// The usual case of a look-up is not worth a goroutine.
			if err := q.meter.Read(tael.Explain{FilesPruned: 1}); err != nil {
				return errors.Join(err, g.Wait())
			}
			continue
		}
		g.Go(func() (err error) {
			if !ok {
				s, err = q.table.files.summary(gctx, f)
			}
			if err == nil {
				err = visit(gctx, f, s)
			}
			return all.note(err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return all.err()
}

// gather collects damage, so that the rest is still read; any other error ends the work at once and is returned alone.
type gather struct {
	mu     sync.Mutex
	damage []error
}

// note remembers damage and gives any other error back.
func (g *gather) note(err error) error {
	if err == nil || !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.damage = append(g.damage, err)
	return nil
}

func (g *gather) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.damage...)
}
