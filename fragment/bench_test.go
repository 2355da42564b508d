//go:build unix

package fragment

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
)

// clock reads the time that the process has used its processors for: on a machine that does other work too, it says more than
// the time that went by.
func clock(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// perSpan reports the processor time since the clock was read at begin.
func perSpan(b *testing.B, begin int64, spans int) {
	b.ReportMetric(float64(clock(b)-begin)/float64(spans), "cpu-ns/span")
}

func BenchmarkCut(b *testing.B) {
	bodies := agentRequests(b, 10_000)
	c := NewCutter(DefaultLimits())
	spans, fragments, bytes, terms, resources := 0, 0, 0, 0, 0
	b.ReportAllocs()
	begin := clock(b)
	for i := 0; b.Loop(); i++ {
		batch, rejected, err := c.Cut("default", bodies[i%len(bodies)], agentTime)
		if err != nil || rejected.Spans > 0 {
			b.Fatal(err, rejected.Message())
		}
		spans += batch.Spans
		fragments += len(batch.Fragments)
		bytes += batch.Bytes
		resources += len(batch.Resources)
		for j := range batch.Fragments {
			terms += len(batch.Fragments[j].Terms)
		}
	}
	perSpan(b, begin, spans)
	b.ReportMetric(float64(bytes)/float64(spans), "B/span")
	b.ReportMetric(float64(spans)/float64(fragments), "spans/fragment")
	b.ReportMetric(float64(terms)/float64(fragments), "terms/fragment")
	b.ReportMetric(float64(resources)/float64(b.N), "resources/request")
}

func BenchmarkRows(b *testing.B) {
	p := cutAll(b, agentRequests(b, 10_000))
	for _, bench := range []struct {
		name  string
		yield func(*Row)
	}{
		{"decode", func(*Row) {}},
		{"match", func() func(*Row) {
			m, err := tael.ParseMatch("gen_ai.usage.input_tokens>1000")
			if err != nil {
				b.Fatal(err)
			}
			f := &tael.Filter{Service: "nobody", Attributes: []tael.AttributeMatch{m}}
			return func(r *Row) { r.Matches(f) }
		}()},
		{"span", func(r *Row) { _ = r.Span() }},
		{"terms", func() func(*Row) {
			var terms []uint64
			return func(r *Row) { terms = r.AppendTerms(terms[:0]) }
		}()},
		{"batch", func() func(*Row) {
			builder := NewBatchBuilder(memory.DefaultAllocator, Columns{Service: true, Name: true, Status: true, End: true, Attributes: []string{"gen_ai.system", "gen_ai.usage.input_tokens"}})
			return func(r *Row) {
				if builder.Append(1, r); builder.Len() == 4096 {
					builder.NewBatch().Release()
				}
			}
		}()},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := NewDecoder()
			spans := 0
			b.ReportAllocs()
			begin := clock(b)
			for i := 0; b.Loop(); i++ {
				err := d.Rows(p.fragments[i%len(p.fragments)].Body, p.resource, func(r *Row) error {
					spans++
					bench.yield(r)
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			perSpan(b, begin, spans)
		})
	}
}

func BenchmarkBlock(b *testing.B) {
	p := cutAll(b, agentRequests(b, 10_000))
	var blocks [][]byte
	perBlock := map[int]int{}
	for _, size := range []int{1, 64 << 10, 128 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("append/%d", size), func(b *testing.B) {
			var (
				w        BlockWriter
				block    []byte
				in, out  int
				spans    int
				fragment = 0
			)
			blocks = blocks[:0]
			clear(perBlock)
			b.ReportAllocs()
			begin := clock(b)
			for b.Loop() {
				n := 0
				for w.Len() < size {
					f := p.fragments[fragment%len(p.fragments)]
					w.Add([]*Fragment{f})
					n += int(f.Header.Spans)
					fragment++
				}
				spans += n
				in += w.Len()
				block = w.AppendBlock(block[:0])
				out += len(block)
				if fragment < len(p.fragments) {
					perBlock[len(blocks)] = n
					blocks = append(blocks, bytes.Clone(block))
				}
			}
			perSpan(b, begin, spans)
			b.ReportMetric(float64(in)/float64(out), "ratio")
		})
		b.Run(fmt.Sprintf("read/%d", size), func(b *testing.B) {
			var bodies []byte
			var entries []Entry
			spans := 0
			b.ReportAllocs()
			begin := clock(b)
			for i := 0; b.Loop(); i++ {
				block, err := ReadBlock(blocks[i%len(blocks)], tael.TraceID{}, entries[:0])
				if err == nil {
					entries = block.Entries
					bodies, err = block.Bodies(bodies)
				}
				if err != nil {
					b.Fatal(err)
				}
				spans += perBlock[i%len(blocks)]
			}
			perSpan(b, begin, spans)
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	p := cutAll(b, agentRequests(b, 10_000))
	b.Run("append", func(b *testing.B) {
		var filter []byte
		spans := 0
		begin := clock(b)
		for i := 0; b.Loop(); i++ {
			f := p.fragments[i%len(p.fragments)]
			filter = AppendFilter(filter[:0], f.Terms, DefaultFilterBits)
			spans += int(f.Header.Spans)
		}
		perSpan(b, begin, spans)
	})
	b.Run("has", func(b *testing.B) {
		var filters [][]byte
		for _, f := range p.fragments {
			filters = append(filters, AppendFilter(nil, f.Terms, DefaultFilterBits))
		}
		term, wrong := TermService("nobody"), 0
		n := 0
		for i := 0; b.Loop(); i++ {
			if FilterHas(filters[i%len(filters)], term+uint64(i)*0x9e3779b97f4a7c15) {
				wrong++
			}
			n++
		}
		b.ReportMetric(float64(wrong)/float64(n), "wrong")
	})
}
