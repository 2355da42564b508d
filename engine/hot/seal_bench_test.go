package hot

import (
	"context"
	"log/slog"
	"testing"

	"github.com/taeldb/tael/fragment"
)

// BenchmarkSeal seals a segment of 50 000 spans; filling it is not in the time.
func BenchmarkSeal(b *testing.B) {
	const spans = 50_000
	var batches []*fragment.Batch
	for _, body := range requests(b, spans, 512) {
		batches = append(batches, cut(b, "default", body))
	}
	o := DefaultOptions(b.TempDir())
	o.MinFreeDisk = 0
	o.Logger = slog.New(slog.DiscardHandler)
	s, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	cpu := int64(0)
	for b.Loop() {
		b.StopTimer()
		for _, batch := range batches {
			if err := s.Append(context.Background(), batch); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		before := cpuTime(b)
		if err := s.Seal(context.Background()); err != nil {
			b.Fatal(err)
		}
		cpu += cpuTime(b) - before
		b.StopTimer()
		for _, seg := range s.Sealed() {
			if err := s.Retire(context.Background(), seg.Counter()); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(cpu)/float64(b.N)/spans, "cpu-ns/span")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
