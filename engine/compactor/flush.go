package compactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Flushed says what the flush of one segment did.
type Flushed struct {
	Segments int
	Spans    int64 // stored versions read from the segments
	Rows     int64 // written
	Deleted  int64 // rows of older files that were superseded
	Files    int
	Bytes    int64 // of the files
	Elapsed  time.Duration
}

func (f *Flushed) add(o Flushed) {
	f.Segments += o.Segments
	f.Spans += o.Spans
	f.Rows += o.Rows
	f.Deleted += o.Deleted
	f.Files += o.Files
	f.Bytes += o.Bytes
	f.Elapsed += o.Elapsed
}

// flush writes one segment to the table. It begins again when another committer came between with spans of the same traces.
func (c *Compactor) flush(ctx context.Context, seg Segment) (Flushed, error) {
	began := c.o.Now()
	for attempt := 1; ; attempt++ {
		f := &flush{c: c, seg: seg, yield: newYielder(c.o.Share, c.presses, c.o.Now)}
		done, err := f.run(ctx)
		if err == nil {
			return Flushed{Segments: 1, Spans: seg.Spans(), Rows: done.Rows, Deleted: done.Deleted, Files: done.Files, Bytes: done.Bytes,
				Elapsed: c.o.Now().Sub(began)}, nil
		}
		if !errors.Is(err, ErrConflict) || attempt == c.o.Attempts {
			return Flushed{}, fmt.Errorf("flush segment %d: %w", seg.Counter(), err)
		}
		c.o.Logger.Info("another process committed spans of the same traces, flushing again", "segment", seg.Counter(), "attempt", attempt)
	}
}

// flush is one attempt at one segment.
type flush struct {
	c     *Compactor
	seg   Segment
	tx    Tx
	yield *yielder

	// stored is what the table has of the segment's traces, by tenant.
	stored map[string]map[tael.Identity]Found
	best   map[tael.Identity]newest          // of one trace; reused
	later  map[uint64]map[lateTrace]struct{} // by day: traces that began on an earlier one
	rows   int
}

// lateTrace is a trace of a tenant that has spans on a later day than its first.
type lateTrace struct {
	tenant string
	id     tael.TraceID
}

func (f *flush) run(ctx context.Context) (Committed, error) {
	var err error
	if f.tx, err = f.c.cold.Begin(ctx, f.seg.Counter()); err != nil {
		return Committed{}, err
	}
	defer f.tx.Abort(ctx) // does nothing after a commit
	err = f.c.step(StepWrite, func() error {
		if err := f.lookUp(ctx); err != nil {
			return err
		}
		f.best, f.later = map[tael.Identity]newest{}, map[uint64]map[lateTrace]struct{}{}
		return f.writeDays(ctx)
	})
	if err != nil {
		return Committed{}, err
	}
	var done Committed
	err = f.c.step(StepCommit, func() (err error) { done, err = f.tx.Commit(ctx); return err })
	return done, err
}

// lookUp asks the table once for all traces of the segment, which costs next to nothing for those that it does not have.
func (f *flush) lookUp(ctx context.Context) error {
	f.stored = map[string]map[tael.Identity]Found{}
	var ids []tael.TraceID
	tenant := ""
	ask := func() error {
		if len(ids) == 0 {
			return nil
		}
		found := &found{flush: f, tenant: tenant, versions: map[tael.Identity]Found{}}
		err := f.tx.Versions(ctx, tenant, ids, func(v Found) { found.add(ctx, v) })
		f.stored[tenant] = found.versions
		ids = ids[:0]
		if found.err != nil {
			return found.err
		}
		if errors.Is(err, tael.ErrDamaged) && f.c.outwaited(tenant) {
			// What nobody can read cannot be superseded either. Waiting for it would fill the hot tier, for as long as the file is not restored.
			f.c.o.Logger.Error("flushing beside files of the table that cannot be read; older versions of spans in them may show when they are restored",
				"segment", f.seg.Counter(), "tenant", tenant, "error", err)
			return nil
		}
		return err
	}
	err := f.seg.Traces(ctx, func(of string, t Trace) error {
		if of != tenant {
			if err := ask(); err != nil {
				return err
			}
			tenant = of
		}
		ids = append(ids, t.ID())
		return nil
	})
	if err != nil {
		return err
	}
	return ask()
}

// patienceAgain is how long after damage was first met a flush waits for it again.
const patienceAgain = time.Hour

// outwaited tells whether a flush need not wait any longer for files of the tenant that cannot be read. Not each segment waits anew: they would come
// faster than they go.
func (c *Compactor) outwaited(tenant string) bool {
	now := c.o.Now()
	since, met := c.damaged[tenant]
	if !met || now.Sub(since) > c.o.DamagePatience+patienceAgain {
		since = now
		c.damaged[tenant] = since
	}
	return now.Sub(since) >= c.o.DamagePatience
}

// writeDays writes each trace's first day, and then the other days one by one. A file holds one day, and the days of a trace may come in any order: taken as
// they come, every span could begin a file.
func (f *flush) writeDays(ctx context.Context) error {
	err := f.seg.Traces(ctx, func(tenant string, t Trace) error { return f.writeTrace(ctx, tenant, t, firstDay) })
	for _, day := range slices.Sorted(maps.Keys(f.later)) {
		if err != nil {
			break
		}
		late := f.later[day]
		err = f.seg.Traces(ctx, func(tenant string, t Trace) error {
			if _, ok := late[lateTrace{tenant, t.ID()}]; !ok {
				return nil
			}
			return f.writeTrace(ctx, tenant, t, day)
		})
		delete(f.later, day)
	}
	return err
}

const (
	firstDay = math.MaxUint64 // asks writeTrace for the first day of the trace
	dayNanos = uint64(24 * time.Hour)
)

// writeTrace writes, of the spans of a trace that start on a day, the newest version of each, unless the table has a newer one, and marks what the table has
// that is older.
func (f *flush) writeTrace(ctx context.Context, tenant string, t Trace, day uint64) error {
	stored := f.stored[tenant]
	clear(f.best)
	total, first, last := 0, uint64(math.MaxUint64), uint64(0)
	err := t.Keys(func(r *fragment.Row) error {
		first, last = min(first, r.Start), max(last, r.Start)
		id := r.Identity()
		// Of equal versions, which only one commit group can hold, the later in it.
		if was, ok := f.best[id]; !ok || was.version.Compare(r.Version()) <= 0 {
			f.best[id] = newest{r.Version(), total}
		}
		total++
		return nil
	})
	if err != nil {
		return err
	}
	if f.rows += total; f.rows >= yieldRows {
		f.rows = 0
		if err := f.yield.yield(ctx); err != nil {
			return err
		}
	}
	first, last = first/dayNanos, last/dayNanos
	begins := day == firstDay
	if begins {
		day = first
	}
	plain := total == len(f.best) // no span twice
	if plain && first == last && len(stored) == 0 {
		return t.Rows(func(r *fragment.Row) error { return f.tx.Append(ctx, tenant, r) })
	}
	at := -1
	return t.Rows(func(r *fragment.Row) error {
		at++
		id := r.Identity()
		if !plain && f.best[id].at != at {
			return nil
		}
		if of := r.Start / dayNanos; of != day {
			if begins {
				f.postpone(of, lateTrace{tenant, r.TraceID})
			}
			return nil
		}
		if old, ok := stored[id]; ok {
			if old.Version.Compare(r.Version()) >= 0 {
				return nil
			}
			f.tx.Delete(old)
		}
		return f.tx.Append(ctx, tenant, r)
	})
}

// postpone leaves a day of a trace to a later walk.
func (f *flush) postpone(day uint64, t lateTrace) {
	if f.later[day] == nil {
		f.later[day] = map[lateTrace]struct{}{}
	}
	f.later[day][t] = struct{}{}
}

// newest is the newest version of a span in a trace's rows, and its place among them.
type newest struct {
	version tael.Version
	at      int
}

// yieldRows is some milliseconds of work.
const yieldRows = 512
