package hot

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why an append was refused, as the label of a metric.
const (
	refuseUnavailable = "unavailable"
	refuseBytes       = "hot_bytes"
	refuseHeaders     = "header_bytes"
	refuseSegments    = "segments"
)

type metrics struct {
	registerer prometheus.Registerer
	all        []prometheus.Collector

	transactions, syncs  prometheus.Counter
	writtenBytes         prometheus.Counter
	entries, spans       prometheus.Counter
	groupEntries         prometheus.Histogram
	syncSeconds          prometheus.Histogram
	sealedSegments, gaps prometheus.Counter
	waits                prometheus.Counter
	refusals             *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, s *Store) (*metrics, error) {
	m := &metrics{registerer: r}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "tael_hot_" + name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tael_hot_" + name, Help: help, Buckets: buckets})
		m.all = append(m.all, h)
		return h
	}
	gauge := func(name, help string, get func() float64) {
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tael_hot_" + name, Help: help}, get))
	}
	m.transactions = counter("transactions_total", "Transactions written to segments.")
	m.syncs = counter("syncs_total", "Syncs of segments' logs.")
	m.writtenBytes = counter("written_bytes_total", "Bytes written to segments.")
	m.entries = counter("entries_total", "Entries stored: the fragments of a trace in a commit are one.")
	m.spans = counter("spans_total", "Spans stored, every version counted.")
	m.groupEntries = histogram("group_entries", "Entries that shared a commit.", prometheus.ExponentialBuckets(1, 4, 8))
	m.syncSeconds = histogram("sync_seconds", "Time of a sync of a segment's log.", prometheus.ExponentialBuckets(0.0001, 2.5, 12))
	m.sealedSegments = counter("sealed_segments_total", "Segments sealed.")
	m.gaps = counter("gaps_total", "Gaps found in segments when they were opened: acknowledged data that is lost.")
	m.waits = counter("waits_total", "Appends that waited for room.")
	m.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tael_hot_refusals_total", Help: "Appends refused, by reason."}, []string{"reason"})
	for _, reason := range []string{refuseUnavailable, refuseBytes, refuseHeaders, refuseSegments} {
		m.refusals.WithLabelValues(reason)
	}
	m.all = append(m.all, m.refusals)
	gauge("bytes", "Bytes stored in segments.", func() float64 { return float64(s.hotBytes.Load()) })
	gauge("header_bytes", "Memory of entry headers, in bytes.", func() float64 { return float64(s.headerBytes.Load()) })
	gauge("segments", "Segments, the active one included.", func() float64 { return float64(s.Stats().Segments) })
	gauge("sync_interval_seconds", "Longest time between an acknowledgement and its sync; 0 when the sync comes first.", func() float64 { return s.opts.SyncInterval.Seconds() })
	if r == nil {
		return m, nil
	}
	for i, c := range m.all {
		if err := r.Register(c); err != nil {
			m.all = m.all[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

// unregister takes the metrics back, so that a store can be opened again in the same process.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) refuse(reason string) { m.refusals.WithLabelValues(reason).Inc() }

func (m *metrics) committed(bytes int64) {
	m.transactions.Inc()
	m.writtenBytes.Add(float64(bytes))
}

func (m *metrics) synced(d time.Duration) {
	m.syncs.Inc()
	m.syncSeconds.Observe(d.Seconds())
}

func (m *metrics) stored(entries, spans int) {
	m.entries.Add(float64(entries))
	m.spans.Add(float64(spans))
	m.groupEntries.Observe(float64(entries))
}
