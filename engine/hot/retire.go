package hot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/taeldb/tael"
)

// Retire takes a sealed segment out of the store, for ever: its rows are elsewhere. Snapshots that hold it go on reading it; the last
// one that is released removes it from disk. When Retire returns nil no later start shows the segment again.
func (s *Store) Retire(ctx context.Context, counter uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	at := slices.IndexFunc(s.segments, func(seg *Segment) bool { return seg.counter == counter })
	var seg *Segment
	if at >= 0 && s.segments[at].acquire() {
		seg = s.segments[at]
	}
	s.mu.RUnlock()
	if seg == nil {
		return fmt.Errorf("hot: retire segment %d: %w: it is not in the store", counter, tael.ErrNotFound)
	}
	defer seg.release()
	if !seg.sealed.Load() {
		return fmt.Errorf("hot: retire segment %d: %w: it still takes appends: seal it first", counter, tael.ErrInvalid)
	}
	s.opts.Hook(StepRetireMark)
	if err := markDead(seg.dir); err != nil {
		return fmt.Errorf("hot: retire segment %d: %w", counter, err)
	}
	s.opts.Hook(StepRetireMark + stepDone)
	s.mu.Lock()
	at = slices.Index(s.segments, seg)
	if at < 0 {
		s.mu.Unlock()
		return fmt.Errorf("hot: retire segment %d: %w: it is retired already", counter, tael.ErrNotFound)
	}
	s.segments = slices.Delete(slices.Clone(s.segments), at, at+1)
	s.leaving[seg] = struct{}{}
	s.mu.Unlock()
	s.hotBytes.Add(-seg.stored.Load())
	s.headerBytes.Add(-seg.index.bytes())
	s.roomMade()
	seg.dead.Store(true)
	seg.release() // the store's own reference
	return nil
}

// markDead says on disk that the segment is retired. The directory keeps its name while readers and Badger use it.
func markDead(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, deadFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(dir))
}

// removeDead removes a directory that is marked dead and closed. It is renamed first, so that a crash while it is being removed leaves no
// half segment.
func removeDead(dir string, step func(string)) error {
	step(StepRetireRename)
	dead := dir + deadSuffix
	if err := os.Rename(dir, dead); err != nil {
		return fmt.Errorf("hot: rename dead segment: %w", err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("hot: rename dead segment: %w", err)
	}
	step(StepRetireRename + stepDone)
	return removeRenamed(dead, step)
}

// removeRenamed removes a directory that has the name of a dead one.
func removeRenamed(dead string, step func(string)) error {
	step(StepRetireRemove)
	if err := removeSegmentFiles(dead); err != nil {
		return fmt.Errorf("hot: remove dead segment: %w", err)
	}
	step(StepRetireRemove + stepDone)
	return nil
}
