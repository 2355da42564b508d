package spanfile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/fragment"
)

// load is a generated load as the flush sees it: the bodies of each trace, in file order.
type load struct {
	spans     int
	traces    []loadTrace
	resources map[fragment.ResourceID][]byte
}

type loadTrace struct {
	first  uint64
	id     tael.TraceID
	bodies [][]byte
	seqs   []uint64
}

func makeLoad(t testing.TB, spans int) *load {
	t.Helper()
	end := time.Unix(1_790_000_000, 0)
	g, err := gen.New(gen.Options{Seed: 1, Spans: spans, Start: end.Add(-10 * time.Minute), End: end, SpansPerRequest: 512})
	if err != nil {
		t.Fatal(err)
	}
	l := &load{spans: spans, resources: map[fragment.ResourceID][]byte{}}
	at := map[tael.TraceID]int{}
	cutter := fragment.NewCutter(fragment.DefaultLimits())
	sequence := uint64(7) << 32
	for req := range g.Requests() {
		batch, rejected, err := cutter.Cut("acme", req.Body, end)
		if err != nil || rejected.Spans > 0 {
			t.Fatalf("cut: %v, %d rejected: %s", err, rejected.Spans, rejected.Message())
		}
		for _, r := range batch.Resources {
			if _, ok := l.resources[r.ID]; !ok {
				l.resources[r.ID] = bytes.Clone(r.Bytes)
			}
		}
		for _, f := range batch.Fragments {
			i, ok := at[f.TraceID]
			if !ok {
				i = len(l.traces)
				at[f.TraceID] = i
				l.traces = append(l.traces, loadTrace{first: f.Header.MinStart, id: f.TraceID})
			}
			tr := &l.traces[i]
			tr.first = min(tr.first, f.Header.MinStart)
			tr.bodies = append(tr.bodies, bytes.Clone(f.Body))
			tr.seqs = append(tr.seqs, sequence)
			sequence++
		}
	}
	sort.Slice(l.traces, func(i, j int) bool {
		a, b := &l.traces[i], &l.traces[j]
		return a.first < b.first || a.first == b.first && bytes.Compare(a.id[:], b.id[:]) < 0
	})
	return l
}

// rows decodes every row, in file order.
func (l *load) rows(d *fragment.Decoder, yield func(*fragment.Row) error) error {
	resource := func(id fragment.ResourceID) ([]byte, error) { return l.resources[id], nil }
	var rows []*fragment.Row
	for i := range l.traces {
		tr := &l.traces[i]
		rows = rows[:0]
		for j, body := range tr.bodies {
			if err := d.Rows(body, resource, func(r *fragment.Row) error {
				row := *r
				row.Sequence = tr.seqs[j]
				row.Attributes = slices.Clone(r.Attributes)
				row.Events, row.Links = slices.Clone(r.Events), slices.Clone(r.Links)
				for i := range row.Events {
					row.Events[i].Attributes = slices.Clone(row.Events[i].Attributes)
				}
				rows = append(rows, &row)
				return nil
			}); err != nil {
				return err
			}
		}
		slices.SortStableFunc(rows, func(a, b *fragment.Row) int { return cmp.Compare(a.Start, b.Start) })
		for _, r := range rows {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxBytesPerSpan is the bar for the generated load, everything in the file counted.
const maxBytesPerSpan = 145

func TestBytesPerSpan(t *testing.T) {
	l := makeLoad(t, 150_000)
	var file bytes.Buffer
	w := NewWriter(&file, testOptions())
	if err := l.rows(fragment.NewDecoder(), w.Append); err != nil {
		t.Fatal(err)
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(sizeTable(w, info))
	if per := float64(info.Bytes) / float64(info.Rows); per > maxBytesPerSpan {
		t.Errorf("%.1f bytes a span, want at most %d", per, maxBytesPerSpan)
	}
}

// sizeTable says where a file's bytes are.
func sizeTable(w *Writer, info Info) string {
	var b strings.Builder
	per := func(n int64) float64 { return float64(n) / float64(info.Rows) }
	fmt.Fprintf(&b, "%d spans, %d traces, %d row groups, %d bytes: %.2f a span\n", info.Rows, info.Traces, info.RowGroups, info.Bytes, per(info.Bytes))
	type line struct {
		name  string
		bytes int64
	}
	var lines []line
	var pages int64
	for i, s := range info.Columns {
		lines = append(lines, line{pathOf(w.columns[i].Path), s.Bytes})
		pages += s.Bytes
	}
	var traces, terms int64
	for _, g := range w.sections.Groups {
		traces += int64(len(g.Index))
		terms += int64(len(g.Terms))
	}
	sections := int64(len(appendSections(nil, &w.sections)))
	lines = append(lines, line{"(trace index)", traces}, line{"(term filter)", terms}, line{"(trace filter)", int64(len(w.sections.Traces))}, line{"(page indexes and footer)", info.Bytes - pages - sections})
	slices.SortStableFunc(lines, func(a, b line) int { return int(b.bytes - a.bytes) })
	for _, l := range lines {
		fmt.Fprintf(&b, "%8.3f %s\n", per(l.bytes), l.name)
	}
	return b.String()
}

// BenchmarkWriter writes 150 000 spans a time from their stored bodies, on one goroutine. cpu-ns/span is the process's CPU time, decoding and
// garbage collection included; decode-cpu-ns/span is that of decoding and sorting alone. With -v it prints where the bytes are.
func BenchmarkWriter(b *testing.B) {
	l := makeLoad(b, 150_000)
	d := fragment.NewDecoder()
	start := cpuTime(b)
	if err := l.rows(d, func(*fragment.Row) error { return nil }); err != nil {
		b.Fatal(err)
	}
	decode := cpuTime(b) - start
	base := testOptions()
	for _, v := range []struct {
		name   string
		change func(o *WriterOptions)
	}{
		{"default", func(o *WriterOptions) {}},
		{"rows=16384", func(o *WriterOptions) { o.RowGroupRows = 16_384 }},
		{"rows=65536", func(o *WriterOptions) { o.RowGroupRows = 65_536 }},
		{"rows=122880", func(o *WriterOptions) { o.RowGroupRows = 122_880 }},
		{"page=4096", func(o *WriterOptions) { o.PageRows = 4_096 }},
		{"page=20480", func(o *WriterOptions) { o.PageRows = 20_480 }},
		{"text=256K", func(o *WriterOptions) { o.PageBytes = 256 << 10 }},
		{"text=512K", func(o *WriterOptions) { o.PageBytes = 512 << 10 }},
		{"text=1M", func(o *WriterOptions) { o.PageBytes = 1 << 20 }},
		{"dictionary=64K", func(o *WriterOptions) { o.DictionaryBytes = 64 << 10 }},
	} {
		b.Run(v.name, func(b *testing.B) {
			opts := base
			v.change(&opts)
			var w *Writer
			var info Info
			b.ReportAllocs()
			start := cpuTime(b)
			for b.Loop() {
				w = NewWriter(io.Discard, opts)
				if err := l.rows(d, w.Append); err != nil {
					b.Fatal(err)
				}
				var err error
				if info, err = w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N*l.spans), "cpu-ns/span")
			b.ReportMetric(float64(decode)/float64(l.spans), "decode-cpu-ns/span")
			b.ReportMetric(float64(info.Bytes)/float64(l.spans), "B/span")
			b.Log(sizeTable(w, info))
		})
	}
}

// cpuTime is what the process has used, which a busy machine changes less than the time on the wall.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
