package hot

import (
	"errors"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// Large blocks do not take more memory than as many of the usual size: one that is larger than all of them is kept alone.
func TestUnpackedBlocksAreBoundedByBytes(t *testing.T) {
	const n = 8
	m := query.NewMeter(query.Budget{Memory: 20 * n * blockBytes})
	u := newUnpacked(n, m, new(buffers))
	place := func(block uint32, bytes int64) {
		t.Helper()
		p, err := u.place(blockKey{1, block}, bytes)
		if err != nil {
			t.Fatal(err)
		}
		p.bodies = append(p.bodies[:0], byte(block))
		held := int64(0)
		for i := range u.slots {
			held += u.slots[i].size
		}
		if u.held != held || held > max(n*blockBytes, bytes) {
			t.Fatalf("block %d of %d bytes: %d are held, %d counted", block, bytes, held, u.held)
		}
		if b, ok := u.get(blockKey{1, block}); !ok || b[0] != byte(block) {
			t.Fatalf("block %d is not kept", block)
		}
	}
	for i := range uint32(n) {
		place(i, blockBytes)
	}
	for i := range uint32(n) {
		if _, ok := u.get(blockKey{1, i}); !ok {
			t.Errorf("block %d of the usual size is not kept", i)
		}
	}
	for i := range uint32(50) {
		place(100+i, int64(i%7)*blockBytes)
	}
	place(200, 10*n*blockBytes)
	place(201, 1000)
	if _, ok := u.get(blockKey{1, 200}); ok {
		t.Error("a block larger than all is kept beside another")
	}
	u.release()
	if err := m.Hold(20 * n * blockBytes); err != nil {
		t.Errorf("after release not all memory is given back: %v", err)
	}
	if err := m.Hold(1); !errors.Is(err, tael.ErrBudget) {
		t.Errorf("more than all was given back: %v", err)
	}
}
