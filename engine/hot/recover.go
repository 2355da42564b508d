package hot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
)

// recover opens what a former process left.
func (s *Store) recover(ctx context.Context) error {
	parent := filepath.Join(s.opts.Dir, segmentsDir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("hot: list segments: %w", err)
	}
	var todo []uint64
	for _, e := range entries {
		counter, suffix, ok := parseSegmentName(e.Name())
		if !ok {
			return fmt.Errorf("hot: %s: %w: not a segment's name: move it away", filepath.Join(parent, e.Name()), tael.ErrDamaged)
		}
		s.counter = max(s.counter, counter)
		path := filepath.Join(parent, e.Name())
		switch suffix {
		case deadSuffix:
			if err := removeRenamed(path, s.opts.Hook); err != nil {
				return err
			}
		case damageSuffix:
			s.log.Error("a segment is set aside since an earlier start: look at it, then move it away", "path", path)
			s.damaged = append(s.damaged, e.Name())
		default:
			if _, err := os.Stat(filepath.Join(path, deadFile)); err == nil {
				if err := removeDead(path, s.opts.Hook); err != nil {
					return err
				}
				continue
			}
			todo = append(todo, counter)
		}
	}
	slices.Sort(todo)
	opened := make([]*Segment, len(todo))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.Recoverers)
	for i, counter := range todo {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.opts.Hook(StepRecover)
			seg, err := s.recoverSegment(counter)
			if err != nil {
				return err
			}
			s.opts.Hook(StepRecover + stepDone)
			opened[i] = seg
			return nil
		})
	}
	err = group.Wait()
	for _, seg := range opened {
		if seg != nil {
			s.segments = append(s.segments, seg)
			s.hotBytes.Add(seg.stored.Load())
			s.headerBytes.Add(seg.index.bytes())
		}
	}
	return errors.Join(err, syncDir(parent))
}

// recoverSegment opens one segment for reading. It gives nil when the segment held nothing that was acknowledged, which is removed,
// and when it cannot be opened, which is set aside. The error is of the directory.
func (s *Store) recoverSegment(counter uint64) (*Segment, error) {
	dir := filepath.Join(s.opts.Dir, segmentsDir, segmentName(counter))
	log := s.log.With("segment", counter)
	synced, err := readHighWater(dir)
	nothing := err == nil && synced == 0 // was ever acknowledged
	if errors.Is(err, tael.ErrDamaged) {
		log.Error("the high-water number cannot be read: a gap in this segment would go unnoticed", "error", err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	seg, err := s.openSegment(counter, dir, nothing)
	if err == nil && seg != nil {
		s.noteGap(seg, synced)
		return seg, nil
	}
	if nothing && (err == nil || errors.Is(err, errNothingWhole)) {
		// Whatever is in it was never acknowledged: the number is on disk before the first acknowledgement.
		log.Info("a segment without acknowledged data is removed", "found", err)
		if err := removeSegmentFiles(dir); err != nil {
			return nil, fmt.Errorf("hot: remove empty segment %d: %w", counter, err)
		}
		return nil, nil
	}
	if err == nil {
		err = errNothingWhole
	}
	aside := dir + damageSuffix
	log.Error("a segment cannot be opened and is set aside: its acknowledged data is not served", "error", err, "path", aside, "synced_entries", synced)
	if err := os.Rename(dir, aside); err != nil {
		return nil, fmt.Errorf("hot: set damaged segment %d aside: %w", counter, err)
	}
	s.mu.Lock()
	s.damaged = append(s.damaged, filepath.Base(aside))
	s.mu.Unlock()
	s.metrics.gaps.Inc()
	return nil, nil
}
