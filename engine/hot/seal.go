package hot

import (
	"context"
)

// Seal ends the active segment, so that it can be flushed. With nothing in it, it does nothing.
func (s *Store) Seal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.run(ctx, func() error {
		s.sealActive()
		return nil
	})
}

// sealOld seals a segment that has held data for Options.SegmentAge, unless an older one waits for its flush still: it would wait too, and take the memory of
// a full one.
func (s *Store) sealOld() {
	seg := s.active
	if seg == nil || s.opts.SegmentAge == 0 || seg.firstData.IsZero() || s.opts.Now().Sub(seg.firstData) < s.opts.SegmentAge {
		return
	}
	if len(s.Sealed()) > 0 {
		return
	}
	s.sealActive()
}

// sealActive takes the active segment's place away. The next commit makes a new one.
func (s *Store) sealActive() {
	seg := s.active
	if seg == nil || seg.next == 1 {
		return
	}
	s.syncActive()
	if s.active == nil {
		return // the sync failed, which ended the segment
	}
	s.opts.Hook(StepSealHighWater)
	if err := seg.highWater.seal(); err != nil {
		s.log.Error("high-water number not written: a gap in this segment would go unnoticed", "segment", seg.counter, "error", err)
	}
	s.opts.Hook(StepSealHighWater + stepDone)
	if err := seg.pages.release(); err != nil {
		s.log.Warn("the log of a sealed segment stays in memory besides its memtable", "segment", seg.counter, "error", err)
	}
	s.opts.Hook(StepSealSwap)
	seg.resources = nil
	seg.sealed.Store(true)
	s.active = nil
	s.opts.Hook(StepSealSwap + stepDone)
	s.metrics.sealedSegments.Inc()
	s.log.Info("segment sealed", "segment", seg.counter, "spans", seg.Spans(), "bytes", seg.Bytes())
}
