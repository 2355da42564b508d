package storetest_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a whole store in memory: batches are decoded into a hot source, a flush moves the newest versions into a cold one.
type memory struct {
	engine    *query.Engine
	hot, cold map[string][]tael.Span
	sequence  uint64
}

func newMemory(*testing.T) storetest.Harness {
	return &memory{engine: query.New(query.DefaultOptions()), hot: map[string][]tael.Span{}, cold: map[string][]tael.Span{}}
}

func (m *memory) Append(_ context.Context, b *fragment.Batch) error {
	resources := map[fragment.ResourceID][]byte{}
	for _, r := range b.Resources {
		resources[r.ID] = r.Bytes
	}
	d := fragment.NewDecoder()
	for _, f := range b.Fragments {
		m.sequence++
		err := d.Rows(f.Body, func(id fragment.ResourceID) ([]byte, error) {
			if r, ok := resources[id]; ok {
				return r, nil
			}
			return nil, fmt.Errorf("resource %x: %w", id, tael.ErrDamaged)
		}, func(r *fragment.Row) error {
			s := r.Span()
			s.TraceID, s.Sequence = f.TraceID, m.sequence
			m.hot[b.Tenant] = append(m.hot[b.Tenant], s)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Flush(context.Context) error {
	for tenant, spans := range m.hot {
		newest := map[tael.Identity]tael.Span{}
		for _, s := range append(m.cold[tenant], spans...) {
			if old, ok := newest[s.Identity()]; !ok || s.Version().Compare(old.Version()) > 0 {
				newest[s.Identity()] = s
			}
		}
		m.cold[tenant] = nil
		for _, s := range newest {
			m.cold[tenant] = append(m.cold[tenant], s)
		}
	}
	m.hot = map[string][]tael.Span{}
	return nil
}

func (m *memory) Restart(context.Context) error { return nil }

func (m *memory) view() query.View {
	hot, cold := sourcetest.NewMemory(), sourcetest.NewMemory()
	for tenant, spans := range m.hot {
		hot.Add(tenant, spans...)
	}
	for tenant, spans := range m.cold {
		cold.Add(tenant, spans...)
	}
	cold.Cold, cold.Dictionary = true, true
	return query.View{Sources: []query.NamedSource{{Name: "hot", Source: hot}, {Name: "cold", Source: cold}}}
}

func (m *memory) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions) (*tael.Trace, error) {
	return m.engine.Trace(ctx, m.view(), tenant, id, o)
}

func (m *memory) Spans(ctx context.Context, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	return m.engine.Spans(ctx, m.view(), tenant, q)
}

func (m *memory) Traces(ctx context.Context, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	return m.engine.Traces(ctx, m.view(), tenant, q)
}

func (m *memory) Stats(ctx context.Context, tenant string) (*tael.Stats, error) {
	return m.engine.Stats(ctx, m.view(), tenant)
}

func TestMemory(t *testing.T) { storetest.Run(t, newMemory) }

func TestMemoryColdOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return storetest.FlushEach(1, newMemory(t)) })
}

func TestMemoryRandom(t *testing.T) {
	for _, seed := range storetest.Seeds(10) {
		storetest.Random(t, newMemory, seed, 120)
	}
}
