package otlp

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what came in. All are counters since the start.
type metrics struct {
	spans, bytes, rejected prometheus.Counter
	refusals               *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tael", Subsystem: "ingest", Name: name, Help: help})
	}
	m := &metrics{
		spans:    counter("spans_total", "Spans acknowledged as durable."),
		bytes:    counter("bytes_total", "Bytes of OTLP in acknowledged requests, uncompressed."),
		rejected: counter("rejected_spans_total", "Spans of acknowledged requests that were not kept, counted in partial_success."),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tael", Subsystem: "ingest", Name: "refused_requests_total",
			Help: "Requests refused whole, by reason."}, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.spans, m.bytes, m.rejected, m.refusals)
	}
	return m
}

func (m *metrics) taken(spans, bytes, rejected int) {
	m.spans.Add(float64(spans))
	m.bytes.Add(float64(bytes))
	m.rejected.Add(float64(rejected))
}

func (m *metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

// refused counts a request that was refused whole, and logs it. The log is quiet about what clients do wrong, and loud about what an operator can
// mend, but not for each of thousands of requests. Overload is a state that the metrics show, not an event for each request.
func (r *Receiver) refused(ctx context.Context, door string, a answer, err error) {
	r.metrics.refused(a.class)
	attrs := []slog.Attr{slog.String("door", door), slog.String("reason", a.class), slog.Any("error", err)}
	if a.class != "unavailable" {
		r.o.Logger.LogAttrs(ctx, slog.LevelDebug, "refused an export request", attrs...)
		return
	}
	r.warnings.Do(func() {
		r.o.Logger.LogAttrs(ctx, slog.LevelWarn, "export requests are refused as unavailable; clients are asked to try again", attrs...)
	})
}
