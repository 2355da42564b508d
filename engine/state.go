package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
)

// pressedAt is how much of its limits must be used, in percent, for the hot tier to press: a flush then stops yielding to ingest, because ingest is about to wait for it.
const pressedAt = 80

// quiet is how long no span must have come in for a flush to have nobody to yield to.
const quiet = 500 * time.Millisecond

// Pressed implements compactor.Pressure.
func (e *Engine) Pressed() bool {
	return e.hot.Filled() >= pressedAt || e.o.Now().UnixNano()-e.appended.Load() > int64(quiet)
}

// Lag says how far the flush is behind.
type Lag struct {
	Segments int           // sealed and not yet in the table
	Bytes    int64         // of them
	Failing  error         // of the newest try, nil when it worked
	Since    time.Duration // how long tries have been failing
}

// Lag implements what readiness asks for.
func (e *Engine) Lag() Lag {
	var lag Lag
	for _, seg := range e.hot.Sealed() {
		lag.Segments++
		lag.Bytes += seg.Bytes()
	}
	since, failing := e.compactor.Failing()
	if failing != nil {
		lag.Failing, lag.Since = failing, e.o.Now().Sub(since)
	}
	return lag
}

// Ready tells why the store cannot take and give spans now; nothing is ready. It really writes.
func (e *Engine) Ready(ctx context.Context) []error {
	var problems []error
	if !e.running.enter() {
		return []error{errClosed}
	}
	defer e.running.leave()
	if err := e.probeWrite(ctx); err != nil {
		problems = append(problems, err)
	}
	// Damage is said by health and by the log, but what can be taken and given is.
	if err := e.hot.Health(); errors.Is(err, tael.ErrUnavailable) {
		problems = append(problems, err)
	}
	// A failing flush is no reason to turn traffic away until the hot tier fills: then the probe says so. Well before it, say that it will.
	if lag := e.Lag(); lag.Failing != nil && (e.hot.Filled() >= pressedAt || lag.Since > flushPatience) {
		problems = append(problems, fmt.Errorf("flush: %d segments wait, tries have failed for %s: %w", lag.Segments, lag.Since.Round(time.Second), lag.Failing))
	}
	return problems
}

// flushPatience is how long flushes may fail before readiness says so.
const flushPatience = time.Minute

// registerState exports what is counted by looking.
func (e *Engine) registerState() {
	if e.o.Register == nil {
		return
	}
	gauge := func(name, help string, f func() float64) {
		e.o.Register.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tael", Name: name, Help: help}, f))
	}
	gauge("flush_waiting_segments", "Sealed segments that are not in the cold tier yet.", func() float64 { return float64(e.Lag().Segments) })
	gauge("flush_waiting_bytes", "Stored bytes of sealed segments that are not in the cold tier yet.", func() float64 { return float64(e.Lag().Bytes) })
	gauge("flush_failing_seconds", "How long tries to flush have been failing, 0 when the last one worked.", func() float64 { return e.Lag().Since.Seconds() })
	gauge("cold_files", "Data files in the cold table.", func() float64 {
		v := e.cold.View()
		defer v.Release()
		return float64(v.Files())
	})
}

// objectMetrics count the operations on the object store of the cold tier.
type objectMetrics struct {
	calls, bytes *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
}

func newObjectMetrics(reg prometheus.Registerer) *objectMetrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "tael", Subsystem: "objects", Name: name, Help: help}
	}
	m := &objectMetrics{
		calls: prometheus.NewCounterVec(opts("requests_total", "Operations on the object store, by operation and outcome."), []string{"operation", "outcome"}),
		bytes: prometheus.NewCounterVec(opts("bytes_total", "Bytes moved by operations on the object store."), []string{"operation"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tael", Subsystem: "objects", Name: "seconds",
			Help: "Time of operations on the object store.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}, []string{"operation"}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.bytes, m.seconds)
	}
	return m
}

func (m *objectMetrics) observe(op string, bytes int64, d time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.calls.WithLabelValues(op, outcome).Inc()
	m.bytes.WithLabelValues(op).Add(float64(bytes))
	m.seconds.WithLabelValues(op).Observe(d.Seconds())
}
