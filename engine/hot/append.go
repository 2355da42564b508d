package hot

import (
	"context"
	"errors"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// request is an Append on its way.
type request struct {
	batch *fragment.Batch
	errs  []error       // what of it was not stored
	done  chan struct{} // closed when the rest is
	// Of the writer goroutine: segment is the last one that got the batch's resources, listed the last call of segmentWriter.missing that looked at them.
	segment *Segment
	listed  uint64
}

// fail notes that a part of the request was not stored. Only the goroutine that has the request's group calls it.
func (r *request) fail(err error) {
	const most = 8 // distinct reasons are few
	for _, old := range r.errs {
		if errors.Is(old, err) {
			return
		}
	}
	if len(r.errs) < most {
		r.errs = append(r.errs, err)
	}
}

// Append stores a batch, for which it waits up to Options.MaxWait when the store is full. When it returns nil every span is as durable as Options.SyncInterval says and in the next Snapshot. The batch is
// borrowed until then.
//
// An error is a tael.ErrOverloaded or a tael.ErrUnavailable with nothing stored, unless the failure came between two segments; sending all
// of it again is right and free, because a span that is stored twice is one span. It is a tael.ErrTooLarge when a trace's fragment or a
// resource is larger than a segment takes; the rest of the batch is stored then, and sending it again will not help.
func (s *Store) Append(ctx context.Context, b *fragment.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(b.Fragments) == 0 {
		return nil
	}
	if err := tael.CheckTenant(b.Tenant); err != nil {
		return fmt.Errorf("hot: append: %w", err)
	}
	wait := patience{store: s}
	defer wait.stop()
	for {
		if err := s.admit(ctx, &wait); err != nil {
			return err
		}
		// Others may have filled the store since. What of the batch was stored already is stored once.
		if err := s.put(ctx, b); !errors.Is(err, errNoSegment) {
			return err
		}
	}
}

// put hands a batch to the writer goroutine and waits for its answer.
func (s *Store) put(ctx context.Context, b *fragment.Batch) error {
	r := &request{batch: b, done: make(chan struct{})}
	if err := s.enqueue(ctx, r); err != nil {
		return err
	}
	// Not given up when ctx ends: the batch is being read, and what was queued will be stored.
	<-r.done
	switch len(r.errs) {
	case 0:
		return nil
	case 1:
		return r.errs[0]
	}
	return errors.Join(r.errs...)
}

func (s *Store) enqueue(ctx context.Context, r *request) error {
	s.door.RLock()
	defer s.door.RUnlock()
	if s.closed {
		return errClosed("append")
	}
	select {
	case s.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
