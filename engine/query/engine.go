package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taeldb/tael"
)

// View is what one query sees: an immutable set of spans in tiers. The caller owns its consistency and keeps the sources open until
// the query has returned.
type View struct {
	Sources []NamedSource // hot first
}

// NamedSource is a tier and the name that answers call it by when a part of it cannot be read.
type NamedSource struct {
	Name   string
	Source Source
}

// Metrics takes note of finished queries. It is called once a query, from any goroutine.
type Metrics interface {
	// Query notes a query of a kind ("trace", "spans", "traces", "stats"), what it read, how long it took, and its error.
	Query(kind string, read tael.Explain, elapsed time.Duration, err error)
}

// Options configure an Engine.
type Options struct {
	// Budget bounds each query.
	Budget Budget
	// Pool bounds the memory of all queries together; nil does not.
	Pool *Pool
	// DefaultDeadline is the time that a query has when its context has no deadline. Zero is no limit.
	DefaultDeadline time.Duration
	// Clock tells the time.
	Clock func() time.Time
	// Metrics may be nil.
	Metrics Metrics
}

// DefaultOptions bounds a query to 50 million rows, 16 GiB read, 256 MiB of memory and 30 seconds.
func DefaultOptions() Options {
	return Options{
		Budget:          Budget{Rows: 50_000_000, Bytes: 16 << 30, Memory: 256 << 20},
		DefaultDeadline: 30 * time.Second,
		Clock:           time.Now,
	}
}

// Validate lists everything that is wrong.
func (o Options) Validate() error {
	var errs []error
	if o.Budget.Rows < 0 || o.Budget.Bytes < 0 || o.Budget.Memory < 0 {
		errs = append(errs, fmt.Errorf("query budget %+v: %w: a limit is negative; 0 is no limit", o.Budget, tael.ErrInvalid))
	}
	if o.DefaultDeadline < 0 {
		errs = append(errs, fmt.Errorf("query deadline %s: %w: it is negative; 0 is no limit", o.DefaultDeadline, tael.ErrInvalid))
	}
	if o.Clock == nil {
		errs = append(errs, fmt.Errorf("query clock: %w: it is missing", tael.ErrInvalid))
	}
	return errors.Join(errs...)
}

// Engine answers queries. It holds no data and no locks, and is safe for concurrent use.
type Engine struct{ o Options }

// New makes an Engine; the options must be valid (Options.Validate).
func New(o Options) *Engine { return &Engine{o: o} }

// run is the state that every query has.
type run struct {
	engine  *Engine
	view    View
	tenant  string
	meter   *Meter
	started time.Time
	missing missing
}

// begin checks the tenant and starts the clock, the meter and the deadline of a query. The caller calls the function returned.
func (e *Engine) begin(ctx context.Context, v View, tenant string) (context.Context, context.CancelFunc, *run, error) {
	r := &run{engine: e, view: v, tenant: tenant, meter: NewMeter(e.o.Budget), started: e.o.Clock()}
	r.meter.pool = e.o.Pool
	if err := tael.CheckTenant(tenant); err != nil {
		return ctx, func() {}, r, err
	}
	if _, has := ctx.Deadline(); !has && e.o.DefaultDeadline > 0 {
		ctx, cancel := context.WithTimeoutCause(ctx, e.o.DefaultDeadline, nil)
		return ctx, cancel, r, ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	return ctx, cancel, r, ctx.Err()
}

// finish ends a query: it gives its memory back, reports it to the metrics, and gives its error a place.
func (r *run) finish(kind string, err error) error {
	r.meter.end()
	if r.engine.o.Metrics != nil {
		r.engine.o.Metrics.Query(kind, r.meter.Explain(), r.engine.o.Clock().Sub(r.started), err)
	}
	if err != nil {
		return fmt.Errorf("query %s: %w", kind, err)
	}
	return nil
}

// coverage is what the answer saw.
func (r *run) coverage(explain, early bool) tael.Coverage {
	c := tael.Coverage{Partial: r.missing.any(), Missing: r.missing.list()}
	if explain {
		e := r.meter.Explain()
		for _, s := range r.view.Sources {
			if d, ok := s.Source.(Describer); ok {
				d.Describe(&e)
			}
		}
		e.Elapsed = r.engine.o.Clock().Sub(r.started)
		e.EarlyStop = early
		c.Explain = &e
	}
	return c
}
