//go:build disk

package disk

import (
	"strings"
	"testing"
	"time"
)

// minFree is the reserve of the store's disk.
const minFree = 16 << 20

// becomes waits until the store is ready, or red with a reason that has the word.
func (r *rig) becomes(reason string) {
	r.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		err = r.ask("ready")
		if reason == "" && err == nil || reason != "" && err != nil && strings.Contains(err.Error(), reason) {
			return
		}
	}
	r.t.Fatalf("want readiness to become %q, it is %v\n%s", reason, err, r.store.Errors())
}

// refused sends the next request, which must be refused in a way that a client tries again.
func (r *rig) refused() {
	r.t.Helper()
	err := r.append()
	if err == nil || !strings.Contains(err.Error(), "unavailable") {
		r.t.Fatalf("append: %v, want unavailable", err)
	}
}

// A disk that fills up down to the reserve, or without any room at all: requests are refused, what is stored is answered, readiness is red with the
// reason; when there is room again it is green by itself, and the requests that were refused are taken.
func TestFullDisk(t *testing.T) {
	for name, free := range map[string]int64{"below the reserve": minFree / 2, "no room": 0} {
		t.Run(name, func(t *testing.T) {
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
			r.disk.Free(free)
			r.becomes("free")
			r.refused()
			r.verify()
			if err := r.ask("flush"); free == 0 && (err == nil || !strings.Contains(err.Error(), "full") && !strings.Contains(err.Error(), "no space")) {
				t.Errorf("flush to a full disk: %v", err)
			}
			r.verify()
			r.refused()
			r.disk.Free(200 << 20)
			r.becomes("")
			for range 5 {
				if err := r.append(); err != nil {
					t.Fatal(err)
				}
			}
			r.verify()
			r.must("flush")
			r.verify()
			r.must("cold %d", r.acked)
			// What was acknowledged on a full disk is on it.
			r.powerCut(0)
			r.boot()
			r.opened()
			r.verify()
		})
	}
}

// The disk fills up to the last byte at any moment of appends and flushes, with no reserve to stop before it, and the store is killed on it or not.
func TestDiskFillsUpWhileRunning(t *testing.T) {
	r := newRig(t)
	r.reserve = 0
	for cycle := range 8 {
		r.boot()
		r.opened()
		r.verify()
		if err := r.store.Tell("run %d", r.acked); err != nil {
			t.Fatal(err)
		}
		r.note(5 + cycle*7)
		r.disk.Free(int64(cycle/2) << 20)
		r.note(20)
		if cycle%2 == 0 {
			r.store.Kill()
			for line := range r.store.Lines {
				r.hear(line)
			}
			r.disk.Free(500 << 20)
			continue
		}
		r.powerCut(int64(cycle))
		r.disk.Free(500 << 20)
	}
	r.boot()
	r.opened()
	r.verify()
	r.must("flush")
	r.verify()
}
