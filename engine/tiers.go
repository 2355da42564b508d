package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/fragment"
)

// hotTier and coldTier show the tiers to the compactor, which knows neither.
type hotTier struct{ *hot.Store }

var _ compactor.Hot = hotTier{}

func (h hotTier) Sealed() []compactor.Segment {
	sealed := h.Store.Sealed()
	out := make([]compactor.Segment, len(sealed))
	for i, s := range sealed {
		out[i] = segment{s}
	}
	return out
}

type segment struct{ *hot.Segment }

func (s segment) Traces(ctx context.Context, yield func(tenant string, t compactor.Trace) error) error {
	var t trace // one for all, so that a segment of many traces costs no allocation each
	return s.Segment.Traces(ctx, func(tenant string, of *hot.Trace) error {
		t.of = of
		return yield(tenant, &t)
	})
}

type trace struct{ of *hot.Trace }

func (t *trace) ID() tael.TraceID                           { return t.of.ID }
func (t *trace) Spans() int                                 { return t.of.Spans }
func (t *trace) Rows(yield func(*fragment.Row) error) error { return t.of.Rows(yield) }
func (t *trace) Keys(yield func(*fragment.Row) error) error { return t.of.Keys(yield) }

type coldTier struct {
	*cold.Table
	dataDir string
	grace   time.Duration
}

var _ compactor.Cold = coldTier{}

func (c coldTier) Watermark() uint64 {
	counter, _ := c.Table.Watermark(c.dataDir)
	return counter
}

func (c coldTier) Begin(ctx context.Context, counter uint64) (compactor.Tx, error) {
	x, err := c.Table.Begin(ctx, c.dataDir, counter)
	if err != nil {
		return nil, err
	}
	return tx{x}, nil
}

func (c coldTier) DropDays(ctx context.Context, before time.Time) (compactor.Dropped, error) {
	d, err := c.Table.DropDays(ctx, "", before)
	return compactor.Dropped(d), err
}

func (c coldTier) DropOldestUntil(ctx context.Context, maxBytes int64) (compactor.Dropped, error) {
	d, err := c.Table.DropOldestUntil(ctx, maxBytes)
	return compactor.Dropped(d), err
}

func (c coldTier) Sweep(ctx context.Context) (compactor.Removed, error) {
	expired, err1 := c.Table.Expire(ctx)
	orphans, err2 := c.Table.Orphans(ctx, c.dataDir, c.grace)
	return compactor.Removed{Files: expired.Files + orphans.Files, Bytes: expired.Bytes + orphans.Bytes}, errors.Join(err1, err2)
}

type tx struct{ *cold.Tx }

func (x tx) Versions(ctx context.Context, tenant string, ids []tael.TraceID, yield func(compactor.Found)) error {
	return x.Tx.Versions(ctx, tenant, ids, func(f cold.Found) {
		yield(compactor.Found{Identity: f.Identity, Version: f.Version, Place: f})
	})
}

func (x tx) Delete(f compactor.Found) {
	if place, ok := f.Place.(cold.Found); ok {
		x.Tx.Delete(place)
	}
}

func (x tx) Commit(ctx context.Context) (compactor.Committed, error) {
	done, err := x.Tx.Commit(ctx)
	if errors.Is(err, cold.ErrConflict) {
		err = fmt.Errorf("%w: %w", compactor.ErrConflict, err)
	}
	out := compactor.Committed{Files: len(done.Files), Rows: done.Rows, Deleted: done.Deleted, Already: done.Already}
	for _, f := range done.Files {
		out.Bytes += f.Bytes
	}
	return out, err
}
