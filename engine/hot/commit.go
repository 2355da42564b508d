package hot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taeldb/tael"
)

// write is the one goroutine that changes segments: it commits groups, seals, and serves commands in between.
func (s *Store) write() {
	defer s.wg.Done()
	tick := time.NewTicker(s.writerTick())
	defer tick.Stop()
	for {
		select {
		case g, ok := <-s.groups:
			if !ok {
				s.finish()
				return
			}
			if !g.packed {
				s.pack(g)
			}
			s.commit(g)
			s.free <- g
		case c := <-s.commands:
			c.done <- c.do()
		case <-tick.C:
			s.sealOld()
			s.syncOld()
		}
	}
}

// writerTick is how often the age of the active segment and unsynced data are looked at.
func (s *Store) writerTick() time.Duration {
	if d := s.opts.SyncInterval / 4; d > 0 && d < time.Second {
		return d
	}
	return time.Second
}

// finish makes durable what was acknowledged under a SyncInterval.
func (s *Store) finish() {
	s.syncActive()
	if s.active == nil {
		return
	}
	if err := s.active.highWater.seal(); err != nil {
		s.log.Error("high-water number not written at close: a gap in this segment would go unnoticed", "segment", s.active.counter, "error", err)
	}
}

// commit makes a group durable and visible and answers its requests. The blocks go to the active segment and, when that is full, to
// new ones; what there is no segment for is given back.
func (s *Store) commit(g *group) {
	defer g.answer()
	rest := g.blocks
	for len(rest) > 0 {
		seg, err := s.writable()
		if err != nil {
			s.failAll(g, rest, err)
			return
		}
		g.index = g.index[:0]
		w := segmentWriter{store: s, seg: seg, group: g}
		n, err := w.put(rest)
		if err == nil {
			err = s.publish(seg, g.index)
		}
		if err != nil {
			s.poison(seg, err)
			s.failAll(g, rest, s.health.refusal())
			return
		}
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
		if n == 0 && seg.next == 1 {
			// Not even an empty segment has room for the block and the resources of its requests.
			s.tooLarge(g, &rest[0])
			rest = rest[1:]
			continue
		}
		s.sealActive()
	}
	if seg := s.active; seg != nil && seg.index.full(s.opts.segmentHeaderBytes()) {
		s.sealActive()
	}
}

func (s *Store) tooLarge(g *group, b *block) {
	g.fail(b, fmt.Errorf("hot: append: %w: trace %s and the resources of its requests do not fit a segment of %d bytes: send them in smaller requests",
		tael.ErrTooLarge, g.joined[b.from].trace, s.opts.SegmentBytes))
}

func (s *Store) failAll(g *group, blocks []block, err error) {
	for i := range blocks {
		g.fail(&blocks[i], err)
	}
	if !errors.Is(err, errNoSegment) { // which may yet find room
		s.metrics.refuse(refuseUnavailable)
	}
}

// writable gives the active segment, a new one when there is none. The error is errNoSegment or a tael.ErrUnavailable.
func (s *Store) writable() (*Segment, error) {
	if err := s.checkDisk(); err != nil {
		return nil, err
	}
	if s.active != nil {
		return s.active, nil
	}
	s.mu.RLock()
	room := s.mayCreate()
	s.mu.RUnlock()
	if !room {
		return nil, errNoSegment
	}
	seg, err := s.createSegment()
	if err != nil {
		s.health.set(fmt.Errorf("no new segment: %w", err), s.log)
		return nil, s.health.refusal()
	}
	s.active = seg
	s.mu.Lock()
	s.segments = append(s.segments, seg)
	s.mu.Unlock()
	s.health.clear(s.log)
	return seg, nil
}

// publish makes what was written durable, then visible.
func (s *Store) publish(seg *Segment, blocks []indexBlock) error {
	if len(blocks) == 0 {
		return nil
	}
	if s.opts.SyncInterval > 0 {
		if seg.unsynced.IsZero() {
			seg.unsynced = time.Now()
		}
	} else if err := s.syncSegment(seg); err != nil {
		return err
	}
	s.opts.Hook(StepIndex)
	if seg.firstData.IsZero() {
		seg.firstData = s.opts.Now()
	}
	before := seg.index.bytes()
	entries, spans := seg.index.add(blocks)
	s.headerBytes.Add(seg.index.bytes() - before)
	s.metrics.stored(entries, spans)
	s.opts.Hook(StepIndex + stepDone)
	return nil
}

// syncSegment puts everything that was written on disk, and then the number of the last entry.
func (s *Store) syncSegment(seg *Segment) error {
	s.opts.Hook(StepSync)
	start := time.Now()
	if err := seg.pages.releaseWritten(); err != nil {
		s.log.Warn("syncs take more CPU than is needed", "segment", seg.counter, "error", err)
		seg.pages = nil
	}
	if err := s.opts.syncLog(seg.db); err != nil {
		return fmt.Errorf("hot: sync segment %d: %w", seg.counter, err)
	}
	s.metrics.synced(time.Since(start))
	seg.unsynced = time.Time{}
	s.opts.Hook(StepSync + stepDone)
	return seg.highWater.advance(seg.next - 1)
}

// syncOld syncs what would otherwise be older than Options.SyncInterval at the next tick.
func (s *Store) syncOld() {
	if seg := s.active; seg != nil && !seg.unsynced.IsZero() && time.Since(seg.unsynced)+s.writerTick() > s.opts.SyncInterval {
		s.syncActive()
	}
}

// syncActive syncs what was acknowledged since the last sync.
func (s *Store) syncActive() {
	seg := s.active
	if seg == nil || seg.unsynced.IsZero() {
		return
	}
	if err := s.syncSegment(seg); err != nil {
		s.poison(seg, err)
	}
}

// poison ends a segment that could not be written or synced: what it had made durable stays readable, nothing is added.
func (s *Store) poison(seg *Segment, err error) {
	s.health.set(err, s.log)
	seg.sealed.Store(true)
	s.active = nil
}

// run gives the writer goroutine something to do and waits for it.
func (s *Store) run(ctx context.Context, do func() error) error {
	c := command{do: do, done: make(chan error, 1)}
	select {
	case s.commands <- c:
		return <-c.done
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errClosed("command")
	}
}
