package loadgen

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/klauspost/compress/gzip"

	"github.com/taeldb/tael/bench/gen"
)

// Payload is one request as it goes over the wire.
type Payload struct {
	Body  []byte // an ExportTraceServiceRequest, compressed if Gzip
	Gzip  bool
	Raw   int // bytes of the request before compression
	Spans int
	Refs  []gen.Ref // which spans of the load it holds
}

// Source yields the payloads of a load, in order. It ends after the first error.
type Source interface {
	Payloads() iter.Seq2[Payload, error]
}

// Stream makes the payloads while they are sent, so it needs no memory, but shares the machine's
// processors with the server: about 0.7 seconds of one for a million spans, ten more with gzip.
func Stream(g *gen.Generator, compress bool) Source { return stream{g, compress} }

type stream struct {
	g        *gen.Generator
	compress bool
}

func (s stream) Payloads() iter.Seq2[Payload, error] {
	return func(yield func(Payload, error) bool) {
		z := newCompressor(s.compress)
		for r := range s.g.Requests() {
			p, err := z.payload(r)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Memory makes all payloads of a load now and keeps them: about 740 bytes a span.
func Memory(g *gen.Generator, compress bool) (Source, error) {
	var m memory
	for p, err := range Stream(g, compress).Payloads() {
		if err != nil {
			return nil, err
		}
		m = append(m, p)
	}
	return m, nil
}

type memory []Payload

func (m memory) Payloads() iter.Seq2[Payload, error] {
	return func(yield func(Payload, error) bool) {
		for _, p := range m {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// compressor turns requests into payloads.
type compressor struct {
	z *gzip.Writer // nil: send as they are
}

func newCompressor(compress bool) *compressor {
	if !compress {
		return &compressor{}
	}
	// The default level, which is also the Collector's.
	return &compressor{z: gzip.NewWriter(nil)}
}

func (c *compressor) payload(r gen.Request) (Payload, error) {
	p := Payload{Body: r.Body, Raw: len(r.Body), Spans: r.Spans, Refs: r.Refs}
	if c.z == nil {
		return p, nil
	}
	var out bytes.Buffer
	out.Grow(len(r.Body) / 4)
	c.z.Reset(&out)
	if _, err := c.z.Write(r.Body); err != nil {
		return Payload{}, fmt.Errorf("compress a request: %w", err)
	}
	if err := c.z.Close(); err != nil {
		return Payload{}, fmt.Errorf("compress a request: %w", err)
	}
	p.Body, p.Gzip = out.Bytes(), true
	return p, nil
}
