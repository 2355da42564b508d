package cold

import (
	"context"
	"testing"

	"github.com/taeldb/tael"
)

// BenchmarkFlush is a flush of one trace: nearly all of it is the commit.
func BenchmarkFlush(b *testing.B) {
	dir := b.TempDir()
	table := openTable(b, openStore(b, dir), "file://"+dir)
	i := 0
	for b.Loop() {
		i++
		mustFlush(b, table, nodeA, uint64(i), "acme", traceOf(i, 2, noon))
		if i%100 == 0 {
			if _, err := table.Expire(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkFindTraces is what a flush asks of a table of many files that hold none of its traces.
func BenchmarkFindTraces(b *testing.B) {
	dir := memoryDir(b)
	table := openTable(b, openStore(b, dir), "file://"+dir)
	for i := 1; i <= 50; i++ {
		mustFlush(b, table, nodeA, uint64(i), "acme", traceOf(i, 2, noon))
	}
	var ids []tael.TraceID
	for i := range 10_000 {
		ids = append(ids, traceID(1_000_000+i))
	}
	x, err := table.Begin(context.Background(), nodeA, 100)
	if err != nil {
		b.Fatal(err)
	}
	defer x.Abort(context.Background())
	for b.Loop() {
		if err := x.Versions(context.Background(), "acme", ids, func(Found) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50/float64(len(ids)), "ns/file/trace")
}
