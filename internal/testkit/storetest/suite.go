package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

// Run checks that a store answers as a tael.Store must. newStore gives an empty store, and is called in every subtest; subtests run at the same
// time as far as go test allows, because they mostly wait for disks.
func Run(t *testing.T, newStore func(t *testing.T) Harness) {
	t.Run("suite", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *trial){
			"empty": testEmpty, "lossless": testLossless, "versions": testVersions, "retries": testRetries, "pages of equal times": testEqualTimes,
			"filters": testFilters, "tenants": testTenants, "invalid": testInvalid, "cancelled": testCancelled, "stats": testStats, "large trace": testLargeTrace,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, &trial{t: t, h: newStore(t), m: NewModel()})
			})
		}
		for _, seed := range Seeds(2) {
			t.Run(fmt.Sprintf("random seed %d", seed), func(t *testing.T) {
				t.Parallel()
				Random(t, newStore, seed, 60)
			})
		}
	})
}

// trial is a store beside a model.
type trial struct {
	t *testing.T
	h Harness
	m *Model
}

func (b *trial) append(tenant string, spans ...tael.Span) {
	b.t.Helper()
	if err := Append(b.t.Context(), b.h, tenant, spans); err != nil {
		b.t.Fatal(err)
	}
	b.m.Append(tenant, spans)
}

func (b *trial) do(what func(context.Context) error) {
	b.t.Helper()
	if err := what(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// check compares every trace and the whole lists of a tenant.
func (b *trial) check(tenant string) {
	b.t.Helper()
	for _, tr := range b.m.Traces(tenant, &tael.Filter{}, tael.SortTime, true) {
		b.do(func(ctx context.Context) error { return CheckTrace(ctx, b.h, b.m, tenant, tr.Summary.TraceID) })
	}
	b.lists(tenant, tael.Filter{}, 50)
}

// lists compares the pages of a filter in every order.
func (b *trial) lists(tenant string, f tael.Filter, limit int) {
	b.t.Helper()
	for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
		b.do(func(ctx context.Context) error {
			return CheckSpans(ctx, b.h, b.m, tenant, tael.SpanQuery{Filter: f, Sort: sort, Limit: limit})
		})
		for _, full := range []bool{false, true} {
			b.do(func(ctx context.Context) error {
				return CheckTraces(ctx, b.h, b.m, tenant, tael.TraceQuery{Filter: f, Sort: sort, Limit: limit, Full: full})
			})
		}
	}
}

// everywhere runs a check on what was appended as it lies, after a flush, after a restart, and after one more flush.
func (b *trial) everywhere(check func()) {
	b.t.Helper()
	check()
	b.do(b.h.Flush)
	check()
	b.do(b.h.Restart)
	check()
	b.do(b.h.Flush)
	check()
}

func testEmpty(t *testing.T, b *trial) {
	b.everywhere(func() {
		if _, err := b.h.Trace(t.Context(), tael.DefaultTenant, tael.TraceID{1}, tael.TraceOptions{}); !errors.Is(err, tael.ErrNotFound) {
			t.Errorf("trace: want not found, got %v", err)
		}
		b.lists(tael.DefaultTenant, tael.Filter{}, 10)
		s, err := b.h.Stats(t.Context(), tael.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		if s.Spans != 0 || s.Traces != 0 || s.HotSpans != 0 || s.ColdSpans != 0 {
			t.Errorf("stats: got %+v", s)
		}
	})
}

func testLossless(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(11), 300)
	for len(spans) > 0 {
		n := min(len(spans), 70)
		b.append(tael.DefaultTenant, spans[:n]...)
		spans = spans[n:]
	}
	b.everywhere(func() { b.check(tael.DefaultTenant) })
}

func testVersions(t *testing.T, b *trial) {
	g := NewGenerator(NewRand(12))
	s := g.Span()
	change := func(name string, end uint64) tael.Span {
		c := s
		c.Name, c.End = name, end
		return c
	}
	end := s.Start + uint64(time.Second)
	for i, v := range []tael.Span{
		change("first", end), change("later end", end+5), change("earlier end is old", end+1), change("same end, arrived later", end+5), change("oldest", end-5), change("last", end+6),
	} {
		b.append(tael.DefaultTenant, v, g.Span())
		b.check(tael.DefaultTenant)
		if i%2 == 1 {
			b.do(b.h.Flush)
			b.check(tael.DefaultTenant)
		}
		if i == 3 {
			b.do(b.h.Restart)
			b.check(tael.DefaultTenant)
		}
	}
	for _, name := range []string{"first", "same end", "oldest", "last"} { // an old version is not found by what only it had
		b.lists(tael.DefaultTenant, tael.Filter{Operation: name}, 10)
	}
	b.everywhere(func() { b.check(tael.DefaultTenant) })
}

func testRetries(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(13), 60)
	for i := range 4 {
		b.append(tael.DefaultTenant, spans...)
		b.append(tael.DefaultTenant, spans[i*10:i*10+20]...)
		b.check(tael.DefaultTenant)
		if i%2 == 1 {
			b.do(b.h.Flush)
		}
	}
	b.everywhere(func() { b.check(tael.DefaultTenant) })
}

func testEqualTimes(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(14), 120)
	for i := range spans {
		spans[i].Start, spans[i].End = uint64(Base.UnixNano()), uint64(Base.UnixNano())+uint64(i%2)
	}
	b.append(tael.DefaultTenant, spans[:50]...)
	b.do(b.h.Flush)
	b.append(tael.DefaultTenant, spans[50:]...)
	b.everywhere(func() {
		for _, limit := range []int{7, 59, 60, 119, 120, 121} {
			b.lists(tael.DefaultTenant, tael.Filter{}, limit)
		}
	})
}

func testFilters(t *testing.T, b *trial) {
	rng := NewRand(15)
	spans := RandomSpans(rng, 200)
	b.append(tael.DefaultTenant, spans[:100]...)
	b.do(b.h.Flush)
	b.append(tael.DefaultTenant, spans[100:]...)
	filters := make([]tael.Filter, 25)
	for i := range filters {
		filters[i] = RandomFilter(rng, spans)
	}
	check := func() {
		t.Helper()
		for _, f := range filters {
			b.lists(tael.DefaultTenant, f, 60)
		}
	}
	check()
	b.do(b.h.Flush)
	check()
}

func testTenants(t *testing.T, b *trial) {
	spans := RandomSpans(NewRand(16), 40)
	b.append("a", spans[:30]...)
	b.append("b", spans[20:]...) // some spans are the same to the byte
	for i := range spans[20:25] {
		spans[20+i].End += uint64(time.Second)
		spans[20+i].Name = "changed in a"
	}
	b.append("a", spans[20:25]...)
	b.everywhere(func() {
		for _, tenant := range []string{"a", "b", "c"} {
			b.check(tenant)
		}
		b.do(func(ctx context.Context) error { return CheckTrace(ctx, b.h, b.m, "c", spans[0].TraceID) })
	})
}
