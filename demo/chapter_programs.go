package main

import (
	"context"
	"fmt"
	"net/url"
)

// askPrograms asks for what the instrumented programs did: every trace as OTLP, attribute by attribute as it was sent, and by filters.
func (w *show) askPrograms(ctx context.Context) error {
	attributes := 0
	for id, sent := range w.sent.traces {
		batches, err := w.api.otlp(ctx, id)
		if err != nil {
			return err
		}
		got := byTrace(batches)[id]
		w.check(len(got) == len(sent) && countSpans(batches) == len(sent), "trace %s came back with %d spans, %d were sent", id, countSpans(batches), len(sent))
		for span, want := range sent {
			d := "is not there"
			if g, ok := got[span]; ok {
				d = sameSpan(g, want)
			}
			w.check(d == "", "span %s of trace %s: %s", span, id, d)
			attributes += len(want.span.GetAttributes())
		}
	}
	w.say("%d traces of the instrumented programs as OTLP: %d spans with %d attributes are as they were sent", len(w.sent.traces), w.sent.spans, attributes)
	return w.askRuns(ctx)
}

// askRuns searches for what the demo knows of the agent's runs.
func (w *show) askRuns(ctx context.Context) error {
	const many = 150
	failed, costly := map[string]bool{}, 0
	for _, r := range w.runs {
		if r.failed {
			failed[r.traceID] = true
		}
		for _, n := range r.outputTokens {
			if n >= many {
				costly++
			}
		}
	}
	p, err := w.api.list(ctx, "/api/v1/traces", url.Values{"service": {agentService}, "status": {"error"}})
	if err != nil {
		return err
	}
	same := len(p.Traces) == len(failed)
	for _, t := range p.Traces {
		same = same && failed[t.TraceID]
	}
	w.say("agent runs that failed: %d of %d", len(p.Traces), len(w.runs))
	w.check(same, "the failed runs are %v, want %v", p.Traces, failed)

	question := fmt.Sprintf("gen_ai.usage.output_tokens>=%d", many)
	p, err = w.api.list(ctx, "/api/v1/spans", url.Values{"service": {agentService}, "attribute": {"gen_ai.operation.name=chat", question}, "limit": {"1000"}})
	if err != nil {
		return err
	}
	w.say("model calls with %s: %d", question, len(p.Spans))
	w.check(len(p.Spans) == costly, "%d model calls with %s, want %d", len(p.Spans), question, costly)
	for _, s := range p.Spans {
		w.check(number(s.Attributes["gen_ai.usage.output_tokens"]) >= many, "span %s has %v output tokens", s.SpanID, s.Attributes["gen_ai.usage.output_tokens"])
	}

	last := w.runs[len(w.runs)-1]
	p, err = w.api.list(ctx, "/api/v1/traces/"+last.traceID, nil)
	if err != nil {
		return err
	}
	w.say("the last run, trace %s:", last.traceID)
	for _, s := range p.Spans[:min(len(p.Spans), 6)] {
		w.say("    %-14s %-28s %7.1f ms  %s", s.Service, s.Operation, s.DurationMS, s.Status)
	}
	if more := len(p.Spans) - 6; more > 0 {
		w.say("    and %d more", more)
	}
	w.check(len(p.Spans) == len(w.sent.traces[last.traceID]), "the last run has %d spans, want %d", len(p.Spans), len(w.sent.traces[last.traceID]))
	return nil
}
