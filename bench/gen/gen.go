package gen

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	minTraceSpans = 8
	// MaxTraceSpans is the largest number of spans in a trace. It is below 32, so that the spans of
	// a trace that have been acknowledged fit in the bits of a uint32.
	MaxTraceSpans = 30

	// directDelay is how long, in event time, a directly sending SDK keeps a span before it exports:
	// the batch span processor's default.
	directDelay = 5 * time.Second
)

// Options say which load to make.
type Options struct {
	// Seed selects one of many loads of the same shape.
	Seed uint64
	// Spans is the exact number of spans in the whole load. The last trace takes what is left, so
	// it alone may have fewer spans than the others.
	Spans int
	// Start and End are the interval over which the starts of the traces are spread evenly. The
	// last traces end some seconds after End.
	Start, End time.Time
	// SpansPerRequest is the largest number of spans in a request.
	SpansPerRequest int
	// Direct makes requests as SDKs send them that export directly: each request has one resource
	// (one pod of one service) and holds at most two spans of any trace. Without it the requests are
	// those of a Collector: spans of all pods in the order in which they ended.
	Direct bool
}

// DefaultOptions are 100 000 spans over the ten minutes before end, 512 a request.
func DefaultOptions(end time.Time) Options {
	return Options{Seed: 1, Spans: 100_000, Start: end.Add(-10 * time.Minute), End: end, SpansPerRequest: 512}
}

// Validate lists every problem of the options.
func (o Options) Validate() error {
	var errs []error
	if o.Spans < 1 || o.Spans > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("spans is %d, want 1 to %d", o.Spans, math.MaxInt32))
	}
	if o.SpansPerRequest < 1 {
		errs = append(errs, fmt.Errorf("spans per request is %d, want 1 or more", o.SpansPerRequest))
	}
	if o.Start.Unix() <= 0 {
		errs = append(errs, fmt.Errorf("start is %s, want a time after 1970", o.Start))
	}
	if o.End.Before(o.Start) {
		errs = append(errs, fmt.Errorf("end %s is before start %s", o.End, o.Start))
	}
	return errors.Join(errs...)
}

// Generator yields one load. It does not change after New, so any number of goroutines may use it.
type Generator struct {
	opts      Options
	traces    int
	lastSpans int
	start     uint64  // unix nanoseconds
	interval  float64 // nanoseconds from a trace's start to the next one's
	cat       *catalog
	words     *vocabulary
}

// New prepares the load that the options describe.
func New(opts Options) (*Generator, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("generator options: %w", err)
	}
	g := &Generator{
		opts:  opts,
		start: uint64(opts.Start.UnixNano()),
		cat:   newCatalog(opts.Seed),
		words: newVocabulary(opts.Seed),
	}
	left := opts.Spans
	for left > 0 {
		n := min(g.drawSpans(g.traces), left)
		left -= n
		g.lastSpans = n
		g.traces++
	}
	g.interval = float64(opts.End.Sub(opts.Start)) / float64(g.traces)
	return g, nil
}

// Spans is the number of spans in the whole load.
func (g *Generator) Spans() int { return g.opts.Spans }

// Traces is the number of traces in the whole load; a trace's number is from 0 to Traces()-1.
func (g *Generator) Traces() int { return g.traces }

// TraceSpans is the number of spans in trace i.
func (g *Generator) TraceSpans(i int) int {
	if i == g.traces-1 {
		return g.lastSpans
	}
	return g.drawSpans(i)
}

// TraceID is the id of trace i.
func (g *Generator) TraceID(i int) [16]byte {
	r := g.traceRand(i, domainID)
	var id [16]byte
	putUint64(id[:8], r.next()|1) // never the all-zero id
	putUint64(id[8:], r.next())
	return id
}

// SpanID is the id of span j of trace i. Span 0 is the root, and a parent comes before its children.
func (g *Generator) SpanID(i, j int) [8]byte {
	var id [8]byte
	putUint64(id[:], mix(g.traceSeed(i, domainSpanID)+uint64(j)*golden)|1)
	return id
}

// drawSpans is 8 to 30 with a mean of 17.5: often of middle size, with a tail to either side.
func (g *Generator) drawSpans(i int) int {
	r := g.traceRand(i, domainCount)
	n := r.below(23)
	if r.below(1000) < 391 {
		n = min(n, r.below(23))
	}
	return minTraceSpans + n
}

// traceStart never decreases with i, which bounds how far the spans have to be put in order.
func (g *Generator) traceStart(i int) uint64 {
	r := g.traceRand(i, domainStart)
	return g.start + uint64((float64(i)+r.float())*g.interval)
}
