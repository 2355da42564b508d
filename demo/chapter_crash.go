package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
)

// crashAfter is how many spans more are acknowledged before taeld is killed, in the middle of writes.
const crashAfter = 40_000

// crash kills taeld with SIGKILL while it takes spans, starts it again, and looks for everything that was ever acknowledged.
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
	if err := w.countAll(ctx, more); err != nil {
		return err
	}
	return w.askSamples(ctx, more, "traces from just before the kill")
}

// countAll walks the list of all spans, page by page, and checks that every acknowledged one is in it exactly once. Spans that were on their
// way when taeld was killed may be there or not.
func (w *show) countAll(ctx context.Context, more *loadgen.Ledger) error {
	begin := time.Now()
	times := map[string]int{}
	query := url.Values{"limit": {"10000"}}
	for pages := 1; ; pages++ {
		body, err := w.api.get(ctx, "/api/v1/spans", query)
		if err != nil {
			return err
		}
		var page struct {
			Spans []struct {
				TraceID string `json:"trace_id"`
				SpanID  string `json:"span_id"`
			} `json:"spans"`
			Partial bool   `json:"partial"`
			Cursor  string `json:"next_cursor"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return fmt.Errorf("decode page %d of all spans: %w", pages, err)
		}
		w.check(!page.Partial, "page %d of all spans is partial", pages)
		for _, s := range page.Spans {
			times[s.TraceID+s.SpanID]++
		}
		if page.Cursor == "" {
			w.say("all spans listed, newest first: %d in %d pages in %.1f s", len(times), pages, time.Since(begin).Seconds())
			break
		}
		query.Set("cursor", page.Cursor)
	}
	known := w.count(times, w.load, "generated spans from before the flush")
	known += w.count(times, more, "generated spans from just before the kill")
	found := 0
	for trace, spans := range w.sent.traces {
		for span := range spans {
			if times[trace+span] == 1 {
				found++
			}
		}
	}
	w.say("spans of the instrumented programs: %d acknowledged, %d there exactly once", w.sent.spans, found)
	w.check(found == w.sent.spans, "%d spans of the instrumented programs are there exactly once, want %d", found, w.sent.spans)
	w.check(len(times) <= known+w.sent.spans, "%d spans are there that nobody sent", len(times)-known-w.sent.spans)
	return nil
}

// count checks each trace of a load: one check for all of its acknowledged spans. It gives the number of spans that are there.
func (w *show) count(times map[string]int, ledger *loadgen.Ledger, what string) (there int) {
	g := ledger.Generator()
	right, missing, doubled := 0, 0, 0
	for trace := range g.Traces() {
		id := g.TraceID(trace)
		wrong := missing + doubled
		for j := range g.TraceSpans(trace) {
			span := g.SpanID(trace, j)
			n := times[hex.EncodeToString(id[:])+hex.EncodeToString(span[:])]
			there += min(n, 1)
			if n > 1 {
				doubled++
			}
			if n == 0 && ledger.Acked(trace)>>j&1 == 1 {
				missing++
			}
		}
		if ledger.Acked(trace) != 0 && missing+doubled == wrong {
			right++
		}
	}
	w.say("%s: %d acknowledged in %d traces, missing %d, doubled %d", what, ledger.Spans(), len(ledger.Traces()), missing, doubled)
	w.right(right)
	w.check(missing+doubled == 0, "%s: %d missing, %d doubled", what, missing, doubled)
	return there
}

// askAfterCrash has what the crash left written to Parquet as well, and asks for the instrumented programs once more.
func (w *show) askAfterCrash(ctx context.Context) error {
	if _, err := w.api.flush(ctx); err != nil {
		return err
	}
	w.chapter("What was hot at the kill is Parquet now, too")
	if _, err := w.cold.tellFiles(ctx, w.story); err != nil {
		return err
	}
	return w.askPrograms(ctx)
}
