package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael"
)

// checkCut cuts a body and compares everything that comes out with what the generated code decodes.
func checkCut(t *testing.T, c *Cutter, d *Decoder, body []byte, now time.Time) {
	t.Helper()
	var want collectorpb.ExportTraceServiceRequest
	wantErr := proto.Unmarshal(body, &want)
	batch, rejected, err := c.Cut("default", body, now)
	if (err != nil) != (wantErr != nil) {
		// The generated code takes 10 000 messages in each other.
		if errors.Is(err, errDepth) && len(body) > 2*maxDepth {
			return
		}
		t.Fatalf("Cut: %v, generated code: %v\n%x", err, wantErr, body)
	}
	if err != nil {
		if !errors.Is(err, tael.ErrInvalid) {
			t.Fatalf("error is no ErrInvalid: %v", err)
		}
		return
	}
	wanted := wantedSpans(&want, c.limits, now)
	if got := rejected.Reasons; got != wanted.rejected {
		t.Fatalf("rejected %v, want %v: %s\n%x", got, wanted.rejected, rejected.Message(), body)
	}
	if batch.Spans != wanted.spans || batch.Bytes != len(body) || batch.Tenant != "default" || len(batch.Fragments) != len(wanted.traces) {
		t.Fatalf("batch of %d spans, %d bytes, %q, %d traces; want %d spans, %d bytes, %d traces\n%x",
			batch.Spans, batch.Bytes, batch.Tenant, len(batch.Fragments), wanted.spans, len(body), len(wanted.traces), body)
	}
	resources := map[ResourceID][]byte{}
	for _, r := range batch.Resources {
		if _, ok := resources[r.ID]; ok || r.ID != NewResourceID(r.Bytes) {
			t.Fatalf("resource %x is there twice or has another id", r.ID)
		}
		resources[r.ID] = r.Bytes
	}
	named := map[ResourceID]bool{}
	for i := range batch.Fragments {
		checkFragment(t, &batch.Fragments[i], wanted.traces[batch.Fragments[i].TraceID], d, resources, named)
	}
	if len(named) != len(resources) {
		t.Fatalf("%d resources, %d are named by fragments", len(resources), len(named))
	}
}

func checkFragment(t *testing.T, f *Fragment, want []wantedSpan, d *Decoder, resources map[ResourceID][]byte, named map[ResourceID]bool) {
	t.Helper()
	var got, wanted []string
	var header Header
	for i := range want {
		wanted = append(wanted, want[i].content)
		s := &want[i].span
		h := Header{Spans: 1, MinStart: s.Start, MaxStart: s.Start, MaxEnd: s.End, MaxDuration: s.Duration()}
		if s.Status.Code == tael.StatusError {
			h.Errors = 1
		}
		header.Add(h)
	}
	if f.Header != header {
		t.Fatalf("header is %+v, want %+v", f.Header, header)
	}
	for i := 0; i < len(f.Body); {
		id := ResourceID(f.Body[i:])
		named[id] = true
		n, size := binary.Uvarint(f.Body[i+16:])
		i += 16 + size
		var g tracepb.ResourceSpans
		message := append(appendBytes(nil, tagGroupResource, resources[id]), f.Body[i:i+int(n)]...)
		if err := proto.Unmarshal(message, &g); err != nil {
			t.Fatal(err)
		}
		i += int(n)
		eachSpan(&g, func(s *tracepb.ScopeSpans, span *tracepb.Span) { got = append(got, content(t, &g, s, span)) })
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Fatalf("body has spans\n%q\nwant\n%q", got, wanted)
	}

	terms := map[uint64]bool{}
	var spans []tael.Span
	err := d.Rows(f.Body, func(id ResourceID) ([]byte, error) { return resources[id], nil }, func(r *Row) error {
		for _, term := range r.AppendTerms(nil) {
			terms[term] = true
		}
		spans = append(spans, r.Span())
		if s := r.Span(); r.Identity() != s.Identity() || r.Version() != s.Version() || r.Duration() != s.Duration() {
			return fmt.Errorf("row %+v differs from span %+v", r, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(spans) != len(want) {
		t.Fatalf("%d rows, want %d", len(spans), len(want))
	}
	for i := range spans {
		at := slices.IndexFunc(want, func(w wantedSpan) bool { return reflect.DeepEqual(w.span, spans[i]) })
		if at < 0 {
			t.Fatalf("row\n%+v (%+v %+v)\nis none of\n%+v", spans[i], spans[i].Resource, spans[i].Scope, want)
		}
		want = slices.Delete(want, at, at+1)
	}
	for _, term := range f.Terms {
		if !terms[term] {
			t.Fatalf("term %x is of no row, or twice in the fragment", term)
		}
		delete(terms, term)
	}
	if len(terms) > 0 {
		t.Fatalf("terms are missing: %v", terms)
	}
}

// wantedSpan is an accepted span in two forms.
type wantedSpan struct {
	content string // deterministic encodings of resource, scope and span
	span    tael.Span
}

type wantedBatch struct {
	spans    int
	rejected [Reasons]int
	traces   map[tael.TraceID][]wantedSpan
}

func wantedSpans(r *collectorpb.ExportTraceServiceRequest, l Limits, now time.Time) wantedBatch {
	w := wantedBatch{traces: map[tael.TraceID][]wantedSpan{}}
	for _, g := range r.ResourceSpans {
		eachSpan(g, func(s *tracepb.ScopeSpans, span *tracepb.Span) {
			if why, bad := refused(span, l, now); bad {
				w.rejected[why]++
				return
			}
			w.spans++
			id := tael.TraceID(span.TraceId)
			w.traces[id] = append(w.traces[id], wantedSpan{content(nil, g, s, span), fromOracle(g, s, span)})
		})
	}
	return w
}

func refused(s *tracepb.Span, l Limits, now time.Time) (Reason, bool) {
	allZero := func(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }
	is := func(n int, allowed ...int) bool { return slices.Contains(allowed, n) }
	start := time.Unix(0, int64(s.StartTimeUnixNano))
	switch {
	case len(s.TraceId) != 16 || allZero(s.TraceId):
		return ReasonTraceID, true
	case len(s.SpanId) != 8 || allZero(s.SpanId):
		return ReasonSpanID, true
	case !is(len(s.ParentSpanId), 0, 8):
		return ReasonParentID, true
	case slices.ContainsFunc(s.Links, func(l *tracepb.Span_Link) bool { return !is(len(l.TraceId), 0, 16) || !is(len(l.SpanId), 0, 8) }):
		return ReasonLinkID, true
	case s.StartTimeUnixNano == 0:
		return ReasonNoStart, true
	case s.StartTimeUnixNano>>63 == 0 && start.Before(now.Add(-l.MaxAge)):
		return ReasonTooOld, true
	case s.StartTimeUnixNano>>63 != 0 || start.After(now.Add(l.MaxAhead)):
		return ReasonTooNew, true
	case s.EndTimeUnixNano>>63 != 0:
		return ReasonEnd, true
	case len(s.Attributes) > l.AttributesPerSpan:
		return ReasonAttributes, true
	}
	return 0, false
}

func eachSpan(g *tracepb.ResourceSpans, yield func(*tracepb.ScopeSpans, *tracepb.Span)) {
	for _, s := range g.ScopeSpans {
		for _, span := range s.Spans {
			yield(s, span)
		}
	}
}

func content(t *testing.T, g *tracepb.ResourceSpans, s *tracepb.ScopeSpans, span *tracepb.Span) string {
	group := &tracepb.ResourceSpans{Resource: g.Resource, SchemaUrl: g.SchemaUrl}
	group.ProtoReflect().SetUnknown(g.ProtoReflect().GetUnknown())
	if group.Resource == nil {
		group.Resource = &resourcepb.Resource{}
	}
	scope := &tracepb.ScopeSpans{Scope: s.Scope, SchemaUrl: s.SchemaUrl}
	scope.ProtoReflect().SetUnknown(s.ProtoReflect().GetUnknown())
	var all string
	for _, m := range []proto.Message{group, scope, span} {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%x ", b)
	}
	return all
}

func fromOracle(g *tracepb.ResourceSpans, ss *tracepb.ScopeSpans, s *tracepb.Span) tael.Span {
	span := tael.Span{
		TraceID: tael.TraceID(s.TraceId), SpanID: tael.SpanID(s.SpanId), TraceState: s.TraceState, Flags: s.Flags, Name: s.Name,
		Kind: tael.SpanKind(s.Kind), Start: s.StartTimeUnixNano, End: s.EndTimeUnixNano, Attributes: oraclePairs(s.Attributes),
		Status:            tael.Status{Code: tael.StatusCode(s.Status.GetCode()), Message: s.Status.GetMessage()},
		DroppedAttributes: s.DroppedAttributesCount, DroppedEvents: s.DroppedEventsCount, DroppedLinks: s.DroppedLinksCount,
		Resource: &tael.Resource{Attributes: oraclePairs(g.Resource.GetAttributes()), Dropped: g.Resource.GetDroppedAttributesCount(), SchemaURL: g.SchemaUrl},
		Scope: &tael.Scope{Name: ss.Scope.GetName(), Version: ss.Scope.GetVersion(), Attributes: oraclePairs(ss.Scope.GetAttributes()),
			Dropped: ss.Scope.GetDroppedAttributesCount(), SchemaURL: ss.SchemaUrl},
	}
	copy(span.ParentSpanID[:], s.ParentSpanId)
	for _, e := range s.Events {
		span.Events = append(span.Events, tael.Event{Time: e.TimeUnixNano, Name: e.Name, Attributes: oraclePairs(e.Attributes), Dropped: e.DroppedAttributesCount})
	}
	for _, l := range s.Links {
		link := tael.Link{TraceState: l.TraceState, Attributes: oraclePairs(l.Attributes), Dropped: l.DroppedAttributesCount, Flags: l.Flags}
		copy(link.TraceID[:], l.TraceId)
		copy(link.SpanID[:], l.SpanId)
		span.Links = append(span.Links, link)
	}
	return span
}

func oraclePairs(kvs []*commonpb.KeyValue) []tael.KeyValue {
	var all []tael.KeyValue
	for _, kv := range kvs {
		all = append(all, tael.KeyValue{Key: kv.Key, Value: oracleValue(kv.Value)})
	}
	return all
}

func oracleValue(v *commonpb.AnyValue) tael.Value {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return tael.String(v.StringValue)
	case *commonpb.AnyValue_IntValue:
		return tael.Int(v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return tael.Double(v.DoubleValue)
	case *commonpb.AnyValue_BoolValue:
		return tael.Bool(v.BoolValue)
	case *commonpb.AnyValue_BytesValue:
		return tael.Bytes(v.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		var list []tael.Value
		for _, e := range v.ArrayValue.GetValues() {
			list = append(list, oracleValue(e))
		}
		return tael.Array(list)
	case *commonpb.AnyValue_KvlistValue:
		return tael.Map(oraclePairs(v.KvlistValue.GetValues()))
	}
	return tael.Value{}
}
