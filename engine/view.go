package engine

import (
	"context"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/engine/query"
)

// acquire takes the view of now: every acknowledged span has exactly one owner in it. The caller releases it.
//
// The hot snapshot is taken anew each time, so that it has what was acknowledged a moment ago. Which segments it may show and which
// snapshot of the table goes with them change together, in Swap.
func (e *Engine) acquire() (query.View, func()) {
	e.views.RLock()
	h := e.hot.Snapshot()
	c := e.coldView
	e.views.RUnlock()
	return query.View{Sources: []query.NamedSource{{Name: "hot", Source: h}, {Name: "cold", Source: c}}}, h.Release
}

// Swap implements compactor.Swapper. When the segment cannot be marked dead, readers keep the view that they had, in which it is alive.
func (e *Engine) Swap(ctx context.Context, counter uint64) error {
	if err := e.awaitCommit(ctx, counter); err != nil {
		return err
	}
	e.views.Lock()
	defer e.views.Unlock()
	if err := e.hot.Retire(ctx, counter); err != nil {
		return err
	}
	e.retired.Store(true)
	e.coldView.Release()
	e.coldView = e.cold.View()
	return nil
}

// awaitCommit makes sure that the table as it is known here has the segment's rows. A commit can take place and not be read back, and a segment that is
// retired then would be in no answer.
func (e *Engine) awaitCommit(ctx context.Context, counter uint64) error {
	if mark, _ := e.cold.Watermark(e.hot.DataDir()); mark >= counter {
		return nil // it never goes back
	}
	if err := e.cold.Refresh(ctx); err != nil {
		return fmt.Errorf("read the commit of segment %d back: %w", counter, err)
	}
	if mark, _ := e.cold.Watermark(e.hot.DataDir()); mark < counter {
		return fmt.Errorf("segment %d: %w: the table has segments up to %d only", counter, tael.ErrUnavailable, mark)
	}
	return nil
}

// showCommits makes commits of other processes visible. One of our own that is not swapped yet must not show: its rows would be counted in both tiers.
func (e *Engine) showCommits(ctx context.Context) error {
	if err := e.cold.Refresh(ctx); err != nil {
		return err
	}
	e.views.Lock()
	defer e.views.Unlock()
	// The newest view is taken under the lock, so that a slow refresh cannot bring back one from before a swap.
	next := e.cold.View()
	for _, seg := range e.hot.Sealed() {
		if mark, _ := e.cold.Watermark(e.hot.DataDir()); seg.Counter() <= mark {
			next.Release()
			return nil // the swap that is about to come shows it
		}
	}
	e.coldView.Release()
	e.coldView = next
	return nil
}

var _ interface {
	query.Source
	Release()
} = (*hot.Snapshot)(nil)

var _ query.Source = (*cold.View)(nil)

// Trace implements tael.Store.
func (e *Engine) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions) (*tael.Trace, error) {
	ctx, done, v, err := e.begin(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer done()
	return e.query.Trace(ctx, v, tenant, id, o)
}

// Spans implements tael.Store.
func (e *Engine) Spans(ctx context.Context, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	ctx, done, v, err := e.begin(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer done()
	return e.query.Spans(ctx, v, tenant, q)
}

// Traces implements tael.Store.
func (e *Engine) Traces(ctx context.Context, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	ctx, done, v, err := e.begin(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer done()
	return e.query.Traces(ctx, v, tenant, q)
}

// Stats implements tael.Store.
func (e *Engine) Stats(ctx context.Context, tenant string) (*tael.Stats, error) {
	ctx, done, v, err := e.begin(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer done()
	return e.query.Stats(ctx, v, tenant)
}

// begin starts a query: it checks the tenant, sets the deadline, counts the query as running for Close, and takes the view.
func (e *Engine) begin(ctx context.Context, tenant string) (context.Context, func(), query.View, error) {
	if err := tael.CheckTenant(tenant); err != nil {
		return nil, nil, query.View{}, err
	}
	if !e.running.enter() {
		return nil, nil, query.View{}, errClosed
	}
	cancel := func() {}
	if _, has := ctx.Deadline(); !has {
		ctx, cancel = context.WithTimeout(ctx, e.o.QueryTimeout)
	}
	v, release := e.acquire()
	return ctx, func() {
		release()
		cancel()
		e.running.leave()
	}, v, nil
}
