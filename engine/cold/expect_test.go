package cold

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// richSpans makes spans that have something in every column, by two services, over two days.
func richSpans(r *rand.Rand, n int) []tael.Span {
	resources := []*tael.Resource{
		{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("shop")}, {Key: "service.version", Value: tael.String("1.2")}, {Key: "host.name", Value: tael.String("h\"1")}, {Key: "process.pid", Value: tael.Int(42)}}, SchemaURL: "https://example.com/1"},
		{Attributes: []tael.KeyValue{{Key: "k8s.pod.name", Value: tael.String("pod")}}, Dropped: 3},
	}
	scopes := []*tael.Scope{{Name: "lib", Version: "0.1", Attributes: []tael.KeyValue{{Key: "a", Value: tael.Bool(true)}}}, {Name: "other", SchemaURL: "https://example.com/2", Dropped: 1}}
	var spans []tael.Span
	for i := range n {
		s := spanOf(i/5+1, i+1, noon.Add(time.Duration(i)*4*time.Minute+time.Duration(r.IntN(1e9))))
		s.End = s.Start + uint64(r.IntN(1e10))
		if i%50 == 0 {
			s.End = s.Start - 5
		}
		s.Kind, s.Flags, s.Name = tael.SpanKind(i%6), uint32(i%3)<<8, fmt.Sprintf("op %d ü", i%9)
		s.Resource, s.Scope = resources[i/5%2], scopes[i%2]
		if i%5 > 0 {
			binary.BigEndian.PutUint64(s.ParentSpanID[:], uint64(i))
		}
		if i%4 == 0 {
			s.Status, s.TraceState = tael.Status{Code: tael.StatusError, Message: "it broke"}, "a=1,b=2"
			s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = 1, 2, 3
		}
		s.Attributes = nil
		for _, f := range spanfile.Schema() {
			if f.Span == "" || r.IntN(4) > 0 {
				continue
			}
			switch {
			case r.IntN(8) == 0: // not of the column's type
				s.Attributes = append(s.Attributes, tael.KeyValue{Key: f.Span, Value: tael.Bool(true)})
			case f.Type == spanfile.Long:
				s.Attributes = append(s.Attributes, tael.KeyValue{Key: f.Span, Value: tael.Int(int64(r.Uint64() >> 40))})
			case f.Type == spanfile.Double:
				s.Attributes = append(s.Attributes, tael.KeyValue{Key: f.Span, Value: tael.Double(r.Float64())})
			default:
				s.Attributes = append(s.Attributes, tael.KeyValue{Key: f.Span, Value: tael.String(fmt.Sprintf("%s %d", f.Name, r.IntN(20)))})
			}
		}
		s.Attributes = append(s.Attributes, mixed(r)...)
		for e := range i % 3 {
			s.Events = append(s.Events, tael.Event{Time: s.Start + uint64(e), Name: "event", Attributes: mixed(r), Dropped: uint32(e)})
			l := tael.Link{TraceID: traceID(i), TraceState: "x=y", Attributes: mixed(r), Dropped: 1, Flags: 1}
			binary.BigEndian.PutUint64(l.SpanID[:], 7)
			s.Links = append(s.Links, l)
		}
		spans = append(spans, s)
	}
	return spans
}

// mixed makes an attribute of each kind, or not.
func mixed(r *rand.Rand) (kvs []tael.KeyValue) {
	for key, v := range map[string]tael.Value{
		"my.string": tael.String("a\x00b"), "my.int": tael.Int(-5), "my.double": tael.Double(math.Inf(1)), "my.bool": tael.Bool(false), "my.bytes": tael.Bytes([]byte{0, 255}), "my.empty": {},
		"my.array": tael.Array([]tael.Value{tael.Int(1), tael.String("x"), tael.Double(2)}), "my.map": tael.Map([]tael.KeyValue{{Key: "k", Value: tael.Bool(true)}}), "": tael.String("empty key"),
	} {
		if r.IntN(2) == 0 {
			kvs = append(kvs, tael.KeyValue{Key: key, Value: v})
		}
	}
	slices.SortFunc(kvs, func(a, b tael.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	return kvs
}

// expectCells is what the columns of a span hold by docs/formats/spanfile.md, made without the writer's code.
func expectCells(tenant string, s *tael.Span) map[string]any {
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	cells := map[string]any{
		"tenant": tenant, "trace_id": string(s.TraceID[:]), "span_id": string(s.SpanID[:]), "parent_span_id": nil, "name": s.Name, "service": s.Service(),
		"start_time": int64(s.Start / 1000), "start_nanos": int64(s.Start % 1000), "start_time_unix_nano": int64(s.Start), "duration_nano": int64(s.End) - int64(s.Start), "sequence": int64(s.Sequence),
		"kind": int64(s.Kind), "status_code": int64(s.Status.Code), "status_message": orNull(s.Status.Message), "trace_state": orNull(s.TraceState), "flags": int64(s.Flags),
		"dropped_attributes_count": int64(s.DroppedAttributes), "dropped_events_count": int64(s.DroppedEvents), "dropped_links_count": int64(s.DroppedLinks),
		"scope_name": s.Scope.Name, "scope_version": s.Scope.Version,
		"scope_otlp": marshal(&trace.ScopeSpans{SchemaUrl: s.Scope.SchemaURL, Scope: &common.InstrumentationScope{Name: s.Scope.Name, Version: s.Scope.Version,
			Attributes: protoKVs(s.Scope.Attributes), DroppedAttributesCount: s.Scope.Dropped}}),
		"resource_otlp": marshal(&trace.ResourceSpans{SchemaUrl: s.Resource.SchemaURL, Resource: &resource.Resource{Attributes: protoKVs(s.Resource.Attributes), DroppedAttributesCount: s.Resource.Dropped}}),
	}
	if !s.ParentSpanID.IsZero() {
		cells["parent_span_id"] = string(s.ParentSpanID[:])
	}
	object := map[string]any{}
	for _, kv := range s.Resource.Attributes {
		object[kv.Key] = plain(kv.Value)
	}
	text, _ := json.Marshal(object)
	cells["resource"] = string(text)
	rest := slices.Clone(s.Attributes)
	for _, f := range spanfile.Schema() {
		switch {
		case f.Resource != "":
			cells[f.Name] = nil
			if v, ok := tael.Lookup(s.Resource.Attributes, f.Resource); ok {
				cells[f.Name] = plain(v)
			}
		case f.Span != "":
			cells[f.Name] = nil
			at := slices.IndexFunc(rest, func(kv tael.KeyValue) bool { return kv.Key == f.Span })
			kinds := map[spanfile.Type]tael.Kind{spanfile.String: tael.KindString, spanfile.Long: tael.KindInt, spanfile.Double: tael.KindDouble}
			if at >= 0 && rest[at].Value.Kind() == kinds[f.Type] {
				cells[f.Name] = plain(rest[at].Value)
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
	maps := map[string]map[string]any{"string": {}, "int": {}, "double": {}, "bool": {}, "other": {}}
	for _, kv := range rest {
		maps[form(kv.Value)][kv.Key] = plain(kv.Value)
	}
	for kind, m := range maps {
		cells["attributes_"+kind] = m
	}
	nested := func(cells map[string]any, kvs []tael.KeyValue) map[string]any {
		texts, other := map[string]any{}, map[string]any{}
		for _, kv := range kvs {
			if kv.Value.Kind() == tael.KindString {
				texts[kv.Key] = plain(kv.Value)
			} else {
				other[kv.Key] = marshal(protoValue(kv.Value))
			}
		}
		cells["attributes"], cells["attributes_other"] = texts, other
		return cells
	}
	events, links := []any{}, []any{}
	for _, e := range s.Events {
		events = append(events, nested(map[string]any{"time_unix_nano": int64(e.Time), "name": e.Name, "dropped_attributes_count": int64(e.Dropped)}, e.Attributes))
	}
	for _, l := range s.Links {
		links = append(links, nested(map[string]any{"trace_id": string(l.TraceID[:]), "span_id": string(l.SpanID[:]), "trace_state": l.TraceState, "flags": int64(l.Flags),
			"dropped_attributes_count": int64(l.Dropped)}, l.Attributes))
	}
	cells["events"], cells["links"] = events, links
	return cells
}

func form(v tael.Value) string {
	switch v.Kind() {
	case tael.KindString:
		return "string"
	case tael.KindInt:
		return "int"
	case tael.KindDouble:
		return "double"
	case tael.KindBool:
		return "bool"
	}
	return "other"
}

func plain(v tael.Value) any {
	switch v.Kind() {
	case tael.KindString:
		return v.AsString()
	case tael.KindInt:
		return v.AsInt()
	case tael.KindDouble:
		return v.AsDouble()
	case tael.KindBool:
		return v.AsBool()
	}
	return marshal(protoValue(v))
}

func protoValue(v tael.Value) *common.AnyValue {
	switch v.Kind() {
	case tael.KindString:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v.AsString()}}
	case tael.KindInt:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt()}}
	case tael.KindDouble:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v.AsDouble()}}
	case tael.KindBool:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case tael.KindBytes:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte(v.AsString())}}
	case tael.KindArray:
		list := &common.ArrayValue{}
		for _, e := range v.AsArray() {
			list.Values = append(list.Values, protoValue(e))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case tael.KindMap:
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: protoKVs(v.AsMap())}}}
	}
	return &common.AnyValue{}
}

func protoKVs(kvs []tael.KeyValue) (out []*common.KeyValue) {
	for _, kv := range kvs {
		out = append(out, &common.KeyValue{Key: kv.Key, Value: protoValue(kv.Value)})
	}
	return out
}

func marshal(m proto.Message) string {
	b, err := proto.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// show writes a cell so that equal cells are equal texts: OTLP messages and JSON by what they say.
func show(column string, cell any) string {
	text, _ := cell.(string)
	var m proto.Message
	switch column {
	case "scope_otlp":
		m = &trace.ScopeSpans{}
	case "resource_otlp":
		m = &trace.ResourceSpans{}
	case "resource":
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return err.Error()
		}
		cell = v
	}
	if m != nil {
		if err := proto.Unmarshal([]byte(text), m); err != nil {
			return err.Error()
		}
		return strings.ReplaceAll(prototext.MarshalOptions{}.Format(m), "  ", " ")
	}
	return fmt.Sprintf("%#v", cell) // maps by key
}
