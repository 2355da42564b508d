package gen

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var end = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newGenerator(t testing.TB, change func(*Options)) *Generator {
	t.Helper()
	o := DefaultOptions(end)
	o.Spans = 30_000
	if change != nil {
		change(&o)
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func decode(t testing.TB, r Request) *coltrace.ExportTraceServiceRequest {
	t.Helper()
	var m coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(r.Body, &m); err != nil {
		t.Fatalf("a request does not decode: %v", err)
	}
	// What the hand-written encoder left out or doubled would change the size.
	if n := proto.Size(&m); n != len(r.Body) {
		t.Fatalf("a request has %d bytes, encoded again it has %d", len(r.Body), n)
	}
	return &m
}

func attribute(attrs []*common.KeyValue, key string) *common.AnyValue {
	for _, kv := range attrs {
		if kv.Key == key {
			return kv.Value
		}
	}
	return nil
}

// census counts over a whole load what the doc comments promise.
type census struct {
	requests, spans, bytes, llm, text, failed, resources, resourceBytes, events int
	services, pods, types                                                       map[string]int
}

func count(t testing.TB, g *Generator) census {
	c := census{services: map[string]int{}, pods: map[string]int{}, types: map[string]int{}}
	for r := range g.Requests() {
		c.requests++
		c.bytes += len(r.Body)
		n := 0
		for _, rs := range decode(t, r).ResourceSpans {
			c.resources++
			c.resourceBytes += proto.Size(rs.Resource)
			if got := len(rs.Resource.Attributes); got != 18 {
				t.Fatalf("a resource has %d attributes, want 18", got)
			}
			c.services[attribute(rs.Resource.Attributes, "service.name").GetStringValue()]++
			c.pods[attribute(rs.Resource.Attributes, "service.instance.id").GetStringValue()]++
			for _, ss := range rs.ScopeSpans {
				for _, sp := range ss.Spans {
					n++
					c.span(sp)
				}
			}
		}
		if n != r.Spans || n != len(r.Refs) {
			t.Fatalf("a request holds %d spans, says %d and names %d", n, r.Spans, len(r.Refs))
		}
		c.spans += n
	}
	return c
}

func (c *census) span(sp *trace.Span) {
	if p := attribute(sp.Attributes, "gen_ai.prompt"); p != nil {
		c.llm++
		c.text += len(p.GetStringValue()) + len(attribute(sp.Attributes, "gen_ai.completion").GetStringValue())
	}
	if sp.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
		c.failed++
	}
	c.events += len(sp.Events)
	for _, kv := range sp.Attributes {
		switch kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			c.types["string"]++
		case *common.AnyValue_IntValue:
			c.types["int"]++
		case *common.AnyValue_DoubleValue:
			c.types["double"]++
		case *common.AnyValue_BoolValue:
			c.types["bool"]++
		case *common.AnyValue_ArrayValue:
			c.types["array"]++
		}
	}
}

func between(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %.2f, want %.2f to %.2f", what, got, low, high)
	}
	t.Logf("%s: %.2f", what, got)
}

func TestShapeOfTheLoad(t *testing.T) {
	g := newGenerator(t, func(o *Options) { o.Spans = 100_000 })
	c := count(t, g)
	if c.spans != g.Spans() {
		t.Errorf("the load has %d spans, want %d", c.spans, g.Spans())
	}
	spans := float64(c.spans)
	between(t, "bytes of OTLP a span", float64(c.bytes)/spans, 700, 780)
	between(t, "spans a trace", spans/float64(g.Traces()), 17.2, 17.8)
	between(t, "share of model calls", float64(c.llm)/spans, 0.14, 0.16)
	between(t, "characters of prompt and completion", float64(c.text)/float64(c.llm), 1650, 1750)
	between(t, "share of errors", float64(c.failed)/spans, 0.027, 0.033)
	between(t, "events an error", float64(c.events)/float64(c.failed), 1, 1)
	between(t, "bytes of a resource", float64(c.resourceBytes)/float64(c.resources), 590, 650)
	between(t, "spans a request", spans/float64(c.requests), 508, 512)
	if len(c.services) != 12 || len(c.pods) != 36 {
		t.Errorf("%d services in %d pods, want 12 in 36", len(c.services), len(c.pods))
	}
	for _, typ := range []string{"string", "int", "double", "bool", "array"} {
		if c.types[typ] == 0 {
			t.Errorf("no attribute is of type %s", typ)
		}
	}
	t.Logf("attributes a span: %v of %d spans; resources by service %v", c.types, c.spans, c.services)
}

func TestSameOptionsSameBytes(t *testing.T) {
	sum := func(g *Generator) string {
		h := sha256.New()
		for r := range g.Requests() {
			h.Write(r.Body)
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	g := newGenerator(t, nil)
	first := sum(g)
	if again := sum(g); again != first {
		t.Error("a second pass over one generator gives other bytes")
	}
	if again := sum(newGenerator(t, nil)); again != first {
		t.Error("an equal generator gives other bytes")
	}
	if other := sum(newGenerator(t, func(o *Options) { o.Seed++ })); other == first {
		t.Error("another seed gives the same bytes")
	}
}

func TestTextCompressesLikeLanguage(t *testing.T) {
	var r rng
	text := newVocabulary(1).appendText(nil, &r, 1<<20)
	t.Logf("%s", text[:300])
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	between(t, "bits a character after gzip", float64(out.Len())*8/float64(len(text)), 2.2, 3.6)
}
