package cold

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync/atomic"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// mortalStore does nothing any more once it is dead, as for a process that was killed.
type mortalStore struct {
	objstore.Store
	dead atomic.Bool
}

var errDead = errors.New("the process is dead")

func (s *mortalStore) check() error {
	if s.dead.Load() {
		return errDead
	}
	return nil
}

func (s *mortalStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, key)
}

func (s *mortalStore) GetRange(ctx context.Context, key string, off, n int64) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.Store.GetRange(ctx, key, off, n)
}

func (s *mortalStore) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	return s.Store.Put(ctx, key, mortalReader{s, r})
}

// mortalReader breaks an upload that was going on at the time of death.
type mortalReader struct {
	s *mortalStore
	r io.Reader
}

func (m mortalReader) Read(p []byte) (int, error) {
	if err := m.s.check(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if dead := m.s.check(); dead != nil {
		return 0, dead
	}
	return n, err
}

func (s *mortalStore) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.Store.PutIfAbsent(ctx, key, data)
}

func (s *mortalStore) Delete(ctx context.Context, key string) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *mortalStore) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	if err := s.check(); err != nil {
		return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, err) }
	}
	return s.Store.List(ctx, prefix)
}

func (s *mortalStore) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := s.check(); err != nil {
		return objstore.Info{}, err
	}
	return s.Store.Stat(ctx, key)
}
