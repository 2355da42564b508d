package engine

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/fragment"
)

const benchSpans = 100_000

// benchEngine is an Engine with room for the load, which is flushed only by request, and the load's requests.
func benchEngine(b *testing.B) (*Engine, [][]byte, time.Time) {
	b.Helper()
	now := time.Now()
	g := gen.DefaultOptions(now)
	g.Spans = benchSpans
	load, err := gen.New(g)
	if err != nil {
		b.Fatal(err)
	}
	var bodies [][]byte
	for r := range load.Requests() {
		bodies = append(bodies, r.Body)
	}
	o := DefaultOptions()
	o.DataDir, o.MinFreeDisk, o.MemoryLimit, o.HotMaxAge = b.TempDir(), 0, 4<<30, time.Hour
	e, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	return e, bodies, now
}

// fill appends the load; tenants are apart, so each has spans of its own.
func fill(b *testing.B, e *Engine, tenant string, bodies [][]byte, now time.Time) {
	b.Helper()
	c := fragment.NewCutter(fragment.DefaultLimits())
	for _, body := range bodies {
		batch, _, err := c.Cut(tenant, body, now)
		if err == nil {
			err = e.Append(context.Background(), batch)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlush moves 100 000 spans from the hot tier to committed Parquet; filling the hot tier is not in the time.
func BenchmarkFlush(b *testing.B) {
	e, bodies, now := benchEngine(b)
	cpu := time.Duration(0)
	round := 0
	for b.Loop() {
		b.StopTimer()
		fill(b, e, "tenant-"+string(rune('a'+round%26)), bodies, now)
		round++
		runtime.GC()
		b.StartTimer()
		before := usedCPU(b)
		f, err := e.Flush(context.Background())
		if err != nil || f.Spans != benchSpans {
			b.Fatalf("flushed %+v, %v", f, err)
		}
		cpu += usedCPU(b) - before
	}
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/benchSpans, "cpu-ns/span")
}

// BenchmarkMerge asks for the newest 1000 spans of a store in which each span is in both tiers, so that every row has another version to be held
// against.
func BenchmarkMerge(b *testing.B) {
	e, bodies, now := benchEngine(b)
	fill(b, e, "default", bodies, now)
	if _, err := e.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	fill(b, e, "default", bodies, now)
	for b.Loop() {
		page, err := e.Spans(context.Background(), "default", tael.SpanQuery{Limit: 1000})
		if err != nil || len(page.Spans) != 1000 || page.Partial {
			b.Fatalf("%d spans, %v", len(page.Spans), err)
		}
	}
}

// usedCPU is the processor time of this process.
func usedCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
