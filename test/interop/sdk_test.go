//go:build interop

package interop

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/taeldb/tael/internal/testkit/daemon"
)

// sentByPython is a span as the script says that it was sent. A value is its type and itself.
type sentByPython struct {
	TraceID       string `json:"trace_id"`
	SpanID        string `json:"span_id"`
	Parent        string `json:"parent_span_id"`
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	Start         string `json:"start"`
	End           string `json:"end"`
	Status        int    `json:"status"`
	StatusMessage string `json:"status_message"`
	Attributes    values `json:"attributes"`
	Events        []struct {
		Name       string `json:"name"`
		Time       string `json:"time"`
		Attributes values `json:"attributes"`
	} `json:"events"`
	Links []struct {
		TraceID    string `json:"trace_id"`
		SpanID     string `json:"span_id"`
		Attributes values `json:"attributes"`
	} `json:"links"`
	Resource values `json:"resource"`
	Scope    struct {
		Name       string `json:"name"`
		Version    string `json:"version"`
		SchemaURL  string `json:"schema_url"`
		Attributes values `json:"attributes"`
	} `json:"scope"`
}

type values map[string]any

// TestPythonSDK has the stock SDK for Python send spans, and compares each with what comes back, hot and cold.
func TestPythonSDK(t *testing.T) {
	d := daemon.Start(t, daemon.Options{Binary: taeld})
	for _, way := range []struct{ protocol, endpoint, compression string }{
		{"http", d.OTLP, "none"}, {"http", d.OTLP, "gzip"}, {"grpc", d.GRPC, "none"}, {"grpc", d.GRPC, "gzip"},
	} {
		t.Run(way.protocol+" "+way.compression, func(t *testing.T) {
			var said struct {
				Sent   []sentByPython `json:"sent"`
				Failed int            `json:"failed"`
			}
			if err := json.Unmarshal(python(t, "TAEL_OTELPYTHON", "send_spans.py", way.protocol, way.endpoint, way.compression), &said); err != nil {
				t.Fatal(err)
			}
			if len(said.Sent) != 40 || said.Failed > 0 {
				t.Fatalf("%d spans sent, %d failed, want 40 and 0", len(said.Sent), said.Failed)
			}
			comeBack(t, d, said.Sent)
			flush(t, d)
			comeBack(t, d, said.Sent)
		})
	}
}

func comeBack(t *testing.T, d *daemon.Daemon, sent []sentByPython) {
	t.Helper()
	traces := map[string]map[string]wire{}
	count := map[string]int{}
	for _, s := range sent {
		if traces[s.TraceID] == nil {
			traces[s.TraceID] = otlp(t, d, s.TraceID)
		}
		count[s.TraceID]++
		if w, ok := traces[s.TraceID][s.SpanID]; !ok {
			t.Errorf("span %s of trace %s is not there", s.SpanID, s.TraceID)
		} else {
			same(t, w, s)
		}
	}
	for id, n := range count {
		if len(traces[id]) != n {
			t.Errorf("trace %s has %d spans, want %d", id, len(traces[id]), n)
		}
	}
}

func same(t *testing.T, w wire, s sentByPython) {
	t.Helper()
	equal := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("span %s: %s came back as %v, sent was %v", s.SpanID, what, got, want)
		}
	}
	g := w.span
	equal("parent", hex.EncodeToString(g.GetParentSpanId()), s.Parent)
	equal("name", g.GetName(), s.Name)
	equal("kind", int(g.GetKind()), map[string]int{"internal": 1, "server": 2, "client": 3}[s.Kind])
	equal("start", strconv.FormatUint(g.GetStartTimeUnixNano(), 10), s.Start)
	equal("end", strconv.FormatUint(g.GetEndTimeUnixNano(), 10), s.End)
	equal("status", int(g.GetStatus().GetCode()), s.Status)
	equal("status message", g.GetStatus().GetMessage(), s.StatusMessage)
	equal("attributes", typed(g.GetAttributes()), s.Attributes)
	equal("number of events", len(g.GetEvents()), len(s.Events))
	for i, e := range s.Events {
		equal("event", g.Events[i].GetName()+" at "+strconv.FormatUint(g.Events[i].GetTimeUnixNano(), 10), e.Name+" at "+e.Time)
		equal("event's attributes", typed(g.Events[i].GetAttributes()), e.Attributes)
	}
	equal("number of links", len(g.GetLinks()), len(s.Links))
	for i, l := range s.Links {
		got := g.Links[i]
		equal("link", fmt.Sprintf("%x/%x", got.GetTraceId(), got.GetSpanId()), l.TraceID+"/"+l.SpanID)
		equal("link's attributes", typed(got.GetAttributes()), l.Attributes)
	}
	equal("resource", typed(w.resource.GetAttributes()), s.Resource)
	equal("scope", []string{w.scope.GetName(), w.scope.GetVersion(), w.scopeURL}, []string{s.Scope.Name, s.Scope.Version, s.Scope.SchemaURL})
	equal("scope's attributes", typed(w.scope.GetAttributes()), s.Scope.Attributes)
}

// typed gives attributes in the script's form.
func typed(kvs []*common.KeyValue) values {
	out := values{}
	for _, kv := range kvs {
		out[kv.GetKey()] = typedValue(kv.GetValue())
	}
	return out
}

func typedValue(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return []any{"string", v.StringValue}
	case *common.AnyValue_IntValue:
		return []any{"int", strconv.FormatInt(v.IntValue, 10)}
	case *common.AnyValue_DoubleValue:
		return []any{"double", v.DoubleValue}
	case *common.AnyValue_BoolValue:
		return []any{"bool", v.BoolValue}
	case *common.AnyValue_ArrayValue:
		list := []any{}
		for _, e := range v.ArrayValue.GetValues() {
			list = append(list, typedValue(e))
		}
		return []any{"array", list}
	}
	return []any{"unknown", fmt.Sprint(v)}
}
