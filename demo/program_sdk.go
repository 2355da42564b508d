package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
)

// sentSpan is a span as the SDK's exporter put it on the wire, with what it came under.
type sentSpan struct {
	span                  *tracev1.Span
	resource              *resourcev1.Resource
	scope                 *common.InstrumentationScope
	resourceURL, scopeURL string
}

// ledger keeps what exporters sent and taeld acknowledged, by trace id and span id in hexadecimal.
type ledger struct {
	mu     sync.Mutex
	traces map[string]map[string]sentSpan
	spans  int
}

func newLedger() *ledger { return &ledger{traces: map[string]map[string]sentSpan{}} }

func (l *ledger) add(batches []*tracev1.ResourceSpans) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, spans := range byTrace(batches) {
		if l.traces[id] == nil {
			l.traces[id] = map[string]sentSpan{}
		}
		for span, s := range spans {
			l.traces[id][span] = s
			l.spans++
		}
	}
}

// byTrace sorts the spans of OTLP batches by trace and span id.
func byTrace(batches []*tracev1.ResourceSpans) map[string]map[string]sentSpan {
	out := map[string]map[string]sentSpan{}
	for _, r := range batches {
		for _, sc := range r.GetScopeSpans() {
			for _, s := range sc.GetSpans() {
				id := hex.EncodeToString(s.GetTraceId())
				if out[id] == nil {
					out[id] = map[string]sentSpan{}
				}
				out[id][hex.EncodeToString(s.GetSpanId())] = sentSpan{
					span: s, resource: r.GetResource(), scope: sc.GetScope(), resourceURL: r.GetSchemaUrl(), scopeURL: sc.GetSchemaUrl(),
				}
			}
		}
	}
	return out
}

// recordingClient is the SDK's own OTLP client; it notes in a ledger what the server acknowledged.
type recordingClient struct {
	otlptrace.Client
	ledger *ledger
}

func (c recordingClient) UploadTraces(ctx context.Context, batches []*tracev1.ResourceSpans) error {
	if err := c.Client.UploadTraces(ctx, batches); err != nil {
		return err
	}
	c.ledger.add(batches)
	return nil
}

// startSDK sets the OpenTelemetry SDK up as a program would, exporting over OTLP gRPC or OTLP HTTP to taeld. The caller shuts the provider
// down, which exports what is left.
func startSDK(ctx context.Context, protocol, addr, service string, l *ledger) (*sdktrace.TracerProvider, error) {
	var client otlptrace.Client
	switch protocol {
	case "grpc":
		client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithInsecure())
	default:
		client = otlptracehttp.NewClient(otlptracehttp.WithEndpoint(addr), otlptracehttp.WithInsecure(), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	exporter, err := otlptrace.New(ctx, recordingClient{client, l})
	if err != nil {
		return nil, fmt.Errorf("start the OTLP %s exporter to %s: %w", protocol, addr, err)
	}
	about := resource.NewWithAttributes("https://opentelemetry.io/schemas/1.37.0",
		attribute.String("service.name", service), attribute.String("service.version", "1.4.2"), attribute.String("deployment.environment.name", "demo"),
		attribute.String("host.name", "laptop"), attribute.Int("process.pid", 4711))
	return sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(200*time.Millisecond))), nil
}

// shutdown exports what is left and ends the providers.
func shutdown(ctx context.Context, providers ...*sdktrace.TracerProvider) error {
	var errs []error
	for _, p := range providers {
		errs = append(errs, p.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

func countSpans(batches []*tracev1.ResourceSpans) int {
	n := 0
	for _, r := range batches {
		for _, sc := range r.GetScopeSpans() {
			n += len(sc.GetSpans())
		}
	}
	return n
}
