package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestRoutesAndDocumentAreTheSame(t *testing.T) {
	var inCode, inDocument []string
	for _, r := range routes {
		inCode = append(inCode, r.method+" "+r.path)
	}
	doc := document(t)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			inDocument = append(inDocument, method+" "+path)
		}
	}
	slices.Sort(inCode)
	slices.Sort(inDocument)
	if !slices.Equal(inCode, inDocument) {
		t.Fatalf("code:\n%s\n\ndocument:\n%s", strings.Join(inCode, "\n"), strings.Join(inDocument, "\n"))
	}
}

// samples are good values of the parameters.
var samples = map[string]string{
	"service": "cart", "operation": "GET", "status": "ok", "kind": "server", "min_duration_ms": "1", "max_duration_ms": "2", "attribute": "k=v",
	"last": "1h", "from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z", "sort": "duration", "limit": "5", "cursor": "1", "strict": "true", "explain": "true",
	"full": "true", "format": "json", "trace_id": "", "signal": "spans",
}

// TestParametersAndDocumentAreTheSame asks every route for every parameter: those in the document are understood, and all others are unknown.
func TestParametersAndDocumentAreTheSame(t *testing.T) {
	r := newRig(t, nil)
	spans := storetest.RandomSpans(storetest.NewRand(1), 50)
	r.store.Append("default", spans)
	samples := maps.Clone(samples)
	samples["trace_id"] = spans[0].TraceID.String()
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			documented := map[string]bool{}
			for _, p := range op.Parameters {
				if p.Value.In == "query" {
					documented[p.Value.Name] = true
					if _, ok := samples[p.Value.Name]; !ok {
						t.Errorf("%s %s: the test has no sample of %s", method, path, p.Value.Name)
					}
				}
			}
			at := strings.NewReplacer("{trace_id}", spans[0].TraceID.String(), "{span_id}", spans[0].SpanID.String()).Replace(path)
			for name, value := range samples {
				a := r.do(t, method, at+"?"+name+"="+strings.ReplaceAll(value, "=", "%3D"))
				if documented[name] && a.Code != http.StatusOK {
					t.Errorf("%s %s: %s is in the document and is answered with %d %s", method, path, name, a.Code, a.Body)
				}
				if !documented[name] {
					if a.Code != http.StatusBadRequest || !strings.Contains(a.text(), name) {
						t.Errorf("%s %s: %s is not in the document and is answered with %d %s", method, path, name, a.Code, a.Body)
					}
				}
			}
		}
	}
}

// TestEnumsOfTheDocumentAreAllValues takes what the document offers, and nothing else.
func TestEnumsOfTheDocumentAreAllValues(t *testing.T) {
	r := newRig(t, nil)
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range op.Parameters {
				if p.Value.In != "query" || len(p.Value.Schema.Value.Enum) == 0 {
					continue
				}
				at := strings.NewReplacer("{trace_id}", strings.Repeat("1", 32), "{span_id}", strings.Repeat("1", 16)).Replace(path)
				for _, value := range p.Value.Schema.Value.Enum {
					if a := r.do(t, method, fmt.Sprint(at, "?", p.Value.Name, "=", value)); a.Code == http.StatusBadRequest {
						t.Errorf("%s %s: %s=%v is refused: %s", method, path, p.Value.Name, value, a.Body)
					}
				}
				r.do(t, method, at+"?"+p.Value.Name+"=other").wantError(t, 400, "invalid", p.Value.Name, "other")
			}
		}
	}
}

func TestLimitsOfTheDocument(t *testing.T) {
	r := newRig(t, nil)
	limit := r.doc.Components.Parameters["limit"].Value.Schema.Value
	for value, want := range map[float64]int{*limit.Min: 200, *limit.Max: 200, *limit.Min - 1: 400, *limit.Max + 1: 400} {
		if a := r.get(t, fmt.Sprintf("/api/v1/spans?limit=%.0f", value)); a.Code != want {
			t.Errorf("limit %v: %d, want %d", value, a.Code, want)
		}
	}
	r.get(t, "/api/v1/spans")
	if fmt.Sprint(limit.Default) != fmt.Sprint(r.store.spans.Limit) {
		t.Errorf("default limit is %d, the document says %v", r.store.spans.Limit, limit.Default)
	}
}

func TestEveryRouteThatNeedsATokenSaysSo(t *testing.T) {
	doc := document(t)
	for _, r := range routes {
		op := doc.Paths.Value(r.path).GetOperation(r.method)
		open := op.Security != nil && len(*op.Security) == 1 && len((*op.Security)[0]) == 0
		if open != (r.role == 0) {
			t.Errorf("%s %s: role %d, security %v", r.method, r.path, r.role, op.Security)
		}
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	r := newRig(t, withTokens(t))
	a := r.get(t, "/openapi.yaml")
	if _, err := openapi3.NewLoader().LoadFromData(a.Body.Bytes()); err != nil || a.Code != 200 {
		t.Fatal(a.Code, err)
	}
}
