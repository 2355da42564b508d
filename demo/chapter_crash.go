package main

import (
	"context"
	"fmt"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
)

// crashAfter is how many spans more are acknowledged before taeld is killed, in the middle of writes.
const crashAfter = 40_000

// crash kills taeld with SIGKILL while it takes spans, starts it again, and asks for everything that was ever acknowledged.
func (w *show) crash(ctx context.Context) error {
	// Another load, as SDKs send it that export directly.
	more, err := newLoad(2, 20*crashAfter, true)
	if err != nil {
		return err
	}
	o := loadgen.DefaultOptions()
	o.Endpoint, o.MaxElapsed, o.Timeout = w.taeld.OTLP, 0, 10*time.Second
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := loadgen.Run(sending, o, loadgen.Stream(more.Generator(), false), more)
		ended <- err
	}()
	for more.Spans() < crashAfter {
		select {
		case err := <-ended:
			return fmt.Errorf("the writes ended before the kill: %w", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := w.taeld.Kill(); err != nil {
		return err
	}
	if err := <-ended; err == nil {
		w.check(false, "the writes went on after the kill")
	}
	w.chapter("SIGKILL in the middle of writes, with %d more spans acknowledged", more.Spans())
	if err := w.taeld.Restart(ctx); err != nil {
		return err
	}
	w.say("started again and ready after %.0f ms", w.taeld.ReadyAfter().Seconds()*1e3)
	for _, part := range []struct {
		what   string
		ledger *loadgen.Ledger
	}{{"spans from before the flush", w.load}, {"spans from before the kill", more}} {
		o := loadgen.DefaultVerifyOptions()
		o.URL = w.taeld.REST
		report, err := loadgen.Verify(ctx, o, part.ledger)
		if err != nil {
			return err
		}
		w.say("%s: %d acknowledged in %d traces; missing %d, doubled %d", part.what, report.Spans, report.Traces, report.Missing, report.Doubled)
		w.checked(report)
	}
	return nil
}

// askAfterCrash flushes what the crash left and counts the rows, and asks for the instrumented programs once more.
func (w *show) askAfterCrash(ctx context.Context) error {
	did, err := w.api.flush(ctx)
	if err != nil {
		return err
	}
	w.chapter("Flushed after the crash: %v more rows", did["rows"])
	if _, err := w.cold.tellFiles(ctx, w.story); err != nil {
		return err
	}
	return w.askPrograms(ctx)
}
