//go:build interop

package interop

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael/engine/cold/spanfile"
)

// compareRow compares every column of a row with the span that was sent.
func compareRow(t *testing.T, id string, row map[string]any, w wire) {
	t.Helper()
	equal := func(column string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %s: column %s is %v, want %v", id, column, got, want)
		}
	}
	s := w.span
	fixed := map[string]any{
		"tenant": "default", "trace_id": inHex(s.GetTraceId()), "span_id": inHex(s.GetSpanId()), "parent_span_id": orNull(inHex(s.GetParentSpanId()), len(s.GetParentSpanId()) == 0),
		"start_time": number(int64(s.GetStartTimeUnixNano() / 1000)), "start_time_unix_nano": number(int64(s.GetStartTimeUnixNano())),
		"duration_nano": number(int64(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano())), "name": s.GetName(),
		"service": stringAttribute(w.resource.GetAttributes(), "service.name"), "kind": number(int64(s.GetKind())),
		"status_code": number(int64(s.GetStatus().GetCode())), "status_message": orNull(s.GetStatus().GetMessage(), s.GetStatus().GetMessage() == ""),
		"flags": number(int64(s.GetFlags())), "trace_state": orNull(s.GetTraceState(), s.GetTraceState() == ""),
		"dropped_attributes_count": number(int64(s.GetDroppedAttributesCount())), "dropped_events_count": number(int64(s.GetDroppedEventsCount())),
		"dropped_links_count": number(int64(s.GetDroppedLinksCount())), "scope_name": w.scope.GetName(), "scope_version": w.scope.GetVersion(),
	}
	rest := map[string]*common.AnyValue{}
	for _, kv := range s.GetAttributes() {
		rest[kv.GetKey()] = kv.GetValue()
	}
	for _, f := range spanfile.Schema() {
		got := row[f.Name]
		if n, ok := got.(json.Number); ok {
			got = plainNumber(n)
		}
		switch {
		case f.Span != "":
			v, ok := rest[f.Span]
			want := inColumn(v, f.Type)
			equal(f.Name, got, want)
			if ok && want != nil {
				delete(rest, f.Span)
			}
		case f.Resource != "":
			want := stringAttribute(w.resource.GetAttributes(), f.Resource)
			equal(f.Name, got, orNull(want, want == ""))
		default:
			if want, ok := fixed[f.Name]; ok {
				equal(f.Name, got, want)
			}
		}
	}
	compareMessages(t, id, row, w)
	// What has no column of its own is in the map of its type.
	maps := map[string]map[string]any{"string": {}, "int": {}, "double": {}, "bool": {}, "other": {}}
	for key, v := range rest {
		kind, value := inMap(v)
		maps[kind][key] = value
	}
	for kind, want := range maps {
		equal("attributes_"+kind, entries(row["attributes_"+kind]), want)
	}
	compareEvents(t, id, row, s)
}

// compareMessages compares the columns that hold OTLP messages.
func compareMessages(t *testing.T, id string, row map[string]any, w wire) {
	t.Helper()
	var r trace.ResourceSpans
	var sc trace.ScopeSpans
	for column, m := range map[string]proto.Message{"resource_otlp": &r, "scope_otlp": &sc} {
		b, err := hex.DecodeString(hexOf(row[column]))
		if err == nil {
			err = proto.Unmarshal(b, m)
		}
		if err != nil {
			t.Errorf("row %s: column %s: %v", id, column, err)
		}
	}
	if !proto.Equal(r.GetResource(), w.resource) || r.GetSchemaUrl() != w.resourceURL {
		t.Errorf("row %s: resource is %v, want %v", id, &r, w.resource)
	}
	if !proto.Equal(sc.GetScope(), w.scope) || sc.GetSchemaUrl() != w.scopeURL {
		t.Errorf("row %s: scope is %v, want %v", id, &sc, w.scope)
	}
	text, _ := row["resource"].(string)
	var readable map[string]any
	if err := json.Unmarshal([]byte(text), &readable); err != nil || len(readable) != len(w.resource.GetAttributes()) {
		t.Errorf("row %s: resource to read is %q: %v", id, text, err)
	}
}

// compareEvents compares the nested columns.
func compareEvents(t *testing.T, id string, row map[string]any, s *trace.Span) {
	t.Helper()
	nested := func(kvs []*common.KeyValue) (text, other map[string]any) {
		text, other = map[string]any{}, map[string]any{}
		for _, kv := range kvs {
			if v, ok := kv.GetValue().GetValue().(*common.AnyValue_StringValue); ok {
				text[kv.GetKey()] = v.StringValue
			} else {
				other[kv.GetKey()] = message(kv.GetValue())
			}
		}
		return text, other
	}
	var events, links []map[string]any
	for _, e := range s.GetEvents() {
		text, other := nested(e.GetAttributes())
		events = append(events, map[string]any{
			"time_unix_nano": number(int64(e.GetTimeUnixNano())), "name": e.GetName(), "dropped_attributes_count": number(int64(e.GetDroppedAttributesCount())),
			"attributes": text, "attributes_other": other,
		})
	}
	for _, l := range s.GetLinks() {
		text, other := nested(l.GetAttributes())
		links = append(links, map[string]any{
			"trace_id": inHex(l.GetTraceId()), "span_id": inHex(l.GetSpanId()), "trace_state": l.GetTraceState(), "flags": number(int64(l.GetFlags())),
			"dropped_attributes_count": number(int64(l.GetDroppedAttributesCount())), "attributes": text, "attributes_other": other,
		})
	}
	for column, want := range map[string][]map[string]any{"events": events, "links": links} {
		list, _ := row[column].([]any)
		var got []map[string]any
		for _, e := range list {
			m, _ := e.(map[string]any)
			m["attributes"], m["attributes_other"] = entries(m["attributes"]), entries(m["attributes_other"])
			got = append(got, m)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %s: column %s is %v, want %v", id, column, got, want)
		}
	}
}

// inColumn is a value in a column of a type, nil if it is of another type.
func inColumn(v *common.AnyValue, typ spanfile.Type) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return orNull(v.StringValue, typ != spanfile.String)
	case *common.AnyValue_IntValue:
		return orNull(number(v.IntValue), typ != spanfile.Long)
	case *common.AnyValue_DoubleValue:
		return orNull(double(v.DoubleValue), typ != spanfile.Double)
	}
	return nil
}

// inMap is the map for a value, and the value in it.
func inMap(v *common.AnyValue) (kind string, value any) {
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return "string", x.StringValue
	case *common.AnyValue_IntValue:
		return "int", number(x.IntValue)
	case *common.AnyValue_DoubleValue:
		return "double", double(x.DoubleValue)
	case *common.AnyValue_BoolValue:
		return "bool", x.BoolValue
	}
	return "other", message(v)
}

// message is a value as an OTLP message.
func message(v *common.AnyValue) any {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(v)
	if err != nil {
		return err
	}
	return inHex(b)
}

// entries makes a map of a list of [key, value].
func entries(v any) map[string]any {
	out := map[string]any{}
	list, _ := v.([]any)
	for _, e := range list {
		if pair, ok := e.([]any); ok && len(pair) == 2 {
			key, _ := pair[0].(string)
			out[key] = pair[1]
			if n, ok := pair[1].(json.Number); ok {
				out[key] = plainNumber(n)
			}
		}
	}
	return out
}

// number and double are numbers in the form that both sides are brought to.
func number(n int64) any { return json.Number(strconv.FormatInt(n, 10)) }

func double(f float64) any { return json.Number(strconv.FormatFloat(f, 'g', -1, 64)) }

// plainNumber writes a number with a point or exponent as double does.
func plainNumber(n json.Number) any {
	if _, err := n.Int64(); err == nil {
		return n
	}
	if f, err := n.Float64(); err == nil {
		return double(f)
	}
	return n
}

func inHex(b []byte) any { return map[string]any{"hex": hex.EncodeToString(b)} }

// hexOf is the text of bytes in a row.
func hexOf(v any) string {
	m, _ := v.(map[string]any)
	text, _ := m["hex"].(string)
	return text
}

func orNull(v any, null bool) any {
	if null {
		return nil
	}
	return v
}

func stringAttribute(kvs []*common.KeyValue, key string) string {
	for _, kv := range kvs {
		if kv.GetKey() == key {
			return kv.GetValue().GetStringValue()
		}
	}
	return ""
}
