package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// Two engines with data directories of their own flush to one table at the same time: traces of their own, traces that both have spans of, spans
// that both were sent, and spans that one changes after the other. Both then answer as one store that was sent everything.
func TestTwoEnginesOnOneTable(t *testing.T) {
	for name, options := range map[string]func(t testing.TB) Options{
		"folder": func(t testing.TB) Options {
			o := smallOptions(t)
			o.ColdURL = "file://" + storetest.Dir(t)
			return o
		},
		"versitygw": onServer(t, s3server.Versitygw),
	} {
		t.Run(name, func(t *testing.T) {
			a := options(t)
			b := smallOptions(t)
			b.ColdURL, b.S3, b.Now = a.ColdURL, a.S3, a.Now
			testShared(t, [2]*harness{newHarness(t, a), newHarness(t, b)})
		})
	}
}

func testShared(t *testing.T, engines [2]*harness) {
	const tenant = tael.DefaultTenant
	ctx := t.Context()
	rng := storetest.NewRand(8)
	gen := storetest.NewGenerator(rng)
	model := storetest.NewModel()
	var sent []tael.Span
	rounds := 12
	if underRace {
		rounds = 6
	}
	for round := range rounds {
		var parts [2][]tael.Span
		for i := range parts {
			for range 15 {
				parts[i] = append(parts[i], gen.Span()) // the generator shares its traces between both
			}
		}
		for range min(8, len(sent)) {
			at := rng.IntN(len(sent))
			if rng.IntN(2) == 0 { // a retry that reaches both
				parts[0], parts[1] = append(parts[0], sent[at]), append(parts[1], sent[at])
				continue
			}
			sent[at].End += uint64(time.Second)
			sent[at].Name = fmt.Sprintf("changed in round %d", round)
			to := &parts[rng.IntN(2)]
			*to = append(*to, sent[at])
		}
		sent = append(append(sent, parts[0][:15]...), parts[1][:15]...)
		for i := range parts {
			model.Append(tenant, parts[i])
			if err := storetest.Append(ctx, engines[i], tenant, parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		for _, e := range engines {
			wg.Go(func() {
				if err := e.Flush(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if round%3 != 2 {
			continue
		}
		for i, e := range engines {
			// What the other one committed is seen after the next look at the table.
			if err := e.showCommits(ctx); err != nil {
				t.Fatal(err)
			}
			if err := compare(ctx, e, model, tenant); err != nil {
				t.Fatalf("round %d, engine %d: %v", round, i, err)
			}
		}
	}
	want := len(model.Spans(tenant, &tael.Filter{}, tael.SortTime))
	for i, e := range engines {
		if err := e.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		if err := compare(ctx, e, model, tenant); err != nil {
			t.Fatalf("engine %d, restarted: %v", i, err)
		}
		s, err := e.Stats(ctx, tenant)
		if err != nil || s.Spans != int64(want) || s.HotSpans != 0 {
			t.Errorf("engine %d: stats %+v, %v, want %d cold spans", i, s, err, want)
		}
	}
}

// compare checks every trace and the whole lists.
func compare(ctx context.Context, e *harness, m *storetest.Model, tenant string) error {
	for _, tr := range m.Traces(tenant, &tael.Filter{}, tael.SortTime, true) {
		if err := storetest.CheckTrace(ctx, e, m, tenant, tr.Summary.TraceID); err != nil {
			return err
		}
	}
	for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
		if err := storetest.CheckSpans(ctx, e, m, tenant, tael.SpanQuery{Sort: sort, Limit: 300}); err != nil {
			return err
		}
		if err := storetest.CheckTraces(ctx, e, m, tenant, tael.TraceQuery{Sort: sort, Limit: 50, Full: true}); err != nil {
			return err
		}
	}
	return nil
}
