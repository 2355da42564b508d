package spanfile

import (
	"container/list"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// Shared is what the open files of one store share: decompressors, buffers, and a cache of decoded dictionaries and term filters,
// which is bounded by its size in bytes. It is safe for concurrent use and needs no closing.
type Shared struct {
	zstd    *zstd.Decoder
	readers sync.Pool // of *pageReader
	layout  *layout
	files   atomic.Uint64

	mu    sync.Mutex
	limit int64
	size  int64
	order *list.List // of *cached, the latest used first
	byKey map[cacheKey]*list.Element
}

// cacheKey names something of an open file by the offset of its bytes.
type cacheKey struct {
	file   uint64
	offset int64
}

type cached struct {
	key   cacheKey
	value any
	size  int64
}

// DefaultCacheBytes holds the dictionaries of some hundred row groups.
const DefaultCacheBytes = 32 << 20

// NewShared makes a Shared whose cache takes at most cacheBytes.
func NewShared(cacheBytes int64) (*Shared, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPageBytes+unpackSlack))
	if err != nil {
		return nil, fmt.Errorf("span file: decompressor: %w", err)
	}
	l, err := newLayout(Leaves(Schema()))
	if err != nil {
		return nil, err
	}
	s := &Shared{zstd: d, layout: l, limit: cacheBytes, order: list.New(), byKey: map[cacheKey]*list.Element{}}
	s.readers.New = func() any { return &pageReader{zstd: d} }
	return s, nil
}

func (s *Shared) reader() *pageReader { return s.readers.Get().(*pageReader) }

// maxKeptBuffer bounds the buffers that wait for reuse.
const maxKeptBuffer = 4 << 20

func (s *Shared) release(p *pageReader) {
	if cap(p.buf) <= maxKeptBuffer && cap(p.ints) <= maxKeptBuffer/8 && cap(p.index) <= maxKeptBuffer/4 {
		s.readers.Put(p)
	}
}

// get gives what put kept, or nil.
func (s *Shared) get(k cacheKey) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[k]
	if !ok {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*cached).value
}

// put keeps a value of a size in bytes, which is not changed from now on, until the cache is full of later ones.
func (s *Shared) put(k cacheKey, value any, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.byKey[k]; ok || size > s.limit/4 {
		return
	}
	s.byKey[k] = s.order.PushFront(&cached{k, value, size})
	s.size += size
	for s.size > s.limit {
		last := s.order.Back()
		c := s.order.Remove(last).(*cached)
		delete(s.byKey, c.key)
		s.size -= c.size
	}
}
