package spanfile

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// diskFile reads a file of the local disk and counts.
type diskFile struct {
	f     *os.File
	reads atomic.Int64
	bytes atomic.Int64
}

func (d *diskFile) ReadRange(_ context.Context, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := d.f.ReadAt(b, off)
	d.reads.Add(1)
	d.bytes.Add(n)
	return b, err
}

func localOptions() ReadOptions {
	o := DefaultReadOptions()
	o.GapBytes, o.MaxRequests = 16<<10, 64
	return o
}

// loadFile writes a generated load to a file on disk and opens it.
func loadFile(tb testing.TB, spans int, w WriterOptions, o ReadOptions) (*File, *diskFile, []tael.TraceID) {
	tb.Helper()
	l := makeLoad(tb, spans)
	path := filepath.Join(tb.TempDir(), "spans.parquet")
	out, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	writer := NewWriter(out, w)
	if err := l.rows(fragment.NewDecoder(), writer.Append); err != nil {
		tb.Fatal(err)
	}
	info, err := writer.Close()
	if err != nil {
		tb.Fatal(err)
	}
	if err := out.Close(); err != nil {
		tb.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = in.Close() })
	d := &diskFile{f: in}
	f, err := Open(context.Background(), d, info.Bytes, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Logf("%d spans, %d row groups, %d bytes, %.1f a span; open: %d reads of %d bytes, %d bytes in memory", spans, info.RowGroups, info.Bytes,
		float64(info.Bytes)/float64(spans), d.reads.Load(), d.bytes.Load(), f.MemoryBytes())
	ids := make([]tael.TraceID, 0, len(l.traces))
	for i := range l.traces {
		ids = append(ids, l.traces[i].id)
	}
	return f, d, ids
}

// BenchmarkTrace reads whole traces, about 17 spans each, out of a file of 150 000 spans in the page cache.
func BenchmarkTrace(b *testing.B) {
	for _, v := range []struct {
		name   string
		change func(o *WriterOptions)
		read   ReadOptions
	}{
		{"disk", func(*WriterOptions) {}, localOptions()},
		{"store", func(*WriterOptions) {}, DefaultReadOptions()},
		{"disk/page=4096", func(o *WriterOptions) { o.PageRows = 4096 }, localOptions()},
		{"disk/text=128K", func(o *WriterOptions) { o.PageBytes = 128 << 10 }, localOptions()},
	} {
		b.Run(v.name, func(b *testing.B) {
			w := readOptions()
			v.change(&w)
			f, d, ids := loadFile(b, 150_000, w, v.read)
			reads, bytes := d.reads.Load(), d.bytes.Load()
			b.ReportAllocs()
			i, spans := 0, 0
			start := cpuTime(b)
			for b.Loop() {
				i++
				got, err := f.Trace(context.Background(), ids[i*7919%len(ids)], nil, nil)
				if err != nil || len(got) == 0 {
					b.Fatal(len(got), err)
				}
				spans += len(got)
			}
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N)/1e3, "cpu-us/op")
			b.ReportMetric(float64(d.reads.Load()-reads)/float64(b.N), "reads/op")
			b.ReportMetric(float64(d.bytes.Load()-bytes)/float64(b.N), "read-B/op")
			b.ReportMetric(float64(spans)/float64(b.N), "spans/op")
		})
	}
}

// BenchmarkVersions asks for 12 000 traces, of which the file has 10.
func BenchmarkVersions(b *testing.B) {
	f, _, ids := loadFile(b, 150_000, readOptions(), localOptions())
	asked := make([]tael.TraceID, 12_000)
	for i := range asked {
		asked[i] = tael.TraceID{byte(i), byte(i >> 8), 77}
		if i%1200 == 0 {
			asked[i] = ids[i*31%len(ids)]
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := f.Versions(context.Background(), asked, nil, nil, func(int64, tael.Identity, tael.Version) { n++ }); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkScan runs filters over a file of 150 000 spans, all row groups, as no early stop would.
func BenchmarkScan(b *testing.B) {
	f, d, ids := loadFile(b, 150_000, readOptions(), localOptions())
	spans, err := f.Trace(context.Background(), ids[len(ids)/2], nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	match := func(text string) tael.AttributeMatch {
		m, err := tael.ParseMatch(text)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	promoted, mapped := "", ""
	for i := range spans {
		for _, kv := range spans[i].Attributes {
			if kv.Value.Kind() != tael.KindString {
				continue
			}
			switch _, ok := f.shared.layout.byKey[kv.Key]; {
			case kv.Key == "session.id":
				promoted = kv.Key + "=" + kv.Value.AsString()
			case !ok:
				mapped = kv.Key + "=" + kv.Value.AsString()
			}
		}
	}
	common := fragment.Columns{End: true}
	with := func(c fragment.Columns, change func(c *fragment.Columns)) fragment.Columns { change(&c); return c }
	for _, v := range []struct {
		name   string
		filter tael.Filter
		cols   fragment.Columns
	}{
		{"all", tael.Filter{}, common},
		{"service+duration", tael.Filter{Service: spans[0].Service(), MinDuration: 500e6}, with(common, func(c *fragment.Columns) { c.Service = true })},
		{"service", tael.Filter{Service: spans[0].Service()}, with(common, func(c *fragment.Columns) { c.Service = true })},
		{"service+common", tael.Filter{Service: spans[0].Service(), Attributes: []tael.AttributeMatch{match("http.request.method=POST")}},
			with(common, func(c *fragment.Columns) { c.Service, c.Attributes = true, []string{"http.request.method"} })},
		{"promoted " + promoted, tael.Filter{Attributes: []tael.AttributeMatch{match(promoted)}}, with(common, func(c *fragment.Columns) { c.Attributes = []string{"session.id"} })},
		{"mapped " + mapped, tael.Filter{Attributes: []tael.AttributeMatch{match(mapped)}}, with(common, func(c *fragment.Columns) { c.Attributes = []string{match(mapped).Key} })},
	} {
		b.Run(v.name, func(b *testing.B) {
			req := query.ScanRequest{Filter: &v.filter, Terms: fragment.FilterTerms(&v.filter), Columns: v.cols}
			bytes, n, read := d.bytes.Load(), 0, 0
			b.ReportAllocs()
			for b.Loop() {
				n, read = 0, 0
				groups, err := f.Scan(context.Background(), req, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, g := range groups {
					read++
					batch, err := g.Next(context.Background())
					if err == nil {
						n += int(batch.NumRows())
						batch.Release()
					}
				}
			}
			b.ReportMetric(float64(n), "rows")
			b.ReportMetric(float64(read), "groups")
			b.ReportMetric(float64(d.bytes.Load()-bytes)/float64(b.N), "read-B/op")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	f, d, _ := loadFile(b, 150_000, readOptions(), localOptions())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(context.Background(), d, f.info.Bytes, f.opts); err != nil {
			b.Fatal(err)
		}
	}
}
