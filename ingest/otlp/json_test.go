package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/taeldb/tael"
)

func TestJSONEqualsProtobuf(t *testing.T) {
	for seed := range uint64(20) {
		body := protobufOf(randomSpans(seed, 40))
		var want, got collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		b, err := fromJSON(jsonOf(t, body))
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		// As JSON, because a NaN does not equal itself.
		if !bytes.Equal(jsonOf(t, b), jsonOf(t, body)) && !proto.Equal(&got, &want) {
			t.Fatalf("seed %d: got %v, want %v", seed, &got, &want)
		}
	}
}

func TestWaysToWriteJSON(t *testing.T) {
	id, parent := []byte{0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89}, []byte{1, 2, 3, 4, 5, 6, 7, 8}
	text := func(s string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
	}
	for _, c := range []struct {
		name, span string
		want       *trace.Span
	}{
		{"lower case", `"spanId":"abcdef0123456789"`, &trace.Span{SpanId: id}},
		{"upper case", `"spanId":"ABCDEF0123456789"`, &trace.Span{SpanId: id}},
		{"snake case", `"span_id":"abcdef0123456789","parent_span_id":"0102030405060708"`, &trace.Span{SpanId: id, ParentSpanId: parent}},
		{"spaces", " \n\"spanId\" \t:\r\n \"abcdef0123456789\" ", &trace.Span{SpanId: id}},
		{"escapes", `"span\u0049d":"\u0061bcdef0123456789"`, &trace.Span{SpanId: id}},
		{"empty", `"spanId":"","parentSpanId":""`, &trace.Span{}},
		{"null", `"spanId":null`, &trace.Span{}},
		{"of a link", `"links":[{"spanId":"abcdef0123456789"}]`, &trace.Span{Links: []*trace.Span_Link{{SpanId: id}}}},
		{"numbers as text", `"startTimeUnixNano":"18446744073709551615"`, &trace.Span{StartTimeUnixNano: 1<<64 - 1}},
		{"numbers", `"startTimeUnixNano":18446744073709551615`, &trace.Span{StartTimeUnixNano: 1<<64 - 1}},
		{"enum as number", `"kind":2`, &trace.Span{Kind: trace.Span_SPAN_KIND_SERVER}},
		{"enum as name", `"kind":"SPAN_KIND_SERVER"`, &trace.Span{Kind: trace.Span_SPAN_KIND_SERVER}},
		{"enum of the future", `"kind":77`, &trace.Span{Kind: 77}},
		{"unknown names", `"name":"n","later":{"spanIds":["zz"],"a":[1,2,{"b":null}]}`, &trace.Span{Name: "n"}},
		{"an attribute named like an id", `"attributes":[{"key":"spanId","value":{"stringValue":"zz"}}]`,
			&trace.Span{Attributes: []*common.KeyValue{{Key: "spanId", Value: text("zz")}}}},
		{"text like a field", `"name":"\"spanId\":\"zz\""`, &trace.Span{Name: `"spanId":"zz"`}},
		{"text that ends in a backslash", `"name":"\\","spanId":"abcdef0123456789"`, &trace.Span{Name: `\`, SpanId: id}},
		{"bytes are base64", `"attributes":[{"key":"b","value":{"bytesValue":"AP8="}}]`,
			&trace.Span{Attributes: []*common.KeyValue{{Key: "b", Value: &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := fromJSON([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{` + c.span + `}]}]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			var got collector.ExportTraceServiceRequest
			if err := proto.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if span := got.ResourceSpans[0].ScopeSpans[0].Spans[0]; !proto.Equal(span, c.want) {
				t.Fatalf("got %v, want %v", span, c.want)
			}
		})
	}
}

// FuzzJSON holds the rewriting of bytes against a slower way that builds a tree: what the first takes, the second takes as the same message.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId" : "abcdef0123456789","kind":2}]}]}]}`))
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"trace\u0049d":"\u0030\u0031","name":"\"spanId\":\"zz\"\\"}]}]}],"spanId":""}`))
	f.Add([]byte(`{"a":{"spanId":"zz"}}`))
	f.Add([]byte(`{"a":"\`))
	f.Add(jsonOf(f, protobufOf(randomSpans(1, 3))))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := fromJSON(body)
		if err != nil {
			if !errors.Is(err, tael.ErrInvalid) {
				t.Fatalf("error of another class: %v", err)
			}
			return
		}
		var got collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &got); err != nil {
			t.Fatalf("made what cannot be read: %v", err)
		}
		want, err := treeFromJSON(body)
		if err != nil {
			t.Fatalf("took what is wrong: %v", err)
		}
		if !bytes.Equal(deterministic(t, &got), deterministic(t, want)) {
			t.Fatalf("got %v, want %v", &got, want)
		}
	})
}

func deterministic(t *testing.T, m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func treeFromJSON(body []byte) (*collector.ExportTraceServiceRequest, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	if err := rewriteTree(tree); err != nil {
		return nil, err
	}
	b, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var request collector.ExportTraceServiceRequest
	return &request, (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, &request)
}

func rewriteTree(tree any) error {
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			if err := rewriteTree(child); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, child := range node {
			if digits, ok := child.(string); ok && namesID(name) {
				id, err := hex.DecodeString(digits)
				if err != nil {
					return err
				}
				node[name] = base64.StdEncoding.EncodeToString(id)
			} else if err := rewriteTree(child); err != nil {
				return err
			}
		}
	}
	return nil
}
