package hot

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/taeldb/tael/fragment"
)

// cpuTime is what the process has used, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkAppend stores cut requests of 512 spans, from several senders at once, each synced before its acknowledgement. One
// operation is a request.
func BenchmarkAppend(b *testing.B) {
	bodies := requests(b, 200_000, 512)
	batches := make([]*fragment.Batch, len(bodies))
	for i, body := range bodies {
		batches[i] = cut(b, "default", body)
	}
	runtime.GC()
	for _, senders := range []int{1, 8, 32} {
		b.Run(map[int]string{1: "senders=1", 8: "senders=8", 32: "senders=32"}[senders], func(b *testing.B) {
			o := DefaultOptions(b.TempDir())
			o.MaxHotBytes = 8 << 30
			o.MaxHeaderBytes = 4 << 30
			o.MinFreeDisk = 0
			o.Logger = slog.New(slog.DiscardHandler)
			s, err := Open(context.Background(), o)
			if err != nil {
				b.Fatal(err)
			}
			var next, spans atomic.Int64
			b.ResetTimer()
			cpu, start := cpuTime(b), time.Now()
			var wg sync.WaitGroup
			for range senders {
				wg.Go(func() {
					for {
						i := next.Add(1) - 1
						if i >= int64(b.N) {
							return
						}
						batch := batches[i%int64(len(batches))]
						if err := s.Append(context.Background(), batch); err != nil {
							b.Error(err)
							return
						}
						spans.Add(int64(batch.Spans))
						for _, seg := range s.Sealed() {
							if err := s.Retire(context.Background(), seg.Counter()); err != nil {
								continue // another sender was quicker
							}
						}
					}
				})
			}
			wg.Wait()
			n := float64(spans.Load())
			b.ReportMetric(float64(cpuTime(b)-cpu)/n, "cpu-ns/span")
			b.ReportMetric(n/time.Since(start).Seconds(), "spans/s")
			st := s.Stats()
			b.ReportMetric(float64(st.Bytes)/float64(max(st.Spans, 1)), "bytes/span")
			b.ReportMetric(float64(st.Spans)/float64(max(st.Entries, 1)), "spans/entry")
			b.ReportMetric(float64(st.HeaderBytes)/float64(max(st.Entries, 1)), "header-bytes/entry")
			b.StopTimer()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
