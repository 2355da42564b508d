package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
)

const (
	agentService = "demo-assistant"
	agentRuns    = 48
	agentsAtOnce = 8
)

// agent is a loop that asks a model, does what the model wants with a tool, and asks again, with the spans of the GenAI conventions. Its
// tools are requests to the shop, so that a trace has spans of two programs.
type agent struct {
	tracer trace.Tracer
	client *http.Client
	shop   string
}

// agentRun is what the demo knows about one run without asking taeld.
type agentRun struct {
	traceID      string
	order        string
	outputTokens []int // of each call of the model
	failed       bool
}

func newAgent(provider trace.TracerProvider, shop string) *agent {
	return &agent{
		tracer: provider.Tracer("demo/agent", trace.WithInstrumentationVersion("2.0.0"), trace.WithSchemaURL("https://opentelemetry.io/schemas/1.37.0")),
		client: &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{}))},
		shop:   shop,
	}
}

// runAll does all runs, several at a time.
func (a *agent) runAll(ctx context.Context) ([]agentRun, error) {
	runs := make([]agentRun, agentRuns)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(agentsAtOnce)
	for i := range runs {
		group.Go(func() (err error) {
			runs[i], err = a.run(ctx, i)
			return err
		})
	}
	return runs, group.Wait()
}

func (a *agent) run(ctx context.Context, i int) (agentRun, error) {
	run := agentRun{order: fmt.Sprintf("order-%d", i)}
	// Each run points to the conversation that it goes on with, in a trace that is not ours.
	before := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xc0, 15: byte(i + 1)}, SpanID: trace.SpanID{0xab, 7: byte(i + 1)}, TraceFlags: trace.FlagsSampled})
	ctx, span := a.tracer.Start(ctx, "invoke_agent order-desk", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindInternal),
		trace.WithLinks(trace.Link{SpanContext: before, Attributes: []attribute.KeyValue{attribute.String("reason", "continues")}}),
		trace.WithAttributes(attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", "order-desk"),
			attribute.String("session.id", fmt.Sprintf("demo-session-%d", i/4)), attribute.String("user.id", fmt.Sprintf("demo-user-%d", i))))
	defer span.End()
	run.traceID = span.SpanContext().TraceID().String()
	prompt := "Where is " + run.order + "?"
	for step := range 2 + i%3 {
		run.outputTokens = append(run.outputTokens, a.chat(ctx, prompt, i, step))
		method, path := http.MethodGet, "/orders/"+run.order
		if step > 0 {
			method, path = http.MethodPost, path+"/refunds"
		}
		code, err := a.tool(ctx, method, path)
		if err != nil {
			return run, err
		}
		if code >= http.StatusInternalServerError {
			run.failed = true
			span.SetStatus(codes.Error, "the shop failed")
			break
		}
		prompt = fmt.Sprintf("The tool said %d. What next for %s?", code, run.order)
	}
	return run, nil
}

// chat makes the span of one call of a model and gives the tokens of its answer.
func (a *agent) chat(ctx context.Context, prompt string, i, step int) int {
	_, span := a.tracer.Start(ctx, "chat demo-model-1", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.provider.name", "openai"),
		attribute.String("gen_ai.request.model", "demo-model-1"), attribute.Float64("gen_ai.request.temperature", 0.2),
		attribute.Int("gen_ai.request.max_tokens", 4096), attribute.StringSlice("gen_ai.request.stop_sequences", []string{"END", "STOP"})))
	defer span.End()
	tokens := 20 + 7*i + 100*step
	span.AddEvent("gen_ai.user.message", trace.WithAttributes(attribute.String("content", prompt)))
	span.SetAttributes(attribute.Int("gen_ai.usage.input_tokens", len(prompt)), attribute.Int("gen_ai.usage.output_tokens", tokens),
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{"tool_calls"}), attribute.Bool("demo.streamed", step%2 == 0),
		attribute.Float64Slice("demo.logprobs", []float64{-0.5, -1.25}), attribute.Int64Slice("demo.token_ids", []int64{1, 1 << 60}))
	return tokens
}

// tool makes the span of one call of a tool, which is a request to the shop.
func (a *agent) tool(ctx context.Context, method, path string) (int, error) {
	ctx, span := a.tracer.Start(ctx, "execute_tool shop", trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "execute_tool"), attribute.String("gen_ai.tool.name", "shop")))
	defer span.End()
	req, err := http.NewRequestWithContext(ctx, method, a.shop+path, nil)
	if err != nil {
		return 0, fmt.Errorf("the agent's tool: %w", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("the agent's tool: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, fmt.Errorf("the agent's tool: read the answer: %w", err)
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, resp.Status)
	}
	return resp.StatusCode, nil
}
