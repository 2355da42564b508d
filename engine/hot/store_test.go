package hot

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/taeldb/tael"
)

func TestAppendAndRead(t *testing.T) {
	s := open(t, testOptions(filepath.Join(t.TempDir(), "hot")))
	m := newModel()
	batches := cutAll(t, "default", requests(t, 5000, 512))
	batches = append(batches, cutAll(t, "other", requests(t, 700, 100))...)
	m.add(t, batches...)
	appendAll(t, s, batches)
	checkAll(t, s, m)
	if err := s.Health(); err != nil {
		t.Errorf("health: %v", err)
	}
	st := s.Stats()
	if st.Spans != 5700 || st.Bytes == 0 || st.HeaderBytes == 0 || len(st.Gaps) != 0 {
		t.Errorf("stats: %+v", st)
	}

	snap := s.Snapshot()
	defer snap.Release()
	spans, err := snap.Trace(context.Background(), "nobody", m.spans["default"][0].TraceID, tael.TraceOptions{}, nil)
	if err != nil || len(spans) != 0 {
		t.Errorf("another tenant sees %d spans, %v", len(spans), err)
	}
}

func TestRestart(t *testing.T) {
	for _, test := range []struct {
		name  string
		clean bool
	}{{"clean", true}, {"kill", false}} {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			s := open(t, o)
			m := newModel()
			batches := cutAll(t, "default", requests(t, 8_000, 256))
			m.add(t, batches...)
			appendAll(t, s, batches)
			id := s.DataDir()
			if n := s.Stats().Segments; n < 2 {
				t.Fatalf("%d segments, want several", n)
			}
			before := s.Stats()
			if test.clean {
				closeStore(t, s)
			} else {
				o.Dir = copyDir(t, o.Dir)
			}

			again := open(t, o)
			if again.DataDir() != id {
				t.Errorf("the data directory is %s, was %s", again.DataDir(), id)
			}
			checkAll(t, again, m)
			if err := again.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
			after := again.Stats()
			if after.Spans != before.Spans || after.Entries != before.Entries || after.HeaderBytes != before.HeaderBytes {
				t.Errorf("stats: %+v, before %+v", after, before)
			}
			if after.Sealed != after.Segments {
				t.Errorf("%d of %d recovered segments are sealed", after.Sealed, after.Segments)
			}
			more := cutAll(t, "default", requests(t, 300, 100))
			m.add(t, more...)
			appendAll(t, again, more)
			checkAll(t, again, m)
			list := again.Sealed()
			for i, seg := range list {
				if i > 0 && seg.Counter() <= list[i-1].Counter() {
					t.Errorf("sealed segments are not oldest first: %d after %d", seg.Counter(), list[i-1].Counter())
				}
			}
		})
	}
}

func TestClosed(t *testing.T) {
	s := open(t, testOptions(t.TempDir()))
	batch := cut(t, "default", requests(t, 10, 10)[0])
	appendAll(t, s, append(cutAll(t, "default", requests(t, 10, 10)), batch))
	closeStore(t, s)
	closeStore(t, s)
	ctx := context.Background()
	snap := s.Snapshot()
	_, traceErr := snap.Trace(ctx, "default", tael.TraceID{1}, tael.TraceOptions{}, nil)
	snap.Release()
	for op, err := range map[string]error{"append": s.Append(ctx, batch), "seal": s.Seal(ctx), "trace": traceErr, "health": s.Health()} {
		if !errors.Is(err, tael.ErrClosed) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
