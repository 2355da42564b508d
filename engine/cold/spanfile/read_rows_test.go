package spanfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// memoryFile is a file in memory that counts reads.
type memoryFile struct {
	b     []byte
	reads atomic.Int64
	bytes atomic.Int64
}

func (m *memoryFile) ReadRange(ctx context.Context, off, n int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if off < 0 || n < 0 || off > int64(len(m.b)) || n > int64(len(m.b))-off {
		return nil, errors.New("read outside the file")
	}
	m.reads.Add(1)
	m.bytes.Add(n)
	return bytes.Clone(m.b[off : off+n]), nil
}

// randomSource is fixed unless TAEL_TEST_LONG is set.
func randomSource(t testing.TB) *rand.Rand {
	seed := uint64(20261122)
	if os.Getenv("TAEL_TEST_LONG") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func allocator() memory.Allocator { return memory.NewGoAllocator() }

func rowAttrs(kvs []tael.KeyValue) []fragment.Attr {
	var attrs []fragment.Attr
	for _, kv := range kvs {
		a := fragment.Attr{Key: []byte(kv.Key), Kind: kv.Value.Kind()}
		switch a.Kind {
		case tael.KindString, tael.KindBytes:
			a.Bytes = []byte(kv.Value.AsString())
		case tael.KindInt:
			a.Num = uint64(kv.Value.AsInt())
		case tael.KindDouble:
			a.Num = math.Float64bits(kv.Value.AsDouble())
		case tael.KindBool:
			if kv.Value.AsBool() {
				a.Num = 1
			}
		case tael.KindArray, tael.KindMap:
			a.Bytes = fragment.AppendValue(nil, kv.Value)
		}
		attrs = append(attrs, a)
	}
	return attrs
}

func rowOf(s *tael.Span) *fragment.Row {
	r := &fragment.Row{
		TraceID: s.TraceID, SpanID: s.SpanID, ParentID: s.ParentSpanID, Start: s.Start, End: s.End, Sequence: s.Sequence,
		Kind: int32(s.Kind), StatusCode: int32(s.Status.Code), Flags: s.Flags, Name: []byte(s.Name), TraceState: []byte(s.TraceState),
		StatusMessage: []byte(s.Status.Message), Attributes: rowAttrs(s.Attributes),
		DroppedAttributes: s.DroppedAttributes, DroppedEvents: s.DroppedEvents, DroppedLinks: s.DroppedLinks,
		Resource: &fragment.ResourceRow{Resource: *s.Resource, Service: s.Resource.ServiceName()}, Scope: s.Scope,
	}
	for _, e := range s.Events {
		r.Events = append(r.Events, fragment.EventRow{Time: e.Time, Name: []byte(e.Name), Attributes: rowAttrs(e.Attributes), Dropped: e.Dropped})
	}
	for _, l := range s.Links {
		r.Links = append(r.Links, fragment.LinkRow{TraceID: l.TraceID, SpanID: l.SpanID, TraceState: []byte(l.TraceState), Attributes: rowAttrs(l.Attributes), Dropped: l.Dropped, Flags: l.Flags})
	}
	return r
}

// writeSpans writes the spans in the order of files.
func writeSpans(t testing.TB, o WriterOptions, spans []tael.Span) []byte {
	t.Helper()
	sortForFile(spans)
	var b bytes.Buffer
	w := NewWriter(&b, o)
	for i := range spans {
		if err := w.Append(rowOf(&spans[i])); err != nil {
			t.Fatalf("append row %d: %v", i, err)
		}
	}
	info, err := w.Close()
	if err != nil {
		t.Fatalf("close: %v", err)
	}
	if info.Rows != int64(len(spans)) {
		t.Fatalf("the writer counted %d rows, want %d", info.Rows, len(spans))
	}
	return b.Bytes()
}

func sortForFile(spans []tael.Span) {
	first := map[tael.TraceID]uint64{}
	for i := range spans {
		if v, ok := first[spans[i].TraceID]; !ok || spans[i].Start < v {
			first[spans[i].TraceID] = spans[i].Start
		}
	}
	slices.SortStableFunc(spans, func(a, b tael.Span) int {
		return cmp.Or(cmp.Compare(first[a.TraceID], first[b.TraceID]), bytes.Compare(a.TraceID[:], b.TraceID[:]), cmp.Compare(a.Start, b.Start))
	})
}

func readOptions() WriterOptions {
	o := DefaultWriterOptions()
	o.Tenant = "acme"
	return o
}

func openBytes(t testing.TB, b []byte) (*File, *memoryFile) {
	t.Helper()
	m := &memoryFile{b: b}
	o := DefaultReadOptions()
	o.Name = "test.parquet"
	f, err := Open(context.Background(), m, int64(len(b)), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return f, m
}

const testEpoch = uint64(1_790_000_000_000_000_000)

type shapeOfSpans struct {
	traces, perTrace, services int
	text                       int // bytes of a prompt
}

// randomSpans makes spans with everything that OTLP has.
func randomSpans(r *rand.Rand, n shapeOfSpans) []tael.Span {
	resources := make([]*tael.Resource, n.services)
	scopes := make([]*tael.Scope, n.services)
	for i := range resources {
		resources[i] = &tael.Resource{SchemaURL: pick(r, "", "https://opentelemetry.io/schemas/1.30.0"), Dropped: uint32(r.IntN(3))}
		if i > 0 {
			resources[i].Attributes = append(resources[i].Attributes, tael.KeyValue{Key: "service.name", Value: tael.String("service-" + strconv.Itoa(i))})
		}
		resources[i].Attributes = append(resources[i].Attributes, tael.KeyValue{Key: "host.name", Value: tael.String("host" + strconv.Itoa(i%3))},
			tael.KeyValue{Key: "process.pid", Value: tael.Int(int64(1000 + i))}, tael.KeyValue{Key: "deep", Value: randomValue(r, 2)})
		scopes[i] = &tael.Scope{Name: pick(r, "", "lib-"+strconv.Itoa(i)), Version: pick(r, "", "1.2"), Dropped: uint32(r.IntN(2))}
		if i%2 == 0 {
			scopes[i].Attributes = []tael.KeyValue{{Key: "scope.key", Value: tael.Int(int64(i))}}
			scopes[i].SchemaURL = "https://example.com/" + strconv.Itoa(i)
		}
	}
	var spans []tael.Span
	for range n.traces {
		var id tael.TraceID
		for i := range id {
			id[i] = byte(r.UintN(256))
		}
		start := testEpoch + r.Uint64N(3600e9)
		for k := range 1 + r.IntN(2*n.perTrace) {
			i := r.IntN(n.services)
			s := tael.Span{TraceID: id, Resource: resources[i], Scope: scopes[i], Start: start + r.Uint64N(1e9), Sequence: r.Uint64N(1 << 40)}
			for j := range s.SpanID {
				s.SpanID[j] = byte(r.UintN(256))
			}
			if k > 0 {
				s.ParentSpanID[3] = byte(k)
			}
			s.End = s.Start + uint64(math.Exp(r.Float64()*20))
			if r.IntN(50) == 0 {
				s.End = s.Start - r.Uint64N(1000)
			}
			s.Name = pick(r, "GET /", "chat", "query "+strconv.Itoa(r.IntN(20)), "")
			s.Kind, s.Status.Code = tael.SpanKind(r.IntN(6)), tael.StatusCode(r.IntN(3))
			if r.IntN(10) == 0 {
				s.Status.Message, s.TraceState, s.Flags = "it failed", "a=b", uint32(r.IntN(1<<10))
				s.Kind, s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = -7, uint32(r.IntN(4)), uint32(r.IntN(4)), uint32(r.IntN(4))
			}
			s.Attributes = randomAttributes(r, n.text)
			for range max(0, r.IntN(6)-3) {
				s.Events = append(s.Events, tael.Event{Time: s.Start + 5, Name: pick(r, "log", "exception", ""), Attributes: randomPairs(r, 3), Dropped: uint32(r.IntN(2))})
			}
			for range max(0, r.IntN(8)-6) {
				l := tael.Link{TraceState: pick(r, "", "x=y"), Attributes: randomPairs(r, 2), Dropped: uint32(r.IntN(2)), Flags: uint32(r.IntN(2))}
				l.TraceID[2], l.SpanID[1] = byte(r.UintN(256)), byte(r.UintN(256))
				s.Links = append(s.Links, l)
			}
			spans = append(spans, s)
		}
	}
	return spans
}

func pick(r *rand.Rand, s ...string) string { return s[r.IntN(len(s))] }

func randomAttributes(r *rand.Rand, text int) []tael.KeyValue {
	var kvs []tael.KeyValue
	add := func(key string, v tael.Value) { kvs = append(kvs, tael.KeyValue{Key: key, Value: v}) }
	switch r.IntN(4) {
	case 0:
		add("http.request.method", tael.String(pick(r, "GET", "POST")))
		add("http.response.status_code", tael.Int(int64(200+100*r.IntN(4))))
		add("url.path", tael.String("/items/"+strconv.Itoa(r.IntN(1e6))))
	case 1:
		add("gen_ai.request.model", tael.String(pick(r, "small", "large")))
		add("gen_ai.request.temperature", tael.Double(float64(r.IntN(4))/4))
		if text > 0 {
			add("gen_ai.prompt", tael.String(strings.Repeat(pick(r, "lorem ", "ipsum "), r.IntN(text/3+1))))
			add("gen_ai.completion", tael.String(strings.Repeat(pick(r, "dolor ", "sit "), r.IntN(text/6+1))))
		}
		add("gen_ai.usage.input_tokens", tael.Int(int64(r.IntN(5000))))
	}
	for range r.IntN(4) {
		add(pick(r, "app.tier", "app.shard", "retry", "cached", "ratio", "host.name", "scope.key", "deep", "user.id"), randomValue(r, 1))
	}
	if r.IntN(5) == 0 { // another type than the column's, and a key twice
		add("http.response.status_code", tael.String("200"))
		add("user.id", tael.Int(7))
		add("user.id", tael.String("u"+strconv.Itoa(r.IntN(100))))
	}
	return kvs
}

func randomPairs(r *rand.Rand, n int) []tael.KeyValue {
	var kvs []tael.KeyValue
	for range r.IntN(n + 1) {
		kvs = append(kvs, tael.KeyValue{Key: pick(r, "message", "code", "message"), Value: randomValue(r, 1)})
	}
	return kvs
}

func randomValue(r *rand.Rand, depth int) tael.Value {
	switch r.IntN(9 + 2*depth) {
	case 0, 1, 2:
		return tael.String(pick(r, "", "a", "b", "true", "3", strconv.Itoa(r.IntN(1000))))
	case 3, 4:
		return tael.Int(int64(r.IntN(10)))
	case 5:
		return tael.Double(float64(r.IntN(10)) / 2)
	case 6:
		return tael.Bool(r.IntN(2) == 0)
	case 7:
		return tael.Bytes([]byte{1, 2, byte(r.IntN(3))})
	case 8:
		return tael.Value{}
	case 9:
		return tael.String("日本語")
	case 10:
		return tael.Array([]tael.Value{tael.Int(1), randomValue(r, depth-1)})
	default:
		return tael.Map([]tael.KeyValue{{Key: "k", Value: randomValue(r, depth-1)}, {Key: "k", Value: tael.Bool(true)}})
	}
}

// stored is the span with its attributes in the order in which a file gives them back.
func stored(s tael.Span) tael.Span {
	l := Leaves(Schema())
	promoted := map[string]int{}
	for i, leaf := range l {
		if leaf.Span != "" {
			promoted[leaf.Span] = i
		}
	}
	order := func(kvs []tael.KeyValue, flat bool) []tael.KeyValue {
		seen := map[string]bool{}
		class := make(map[int]int, len(kvs))
		index := make([]int, len(kvs))
		for i, kv := range kvs {
			index[i] = i
			first := !seen[kv.Key]
			seen[kv.Key] = true
			other := len(l) + 10
			class[i] = other
			v := kv.Value
			text := v.Kind() == tael.KindString && strings.ToValidUTF8(v.AsString(), "?") == v.AsString()
			if !first {
				continue
			}
			if p, ok := promoted[kv.Key]; ok && flat {
				if t := l[p].Type; t == String && text || t == Long && v.Kind() == tael.KindInt || t == Double && v.Kind() == tael.KindDouble {
					class[i] = p
					continue
				}
			}
			switch {
			case text:
				class[i] = len(l)
			case flat && v.Kind() == tael.KindInt:
				class[i] = len(l) + 1
			case flat && v.Kind() == tael.KindDouble:
				class[i] = len(l) + 2
			case flat && v.Kind() == tael.KindBool:
				class[i] = len(l) + 3
			}
		}
		slices.SortStableFunc(index, func(a, b int) int { return class[a] - class[b] })
		var out []tael.KeyValue
		for _, i := range index {
			out = append(out, kvs[i])
		}
		return out
	}
	s.Attributes = order(s.Attributes, true)
	s.Events = slices.Clone(s.Events)
	for i := range s.Events {
		s.Events[i].Attributes = order(s.Events[i].Attributes, false)
	}
	s.Links = slices.Clone(s.Links)
	for i := range s.Links {
		s.Links[i].Attributes = order(s.Links[i].Attributes, false)
	}
	return s
}

// describe makes spans comparable: resources and scopes by content, values by kind and content.
func describe(s *tael.Span) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %v %q %d %q %d %d %d %d %q %d %d %d %d\n", s.TraceID, s.SpanID, s.ParentSpanID, s.TraceState, s.Flags, s.Name, s.Kind, s.Start, s.End,
		s.Status.Code, s.Status.Message, s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks, s.Sequence)
	pairs := func(kvs []tael.KeyValue) {
		for _, kv := range kvs {
			fmt.Fprintf(&b, " %q=%x", kv.Key, fragment.AppendValue([]byte{byte(kv.Value.Kind())}, kv.Value))
		}
		b.WriteByte('\n')
	}
	pairs(s.Attributes)
	for _, e := range s.Events {
		fmt.Fprintf(&b, "event %d %q %d", e.Time, e.Name, e.Dropped)
		pairs(e.Attributes)
	}
	for _, l := range s.Links {
		fmt.Fprintf(&b, "link %v %v %q %d %d", l.TraceID, l.SpanID, l.TraceState, l.Dropped, l.Flags)
		pairs(l.Attributes)
	}
	fmt.Fprintf(&b, "resource %d %q", s.Resource.Dropped, s.Resource.SchemaURL)
	pairs(s.Resource.Attributes)
	fmt.Fprintf(&b, "scope %q %q %d %q", s.Scope.Name, s.Scope.Version, s.Scope.Dropped, s.Scope.SchemaURL)
	pairs(s.Scope.Attributes)
	return b.String()
}
