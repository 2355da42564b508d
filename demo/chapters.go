package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/taeldb/tael/bench/loadgen"
	"go.opentelemetry.io/otel"
)

// runPrograms runs the instrumented programs until all their spans are exported.
func (w *show) runPrograms(ctx context.Context) error {
	// The SDK tells here what it cannot export, partial success included.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { w.check(false, "the SDK says: %v", err) }))
	shopSpans, err := startSDK(ctx, "grpc", w.taeld.GRPC, shopService, w.sent)
	if err != nil {
		return err
	}
	agentSpans, err := startSDK(ctx, "http", strings.TrimPrefix(w.taeld.OTLP, "http://"), agentService, w.sent)
	if err != nil {
		return errors.Join(err, shutdown(ctx, shopSpans))
	}
	shop, err := startShop(ctx, shopSpans)
	if err != nil {
		return errors.Join(err, shutdown(ctx, shopSpans, agentSpans))
	}
	runs, err := newAgent(agentSpans, shop.url).runAll(ctx)
	err = errors.Join(err, shop.close(ctx), shutdown(ctx, shopSpans, agentSpans))
	if err != nil {
		return err
	}
	w.runs = runs
	w.chapter("Two programs with the OpenTelemetry SDK ran: %s (HTTP service with a database client, OTLP gRPC) and %s (agent loop, OTLP HTTP)", shopService, agentService)
	w.say("%d agent runs, each one trace over both programs; taeld acknowledged %d spans of %d traces", len(runs), w.sent.spans, len(w.sent.traces))
	w.check(len(w.sent.traces) == len(runs), "%d traces were exported, %d were made", len(w.sent.traces), len(runs))
	return nil
}

// sendLoad adds the generated spans.
func (w *show) sendLoad(ctx context.Context) error {
	var err error
	if w.load, err = newLoad(1, generated, false); err != nil {
		return err
	}
	w.spans = allSpans(w.load.Generator())
	o := loadgen.DefaultOptions()
	o.Endpoint = w.taeld.OTLP
	report, err := loadgen.Run(ctx, o, loadgen.Stream(w.load.Generator(), false), w.load)
	if err != nil {
		return err
	}
	w.chapter("%d generated spans of %d agent traces were sent and acknowledged in %.1f s", report.Spans, w.load.Generator().Traces(), report.Elapsed.Seconds())
	w.say("each acknowledgement means: on disk; %d requests, the slowest took %d ms", report.Requests, report.Latency.Max().Milliseconds())
	w.check(report.Spans == generated && report.Rejected == 0, "%d spans acknowledged, %d rejected, want %d and 0", report.Spans, report.Rejected, generated)
	return nil
}

func (w *show) askWhileHot(ctx context.Context) error {
	w.chapter("Asked while hot: everything is in Badger, nothing in Parquet yet")
	return w.ask(ctx, false)
}

// flush moves everything to Parquet.
func (w *show) flush(ctx context.Context) error {
	did, err := w.api.flush(ctx)
	if err != nil {
		return err
	}
	w.chapter("Flushed: taeld says that it wrote %v rows into %v files in %.2f s", did["rows"], did["files"], did["seconds"])
	rows, err := w.cold.tellFiles(ctx, w.story)
	if err != nil {
		return err
	}
	want := int64(w.load.Spans() + w.sent.spans)
	w.check(rows == want, "the Parquet files have %d rows, %d spans were acknowledged", rows, want)
	return nil
}

func (w *show) askAgain(ctx context.Context) error {
	w.chapter("Asked again: now the answers come from Parquet")
	return w.ask(ctx, true)
}

// ask asks for traces by id and by filter, of the programs and of the load. cold says where the spans must be.
func (w *show) ask(ctx context.Context, cold bool) error {
	if err := w.askSamples(ctx, w.load, "generated traces"); err != nil {
		return err
	}
	if err := w.askPrograms(ctx); err != nil {
		return err
	}
	for i, q := range searches(w.load.Generator()) {
		if err := w.search(ctx, q, i == 0, cold); err != nil {
			return err
		}
	}
	return nil
}

// askSamples asks for some of the traces of a load by id.
func (w *show) askSamples(ctx context.Context, ledger *loadgen.Ledger, what string) error {
	o := loadgen.DefaultVerifyOptions()
	o.URL, o.Sample = w.taeld.REST, 300
	report, err := loadgen.Verify(ctx, o, ledger)
	if err != nil {
		return err
	}
	w.say("%d %s by id: %d have every span exactly once; half of the answers took less than %.1f ms",
		report.Traces, what, report.Complete, report.Latency.Quantile(0.5).Seconds()*1e3)
	w.checked(report)
	return nil
}

// checked counts each trace that is whole as one check, and tells of the others together.
func (w *show) checked(r loadgen.VerifyReport) {
	w.right(r.Complete)
	if err := r.Err(); err != nil {
		w.check(false, "%v", err)
	}
}

// search asks one question and compares the answer, in order, with what the generator knows.
func (w *show) search(ctx context.Context, q search, where, cold bool) error {
	want := q.answer(w.spans)
	query := q.query
	query.Set("limit", fmt.Sprint(q.limit))
	query.Set("explain", "true")
	got, err := w.api.list(ctx, "/api/v1/spans", query)
	if err != nil {
		return err
	}
	w.say("%s: %d spans in %.1f ms", q.what, len(got.Spans), got.took.Seconds()*1e3)
	w.check(!got.Partial && len(got.Spans) == len(want), "%s: %d spans (partial %t), want %d", q.what, len(got.Spans), got.Partial, len(want))
	for i := range min(len(got.Spans), len(want)) {
		d := differs(got.Spans[i], want[i])
		w.check(d == "", "%s: row %d %s", q.what, i, d)
	}
	if len(got.Spans) > 0 {
		r := got.Spans[0]
		w.say("    first: %s %s %q, %.1f ms, status %s, trace %s", r.Start.Format("15:04:05.000"), r.Service, r.Operation, r.DurationMS, r.Status, r.TraceID)
	}
	if where {
		files, hot := number(got.Explain["cold_files"]), number(got.Explain["hot_fragments"])
		w.check(cold == (files > 0) && cold == (hot == 0), "read from %v cold files and %v hot fragments, want the other tier", files, hot)
	}
	return nil
}

// number is a number of an answer, -1 if it is none.
func number(v any) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return -1
}
