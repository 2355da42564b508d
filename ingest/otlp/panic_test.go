package otlp

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// A request that meets a fault of ours is refused and logged, at both doors; the next one is taken.
func TestAPanicEndsOneRequestOnly(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	client := collector.NewTraceServiceClient(r.serve(t))
	spans := randomSpans(3, 5)
	r.store.fail = func(context.Context) error { panic("out of luck") }
	if _, err := client.Export(outgoing(t, writeToken, ""), requestOf(t, spans)); status.Code(err) != codes.Unavailable {
		t.Errorf("grpc: %v", err)
	}
	if w := r.post(typeProtobuf, "", writeToken, "", bytes.NewReader(protobufOf(spans))); w.Code != 503 {
		t.Errorf("http: %d", w.Code)
	}
	if n := strings.Count(log.String(), "out of luck"); n != 2 {
		t.Errorf("logged %d times: %s", n, &log)
	}
	r.store.fail = nil
	if _, err := client.Export(outgoing(t, writeToken, ""), requestOf(t, spans)); err != nil {
		t.Error(err)
	}
	if got := len(r.store.take("default")); got != len(spans) {
		t.Errorf("%d spans are stored, want %d", got, len(spans))
	}
}
