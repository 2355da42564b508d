package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// serve answers without a look at the document, which says nothing about pprof.
func serve(r *rig, path, token string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func TestTraceAsJSONAndAsOTLP(t *testing.T) {
	r := newRig(t, nil)
	r.store.Append("default", storetest.RandomSpans(storetest.NewRand(3), 60))
	for _, found := range r.store.Traces0() {
		id := found.Summary.TraceID
		want := r.store.Model.Trace("default", id)
		for _, path := range []string{id.String(), strings.ToUpper(id.String()), id.String() + "?format=json"} {
			a := r.get(t, "/api/v1/traces/"+path, "Accept", "text/html, */*")
			if a.Code != 200 || a.json["trace_id"] != id.String() || a.json["span_count"] != float64(len(want)) || len(a.list("spans")) != len(want) {
				t.Fatal(a.Code, a.text())
			}
			for i, got := range a.list("spans") {
				if got.(map[string]any)["span_id"] != want[i].SpanID.String() {
					t.Fatalf("span %d is %v", i, got)
				}
			}
		}
		for path, accept := range map[string]string{"": "application/x-protobuf", "?format=otlp": "", "?format=otlp&strict=true": "application/json"} {
			a := r.get(t, "/api/v1/traces/"+id.String()+path, "Accept", accept)
			var message trace.TracesData
			if err := proto.Unmarshal(a.Body.Bytes(), &message); err != nil || a.Header().Get("Content-Type") != "application/x-protobuf" {
				t.Fatal(err, a.Header())
			}
			if string(fragment.AppendOTLP(nil, want)) != a.text() {
				t.Fatal("the OTLP answer is not of the spans")
			}
		}
		if a := r.get(t, "/api/v1/traces/"+id.String()+"?format=json", "Accept", "application/json;q=0.5,application/x-protobuf"); a.json == nil {
			t.Fatal("format=json does not win over Accept")
		}
	}
	r.get(t, "/api/v1/traces/"+strings.Repeat("1", 32)+"?from=5&to=2026-01-01T00:00:00Z&explain=true").wantError(t, 404, "not_found")
	if o := r.store.trace; o.From != 5 || o.To != 1767225600000000000 || !o.Explain {
		t.Fatalf("options %+v", o)
	}
	for _, id := range []string{"xyz", strings.Repeat("0", 32), strings.Repeat("1", 31), strings.Repeat("g", 32)} {
		r.get(t, "/api/v1/traces/"+id).wantError(t, 400, "invalid", id)
		r.get(t, "/api/v1/spans/"+id).wantError(t, 400, "invalid", id)
	}
	r.get(t, "/api/v1/traces/"+strings.Repeat("1", 32)+"?from=6&to=5").wantError(t, 400, "invalid", "from")
}

func TestSpanByID(t *testing.T) {
	r := newRig(t, nil)
	spans := storetest.RandomSpans(storetest.NewRand(4), 30)
	// The same span id twice in a trace, as two kinds, and once in another.
	twin, cousin := spans[0], spans[0]
	twin.Kind, twin.End = (twin.Kind+1)%5, twin.End+10
	cousin.TraceID[0] ^= 1
	cousin.Start, cousin.End = cousin.Start+100, cousin.End+100
	r.store.Append("default", append(spans, twin, cousin))
	get := func(path string) map[string]any {
		a := r.get(t, "/api/v1/spans/"+path)
		if a.Code != 200 {
			t.Fatal(path, a.Code, a.text())
		}
		return a.json["span"].(map[string]any)
	}
	for _, s := range spans[1:] {
		for _, path := range []string{s.SpanID.String(), strings.ToUpper(s.SpanID.String()) + "?trace_id=" + s.TraceID.String()} {
			if got := get(path); got["span_id"] != s.SpanID.String() || got["trace_id"] != s.TraceID.String() {
				t.Fatalf("%s: %v", path, got)
			}
		}
	}
	if got := get(twin.SpanID.String()); got["trace_id"] != cousin.TraceID.String() {
		t.Fatalf("not the newest: %v", got)
	}
	if got := get(twin.SpanID.String() + "?trace_id=" + twin.TraceID.String()); got["end_time"] != tael.FormatTime(twin.End) {
		t.Fatalf("not the newest of the trace: %v", got)
	}
	r.get(t, "/api/v1/spans/1111111111111111").wantError(t, 404, "not_found")
	r.get(t, "/api/v1/spans/1111111111111111?trace_id="+twin.TraceID.String()).wantError(t, 404, "not_found")
	r.get(t, "/api/v1/spans/1111111111111111?trace_id="+strings.Repeat("1", 32)).wantError(t, 404, "not_found")
	r.get(t, "/api/v1/spans/1111111111111111?trace_id=x").wantError(t, 400, "invalid", "trace_id")
	r.store.cover = tael.Coverage{Partial: true, Missing: []string{"cold"}}
	r.get(t, "/api/v1/spans/1111111111111111").wantError(t, 503, "unavailable", "cold")
}

func TestPartialAnswersSayWhatIsMissing(t *testing.T) {
	r := newRig(t, nil)
	spans := storetest.RandomSpans(storetest.NewRand(4), 30)
	r.store.Append("default", spans)
	r.store.cover = tael.Coverage{Partial: true, Missing: []string{"file a.parquet", "segment 3"}}
	for _, path := range []string{"/api/v1/spans?", "/api/v1/traces?", "/api/v1/traces/" + spans[0].TraceID.String() + "?", "/api/v1/spans/" + spans[0].SpanID.String() + "?", "/api/v1/stats?"} {
		a := r.get(t, path)
		if a.Code != 200 || a.json["partial"] != true || fmt.Sprint(a.json["missing"]) != "[file a.parquet segment 3]" {
			t.Fatal(path, a.Code, a.text())
		}
		a = r.get(t, path+"strict=true")
		if a.wantError(t, 503, "unavailable", "strict=true", "file a.parquet"); a.Header().Get("Retry-After") != "2" {
			t.Fatalf("Retry-After %q", a.Header().Get("Retry-After"))
		}
	}
	otlp := "/api/v1/traces/" + spans[0].TraceID.String() + "?format=otlp"
	if a := r.get(t, otlp); a.Code != 200 || a.Header().Get("X-Tael-Partial") != "file a.parquet, segment 3" {
		t.Fatal(a.Code, a.Header())
	}
	r.get(t, otlp+"&strict=1").wantError(t, 503, "unavailable", "strict")
	r.store.cover = tael.Coverage{}
	if a := r.get(t, "/api/v1/spans?strict=true"); a.Code != 200 || a.json["partial"] != nil || a.json["explain"] != nil {
		t.Fatal(a.Code, a.text())
	}
}

func TestExplainSaysWhatWasRead(t *testing.T) {
	r := newRig(t, nil)
	spans := storetest.RandomSpans(storetest.NewRand(4), 30)
	r.store.Append("default", spans)
	for _, path := range []string{"/api/v1/spans", "/api/v1/traces", "/api/v1/traces/" + spans[0].TraceID.String(), "/api/v1/spans/" + spans[0].SpanID.String(),
		"/api/v1/spans/" + spans[0].SpanID.String()} {
		explain, _ := r.get(t, path+"?explain=true").json["explain"].(map[string]any)
		if explain["rows"] != float64(42) || explain["elapsed_ns"] != float64(1e6) {
			t.Fatalf("%s: %v", path, explain)
		}
	}
}

func TestErrorsByClass(t *testing.T) {
	r := newRig(t, nil)
	r.store.Append("default", storetest.RandomSpans(storetest.NewRand(4), 3))
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{tael.ErrInvalid, 400, "invalid"}, {tael.ErrNotFound, 404, "not_found"}, {tael.ErrTooLarge, 413, "too_large"}, {tael.ErrBudget, 422, "over_budget"},
		{tael.ErrOverloaded, 429, "overloaded"}, {tael.ErrUnavailable, 503, "unavailable"}, {tael.ErrClosed, 503, "unavailable"}, {tael.ErrDamaged, 500, "damaged"},
		{errDeadline, 504, "deadline"}, {errors.New("a fault"), 500, "internal"},
	} {
		r.log.Reset()
		r.store.fail = fmt.Errorf("what was asked: %w", c.err)
		for _, path := range []string{"/api/v1/spans", "/api/v1/traces", "/api/v1/stats"} {
			a := r.get(t, path)
			a.wantError(t, c.status, c.code, "what was asked")
			if retry := c.status == 429 || c.status == 503; retry != (a.Header().Get("Retry-After") == "2") {
				t.Errorf("%v: Retry-After %q", c.err, a.Header().Get("Retry-After"))
			}
		}
		if logged := strings.Count(r.log.String(), "a request failed"); logged != 3*min(1, c.status/500) {
			t.Errorf("%v: %d log lines: %s", c.err, logged, &r.log)
		}
	}
}
