package main

import (
	"context"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
)

// hotWanted is how much hot data there is to be at the kill, for the whole base load of a million spans.
const hotWanted = 1 << 30

// measureReady takes the time from the start of a process to its being ready, over hot data that a killed one left.
func measureReady(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, serverOptions{args: keepHot()})
	if err != nil {
		return err
	}
	want := int64(hotWanted * min(1, float64(b.spans)/1e6))
	var hot, cold int64
	var last load
	for seed := uint64(1); hot < want; seed++ {
		if last, err = newLoad(seed, max(1, b.spans/2), time.Now(), false); err != nil {
			return err
		}
		if _, err := b.send(ctx, s, loadgen.Stream(last.gen, false), last.ledger); err != nil {
			return err
		}
		if hot, cold, err = s.stored(ctx); err != nil {
			return err
		}
	}
	if err := s.kill(); err != nil {
		return err
	}
	b.say("killed with %s of hot and %s of cold data", human(float64(hot), "B"), human(float64(cold), "B"))
	again, err := b.start(ctx, serverOptions{args: keepHot(), data: s.data})
	if err != nil {
		return err
	}
	b.set("ready.time", again.readyAfter.Seconds())
	b.set("ready.hot", float64(hot))
	return again.verify(ctx, last.ledger, 200)
}

// measureKill counts the traces that are not whole after a SIGKILL that follows the last acknowledgement at once.
func measureKill(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, serverOptions{})
	if err != nil {
		return err
	}
	l, err := newLoad(1, max(1, b.spans/5), time.Now(), false)
	if err != nil {
		return err
	}
	src, err := loadgen.Memory(l.gen, false)
	if err != nil {
		return err
	}
	if _, err := b.send(ctx, s, src, l.ledger); err != nil {
		return err
	}
	if err := s.kill(); err != nil {
		return err
	}
	recent := l.ledger.Recent(200)
	again, err := b.start(ctx, serverOptions{data: s.data})
	if err != nil {
		return err
	}
	o := loadgen.DefaultVerifyOptions()
	o.URL = again.rest
	report, err := loadgen.Verify(ctx, o, l.ledger, recent...)
	if err != nil {
		return err
	}
	b.set("kill.lost", float64(report.Traces-report.Complete))
	b.say("%d of %d traces whole after the kill", report.Complete, report.Traces)
	return nil
}
