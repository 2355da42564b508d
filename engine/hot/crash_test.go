package hot

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/taeldb/tael"
)

// The directory is copied before and after each step, as a kill at that moment would leave it. Opened again, every copy has all that was
// acknowledged by then and nothing that was never sent.
func TestKillAtEveryStep(t *testing.T) {
	type moment struct {
		step  string
		dir   string
		acked int // batches
	}
	var (
		mu      sync.Mutex
		acked   int
		seen    = map[string]int{}
		moments []moment
	)
	o := testOptions(t.TempDir())
	copies := t.TempDir()
	o.Hook = func(step string) {
		mu.Lock()
		defer mu.Unlock()
		// The first times are the interesting ones; later ones are the same with more data.
		if seen[step]++; seen[step] > 2 {
			return
		}
		dir := filepath.Join(copies, step+string(rune('0'+seen[step])))
		if err := copyTree(o.Dir, dir); err != nil {
			t.Errorf("copy at %s: %v", step, err)
		}
		moments = append(moments, moment{step, dir, acked})
	}
	s := open(t, o)
	ctx := context.Background()
	// Segments that are retired hold another tenant.
	retired := cutAll(t, "retired", requests(t, 40, 20))
	for _, b := range retired {
		if err := s.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
		if err := s.Seal(ctx); err != nil {
			t.Fatal(err)
		}
	}
	batches := cutAll(t, "default", requests(t, 100, 20))
	for i, b := range batches {
		if err := s.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		acked = i + 1
		mu.Unlock()
	}
	for _, seg := range s.Sealed() {
		if err := s.Retire(ctx, seg.Counter()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the segment goes", func() bool { return s.Stats().Leaving == 0 })
	}
	closeStore(t, s)

	mu.Lock()
	defer mu.Unlock()
	for _, step := range Steps() {
		for _, name := range []string{step, step + stepDone} {
			if seen[name] == 0 {
				t.Errorf("step %s never came", name)
			}
		}
	}
	for _, m := range moments {
		t.Run(m.step, func(t *testing.T) {
			again := open(t, testOptions(m.dir))
			if err := again.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
			want, all := newModel(), newModel()
			want.add(t, batches[:m.acked]...)
			all.add(t, batches...)
			snap := again.Snapshot()
			defer snap.Release()
			got := map[tael.Identity]tael.Span{}
			for _, sp := range scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil) {
				got[sp.Identity()] = sp
			}
			sent := map[tael.Identity]bool{}
			for _, sp := range all.spans["default"] {
				sent[sp.Identity()] = true
			}
			for id := range got {
				if !sent[id] {
					t.Errorf("span %v was never sent", id)
				}
			}
			var have []tael.Span
			for _, sp := range want.spans["default"] {
				if found, ok := got[sp.Identity()]; ok {
					have = append(have, found)
				}
			}
			same(t, "acknowledged", have, want.spans["default"])
			// It goes on from there.
			if err := again.Append(ctx, batches[0]); err != nil {
				t.Error(err)
			}
		})
	}
}
