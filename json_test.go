package tael_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

var update = flag.Bool("update", false, "write the golden files")

func full() tael.Span {
	return tael.Span{
		TraceID: tael.TraceID{0xab, 15: 1}, SpanID: tael.SpanID{7: 0xff}, ParentSpanID: tael.SpanID{7: 1},
		TraceState: `a="b"`, Flags: 257, Name: "GET /\u2028\x01\t\"quoted\"\\ü", Kind: tael.SpanKindServer,
		Start: 1_780_315_200_000_000_001, End: 1_780_315_200_123_456_790,
		Attributes: []tael.KeyValue{
			{Key: "string", Value: tael.String("bad \xff utf-8")}, {Key: "int", Value: tael.Int(-200)},
			{Key: "exact", Value: tael.Int(1 << 53)}, {Key: "large", Value: tael.Int(1<<53 + 1)}, {Key: "small", Value: tael.Int(math.MinInt64)},
			{Key: "double", Value: tael.Double(1)}, {Key: "fraction", Value: tael.Double(0.1)}, {Key: "huge", Value: tael.Double(1e300)},
			{Key: "minus zero", Value: tael.Double(math.Copysign(0, -1))}, {Key: "nan", Value: tael.Double(math.NaN())},
			{Key: "inf", Value: tael.Double(math.Inf(1))}, {Key: "-inf", Value: tael.Double(math.Inf(-1))}, {Key: "bool", Value: tael.Bool(true)},
			{Key: "bytes", Value: tael.Bytes([]byte{0, 255})}, {Key: "empty", Value: tael.Value{}},
			{Key: "list", Value: tael.Array([]tael.Value{tael.Int(1), tael.String("x"), tael.Array(nil)})},
			{Key: "map", Value: tael.Map([]tael.KeyValue{{Key: "b", Value: tael.Int(1)}, {Key: "a", Value: tael.Map(nil)}})},
			{Key: "int", Value: tael.String("the second of a key is not written")},
		},
		Events: []tael.Event{
			{Time: 1_780_315_200_000_000_500, Name: "exception", Attributes: []tael.KeyValue{{Key: "k", Value: tael.String("v")}}, Dropped: 2},
			{},
		},
		Links:             []tael.Link{{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{2}, TraceState: "x=y", Flags: 1, Dropped: 3}, {}},
		Status:            tael.Status{Code: tael.StatusError, Message: "boom"},
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("cart")}, {Key: "host.cpus", Value: tael.Int(2)}}, Dropped: 4, SchemaURL: "https://a/1"},
		Scope:    &tael.Scope{Name: "lib", Version: "1", Attributes: []tael.KeyValue{{Key: "s", Value: tael.Bool(false)}}, Dropped: 5, SchemaURL: "https://b/2"},
	}
}

func TestSpanJSONGolden(t *testing.T) {
	for name, s := range map[string]tael.Span{
		"full":  full(),
		"empty": {Resource: &tael.Resource{}, Scope: &tael.Scope{}},
		"bare":  {Kind: 17, Status: tael.Status{Code: 9}, Start: math.MaxUint64 - 1, End: math.MaxUint64},
		"late":  {Kind: -1, Status: tael.Status{Code: -1}, Start: 5, End: 4},
	} {
		t.Run(name, func(t *testing.T) {
			got := append(tael.AppendJSON(nil, &s), '\n')
			file := filepath.Join("testdata", "span_"+name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if !json.Valid(got) {
				t.Error("not valid JSON")
			}
		})
	}
}

// TestSpanJSONReadsBack decodes random spans with the standard library and compares what JSON can carry.
func TestSpanJSONReadsBack(t *testing.T) {
	rng := storetest.NewRand(7)
	spans := storetest.RandomSpans(rng, 500)
	enc := tael.NewJSONEncoder()
	var out []struct {
		TraceID    string         `json:"trace_id"`
		Service    string         `json:"service"`
		Operation  string         `json:"operation"`
		Start      time.Time      `json:"start_time"`
		End        time.Time      `json:"end_time"`
		DurationMS float64        `json:"duration_ms"`
		Attributes map[string]any `json:"attributes"`
		Events     []any          `json:"events"`
		Links      []any          `json:"links"`
		Resource   map[string]any `json:"resource"`
	}
	text := enc.AppendSpans(nil, spans)
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != len(spans) {
		t.Fatalf("got %d spans, want %d", len(out), len(spans))
	}
	for i, s := range spans {
		o := out[i]
		if o.TraceID != s.TraceID.String() || o.Service != s.Service() || o.Operation != s.Name || uint64(o.Start.UnixNano()) != s.Start ||
			uint64(o.End.UnixNano()) != s.End || o.DurationMS != float64(s.Duration())/1e6 || len(o.Attributes) != len(s.Attributes) ||
			len(o.Events) != len(s.Events) || len(o.Links) != len(s.Links) || len(o.Resource) != len(s.Resource.Attributes) {
			t.Fatalf("span %d: got %+v, want %+v", i, o, s)
		}
		for _, kv := range s.Attributes {
			got, there := o.Attributes[kv.Key]
			if !there {
				t.Fatalf("span %d has no attribute %q", i, kv.Key)
			}
			if kv.Value.Kind() == tael.KindString && got != kv.Value.AsString() || kv.Value.Kind() == tael.KindBool && got != kv.Value.AsBool() {
				t.Errorf("span %d, %q: got %v, want %v", i, kv.Key, got, kv.Value)
			}
		}
	}
	if again := enc.AppendSpans(nil, spans); string(again) != string(text) {
		t.Error("the second answer of an encoder differs from its first")
	}
}

func TestSpanJSONManyAttributes(t *testing.T) {
	s := tael.Span{}
	for i := range 100 {
		s.Attributes = append(s.Attributes, tael.KeyValue{Key: strings.Repeat("k", 1+i%50), Value: tael.Int(int64(i))})
	}
	var out struct{ Attributes map[string]int }
	if err := json.Unmarshal(tael.AppendJSON(nil, &s), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Attributes) != 50 || out.Attributes["k"] != 0 || strings.Count(string(tael.AppendJSON(nil, &s)), `"k":`) != 1 {
		t.Errorf("repeated keys: got %v", out.Attributes)
	}
}

func TestSpanJSONAllocations(t *testing.T) {
	s := full()
	enc := tael.NewJSONEncoder()
	dst := enc.AppendSpan(nil, &s)
	if n := testing.AllocsPerRun(100, func() { dst = enc.AppendSpan(dst[:0], &s) }); n > 2 {
		t.Errorf("%v allocations a span", n)
	}
}

// FuzzText checks that any text becomes valid JSON that reads as the same text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"\\\x00\x1f\x7f", "\xff\xfeü\u2028", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := tael.Span{Name: text, Attributes: []tael.KeyValue{{Key: text, Value: tael.String(text)}}}
		var out struct{ Operation string }
		if err := json.Unmarshal(tael.AppendJSON(nil, &s), &out); err != nil {
			t.Fatal(err)
		}
		var want strings.Builder // one replacement a wrong byte, as encoding/json does
		for _, r := range text {
			want.WriteRune(r)
		}
		if out.Operation != want.String() {
			t.Errorf("got %q, want %q", out.Operation, want.String())
		}
	})
}

func BenchmarkSpanJSON(b *testing.B) {
	spans := storetest.RandomSpans(storetest.NewRand(1), 1000)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = tael.NewJSONEncoder().AppendSpans(dst[:0], spans)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
	b.SetBytes(int64(len(dst)))
}
