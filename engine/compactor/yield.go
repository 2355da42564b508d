package compactor

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// yielder keeps a flush to its share of the time: a token bucket that is filled with Share seconds a second, and from which the flush
// takes the time that it was busy. It never waits while something presses (ingest is near its limit, or a caller waits for the flush),
// and what was not taken then is not owed later.
type yielder struct {
	bucket  *rate.Limiter // of nanoseconds
	share   float64
	presses func() bool
	now     func() time.Time
	since   time.Time
}

const (
	// slice is the longest wait between two looks at whether something presses.
	slice = 20 * time.Millisecond
	burst = 100 * time.Millisecond
)

func newYielder(share float64, presses func() bool, now func() time.Time) *yielder {
	return &yielder{bucket: rate.NewLimiter(rate.Limit(share*float64(time.Second)), int(burst)), share: share, presses: presses, now: now, since: now()}
}

// yield is called every few milliseconds of work.
func (y *yielder) yield(ctx context.Context) error {
	busy := y.now().Sub(y.since)
	if y.share < 1 && !y.presses() {
		for busy > 0 && !y.presses() {
			take := min(busy, time.Duration(float64(slice)*y.share))
			if err := y.bucket.WaitN(ctx, max(1, int(take))); err != nil {
				return err
			}
			busy -= take
		}
	}
	y.since = y.now()
	return ctx.Err()
}
