package hot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// request is a batch on its way.
type request struct {
	batch  *fragment.Batch
	lost   []error             // why parts of it can never be stored
	again  []fragment.Fragment // for which there was no segment
	broken error               // why parts of it could not be stored now
	done   chan struct{}       // closed when all that can be is stored
	// Of the writer goroutine: segment is the last one that got the batch's resources, listed the last call of segmentWriter.missing that looked at them.
	segment *Segment
	listed  uint64
}

// fail notes that a fragment was not stored, or, for a reason that trying again does not help, any number of them. Only the goroutine that has the request's group calls it.
func (r *request) fail(f *fragment.Fragment, err error) {
	const most = 8 // distinct reasons are few
	switch {
	case errors.Is(err, errNoSegment):
		r.again = append(r.again, *f)
	case !errors.Is(err, tael.ErrTooLarge):
		r.broken = err
	case len(r.lost) < most && !slices.ContainsFunc(r.lost, func(old error) bool { return errors.Is(err, old) }):
		r.lost = append(r.lost, err)
	}
}

// Append stores a batch, for which it waits up to Options.MaxWait when the store is full. When it returns nil every span is as durable as
// Options.SyncInterval says and in the next Snapshot. The batch is borrowed until then.
//
// An error is a tael.ErrOverloaded, a tael.ErrUnavailable, a tael.ErrClosed or that of ctx, with nothing stored or, when the failure came between two
// segments, a part; sending all of it again is right and free, because a span that is stored twice is one span. It is a tael.ErrTooLarge when a trace's
// fragment or a resource is larger than a segment takes; the rest of the batch is stored then, and sending it again will not help.
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
	defer func() { wait.stop() }()
	var lost []error
	for rest := b; ; {
		if err := s.admit(ctx, &wait); err != nil {
			return err
		}
		r := &request{batch: rest, done: make(chan struct{})}
		if err := s.enqueue(ctx, r); err != nil {
			return err
		}
		// Not given up when ctx ends: the batch is being read, and what was queued will be stored.
		<-r.done
		lost = append(lost, r.lost...)
		switch {
		case r.broken != nil:
			return r.broken
		case len(r.again) == 0:
			return errors.Join(lost...)
		case len(r.again) < len(rest.Fragments): // a request of several segments goes on as long as there is room for one more now and then
			wait.stop()
			wait = patience{store: s}
		case wait.isOver():
			s.metrics.refuse(refuseSegments)
			return errNoSegment
		}
		rest = &fragment.Batch{Tenant: b.Tenant, Resources: b.Resources, Fragments: r.again}
	}
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
