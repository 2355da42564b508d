package hot

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// benchSpans is the size of the store that reads are measured on.
const benchSpans = 1_000_000

// loaded opens a store with benchSpans spans, appended by concurrent senders.
func loaded(b *testing.B) *Store {
	b.Helper()
	o := DefaultOptions(b.TempDir())
	o.MinFreeDisk = 0
	o.MaxHotBytes = 4 << 30
	o.MaxHeaderBytes = 1 << 30
	o.Logger = slog.New(slog.DiscardHandler)
	s, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	bodies := make(chan []byte, 16)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := fragment.NewCutter(fragment.DefaultLimits())
			for body := range bodies {
				batch, _, err := c.Cut("default", body, loadEnd)
				if err == nil {
					err = s.Append(context.Background(), batch)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, body := range requests(b, benchSpans, 512) {
		bodies <- body
	}
	close(bodies)
	wg.Wait()
	return s
}

// BenchmarkRead measures what queries, the flush and a start cost on a million spans. It fills one store for all.
func BenchmarkRead(b *testing.B) {
	s := loaded(b)
	ctx := context.Background()
	snap := s.Snapshot()
	r := rand.New(rand.NewPCG(1, 1))
	b.Logf("%+v", s.Stats())
	b.Run("trace", func(b *testing.B) {
		for b.Loop() {
			v := &snap.held[r.IntN(len(snap.held))].view
			rec := &v.records[r.IntN(len(v.records))]
			if spans, err := snap.Trace(ctx, "default", rec.trace, tael.TraceOptions{}, nil); err != nil || len(spans) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("trace that is not there", func(b *testing.B) {
		for b.Loop() {
			if _, err := snap.Trace(ctx, "default", tael.TraceID{1, 2, 3}, tael.TraceOptions{}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	code := tael.StatusError
	service, err := tael.NewMatch("service.name", tael.MatchEqual, "nobody")
	if err != nil {
		b.Fatal(err)
	}
	for _, q := range []struct {
		name string
		f    tael.Filter
	}{{"newest", tael.Filter{}}, {"errors", tael.Filter{Status: &code}}, {"nothing", tael.Filter{Attributes: []tael.AttributeMatch{service}}}} {
		b.Run("first batch/"+q.name, func(b *testing.B) {
			for b.Loop() {
				sc, err := snap.Scan(ctx, query.ScanRequest{Tenant: "default", Filter: &q.f, Terms: fragment.FilterTerms(&q.f), Columns: fragment.Columns{Service: true, Name: true}})
				if err != nil {
					b.Fatal(err)
				}
				if _, some := sc.Bound(); some {
					batch, err := sc.Next(ctx)
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
				sc.Close()
			}
		})
	}
	b.Run("flush walk", func(b *testing.B) {
		cpu := cpuTime(b)
		var spans int64
		for b.Loop() {
			for i := range snap.held {
				err := snap.held[i].segment.Traces(ctx, func(_ string, t *Trace) error {
					return t.Rows(func(*fragment.Row) error { spans++; return nil })
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(cpuTime(b)-cpu)/float64(spans), "cpu-ns/span")
	})
	snap.Release()
	b.Run("start after a kill", func(b *testing.B) {
		dir := b.TempDir()
		for b.Loop() {
			b.StopTimer()
			copied := dir + "/x"
			if err := copyTree(s.opts.Dir, copied); err != nil {
				b.Fatal(err)
			}
			o := s.opts
			o.Dir = copied
			b.StartTimer()
			start := time.Now()
			again, err := Open(ctx, o)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s/start")
			b.StopTimer()
			if n := again.Stats().Spans; n != benchSpans {
				b.Fatalf("%d spans", n)
			}
			if err := again.Close(); err != nil {
				b.Fatal(err)
			}
			remove(b, copied)
			b.StartTimer()
		}
	})
	b.Run("close", func(b *testing.B) {
		for b.Loop() {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
