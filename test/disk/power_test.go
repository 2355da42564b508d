//go:build disk

package disk

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// cycles is how often the power is cut.
func cycles() (n int, seed uint64) {
	if os.Getenv("TAEL_TEST_LONG") != "" {
		return 100, uint64(time.Now().UnixNano())
	}
	return 16, 1
}

// The power is cut again and again, at any moment of appends, flushes and recovery, and the disk forgets what was not synced, or some of it:
// every acknowledged span is there once.
func TestPowerCuts(t *testing.T) {
	n, seed := cycles()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t)
	for cycle := range n {
		r.boot()
		if cycle%5 == 4 { // in the middle of the start
			time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			r.powerCut(int64(cycle))
			r.boot()
		}
		r.opened()
		r.verify()
		if err := r.store.Tell("run %d", r.acked); err != nil {
			t.Fatal(err)
		}
		r.note(1 + rng.IntN(60))
		// Half of the cuts forget all that they may, the others keep some of it.
		r.powerCut(int64(cycle%2) * int64(1+rng.IntN(1_000_000)))
	}
	r.boot()
	r.opened()
	r.verify()
	if err := r.append(); err != nil { // the client sends again what got no answer
		t.Fatal(err)
	}
	r.verify()
	r.must("flush")
	r.verify()
	r.must("cold %d", r.acked)
	t.Logf("%d requests were acknowledged", r.acked)
}
