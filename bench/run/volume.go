package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
)

// measureMemory reads the peak while five loads come in at full speed and are flushed, and what stays after a rest.
func measureMemory(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, serverOptions{})
	if err != nil {
		return err
	}
	profile := b.profile(ctx, s, "load")
	l, err := newLoad(1, 5*b.spans, time.Now(), false)
	if err != nil {
		return err
	}
	if _, err := b.send(ctx, s, loadgen.Stream(l.gen, false), l.ledger); err != nil {
		return err
	}
	if err := profile(); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	peak, err := peakMemory(s.pid)
	if err != nil {
		return err
	}
	b.say("peak %s; resting for %s", human(float64(peak), "B"), b.rest)
	if err := wait(ctx, b.rest); err != nil {
		return err
	}
	rest, err := anonymousMemory(s.pid)
	if err != nil {
		return err
	}
	b.set("memory.peak", float64(peak))
	b.set("memory.rest", float64(rest))
	return s.verify(ctx, l.ledger, 200)
}

// measureGrowth stores ten loads, each later in time than the one before, and compares the cost of the last with that of the first.
func measureGrowth(ctx context.Context, b *bench) error {
	const steps = 10
	s, err := b.start(ctx, serverOptions{})
	if err != nil {
		return err
	}
	begin := time.Now().Add(-steps * 10 * time.Minute)
	var stored []load
	var cpus, times []float64
	for i := range steps {
		l, err := newLoad(uint64(i+1), b.spans, begin.Add(time.Duration(i+1)*10*time.Minute), false)
		if err != nil {
			return err
		}
		before, err := s.cost()
		if err != nil {
			return err
		}
		report, err := b.send(ctx, s, loadgen.Stream(l.gen, false), l.ledger)
		if err != nil {
			return err
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
		after, err := s.cost()
		if err != nil {
			return err
		}
		stored = append(stored, l)
		// The traces asked for are of all loads so far.
		var all loadgen.Latencies
		for _, l := range stored {
			some, err := b.lookups(ctx, s, l, max(20, lookups/len(stored)))
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		cpus = append(cpus, perMillion(after.cpu-before.cpu, report.Spans))
		times = append(times, ms(all.Quantile(0.5)))
		b.say("load %d: %.2f s of CPU per million spans, trace by id %.2f ms", i+1, cpus[i], times[i])
	}
	b.series["growth.cpu"], b.series["growth.lookup"] = cpus, times
	b.set("growth.cpu", cpus[steps-1]/cpus[0])
	b.set("growth.lookup", times[steps-1]/times[0])
	return nil
}

// measureSustained sends for a long time at full speed; what is hot at the end is flushed within the time that counts.
func measureSustained(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, serverOptions{})
	if err != nil {
		return err
	}
	profile := b.profile(ctx, s, "load")
	begin := time.Now()
	report, err := b.send(ctx, s, endless{spans: b.spans, until: begin.Add(b.sustained)}, nil)
	if err != nil {
		return err
	}
	if err := profile(); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	took := time.Since(begin)
	b.set("sustained.rate", float64(report.Spans)/took.Seconds())
	b.say("%s spans in %.0f s with the last flush", thousands(float64(report.Spans)), took.Seconds())
	return nil
}

// endless yields load after load until a time. The loads differ in every id.
type endless struct {
	spans int
	until time.Time
}

func (e endless) Payloads() iter.Seq2[loadgen.Payload, error] {
	return func(yield func(loadgen.Payload, error) bool) {
		for seed := uint64(1); time.Now().Before(e.until); seed++ {
			o := gen.DefaultOptions(time.Now())
			o.Seed, o.Spans = seed, e.spans
			g, err := gen.New(o)
			if err != nil {
				yield(loadgen.Payload{}, fmt.Errorf("load %d: %w", seed, err))
				return
			}
			for p, err := range loadgen.Stream(g, false).Payloads() {
				if !time.Now().Before(e.until) || !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
