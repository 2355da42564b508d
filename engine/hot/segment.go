package hot

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Segment is a part of the store that is written once and removed whole. The methods are safe for concurrent use.
type Segment struct {
	counter   uint64
	dir       string
	db        *badger.DB
	recovered bool  // opened for reading by a later process than wrote it
	memory    int64 // of its memtable, at most
	log       *slog.Logger

	index  *index
	stored atomic.Int64 // bytes, by entryCost
	refs   atomic.Int64 // the store's own, one a snapshot, one a running read
	sealed atomic.Bool

	// Of the writer goroutine while the segment is active.
	next      uint32 // number of the next entry
	version   uint64 // of the next transaction
	highWater *highWater
	pages     *logPages // nil when the log was not found
	resources map[fragment.ResourceID]struct{}
	firstData time.Time // when the first entry was added
	unsynced  time.Time // of the oldest acknowledgement since the last sync, see Options.SyncInterval

	// dead is set by Retire: the last reader removes the directory.
	dead atomic.Bool
	// closeOnce and gone: whoever drops the last reference closes Badger.
	closeOnce sync.Once
	gone      chan struct{}
	closeErr  error
	closers   chan struct{} // bounds how many segments are closed at a time
	buffers   *buffers      // of the store
	steps     func(string)
	onGone    func(*Segment)
}

// Counter is the segment's number, unique in its data directory for ever and growing with its age.
func (s *Segment) Counter() uint64 { return s.counter }

// Spans is the number of spans stored, every version of a span counted.
func (s *Segment) Spans() int64 { v := s.index.view(); return v.spans }

// Bytes is what the segment stores, in bytes.
func (s *Segment) Bytes() int64 { return s.stored.Load() }

// Bounds are the times of the segment's spans.
func (s *Segment) Bounds() Bounds { v := s.index.view(); return v.bounds }

// acquire keeps the segment open until release. It is false when the segment is gone.
func (s *Segment) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference back. The last one closes the segment, in a goroutine of its own because that writes.
func (s *Segment) release() {
	if s.refs.Add(-1) == 0 {
		go s.close()
	}
}

// close ends Badger and, when the segment was retired, removes it.
func (s *Segment) close() {
	s.closeOnce.Do(func() {
		defer close(s.gone)
		// Closing may write a memtable to level 0, which takes the memory of another.
		s.closers <- struct{}{}
		defer func() { <-s.closers }()
		dead := s.dead.Load()
		var errs []error
		if dead && !s.recovered {
			// Without it Close would write the memtable to level 0, only to be removed.
			if err := s.db.DropAll(); err != nil {
				errs = append(errs, fmt.Errorf("hot: drop segment %d: %w", s.counter, err))
			}
		}
		if err := s.db.Close(); err != nil {
			errs = append(errs, fmt.Errorf("hot: close segment %d: %w", s.counter, err))
		}
		if err := s.highWater.close(); err != nil {
			errs = append(errs, fmt.Errorf("hot: close segment %d: %w", s.counter, err))
		}
		if dead {
			errs = append(errs, removeDead(s.dir, s.steps))
		}
		if s.closeErr = errors.Join(errs...); s.closeErr != nil {
			s.log.Error("segment not closed cleanly", "segment", s.counter, "error", s.closeErr)
		}
		if s.onGone != nil {
			s.onGone(s)
		}
	})
}

// errGone is the answer of a segment that was retired or closed.
func (s *Segment) errGone() error {
	return fmt.Errorf("hot: segment %d: %w: it is retired or the store is closed", s.counter, tael.ErrClosed)
}
