package main

import (
	"context"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
)

func measureIngest(ctx context.Context, b *bench) error {
	return b.ingest(ctx, "ingest", false, false)
}

func measureGzip(ctx context.Context, b *bench) error { return b.ingest(ctx, "gzip", true, false) }

func measureDirect(ctx context.Context, b *bench) error { return b.ingest(ctx, "direct", false, true) }

// ingest sends the load from memory and then has it flushed; the names of the lines begin with the prefix.
func (b *bench) ingest(ctx context.Context, prefix string, gzip, direct bool) error {
	l, err := newLoad(1, b.spans, time.Now(), direct)
	if err != nil {
		return err
	}
	src, err := loadgen.Memory(l.gen, gzip)
	if err != nil {
		return err
	}
	s, err := b.start(ctx, serverOptions{})
	if err != nil {
		return err
	}
	before, err := s.cost()
	if err != nil {
		return err
	}
	profile := b.profile(ctx, s, "ingest")
	report, err := b.send(ctx, s, src, l.ledger)
	if err != nil {
		return err
	}
	acked, err := s.cost()
	if err != nil {
		return err
	}
	if err := profile(); err != nil {
		return err
	}
	b.set(prefix+".cpu", perMillion(acked.cpu-before.cpu, report.Spans))
	if prefix != "ingest" {
		return nil
	}
	b.set("ingest.rate", report.SpansPerSecond())
	profile = b.profile(ctx, s, "flush")
	if err := s.flush(ctx); err != nil {
		return err
	}
	if err := profile(); err != nil {
		return err
	}
	flushed, err := s.cost()
	if err != nil {
		return err
	}
	cold, err := diskUsage(s.cold)
	if err != nil {
		return err
	}
	b.set("ingest.flushed_cpu", perMillion(flushed.cpu-before.cpu, report.Spans))
	b.set("ingest.cold_bytes", float64(cold)/float64(report.Spans))
	b.set("ingest.written", float64(flushed.written-before.written)/float64(report.RawBytes))
	// Numbers of a store that lost something are worth nothing.
	return s.verify(ctx, l.ledger, 200)
}
