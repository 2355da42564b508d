package hot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/taeldb/tael"
)

// health is why the store takes no data, nothing when it does.
type health struct {
	reason atomic.Pointer[error]
}

// set turns the store red. The first of several reasons in a row is logged.
func (h *health) set(reason error, log *slog.Logger) {
	err := fmt.Errorf("hot: append: %w: %w", tael.ErrUnavailable, reason)
	if h.reason.Swap(&err) == nil {
		log.Error("appends are refused until this is over", "reason", reason)
	}
}

// clear turns it green.
func (h *health) clear(log *slog.Logger) {
	if h.reason.Swap(nil) != nil {
		log.Info("appends are taken again")
	}
}

// refusal is a tael.ErrUnavailable that names the reason, or nil.
func (h *health) refusal() error {
	if p := h.reason.Load(); p != nil {
		return *p
	}
	return nil
}

// Health is nil when the store takes appends and has everything that it acknowledged. A tael.ErrUnavailable says why appends are
// refused; it goes away by itself when the reason does. A tael.ErrDamaged names segments that are set aside or have gaps; appends are
// taken, and it stays until the segments are gone and the store is opened again.
func (s *Store) Health() error {
	if err := s.health.refusal(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.shut {
		return errClosed("health")
	}
	var what []string
	for _, name := range s.damaged {
		what = append(what, "segment "+name+" could not be opened")
	}
	for _, g := range s.gaps {
		what = append(what, g.String())
	}
	if len(what) > 0 {
		return fmt.Errorf("hot: %w: %s", tael.ErrDamaged, strings.Join(what, "; "))
	}
	return nil
}

// checkDisk keeps the reserve. The error is a tael.ErrUnavailable.
func (s *Store) checkDisk() error {
	free, err := s.opts.FreeDisk(s.opts.Dir)
	if err == nil && free < s.opts.MinFreeDisk {
		err = fmt.Errorf("%d bytes are free on the file system of %s, the reserve is %d: free some space", free, s.opts.Dir, s.opts.MinFreeDisk)
	}
	if err != nil {
		s.health.set(err, s.log)
		return s.health.refusal()
	}
	return nil
}

// probe keeps Health true without appends, and turns a red store green when it can write again.
func (s *Store) probe(ctx context.Context) {
	defer s.wg.Done()
	tick := time.NewTicker(s.opts.ProbeInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		if s.checkDisk() != nil || s.health.refusal() == nil {
			continue
		}
		// A new segment is written and synced when it is made: that is the proof. The error is in Health.
		_ = s.run(ctx, func() error {
			// In a full store the next segment will show it.
			if _, err := s.writable(); err != nil && !errors.Is(err, errNoSegment) {
				return err
			}
			s.health.clear(s.log)
			return nil
		})
	}
}
