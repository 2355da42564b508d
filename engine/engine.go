package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// Engine is the store. Its methods are safe for concurrent use.
type Engine struct {
	o         Options
	unlock    func() error
	hot       *hot.Store
	objects   objstore.Store
	cold      *cold.Table
	query     *query.Engine
	compactor *compactor.Compactor
	running   *running
	appended  atomic.Int64  // when the newest Append began, unix nanoseconds
	probing   chan struct{} // holds one while a write probe runs
	retired   atomic.Bool   // a segment went since memory was given back, see giveBack

	// views orders queries and swaps: the hot snapshot and coldView of one query belong together.
	views    sync.RWMutex
	coldView *cold.View

	stopPoll context.CancelFunc
	polled   chan struct{}
	close    sync.Once
	closeErr error
}

var (
	_ tael.Store        = (*Engine)(nil)
	_ compactor.Swapper = (*Engine)(nil)
)

var errClosed = fmt.Errorf("store: %w", tael.ErrClosed)

// Open locks the data directory, recovers what a former process left, and starts compaction.
func Open(ctx context.Context, o Options) (_ *Engine, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := makeDir(o.DataDir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	e := &Engine{o: o, running: newRunning(), probing: make(chan struct{}, 1)}
	// What was opened is closed again, in reverse, when a later step fails.
	defer func() {
		if err != nil {
			err = errors.Join(err, e.shut())
		}
	}()
	if e.unlock, err = lockDir(o.DataDir); err != nil {
		return nil, err
	}
	b := budgets(o)
	if o.tune != nil {
		o.tune(&b)
	}
	if e.hot, err = hot.Open(ctx, b.hot); err != nil {
		return nil, fmt.Errorf("open the hot tier: %w", err)
	}
	if e.objects, err = objstore.Open(ctx, b.cold.Location, o.S3, b.objects...); err != nil {
		return nil, fmt.Errorf("open the cold tier's object store: %w", err)
	}
	if o.wrap != nil {
		e.objects = o.wrap(e.objects)
	}
	if e.cold, err = cold.Open(ctx, e.objects, b.cold); err != nil {
		return nil, fmt.Errorf("open the cold tier: %w", err)
	}
	if err := b.query.Validate(); err != nil {
		return nil, err
	}
	e.query = query.New(b.query)
	e.coldView = e.cold.View()
	table := coldTier{Table: e.cold, dataDir: e.hot.DataDir(), grace: b.cold.OrphanGrace}
	// Segments that a former process committed are dead before anybody reads.
	for _, seg := range e.hot.Sealed() {
		if seg.Counter() <= table.Watermark() {
			if err := e.hot.Retire(ctx, seg.Counter()); err != nil {
				return nil, fmt.Errorf("remove segment %d, which is in the table: %w", seg.Counter(), err)
			}
		}
	}
	skipped, err := e.hot.Skip(ctx, table.Watermark())
	if err != nil {
		return nil, err
	}
	if skipped {
		o.Logger.Warn("the table has newer segments of this data directory than the directory itself: it was restored from an older copy, or another taeld uses a copy of it, which must not be",
			"data_dir", o.DataDir, "flushed", table.Watermark())
	}
	if e.compactor, err = compactor.New(hotTier{e.hot}, table, e, e, b.compactor); err != nil {
		return nil, err
	}
	e.registerState()
	e.compactor.Start()
	e.startPoll() //nolint:contextcheck // it goes on after Open, until Close
	return e, nil
}

// Append makes a batch durable and visible. See otlp.Appender.
func (e *Engine) Append(ctx context.Context, b *fragment.Batch) error {
	if err := tael.CheckTenant(b.Tenant); err != nil {
		return err
	}
	if !e.running.enter() {
		return errClosed
	}
	defer e.running.leave()
	e.appended.Store(e.o.Now().UnixNano())
	return e.hot.Append(ctx, b)
}

// Flush returns when everything acknowledged before the call is in the table.
func (e *Engine) Flush(ctx context.Context) (compactor.Flushed, error) {
	if !e.running.enter() {
		return compactor.Flushed{}, errClosed
	}
	defer e.running.leave()
	return e.compactor.Flush(ctx)
}

// Maintain drops the days that are due and cleans up in the cold tier now, which the compactor also does by itself now and then.
func (e *Engine) Maintain(ctx context.Context) error {
	if !e.running.enter() {
		return errClosed
	}
	defer e.running.leave()
	return e.compactor.Expire(ctx)
}

// closeWait bounds how long Close waits for calls that run. Queries have their own deadline; what is slower is left behind.
const closeWait = 20 * time.Second

// Close stops taking calls, waits for those that run, and closes the tiers. What was acknowledged is durable already, so nothing is flushed. It
// is idempotent.
func (e *Engine) Close() error {
	e.close.Do(func() {
		select {
		case <-e.running.shut():
		case <-time.After(closeWait):
			e.o.Logger.Warn("closing while calls still run", "waited", closeWait)
		}
		e.closeErr = e.shut()
	})
	return e.closeErr
}

// shut closes what is open, in reverse.
func (e *Engine) shut() error {
	var errs []error
	if e.stopPoll != nil {
		e.stopPoll()
		<-e.polled
	}
	if e.compactor != nil {
		errs = append(errs, e.compactor.Close())
	}
	if e.coldView != nil {
		e.coldView.Release()
	}
	if e.cold != nil {
		errs = append(errs, e.cold.Close())
	}
	if e.objects != nil {
		errs = append(errs, e.objects.Close())
	}
	if e.hot != nil {
		errs = append(errs, e.hot.Close())
	}
	if e.unlock != nil {
		errs = append(errs, e.unlock())
	}
	return errors.Join(errs...)
}

// startPoll looks for commits of other processes on the same table.
func (e *Engine) startPoll() {
	ctx, stop := context.WithCancel(context.Background())
	e.stopPoll, e.polled = stop, make(chan struct{})
	go func() {
		defer close(e.polled)
		tick := time.NewTicker(e.o.ColdPoll)
		defer tick.Stop()
		failing := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			e.giveBack()
			err := e.showCommits(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				e.o.Logger.Warn("cannot look for new commits of the cold table; answers keep to the last one seen", "error", err)
			}
			failing = err != nil
		}
	}()
}
