package query_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// store is an engine over one view.
type store struct {
	engine *query.Engine
	view   query.View
}

func (s store) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions) (*tael.Trace, error) {
	return s.engine.Trace(ctx, s.view, tenant, id, o)
}
func (s store) Spans(ctx context.Context, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	return s.engine.Spans(ctx, s.view, tenant, q)
}
func (s store) Traces(ctx context.Context, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	return s.engine.Traces(ctx, s.view, tenant, q)
}
func (s store) Stats(ctx context.Context, tenant string) (*tael.Stats, error) {
	return s.engine.Stats(ctx, s.view, tenant)
}

var _ tael.Store = store{}

func over(sources ...query.Source) store {
	s := store{engine: query.New(query.DefaultOptions())}
	for i, src := range sources {
		s.view.Sources = append(s.view.Sources, query.NamedSource{Name: string(rune('a' + i)), Source: src})
	}
	return s
}

// history makes random spans with re-sent and changed versions, in the order of arrival, and the model that took them.
func history(rng *rand.Rand, n int) ([]tael.Span, *storetest.Model) {
	g := storetest.NewGenerator(rng)
	model := storetest.NewModel()
	var arrived []tael.Span
	for range n {
		s := g.Span()
		if len(arrived) > 0 && rng.IntN(3) == 0 { // another version, or the same again
			s = arrived[rng.IntN(len(arrived))]
			switch rng.IntN(4) {
			case 0:
				s.End += uint64(rng.IntN(3)) * 1e8
				kind := s.Kind
				g.Fill(&s)
				s.Kind = kind
			case 1:
				s.Start -= min(1, s.Start)
				s.End -= 1
			}
		}
		model.Append(tael.DefaultTenant, []tael.Span{s})
		s.Sequence = uint64(len(arrived) + 1)
		arrived = append(arrived, s)
	}
	return arrived, model
}

// spread puts every span in one or more of some memory sources of random shape.
func spread(rng *rand.Rand, spans []tael.Span) []query.Source {
	sources := make([]query.Source, 1+rng.IntN(3))
	parts := make([][]tael.Span, len(sources))
	for _, s := range spans {
		at := rng.IntN(len(parts))
		parts[at] = append(parts[at], s)
		if rng.IntN(5) == 0 { // the same version in two places
			at := rng.IntN(len(parts))
			parts[at] = append(parts[at], s)
		}
	}
	for i := range sources {
		m := sourcetest.NewMemory(parts[i]...)
		m.BlockRows, m.BatchRows = 1+rng.IntN(40), 1+rng.IntN(30)
		m.Dictionary, m.Prune, m.Cold = rng.IntN(2) == 0, rng.IntN(2) == 0, i > 0
		if sources[i] = m; rng.IntN(2) == 0 {
			sources[i] = sourcetest.Bulk{Memory: m}
		}
	}
	return sources
}

func TestListsAgreeWithModel(t *testing.T) {
	rounds, base := 20, uint64(0)
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		rounds, base = 2000, rand.Uint64()
	}
	t.Logf("seeds from %d", base)
	for n := range rounds {
		seed := base + uint64(n)
		rng := storetest.NewRand(seed)
		spans, model := history(rng, rng.IntN(300))
		s := over(spread(rng, spans)...)
		for range 20 {
			f := storetest.RandomFilter(rng, spans)
			sort := tael.Sort(rng.IntN(2))
			q := tael.SpanQuery{Filter: f, Sort: sort, Limit: 1 + rng.IntN(1+rng.IntN(100))}
			if err := storetest.CheckSpans(t.Context(), s, model, tael.DefaultTenant, q); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			tq := tael.TraceQuery{Filter: f, Sort: sort, Limit: 1 + rng.IntN(1+rng.IntN(40)), Full: rng.IntN(2) == 0}
			if err := storetest.CheckTraces(t.Context(), s, model, tael.DefaultTenant, tq); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if len(spans) > 0 {
				if err := storetest.CheckTrace(t.Context(), s, model, tael.DefaultTenant, spans[rng.IntN(len(spans))].TraceID); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
		if err := storetest.CheckTrace(t.Context(), s, model, tael.DefaultTenant, tael.TraceID{1}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
