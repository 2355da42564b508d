package cold

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// Table is the open table. All methods are safe for concurrent use.
type Table struct {
	store objstore.Store
	opts  Options
	state atomic.Pointer[state]
	fresh fresh
	files *files

	commitMu  sync.Mutex // one commit at a time
	refreshMu sync.Mutex // one look at a time
	publishMu sync.Mutex // the state only goes forward

	writingMu sync.Mutex
	writing   map[string]bool // keys that a Tx of ours has written and not committed

	life   context.Context // ends with Close
	end    context.CancelFunc
	closed sync.Once
}

// Open opens the table in the store, which stays the caller's, and creates it when there is none. A table of a newer format is a tael.ErrNewer, by name.
// One whose newest metadata cannot be read is opened at the newest that can: answers are partial and name what is damaged, and commits fail with that
// error, until it is restored or removed. It is a tael.ErrDamaged when no metadata can be read.
func Open(ctx context.Context, store objstore.Store, opts Options) (*Table, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	t := &Table{store: store, opts: opts, writing: map[string]bool{}}
	t.life, t.end = context.WithCancel(context.Background())
	var err error
	if t.files, err = newFiles(t); err != nil {
		t.end()
		return nil, fmt.Errorf("cold: %w", err)
	}
	h, err := t.discover(ctx)
	if err == nil && h == nil {
		h, err = t.create(ctx)
	}
	var s *state
	if err == nil {
		s, err = t.load(ctx, h, nil)
	}
	if errors.Is(err, tael.ErrDamaged) {
		s, err = t.loadOlder(ctx, err)
	}
	if err != nil {
		t.end()
		return nil, err
	}
	t.publish(s)
	return t, nil
}

// create makes the first metadata file. Of two taelds that do so at once, one wins and both use it.
func (t *Table) create(ctx context.Context) (*head, error) {
	meta, err := newMetadata(t.path(tableKey), t.opts.Now())
	if err != nil {
		return nil, fmt.Errorf("cold: make table: %w", err)
	}
	data, err := marshalMetadata(meta)
	if err != nil {
		return nil, fmt.Errorf("cold: make table: %w", err)
	}
	err = t.step(StepCommitMetadata, func() error { return t.store.PutIfAbsent(ctx, versionKey(1), data) })
	if err != nil && !errors.Is(err, objstore.ErrExists) {
		return nil, fmt.Errorf("cold: create table %s: %w", t.path(tableKey), err)
	}
	h, err := t.readHead(ctx, 1, t.opts.Now())
	if err != nil {
		return nil, err
	}
	if err := t.step(StepCommitHint, func() error { return t.writeHint(ctx, 1) }); err != nil {
		t.opts.Logger.WarnContext(ctx, "the version hint of the cold table is missing", "error", err)
	}
	return t.advance(ctx, h)
}

// Refresh looks for commits of others, so that the next View has them. Its own commits are seen at once without it.
func (t *Table) Refresh(ctx context.Context) error {
	_, err := t.refresh(ctx)
	return err
}

func (t *Table) refresh(ctx context.Context) (*state, error) {
	if t.life.Err() != nil {
		return nil, fmt.Errorf("cold: %w", tael.ErrClosed)
	}
	t.refreshMu.Lock()
	defer t.refreshMu.Unlock()
	base := t.state.Load()
	h, err := t.advance(ctx, base.head)
	if err != nil {
		return nil, err
	}
	next, err := t.load(ctx, h, base)
	if err != nil {
		return nil, err
	}
	return t.publish(next), nil
}

// publish makes s the current state unless a newer one is, and gives the current one.
func (t *Table) publish(s *state) *state {
	t.publishMu.Lock()
	defer t.publishMu.Unlock()
	if now := t.state.Load(); now != nil && now.head.version > s.head.version {
		return now
	}
	t.state.Store(s)
	t.files.forget(s)
	return s
}

// Watermark is the counter of the newest segment of a data directory whose spans are all in the table.
func (t *Table) Watermark(dataDir string) (counter uint64, ok bool) {
	counter, ok = t.state.Load().flushed[dataDir]
	return counter, ok
}

// View is the table now. The caller releases it.
func (t *Table) View() *View { return newView(t, t.state.Load()) }

// Close waits for what is running and closes the table; views that are still held go on failing with tael.ErrClosed. It is idempotent.
func (t *Table) Close() error {
	t.closed.Do(func() {
		t.end()
		t.files.wait()
	})
	return nil
}
