package hot

import (
	"context"
	"fmt"
	"time"

	"github.com/taeldb/tael"
)

// errNoSegment refuses what needs a new segment while there are as many as the limits allow.
var errNoSegment = fmt.Errorf("hot: append: %w: there are as many segments as memory allows, and all wait for their flush: try again when the flush has caught up", tael.ErrOverloaded)

// patience is how long an append goes on waiting for room: Options.MaxWait from its first wait on.
type patience struct {
	store *Store
	timer *time.Timer
	until time.Time
}

func (p *patience) over() <-chan time.Time {
	if p.timer == nil {
		p.timer, p.until = time.NewTimer(p.store.opts.MaxWait), time.Now().Add(p.store.opts.MaxWait)
		p.store.metrics.waits.Inc()
	}
	return p.timer.C
}

// isOver tells whether over has come, for one that is not waiting now.
func (p *patience) isOver() bool { return p.timer != nil && !time.Now().Before(p.until) }

func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// admit waits for room, and refuses what could not be stored or would put memory or disk at risk. Waiting is worth more than a refusal for the
// time that a flush takes to make room: a refused client comes back after seconds, and cores are idle until then.
func (s *Store) admit(ctx context.Context, wait *patience) error {
	for {
		s.mu.RLock()
		freed := s.freed // before the look, so that no room is missed
		s.mu.RUnlock()
		reason, err := s.full()
		if err == nil {
			return nil
		}
		if reason == refuseUnavailable || s.opts.MaxWait == 0 {
			s.metrics.refuse(reason)
			return err
		}
		select {
		case <-freed:
		case <-wait.over():
			s.metrics.refuse(reason)
			return err
		case <-s.done:
			return errClosed("append")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// full says why an append cannot be taken now, and the label of the reason.
func (s *Store) full() (reason string, err error) {
	if err := s.health.refusal(); err != nil {
		return refuseUnavailable, err
	}
	if n := s.hotBytes.Load(); n > s.opts.MaxHotBytes {
		return refuseBytes, fmt.Errorf("hot: append: %w: %d bytes wait for their flush, the limit is %d: try again when the flush has caught up", tael.ErrOverloaded, n, s.opts.MaxHotBytes)
	}
	if n := s.headerBytes.Load(); n > s.opts.MaxHeaderBytes {
		return refuseHeaders, fmt.Errorf("hot: append: %w: the headers of hot entries take %d bytes of memory, the limit is %d: try again when the flush has caught up", tael.ErrOverloaded, n, s.opts.MaxHeaderBytes)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := len(s.segments)
	if active := n > 0 && !s.segments[n-1].sealed.Load(); !active && !s.mayCreate() {
		return refuseSegments, fmt.Errorf("%w (%d segments, and %d that are still read)", errNoSegment, n, len(s.leaving))
	}
	return "", nil
}

// mayCreate tells whether there is memory for one more segment: each takes that of a full one, however little it stores, but for those of a former process.
// Beside those alone there may always be one, so that a start does not wait for their flush. One that is retired goes when the last query that reads
// it ends, for which appends do not wait unless there are many. The caller holds s.mu.
func (s *Store) mayCreate() bool {
	next := memTableBytes(s.opts.SegmentBytes)
	limit := s.opts.maxSegments()
	sum, own := next, false
	for _, seg := range s.segments {
		sum += seg.memory
		own = own || !seg.recovered
	}
	return (!own || sum <= int64(limit)*next) && len(s.leaving) < limit+leavingSegments
}

// roomMade lets the appends that wait look again.
func (s *Store) roomMade() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.freed)
	s.freed = make(chan struct{})
}
