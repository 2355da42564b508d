package compactor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taeldb/tael"
)

// Swapper makes a commit visible: in one step readers stop seeing the segment in the hot tier and start seeing its rows in the cold one. The
// segment is dead then: no later start shows it, and it is removed when its last reader is done.
type Swapper interface {
	Swap(ctx context.Context, counter uint64) error
}

// Pressure tells whether a flush should not yield: ingest is near its limit and about to wait for it, or there is no ingest.
type Pressure interface {
	Pressed() bool
}

// Compactor runs the jobs that Plan lists, one at a time. Its methods are safe for concurrent use.
type Compactor struct {
	o        Options
	hot      Hot
	cold     Cold
	swap     Swapper
	pressure Pressure
	metrics  *metrics

	kick    chan struct{}
	waiters atomic.Int32 // callers of Flush
	work    sync.Mutex   // held by whoever runs jobs
	// Below: owned by work.
	maintained time.Time
	damaged    map[string]time.Time // by tenant: when files of its that cannot be read were first met, see outwaited

	state struct {
		sync.Mutex
		failing error
		since   time.Time
	}

	life context.Context // of all jobs; ends with Close
	stop context.CancelFunc
	done chan struct{}
	once sync.Once
}

// New makes a Compactor, which does nothing until Start.
func New(hot Hot, cold Cold, swap Swapper, pressure Pressure, o Options) (*Compactor, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c := &Compactor{o: o, hot: hot, cold: cold, swap: swap, pressure: pressure, metrics: newMetrics(o.Register), kick: make(chan struct{}, 1),
		damaged: map[string]time.Time{}}
	c.life, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Start runs the loop until Close.
func (c *Compactor) Start() {
	c.done = make(chan struct{})
	go c.loop(c.life)
}

// Close stops the loop and waits for it and for callers that run jobs. A flush that runs is given up: its segment stays and is flushed after the next
// start. It is idempotent.
func (c *Compactor) Close() error {
	c.once.Do(func() {
		c.stop()
		if c.done != nil {
			<-c.done
		}
		c.work.Lock() // a job of Flush or Expire ends with life
		defer c.work.Unlock()
	})
	return nil
}

// begin takes the right to run jobs for a caller, whose context then ends with Close as well.
func (c *Compactor) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	c.work.Lock()
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(c.life, cancel)
	end = func() {
		unhook()
		cancel()
		c.work.Unlock()
	}
	if c.life.Err() != nil {
		end()
		return nil, nil, fmt.Errorf("compactor: %w", tael.ErrClosed)
	}
	return ctx, end, nil
}

// Kick asks the loop to look at once.
func (c *Compactor) Kick() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Failing tells since when tries to flush fail, and the error of the newest; nil when the last one worked. Maintenance, which goes on beside them, has
// no part in it.
func (c *Compactor) Failing() (since time.Time, err error) {
	c.state.Lock()
	defer c.state.Unlock()
	return c.state.since, c.state.failing
}

func (c *Compactor) loop(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(c.o.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		wait := tick.C
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			c.o.Logger.Error("compaction failed, will try again; acknowledged spans stay in the hot tier", "error", err, "after", c.o.RetryAfter)
			wait = time.After(c.o.RetryAfter)
		}
		select {
		case <-ctx.Done():
		case <-wait:
		case <-c.kick:
		}
	}
}

// pass does all that is due.
func (c *Compactor) pass(ctx context.Context) error {
	c.work.Lock()
	defer c.work.Unlock()
	for {
		jobs := Plan(c.look(), c.o)
		if len(jobs) == 0 {
			c.note(nil)
			return nil
		}
		// One job, then a new look: a flush takes seconds, in which more may have become due.
		_, err := c.run(ctx, jobs[0])
		switch {
		case ctx.Err() != nil:
		case jobs[0].Kind != JobMaintain:
			c.note(err)
		case err != nil:
			c.metrics.failures.Inc()
		}
		if err != nil {
			return err
		}
	}
}

func (c *Compactor) look() State {
	s := State{Now: c.o.Now(), Watermark: c.cold.Watermark(), Maintained: c.maintained}
	for _, seg := range c.hot.Sealed() {
		s.Sealed = append(s.Sealed, seg.Counter())
	}
	return s
}

func (c *Compactor) note(err error) {
	c.state.Lock()
	defer c.state.Unlock()
	if err == nil {
		c.state.failing, c.state.since = nil, time.Time{}
		return
	}
	c.metrics.failures.Inc()
	if c.state.failing == nil {
		c.state.since = c.o.Now()
	}
	c.state.failing = err
}

func (c *Compactor) run(ctx context.Context, job Job) (Flushed, error) {
	switch job.Kind {
	case JobRetire:
		return Flushed{}, c.retire(ctx, job.Counter)
	case JobMaintain:
		// A failure must not keep flushes waiting: it is tried again at the next interval.
		c.maintained = c.o.Now()
		return Flushed{}, c.maintain(ctx)
	}
	for _, seg := range c.hot.Sealed() {
		if seg.Counter() == job.Counter {
			return c.move(ctx, seg)
		}
	}
	return Flushed{}, nil // somebody retired it meanwhile
}

// move flushes a segment and removes it from the hot tier.
func (c *Compactor) move(ctx context.Context, seg Segment) (Flushed, error) {
	done, err := c.flush(ctx, seg)
	if err != nil {
		return done, err
	}
	c.metrics.flushed(done)
	c.o.Logger.Info("flushed a segment", "segment", seg.Counter(), "spans", done.Spans, "rows", done.Rows, "superseded", done.Deleted,
		"files", done.Files, "bytes", done.Bytes, "seconds", done.Elapsed.Seconds())
	return done, c.retire(ctx, seg.Counter())
}

// retire swaps the view and removes the segment.
func (c *Compactor) retire(ctx context.Context, counter uint64) error {
	if err := c.step(StepSwap, func() error { return c.swap.Swap(ctx, counter) }); err != nil {
		return fmt.Errorf("swap the view to the table's rows of segment %d: %w", counter, err)
	}
	return nil
}

func (c *Compactor) step(name string, run func() error) error {
	c.o.Hook(name + ".before")
	if err := run(); err != nil {
		return err
	}
	c.o.Hook(name + ".after")
	return nil
}

// presses tells a flush not to yield.
func (c *Compactor) presses() bool { return c.waiters.Load() > 0 || c.pressure.Pressed() }

// Flush returns when everything that was acknowledged before the call is committed to the table.
func (c *Compactor) Flush(ctx context.Context) (Flushed, error) {
	c.waiters.Add(1)
	defer c.waiters.Add(-1)
	var sum Flushed
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return sum, err
	}
	defer end()
	// What waits already goes first: while it cannot, sealing more would only take memory.
	if err := c.moveSealed(ctx, &sum); err != nil {
		return sum, err
	}
	if err := c.step(StepSeal, func() error { return c.hot.Seal(ctx) }); err != nil {
		return sum, fmt.Errorf("flush: %w", err)
	}
	err = c.moveSealed(ctx, &sum)
	return sum, err
}

// moveSealed moves every sealed segment to the table, oldest first.
func (c *Compactor) moveSealed(ctx context.Context, sum *Flushed) error {
	for _, seg := range c.hot.Sealed() {
		var done Flushed
		var err error
		if seg.Counter() <= c.cold.Watermark() {
			err = c.retire(ctx, seg.Counter())
		} else {
			done, err = c.move(ctx, seg)
		}
		sum.add(done)
		if ctx.Err() == nil { // a caller that has gone says nothing about the tiers
			c.note(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maintain drops old days and cleans up.
func (c *Compactor) maintain(ctx context.Context) error {
	var errs []error
	if c.o.Retention > 0 {
		dropped, err := c.cold.DropDays(ctx, c.o.Now().Add(-c.o.Retention))
		errs = append(errs, err)
		c.dropped("retention", dropped)
	}
	if c.o.MaxColdBytes > 0 {
		dropped, err := c.cold.DropOldestUntil(ctx, c.o.MaxColdBytes)
		errs = append(errs, err)
		c.dropped("max-disk", dropped)
	}
	removed, err := c.cold.Sweep(ctx)
	errs = append(errs, err)
	if removed.Files > 0 {
		c.o.Logger.Info("deleted files that no snapshot needs", "files", removed.Files, "bytes", removed.Bytes)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("maintain the cold tier: %w", err)
	}
	return nil
}

func (c *Compactor) dropped(rule string, d Dropped) {
	if d.Files > 0 {
		c.metrics.expired(d)
		c.o.Logger.Info("dropped old days", "rule", rule, "days", d.Days, "files", d.Files, "rows", d.Rows, "bytes", d.Bytes)
	}
}

// Expire drops old days and cleans up now.
func (c *Compactor) Expire(ctx context.Context) error {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.maintain(ctx)
}
