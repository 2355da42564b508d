package hot

import (
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// TestSnapshotIsASource runs the suite of every query.Source, on the active segment only and with some sealed ones.
func TestSnapshotIsASource(t *testing.T) {
	for name, sealEvery := range map[string]int{"active": 0, "sealed": 3} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, spans map[string][]tael.Span) query.Source {
				s, err := Open(t.Context(), DefaultOptions(t.TempDir()))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				limits := fragment.DefaultLimits()
				limits.MaxAhead = 10 * 24 * time.Hour
				requests := 0
				for tenant, of := range spans {
					for len(of) > 0 {
						n := min(len(of), 37)
						b, rejected, err := fragment.NewCutter(limits).Cut(tenant, fragment.AppendOTLP(nil, of[:n]), storetest.Base)
						if err != nil || rejected.Spans > 0 {
							t.Fatalf("cut: %v, %s", err, rejected.Message())
						}
						if err := s.Append(t.Context(), b); err != nil {
							t.Fatal(err)
						}
						of = of[n:]
						if requests++; sealEvery > 0 && requests%sealEvery == 0 {
							if err := s.Seal(t.Context()); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				snap := s.Snapshot()
				t.Cleanup(snap.Release)
				return snap
			})
		})
	}
}
