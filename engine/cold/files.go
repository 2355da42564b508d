package cold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// files opens data files and keeps what is worth keeping of them, both bounded: the open files, and longer than those the
// small summaries that tell which traces a file has, because every look-up of a trace asks all of them.
type files struct {
	store  objstore.Store
	life   context.Context // of the table
	read   spanfile.ReadOptions
	flight singleflight.Group // of opening, by key

	mu        sync.Mutex
	open      *lru[*spanfile.File]
	summaries *lru[*fileSummary]
	running   sync.WaitGroup
	closed    bool
}

// fileSummary is what is kept of a file that is not open.
type fileSummary struct {
	filter []byte // fragment filter over fragment.TermTrace
	traces int64  // about: a trace that goes on in the next row group counts twice

	minStart, maxStart uint64 // unix nanoseconds, exact
}

func summarize(f *spanfile.File) *fileSummary {
	i := f.Info()
	return &fileSummary{filter: f.TraceFilter(), traces: i.Traces, minStart: i.MinStart, maxStart: i.MaxStart}
}

func newFiles(t *Table) (*files, error) {
	shared, err := spanfile.NewShared(t.opts.DictionaryCacheBytes)
	if err != nil {
		return nil, err
	}
	read := spanfile.DefaultReadOptions()
	read.Shared = shared
	if !strings.HasPrefix(t.opts.Location, "s3:") {
		read.GapBytes, read.MaxRequests = localGap, localRequests
	}
	return &files{
		store: t.store, life: t.life, read: read,
		open: newLRU[*spanfile.File](t.opts.CacheBytes), summaries: newLRU[*fileSummary](t.opts.FilterBytes),
	}, nil
}

// A read of a local file costs so little that reading across a gap is worth less, see spanfile.DefaultReadOptions.
const (
	localGap      = 16 << 10
	localRequests = 64
)

// objectReader is a data file as spanfile reads it.
type objectReader struct {
	store objstore.Store
	key   string
}

func (r objectReader) ReadRange(ctx context.Context, off, n int64) ([]byte, error) {
	return r.store.GetRange(ctx, r.key, off, n)
}

// get opens a file, or finds it open. Callers that want the same file at once wait for one opening.
func (c *files) get(ctx context.Context, f *dataFile) (*spanfile.File, error) {
	if file, ok := c.cached(f.key); ok {
		return file, nil
	}
	done := c.flight.DoChan(f.key, func() (any, error) { return c.load(f) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*spanfile.File), nil
	}
}

// load opens a file for all who wait for it, so it ends with the table and not with one of them.
func (c *files) load(f *dataFile) (*spanfile.File, error) {
	if !c.start() {
		return nil, fmt.Errorf("cold: %w", tael.ErrClosed)
	}
	defer c.running.Done()
	if file, ok := c.cached(f.key); ok {
		return file, nil
	}
	opts := c.read
	opts.Name = f.key
	file, err := spanfile.Open(c.life, objectReader{c.store, f.key}, f.bytes, opts)
	if err != nil {
		if c.life.Err() != nil {
			return nil, fmt.Errorf("cold: %w", tael.ErrClosed)
		}
		return nil, fileError(f.key, err)
	}
	summary := summarize(file)
	summary.filter = bytes.Clone(summary.filter) // not a part of the file's
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open.put(f.key, file, file.MemoryBytes())
	c.summaries.put(f.key, summary, int64(len(summary.filter)+summaryBytes))
	return file, nil
}

// summaryBytes is what a summary takes besides its filter.
const summaryBytes = 300

func (c *files) cached(key string) (*spanfile.File, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open.get(key)
}

// known gives the summary of a file if it is there.
func (c *files) known(f *dataFile) (*fileSummary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.summaries.get(f.key)
}

// summary gives the summary of a file, which is read when it is not known.
func (c *files) summary(ctx context.Context, f *dataFile) (*fileSummary, error) {
	if s, ok := c.known(f); ok {
		return s, nil
	}
	file, err := c.get(ctx, f)
	if err != nil {
		return nil, err
	}
	return summarize(file), nil
}

// forget lets go of files that a new state does not have.
func (c *files) forget(s *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	has := func(key string) bool { return s.files[key] != nil }
	c.open.retain(has)
	c.summaries.retain(has)
}

func (c *files) start() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// wait ends when nothing is being opened, and nothing more will be.
func (c *files) wait() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}

// fileError is the error of reading a data file, which names it: damage when the file is missing or cannot be decoded, also because a newer
// release wrote it; such a file must not hide the others.
func fileError(key string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, tael.ErrBudget) {
		return err
	}
	if errors.Is(err, tael.ErrNewer) {
		return fmt.Errorf("cold: data file %s: %w: %v", key, tael.ErrDamaged, err)
	}
	if errors.Is(err, objstore.ErrNotFound) || errors.Is(err, tael.ErrDamaged) {
		return damaged("data file", key, err)
	}
	return fmt.Errorf("cold: data file %s: %w", key, err)
}
