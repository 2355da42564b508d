package compactor

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	segments, spans, rows, superseded, files, bytes, failures, expiredRows prometheus.Counter
	seconds                                                                prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tael", Subsystem: "flush", Name: name, Help: help})
	}
	m := &metrics{
		segments:    counter("segments_total", "Segments committed to the cold tier."),
		spans:       counter("spans_total", "Stored spans read from flushed segments."),
		rows:        counter("rows_total", "Rows written to Parquet files."),
		superseded:  counter("superseded_rows_total", "Rows of older files that a newer version superseded."),
		files:       counter("files_total", "Parquet files committed."),
		bytes:       counter("bytes_total", "Bytes of the Parquet files committed."),
		failures:    counter("failures_total", "Failed tries to flush or to maintain."),
		expiredRows: counter("expired_rows_total", "Rows dropped by retention or by the disk limit."),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tael", Subsystem: "flush", Name: "seconds",
			Help: "Time to flush one segment.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 8)}),
	}
	if reg != nil {
		reg.MustRegister(m.segments, m.spans, m.rows, m.superseded, m.files, m.bytes, m.failures, m.expiredRows, m.seconds)
	}
	return m
}

func (m *metrics) flushed(f Flushed) {
	m.segments.Add(float64(f.Segments))
	m.spans.Add(float64(f.Spans))
	m.rows.Add(float64(f.Rows))
	m.superseded.Add(float64(f.Deleted))
	m.files.Add(float64(f.Files))
	m.bytes.Add(float64(f.Bytes))
	m.seconds.Observe(f.Elapsed.Seconds())
}

func (m *metrics) expired(d Dropped) { m.expiredRows.Add(float64(d.Rows)) }
