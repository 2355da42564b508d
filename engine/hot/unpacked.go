package hot

import "github.com/taeldb/tael/engine/query"

// unpacked keeps the blocks that were unpacked last: the entries that a reader wants one after the other are often in the same few blocks. It is used by one goroutine.
type unpacked struct {
	slots []unpackedBlock
	now   uint64 // grows with every use
	meter *query.Meter
	held  int64 // bytes, charged to the meter
}

// Blocks that are kept. A trace, and a search in the order of time, come back to those of a few commits; a flush to one of every commit
// that has traces which began at the same time.
const (
	keptByQuery = 16
	keptByFlush = 256
)

type blockKey struct {
	segment uint64 // counter
	block   uint32 // position in index.blocks
}

type unpackedBlock struct {
	key    blockKey
	used   uint64 // 0 when nothing is in it
	bodies []byte
}

func newUnpacked(n int, m *query.Meter) *unpacked {
	return &unpacked{slots: make([]unpackedBlock, 0, n), meter: m}
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
	if size := int64(cap(oldest.bodies)); size < bytes || size > 4*max(bytes, blockBytes) {
		oldest.forget()
		oldest.bodies = nil
		u.held += bytes - size
		if err := u.meter.Hold(bytes - size); err != nil {
			return nil, err
		}
		oldest.bodies = make([]byte, 0, bytes)
	}
	oldest.key, oldest.used = key, u.now
	return oldest, nil
}

// forget empties the slot.
func (s *unpackedBlock) forget() { s.used = 0 }

// release gives the memory back to the meter, which only refuses more.
func (u *unpacked) release() {
	_ = u.meter.Hold(-u.held)
	u.slots, u.held = nil, 0
}
