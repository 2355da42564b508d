package hot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taeldb/tael"
)

// Store is the hot tier of one data directory. Its methods are safe for concurrent use.
type Store struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	dataDir string
	health  health

	// The way of an append: Append -> queue -> gather -> groups -> write, and back through free.
	queue    chan *request
	groups   chan *group
	free     chan *group
	commands chan command
	closers  chan struct{}
	buffers  buffers

	door    sync.RWMutex // held for reading while a request enters the queue
	closed  bool         // under door
	done    chan struct{}
	wg      sync.WaitGroup
	closing sync.Once
	err     error // of Close

	mu       sync.RWMutex
	segments []*Segment // oldest first; the last one may be active
	leaving  map[*Segment]struct{}
	freed    chan struct{} // closed, and made anew, when there is more room
	shut     bool
	gaps     []Gap
	damaged  []string

	hotBytes    atomic.Int64
	headerBytes atomic.Int64

	// Of the writer goroutine.
	active   *Segment
	former   bool // the directory is of a former version of the layout
	counter  uint64
	listings uint64 // calls of segmentWriter.missing
}

// command asks the writer goroutine to do something between two groups.
type command struct {
	do   func() error
	done chan error
}

// queueLength is the number of requests that may wait to be gathered; more wait in Append.
const queueLength = 1024

// groupsInFlight is one that is gathered, one that waits and one that is written.
const groupsInFlight = 3

// Open reads what a former process left and starts the store. Every segment found is served at once and counts as sealed. A
// segment that cannot be opened is set aside and named in Health and in an error log; it does not keep the store from starting.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("hot: options: %w: %w", tael.ErrInvalid, err)
	}
	opts = opts.withDefaults()
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("hot: directory %s: %w", opts.Dir, err)
	}
	opts.Dir = dir
	s := &Store{
		opts: opts, log: opts.Logger,
		queue: make(chan *request, queueLength), groups: make(chan *group), free: make(chan *group, groupsInFlight),
		commands: make(chan command), closers: make(chan struct{}, opts.Recoverers), done: make(chan struct{}), leaving: make(map[*Segment]struct{}), freed: make(chan struct{}),
	}
	if s.dataDir, s.former, err = openLayout(dir); err != nil {
		return nil, err
	}
	if s.counter, err = readCounter(dir); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(opts.Registerer, s); err != nil {
		return nil, fmt.Errorf("hot: register metrics: %w", err)
	}
	if err := s.recover(ctx); err != nil {
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		err = errors.Join(err, s.releaseAll())
		s.metrics.unregister()
		return nil, err
	}
	for range groupsInFlight {
		s.free <- newGroup(opts)
	}
	s.wg.Add(3)
	go s.gather()
	go s.write()
	go s.probe(context.WithoutCancel(ctx))
	return s, nil
}

// DataDir is the uuid of the data directory: with a segment's counter it names the segment for ever.
func (s *Store) DataDir() string { return s.dataDir }

// Sealed lists the segments that take no more appends, oldest first, those of former processes included.
func (s *Store) Sealed() []*Segment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []*Segment
	for _, seg := range s.segments {
		if seg.sealed.Load() {
			list = append(list, seg)
		}
	}
	return list
}

// Close stops taking appends, makes durable and acknowledges those already taken, and closes the segments once the last snapshot is
// released, for which it waits Options.CloseTimeout. It is idempotent.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.door.Lock()
		s.closed = true
		close(s.queue)
		s.door.Unlock()
		close(s.done)
		s.wg.Wait()
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		s.err = s.releaseAll()
		s.metrics.unregister()
	})
	return s.err
}

// releaseAll drops the store's reference to every segment and waits until they are closed.
func (s *Store) releaseAll() error {
	s.mu.Lock()
	list := s.segments
	s.segments = nil
	all := append([]*Segment(nil), list...)
	for seg := range s.leaving {
		all = append(all, seg)
	}
	s.mu.Unlock()
	for _, seg := range list {
		seg.release()
	}
	timeout := time.NewTimer(s.opts.CloseTimeout)
	defer timeout.Stop()
	var errs []error
	for _, seg := range all {
		select {
		case <-seg.gone:
			errs = append(errs, seg.closeErr)
		case <-timeout.C:
			return errors.Join(append(errs, fmt.Errorf("hot: close: segment %d is still read after %s: release every snapshot before Close", seg.counter, s.opts.CloseTimeout))...)
		}
	}
	return errors.Join(errs...)
}

// segmentGone forgets a retired segment.
func (s *Store) segmentGone(seg *Segment) {
	s.mu.Lock()
	delete(s.leaving, seg)
	s.mu.Unlock()
	s.roomMade()
}

// errClosed is the answer after Close.
func errClosed(op string) error { return fmt.Errorf("hot: %s: %w", op, tael.ErrClosed) }
