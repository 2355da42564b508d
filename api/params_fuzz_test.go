package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/taeldb/tael/internal/testkit/storetest"
)

// FuzzParams asks the read routes with any query: the answer is of the document, and never a fault of ours.
func FuzzParams(f *testing.F) {
	for _, query := range []string{"", "limit=5&cursor=3", "last=15m&service=cart&status=error", "from=1&to=2026-06-01T00:00:00.5Z&sort=duration", "attribute=a%3D~b&attribute=k%3E%3D1e300&strict=1",
		"min_duration_ms=0.5&max_duration_ms=1e9&kind=client&explain=true", "a=%zz", "format=otlp&full=true"} {
		f.Add(uint8(0), query)
	}
	r := newRig(f, nil)
	spans := storetest.RandomSpans(storetest.NewRand(5), 20)
	r.store.Append("default", spans)
	paths := []string{"/api/v1/spans", "/api/v1/traces", "/api/v1/traces/" + spans[0].TraceID.String(), "/api/v1/spans/" + spans[0].SpanID.String(), "/api/v1/stats", "/readyz"}
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		path := paths[int(which)%len(paths)]
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.URL = &url.URL{Path: path, RawQuery: query} // also what no client would send
		a := &answered{ResponseRecorder: httptest.NewRecorder()}
		r.ServeHTTP(a, req)
		if a.Code >= http.StatusInternalServerError {
			t.Fatalf("%s?%s: %d %s", path, query, a.Code, a.Body)
		}
		r.holdAgainstDocument(t, req, a)
	})
}
