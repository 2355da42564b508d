package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Harness is a store under test. Whoever makes one closes it in t.Cleanup. Its clock is near Base, and it keeps spans of some days
// before and after Base.
type Harness interface {
	tael.Store
	// Append stores a batch, durable when it returns. The batch is borrowed.
	Append(ctx context.Context, b *fragment.Batch) error
	// Flush moves everything appended to the cold tier before it returns; without one it does nothing.
	Flush(ctx context.Context) error
	// Restart closes the store and opens it again on the same data.
	Restart(ctx context.Context) error
}

// Append cuts spans as ingest does and appends them as one request. Spans that the cutter rejects are an error.
func Append(ctx context.Context, h Harness, tenant string, spans []tael.Span) error {
	limits := fragment.DefaultLimits()
	limits.MaxAhead = 10 * 24 * time.Hour
	b, rejected, err := fragment.NewCutter(limits).Cut(tenant, fragment.AppendOTLP(nil, spans), Base)
	if err != nil {
		return fmt.Errorf("cut %d spans: %w", len(spans), err)
	}
	if rejected.Spans > 0 {
		return fmt.Errorf("cut %d spans: %s", len(spans), rejected.Message())
	}
	if b.Spans != len(spans) {
		return fmt.Errorf("cut %d spans: the batch has %d", len(spans), b.Spans)
	}
	if err := h.Append(ctx, b); err != nil {
		return fmt.Errorf("append %d spans: %w", len(spans), err)
	}
	return nil
}

// FlushEach is the harness with a flush after every n-th append: 1 makes a store that answers from the cold tier only, 2 one that has
// half of its spans in each.
func FlushEach(n int, h Harness) Harness { return &flushing{Harness: h, each: n} }

type flushing struct {
	Harness
	each, appends int
}

func (f *flushing) Append(ctx context.Context, b *fragment.Batch) error {
	if err := f.Harness.Append(ctx, b); err != nil {
		return err
	}
	if f.appends++; f.appends%f.each != 0 {
		return nil
	}
	return f.Flush(ctx)
}
