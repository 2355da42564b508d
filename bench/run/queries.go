package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
)

const (
	lookups      = 200
	searchRounds = 40
)

// keepHot are options under which a million spans stay hot, in one segment, until they are flushed by request, and more than that stay hot for
// long.
func keepHot() []string {
	return []string{"--memory-limit", "12GiB", "--hot-max-bytes", "1GiB", "--hot-max-age", "24h", "--flush-share", "0.01"}
}

func measureQueries(ctx context.Context, b *bench) error {
	l, err := newLoad(1, b.spans, time.Now(), false)
	if err != nil {
		return err
	}
	s, err := b.start(ctx, serverOptions{args: keepHot()})
	if err != nil {
		return err
	}
	if _, err := b.send(ctx, s, loadgen.Stream(l.gen, false), l.ledger); err != nil {
		return err
	}
	if err := b.ask(ctx, s, l, "hot"); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	return b.ask(ctx, s, l, "cold")
}

// ask measures look-ups and searches in one tier. Everything is in the page cache.
func (b *bench) ask(ctx context.Context, s *server, l load, tier string) error {
	if err := s.tier(ctx, tier); err != nil {
		return err
	}
	profile := b.profile(ctx, s, tier)
	times, err := b.lookups(ctx, s, l, lookups)
	if err != nil {
		return err
	}
	b.say("%d traces by id, %s: p50 %.2f ms, p99 %.2f ms", lookups, tier, ms(times.Quantile(0.5)), ms(times.Quantile(0.99)))
	b.set("trace."+tier, ms(times.Quantile(0.5)))
	b.set("trace."+tier+"_p99", ms(times.Quantile(0.99)))
	for _, q := range questions() {
		r := rand.New(rand.NewPCG(uint64(b.round), 1))
		var times loadgen.Latencies
		for range searchRounds {
			query, want := q.ask(l.gen, r)
			query.Set("limit", "20")
			begin := time.Now()
			body, err := s.get(ctx, "/api/v1/spans?"+query.Encode())
			if err != nil {
				return err
			}
			times = append(times, time.Since(begin))
			if err := holds(body, want); err != nil {
				return fmt.Errorf("search for %s in the %s tier: %w", query.Encode(), tier, err)
			}
		}
		b.set(q.name+"."+tier, ms(times.Quantile(0.5)))
		b.say("%s, %s: p50 %.2f ms, p99 %.2f ms", q.name, tier, ms(times.Quantile(0.5)), ms(times.Quantile(0.99)))
	}
	return profile()
}

// lookups asks for random traces, one at a time, and holds every answer against what was acknowledged.
func (b *bench) lookups(ctx context.Context, s *server, l load, n int) (loadgen.Latencies, error) {
	r := rand.New(rand.NewPCG(uint64(b.round), 2))
	var times loadgen.Latencies
	for range n {
		trace := r.IntN(l.gen.Traces())
		begin := time.Now()
		body, err := s.get(ctx, fmt.Sprintf("/api/v1/traces/%x", l.gen.TraceID(trace)))
		if err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
		if err := holds(body, l.gen.TraceSpans(trace)); err != nil {
			return nil, fmt.Errorf("trace %x: %w", l.gen.TraceID(trace), err)
		}
	}
	return times, nil
}

// holds says whether an answer has so many spans.
func holds(body []byte, want int) error {
	var answer struct {
		Partial bool              `json:"partial"`
		Spans   []json.RawMessage `json:"spans"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	if answer.Partial || len(answer.Spans) != want {
		return fmt.Errorf("the answer has %d spans (partial %t), want %d", len(answer.Spans), answer.Partial, want)
	}
	return nil
}

// question is a search; ask gives its parameters and how many spans must be found with a limit of 20.
type question struct {
	name string
	ask  func(g *gen.Generator, r *rand.Rand) (url.Values, int)
}

func questions() []question {
	busy := []string{"agent-runtime", "planner", "tool-runner", "guardrails"}
	rare := func(key string, value func(gen.Trace) string) func(*gen.Generator, *rand.Rand) (url.Values, int) {
		return func(g *gen.Generator, r *rand.Rand) (url.Values, int) {
			trace := r.IntN(g.Traces())
			return url.Values{"attribute": {key + "=" + value(g.Trace(trace))}}, len(g.SameUser(trace))
		}
	}
	return []question{
		{"duration", func(_ *gen.Generator, r *rand.Rand) (url.Values, int) {
			return url.Values{"service": {busy[r.IntN(len(busy))]}, "min_duration_ms": {"200"}}, 20
		}},
		{"common", func(_ *gen.Generator, r *rand.Rand) (url.Values, int) {
			return url.Values{"service": {busy[r.IntN(len(busy))]}, "attribute": {"gen_ai.request.model=gpt-5-mini"}}, 20
		}},
		{"promoted", rare("user.id", func(t gen.Trace) string { return t.UserID })},
		{"rare", rare("app.order.id", func(t gen.Trace) string { return t.OrderID })},
	}
}
