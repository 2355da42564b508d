//go:build disk

package disk

import (
	"fmt"
	"testing"
	"time"
)

// A sync or a write that fails, once or for good, is never an acknowledgement: what was acknowledged outlives a power cut right after it, and when the
// disk is well again requests are taken without a restart.
func TestFailingSyncsAndWrites(t *testing.T) {
	for _, what := range []string{"sync", "write"} {
		for _, n := range []int{1, 2, 5, -1} {
			t.Run(fmt.Sprintf("%s %d", what, n), func(t *testing.T) {
				r := newRig(t)
				r.boot()
				r.opened()
				for range 4 {
					if err := r.append(); err != nil {
						t.Fatal(err)
					}
				}
				r.disk.Fail(what, n)
				failed := 0
				for range 6 {
					if r.append() != nil {
						failed++
					}
				}
				if failed == 0 {
					t.Errorf("no append failed")
				}
				if n < 0 {
					if failed < 6 {
						t.Errorf("%d of 6 appends were acknowledged although the disk fails", 6-failed)
					}
					r.becomes("error") // input/output error
				}
				r.verify()
				_ = r.ask("flush") // may fail on such a disk: what counts is that nothing is lost by it
				r.verify()
				r.disk.Heal()
				r.becomes("")
				for range 3 {
					if err := r.append(); err != nil {
						t.Fatal(err)
					}
				}
				r.verify()
				r.powerCut(0)
				r.boot()
				r.opened()
				r.verify()
				r.must("flush")
				r.verify()
				r.must("cold %d", r.acked)
			})
		}
	}
}

// Syncs fail now and then while the store runs and flushes, and then the power is cut.
func TestFailingSyncsWhileRunning(t *testing.T) {
	r := newRig(t)
	for cycle := range 6 {
		r.boot()
		r.opened()
		r.verify()
		if err := r.store.Tell("run %d", r.acked); err != nil {
			t.Fatal(err)
		}
		r.note(3 + 2*cycle)
		r.disk.Fail("sync", 1+cycle)
		r.note(10)
		r.disk.Heal()
		r.powerCut(0)
	}
	r.boot()
	r.opened()
	r.verify()
}

// Reads fail, after a start that has nothing in the kernel's cache: answers are errors or partial, and right again when the disk is well. A process
// that the kernel ends because of a page of a log that it cannot read (SIGBUS) is started again.
func TestFailingReads(t *testing.T) {
	r := newRig(t)
	r.boot()
	r.opened()
	for range 10 {
		if err := r.append(); err != nil {
			t.Fatal(err)
		}
	}
	r.must("flush")
	for range 5 {
		if err := r.append(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, 3, 10, -1} {
		r.powerCut(0)
		r.boot()
		r.opened()
		r.disk.Fail("read", n)
		for range 5 {
			err := r.ask("honest %d", r.acked)
			if err == nil {
				continue
			}
			if _, ended := r.store.Wait(time.Second); !ended {
				t.Errorf("%d reads fail: %v", n, err)
			}
			break
		}
		r.disk.Heal()
		if _, ended := r.store.Wait(0); ended {
			r.powerCut(0)
			r.boot()
			r.opened()
		}
		r.verify()
		r.must("flush")
		r.verify()
		r.must("cold %d", r.acked)
	}
}
