package engine

import (
	"slices"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// OTLP out is OTLP in, as the generated code of OpenTelemetry reads both: every field of every span with its resource and scope, every attribute with
// its type, hot, restarted and cold.
func TestOTLPInIsOTLPOut(t *testing.T) {
	h := newHarness(t, smallOptions(t))
	spans := storetest.RandomSpans(storetest.NewRand(41), 300)
	sent := fragment.AppendOTLP(nil, spans)
	if err := storetest.Append(t.Context(), h, tael.DefaultTenant, spans); err != nil {
		t.Fatal(err)
	}
	want := flatten(t, sent)
	check := func(when string) {
		t.Helper()
		var got []string
		seen := map[tael.TraceID]bool{}
		for i := range spans {
			id := spans[i].TraceID
			if seen[id] {
				continue
			}
			seen[id] = true
			tr, err := h.Trace(t.Context(), tael.DefaultTenant, id, tael.TraceOptions{})
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			got = append(got, flatten(t, fragment.AppendOTLP(nil, tr.Spans))...)
		}
		slices.Sort(got)
		if len(got) != len(want) {
			t.Fatalf("%s: %d spans, want %d", when, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s:\ngot  %s\nwant %s", when, got[i], want[i])
			}
		}
	}
	check("hot")
	if err := h.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("restarted")
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("cold")
}

// flatten gives one text a span, with its resource and scope. The order of attributes has no meaning and is taken out.
func flatten(t *testing.T, otlp []byte) []string {
	t.Helper()
	var data tracepb.TracesData
	if err := proto.Unmarshal(otlp, &data); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range data.ResourceSpans {
		sortAttributes(r.GetResource().GetAttributes())
		for _, s := range r.ScopeSpans {
			sortAttributes(s.GetScope().GetAttributes())
			for _, span := range s.Spans {
				sortAttributes(span.Attributes)
				for _, e := range span.Events {
					sortAttributes(e.Attributes)
				}
				for _, l := range span.Links {
					sortAttributes(l.Attributes)
				}
				one := &tracepb.ResourceSpans{Resource: r.Resource, SchemaUrl: r.SchemaUrl, ScopeSpans: []*tracepb.ScopeSpans{
					{Scope: s.Scope, SchemaUrl: s.SchemaUrl, Spans: []*tracepb.Span{span}},
				}}
				b, err := proto.MarshalOptions{Deterministic: true}.Marshal(one)
				if err != nil {
					t.Fatal(err)
				}
				// The bytes decide; the JSON is for whoever reads a difference.
				out = append(out, protojson.MarshalOptions{}.Format(span)+string(b))
			}
		}
	}
	slices.Sort(out)
	return out
}

func sortAttributes(kvs []*commonpb.KeyValue) {
	slices.SortStableFunc(kvs, func(a, b *commonpb.KeyValue) int {
		if a.Key < b.Key {
			return -1
		}
		if a.Key > b.Key {
			return 1
		}
		return 0
	})
}
