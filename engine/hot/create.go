package hot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael/fragment"
)

// createSegment makes the next segment's directory. When it returns everything that an entry needs to survive is on disk: the version of
// the layout, the counter, the directories, Badger's manifest and the log's space.
func (s *Store) createSegment() (_ *Segment, err error) {
	s.opts.Hook(StepCreate)
	if s.former {
		if err := writeName(s.opts.Dir, s.dataDir); err != nil {
			return nil, err
		}
		s.former = false
	}
	counter := s.counter + 1
	if err := writeCounter(s.opts.Dir, counter); err != nil {
		return nil, fmt.Errorf("hot: count segment %d: %w", counter, err)
	}
	s.counter = counter
	parent := filepath.Join(s.opts.Dir, segmentsDir)
	dir := filepath.Join(parent, segmentName(counter))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("hot: create segment %d: %w", counter, err)
	}
	seg := newSegment(s, counter, dir)
	defer func() {
		if err != nil {
			err = errors.Join(err, seg.highWater.close())
			if seg.db != nil {
				err = errors.Join(err, seg.db.Close())
			}
			// Nothing in it was acknowledged. What cannot be removed now is removed on the next start.
			err = fmt.Errorf("hot: create segment %d: %w", counter, errors.Join(err, os.RemoveAll(dir)))
		}
	}()
	if seg.highWater, err = createHighWater(dir); err != nil {
		return nil, err
	}
	seg.memory = memTableBytes(s.opts.SegmentBytes)
	if seg.db, err = badger.OpenManaged(badgerOptions(dir, seg.memory, false, s.log.With("segment", counter))); err != nil {
		return nil, err
	}
	pages, err := mappedLog(dir)
	if err == nil {
		seg.pages, err = pages, pages.small()
	}
	if err != nil {
		s.log.Warn("more will be written to disk than is needed", "segment", counter, "error", err)
	}
	if err := allocateLog(dir, s.opts.SegmentBytes+txnOverhead); err != nil {
		return nil, err
	}
	// Badger syncs the files that it makes, not their names.
	if err := errors.Join(seg.db.Sync(), syncDir(dir), syncDir(parent)); err != nil {
		return nil, err
	}
	s.opts.Hook(StepCreate + stepDone)
	return seg, nil
}

// Skip makes the next segment's counter larger than n. A directory that was restored from an older copy would otherwise give new segments the counters
// of segments that the original has flushed since, and they would be taken for those. It tells whether n was larger than every counter used here.
func (s *Store) Skip(ctx context.Context, n uint64) (skipped bool, err error) {
	err = s.run(ctx, func() error {
		if skipped = n > s.counter; skipped {
			s.counter = n // written with the next segment
		}
		return nil
	})
	return skipped, err
}

func newSegment(s *Store, counter uint64, dir string) *Segment {
	seg := &Segment{
		counter: counter, dir: dir, log: s.log, index: newIndex(), next: 1, version: 1,
		resources: make(map[fragment.ResourceID]struct{}), gone: make(chan struct{}), closers: s.closers, buffers: &s.buffers, steps: s.opts.Hook, onGone: s.segmentGone,
	}
	seg.refs.Store(1)
	return seg
}
