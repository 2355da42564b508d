// Package storetest holds a naive model of a whole store and the conformance suite that every tael.Store passes: hot only, cold only,
// half and half, on a folder and on S3. Spans and queries are random, from a seed, and small on purpose: few names, few ids and few
// times, so that everything meets everything.
package storetest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/taeldb/tael"
)

// Base is the time around which random spans start. A store under test has its clock near it, so that nothing is too old to take or to keep.
var Base = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Vocabulary that filters and spans share.
var (
	services   = []string{"cart", "checkout", "payments", "", "gateway-ü"}
	operations = []string{"GET /cart", "GET /cart/{id}", "charge", "db.query", "", "chat gpt"}
	keys       = []string{"http.status_code", "user.id", "cached", "ratio", "tags", "deployment.environment", "lib", "empty"}
	words      = []string{"200", "true", "prod", "a", "ab", "0.5", "", "héllo\n\"x\"", "Ω≈ç"}
)

// NewRand is the source of randomness of a seed.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x7ae1)) }

// RandomSpans makes n distinct spans of some traces, in random order. Resources and scopes are shared between spans.
func RandomSpans(rng *rand.Rand, n int) []tael.Span {
	g := NewGenerator(rng)
	spans := make([]tael.Span, n)
	for i := range spans {
		spans[i] = g.Span()
	}
	return spans
}

// Generator makes random spans that belong together: no identity comes twice.
type Generator struct {
	rng       *rand.Rand
	resources []*tael.Resource
	scopes    []*tael.Scope
	traces    []tael.TraceID
	starts    []uint64 // of the traces
	spans     uint64
}

// NewGenerator makes a Generator.
func NewGenerator(rng *rand.Rand) *Generator {
	g := &Generator{rng: rng}
	for i := range 8 {
		r := &tael.Resource{Attributes: g.attributes(3)}
		if service := services[i%len(services)]; service != "" {
			r.Attributes = append(r.Attributes, tael.KeyValue{Key: "service.name", Value: tael.String(service)})
		}
		if i == 7 {
			r.Dropped, r.SchemaURL = 3, "https://opentelemetry.io/schemas/1.30.0"
		}
		g.resources = append(g.resources, r)
		s := &tael.Scope{Name: pick(rng, []string{"lib/http", "lib/db", ""}), Version: pick(rng, []string{"", "1.2.3"})}
		if i%2 == 0 {
			s.Attributes = g.attributes(2)
		}
		if i == 6 {
			s.Dropped, s.SchemaURL = 1, "https://opentelemetry.io/schemas/1.21.0"
		}
		g.scopes = append(g.scopes, s)
	}
	return g
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// Span makes a span of a trace that is there already or of a new one.
func (g *Generator) Span() tael.Span {
	rng := g.rng
	at := rng.IntN(len(g.traces) + 1)
	if len(g.traces) > 0 && rng.IntN(4) > 0 {
		at = rng.IntN(len(g.traces))
	}
	if at == len(g.traces) {
		var id tael.TraceID
		binary.BigEndian.PutUint64(id[:], rng.Uint64())
		binary.BigEndian.PutUint64(id[8:], uint64(at)+1)
		g.traces = append(g.traces, id)
		// Hours apart, on whole seconds, so that starts of different traces meet; some traces cross midnight.
		start := Base.Add(time.Duration(rng.IntN(5)-2) * 6 * time.Hour).Add(time.Duration(rng.IntN(20)) * time.Second)
		g.starts = append(g.starts, uint64(start.UnixNano()))
	}
	g.spans++
	s := tael.Span{TraceID: g.traces[at], Resource: pick(rng, g.resources), Scope: pick(rng, g.scopes)}
	binary.BigEndian.PutUint64(s.SpanID[:], rng.Uint64()<<20|g.spans)
	if rng.IntN(5) > 0 {
		binary.BigEndian.PutUint64(s.ParentSpanID[:], rng.Uint64()|1)
	}
	s.Start = g.starts[at] + uint64(rng.IntN(4))*uint64(pick(rng, []time.Duration{time.Second, time.Millisecond, 1, time.Hour}))
	s.End = s.Start + uint64(rng.IntN(5))*uint64(pick(rng, []time.Duration{100 * time.Millisecond, time.Second, 1}))
	if rng.IntN(40) == 0 {
		s.End = s.Start - 5 // ends before it starts
	}
	g.Fill(&s)
	return s
}

// Fill gives a span new random content, all but its ids, times, resource and scope.
func (g *Generator) Fill(s *tael.Span) {
	rng := g.rng
	s.Name = pick(rng, operations)
	s.Kind = tael.SpanKind(rng.IntN(6))
	s.Status = tael.Status{Code: tael.StatusCode(rng.IntN(3))}
	if s.Status.Code == tael.StatusError && rng.IntN(2) == 0 {
		s.Status.Message = pick(rng, words)
	}
	if rng.IntN(4) == 0 {
		s.TraceState, s.Flags = "vendor=1,o=2", rng.Uint32()
		s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = uint32(rng.IntN(3)), uint32(rng.IntN(3)), uint32(rng.IntN(3))
	}
	s.Attributes = g.attributes(rng.IntN(6))
	s.Events, s.Links = nil, nil
	for range max(0, rng.IntN(6)-3) {
		s.Events = append(s.Events, tael.Event{Time: s.Start + uint64(rng.IntN(1000)), Name: pick(rng, words), Attributes: g.attributes(rng.IntN(3)), Dropped: uint32(rng.IntN(2))})
	}
	for range max(0, rng.IntN(6)-4) {
		l := tael.Link{TraceState: pick(rng, []string{"", "a=b"}), Attributes: g.attributes(rng.IntN(3)), Dropped: uint32(rng.IntN(2)), Flags: uint32(rng.IntN(300))}
		binary.BigEndian.PutUint64(l.TraceID[3:], rng.Uint64()|1)
		binary.BigEndian.PutUint64(l.SpanID[:], rng.Uint64()|1)
		s.Links = append(s.Links, l)
	}
}

// attributes makes at most n attributes with distinct keys.
func (g *Generator) attributes(n int) []tael.KeyValue {
	var kvs []tael.KeyValue
	for _, at := range g.rng.Perm(len(keys))[:n] {
		kvs = append(kvs, tael.KeyValue{Key: keys[at], Value: RandomValue(g.rng, 2)})
	}
	return kvs
}

// RandomValue makes a value of any kind, nested at most depth deep.
func RandomValue(rng *rand.Rand, depth int) tael.Value {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch rng.IntN(kinds) {
	case 0, 1:
		return tael.String(pick(rng, words))
	case 2:
		return tael.Int(pick(rng, []int64{0, 1, 200, 404, -7, math.MaxInt64, math.MinInt64, 1<<53 + 1}))
	case 3:
		return tael.Double(pick(rng, []float64{0, 0.5, 200, -1.25, 1e300, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53}))
	case 4:
		return tael.Bool(rng.IntN(2) == 0)
	case 5:
		return tael.Bytes([]byte{0, 255, byte(rng.IntN(256))}[:rng.IntN(4)])
	case 6:
		return tael.Value{}
	case 7:
		return tael.String(strings.Repeat(pick(rng, words)+"-", 1+rng.IntN(80)))
	case 8:
		list := make([]tael.Value, rng.IntN(3))
		for i := range list {
			list[i] = RandomValue(rng, depth-1)
		}
		return tael.Array(list)
	}
	kvs := make([]tael.KeyValue, rng.IntN(3))
	for i := range kvs {
		kvs[i] = tael.KeyValue{Key: fmt.Sprintf("k%d", i), Value: RandomValue(rng, depth-1)}
	}
	return tael.Map(kvs)
}
