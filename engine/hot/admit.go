package hot

import (
	"context"
	"fmt"
	"time"

	"github.com/taeldb/tael"
)

// admit waits up to Options.MaxWait for room, and refuses what could not be stored or would put memory or disk at risk. Waiting is worth
// more than a refusal for the time that a flush takes to make room: a refused client comes back after seconds, and cores are idle until then.
func (s *Store) admit(ctx context.Context) error {
	var patience <-chan time.Time
	for {
		s.mu.RLock()
		freed := s.freed // before the look, so that no room is missed
		s.mu.RUnlock()
		reason, err := s.full()
		switch {
		case err == nil:
			return nil
		case reason == refuseUnavailable || s.opts.MaxWait == 0:
			s.metrics.refuse(reason)
			return err
		case patience == nil:
			timer := time.NewTimer(s.opts.MaxWait)
			defer timer.Stop()
			patience = timer.C
			s.metrics.waits.Inc()
		}
		select {
		case <-freed:
		case <-patience:
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
	n := len(s.segments) + len(s.leaving)
	s.mu.RUnlock()
	if limit := s.opts.maxSegments(); n > limit {
		return refuseSegments, fmt.Errorf("hot: append: %w: %d segments wait for their flush, the limit is %d: try again when the flush has caught up", tael.ErrOverloaded, n, limit)
	}
	return "", nil
}

// roomMade lets the appends that wait look again.
func (s *Store) roomMade() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.freed)
	s.freed = make(chan struct{})
}
