package hot

import (
	"sync"

	"github.com/taeldb/tael/engine/query"
)

// unpacked keeps the blocks that were unpacked last: the entries that a reader wants one after the other are often in the same few blocks. It is used by one goroutine.
type unpacked struct {
	slots []unpackedBlock
	now   uint64 // grows with every use
	meter *query.Meter
	held  int64 // bytes, charged to the meter
	limit int64 // of held, as long as more than one block is kept
	from  *buffers
}

// keptBlocks is how many blocks of the usual size are kept, and of larger ones what has as many bytes. A trace, and a search in the order of time, come back to those of a few commits.
const keptBlocks = 16

type blockKey struct {
	segment uint64 // counter
	block   uint32 // position in index.blocks
}

type unpackedBlock struct {
	key    blockKey
	used   uint64 // 0 when nothing is in it
	bodies []byte
	size   int64 // charged for bodies
}

func newUnpacked(n int, m *query.Meter, from *buffers) *unpacked {
	return &unpacked{slots: make([]unpackedBlock, 0, n), meter: m, limit: int64(n) * blockBytes, from: from}
}

// buffers are of the size of a block, and used again: a look-up takes a dozen for a moment. It is safe for concurrent use.
type buffers struct{ pool sync.Pool }

// take gives an empty buffer for so many bytes, which has to be given back.
func (b *buffers) take(bytes int64) []byte {
	if bytes > blockBytes {
		return make([]byte, 0, bytes)
	}
	if p, ok := b.pool.Get().(*[blockBytes]byte); ok {
		return p[:0]
	}
	return make([]byte, 0, blockBytes)
}

func (b *buffers) give(buf []byte) {
	if cap(buf) == blockBytes {
		b.pool.Put((*[blockBytes]byte)(buf[:blockBytes]))
	}
}

// get gives a block's bodies if they are kept.
func (u *unpacked) get(key blockKey) ([]byte, bool) {
	for i := range u.slots {
		if s := &u.slots[i]; s.key == key && s.used != 0 {
			u.now++
			s.used = u.now
			return s.bodies, true
		}
	}
	return nil, false
}

// place gives the slot for a block of so many bytes: its bodies may be overwritten. The error is the meter's.
func (u *unpacked) place(key blockKey, bytes int64) (*unpackedBlock, error) {
	if len(u.slots) < cap(u.slots) {
		u.slots = append(u.slots, unpackedBlock{})
	}
	oldest := &u.slots[0]
	for i := range u.slots {
		if s := &u.slots[i]; s.used < oldest.used {
			oldest = s
		}
	}
	u.now++
	// A large block's memory is not kept for small ones.
	if oldest.size < bytes || oldest.size > 4*max(bytes, blockBytes) {
		u.drop(oldest)
		for s := u.oldest(); s != nil && u.held+max(bytes, blockBytes) > u.limit; s = u.oldest() {
			u.drop(s)
		}
		oldest.size = max(bytes, blockBytes)
		u.held += oldest.size
		if err := u.meter.Hold(oldest.size); err != nil {
			return nil, err
		}
		oldest.bodies = u.from.take(bytes)
	}
	oldest.key, oldest.used = key, u.now
	return oldest, nil
}

// oldest gives the slot with memory that was used least of late, nil when none has any.
func (u *unpacked) oldest() *unpackedBlock {
	var oldest *unpackedBlock
	for i := range u.slots {
		if s := &u.slots[i]; s.size > 0 && (oldest == nil || s.used < oldest.used) {
			oldest = s
		}
	}
	return oldest
}

// drop gives the memory of a slot back, which cannot fail.
func (u *unpacked) drop(s *unpackedBlock) {
	u.held -= s.size
	_ = u.meter.Hold(-s.size)
	s.forget()
	u.from.give(s.bodies)
	s.bodies, s.size = nil, 0
}

// forget empties the slot.
func (s *unpackedBlock) forget() { s.used = 0 }

// release gives the memory back to the meter, which only refuses more.
func (u *unpacked) release() {
	_ = u.meter.Hold(-u.held)
	for i := range u.slots {
		u.from.give(u.slots[i].bodies)
	}
	u.slots, u.held = nil, 0
}
