package hot

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

const longTraces = 200

// longLived gives a sealed segment of many commits, each with a few spans of many traces that are all under way from the first commit to the last, and what the
// bodies of its blocks have together.
func longLived(t *testing.T, r *rand.Rand) (s *Store, seg *Segment, bodies int64) {
	t.Helper()
	o := testOptions(t.TempDir())
	o.SegmentBytes = 8 << 20
	s = open(t, o)
	const commits, each = 60, 40
	for c := range commits {
		spans := smallSpans(0, each, tael.KeyValue{Key: "service.name", Value: tael.String("agent")})
		for i := range spans {
			spans[i].TraceID = tael.TraceID{byte(r.IntN(longTraces)), 1}
			spans[i].SpanID = tael.SpanID{byte(c), byte(i), 1}
			spans[i].Start += uint64(r.IntN(1000)) + uint64(c)*1000 - 1_000_000
			spans[i].End = spans[i].Start + 1
			text := make([]byte, 300+r.IntN(100))
			for k := range text {
				text[k] = 'a' + byte(r.IntN(20))
			}
			spans[i].Attributes = []tael.KeyValue{{Key: "text", Value: tael.String(string(text))}}
		}
		b := cut(t, "default", fragment.AppendOTLP(nil, spans))
		appendAll(t, s, []*fragment.Batch{b})
		for i := range b.Fragments {
			bodies += int64(len(b.Fragments[i].Body))
		}
	}
	if err := s.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Sealed()); n != 1 {
		t.Fatalf("%d segments, want 1", n)
	}
	return s, s.Sealed()[0], bodies
}

// A walk whose traces are spread over all blocks unpacks each block a few times, not once for each trace, and a second walk of a trace costs nothing.
func TestWalkUnpacksBlocksFewTimes(t *testing.T) {
	_, seg, bodies := longLived(t, rand.New(rand.NewPCG(testSeed(t), 1)))
	m := query.NewMeter(query.Budget{})
	err := seg.traces(context.Background(), m, aheadBytes, func(_ string, tr *Trace) error {
		for range 2 {
			if err := tr.Rows(func(*fragment.Row) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// 1, 4, 16, 64 and the rest of the 200 traces.
	if n := m.Explain().Bytes; n < bodies || n > 5*bodies {
		t.Errorf("%d bytes are unpacked of blocks that have %d", n, bodies)
	}
}

// Whatever is asked for in a walk, and however little is read ahead, every trace has its rows in their order.
func TestWalkAsksForAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(testSeed(t), 2))
	s, seg, bodies := longLived(t, r)
	snap := s.Snapshot()
	defer snap.Release()
	for _, limit := range []int{0, 3000, int(bodies / 7), int(bodies / 2), aheadBytes} {
		for _, asked := range []float64{1, 0.7, 0.05} {
			walked := 0
			err := seg.traces(context.Background(), nil, limit, func(tenant string, tr *Trace) error {
				walked++
				if r.Float64() > asked {
					return nil
				}
				want, err := snap.Trace(context.Background(), tenant, tr.ID, tael.TraceOptions{}, nil)
				if err != nil {
					return err
				}
				for range 1 + r.IntN(2) {
					var got []tael.Span
					if err := tr.Rows(func(row *fragment.Row) error { got = append(got, row.Span()); return nil }); err != nil {
						return err
					}
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("limit %d: trace %s: %d spans, want %d, or in another order", limit, tr.ID, len(got), len(want))
					}
				}
				if cap(tr.ahead.bodies) > limit {
					t.Fatalf("%d bytes are read ahead, the limit is %d", cap(tr.ahead.bodies), limit)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if walked != len(seg.index.latest) {
				t.Fatalf("%d traces, want %d", walked, len(seg.index.latest))
			}
		}
	}
}

// A block that cannot be read is an error of the traces that have a part in it, and of no other that was read ahead with them.
func TestWalkBesideDamage(t *testing.T) {
	_, seg, _ := longLived(t, rand.New(rand.NewPCG(testSeed(t), 3)))
	const lost = 30
	hurt := map[tael.TraceID]bool{}
	for i := range seg.index.records {
		if rec := &seg.index.records[i]; rec.block == lost {
			hurt[rec.trace] = true
		}
	}
	seg.index.blocks[lost].number = 1 << 30 // a key that is not there
	damaged, whole := 0, 0
	err := seg.Traces(context.Background(), func(_ string, tr *Trace) error {
		err := tr.Rows(func(*fragment.Row) error { return nil })
		if hurt[tr.ID] != errors.Is(err, tael.ErrDamaged) || !hurt[tr.ID] && err != nil {
			t.Errorf("trace %s, in the block %t: %v", tr.ID, hurt[tr.ID], err)
		}
		if err != nil {
			damaged++
		} else {
			whole++
		}
		return nil
	})
	if err != nil || damaged != len(hurt) || whole == 0 {
		t.Errorf("%d traces are damaged, want %d, and %d whole: %v", damaged, len(hurt), whole, err)
	}
}
