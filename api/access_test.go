package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func pathOf(r route) string {
	return strings.NewReplacer("{trace_id}", strings.Repeat("1", 32), "{span_id}", strings.Repeat("1", 16)).Replace(r.path)
}

func TestTokensOnEveryRoute(t *testing.T) {
	r := newRig(t, withTokens(t))
	tokens := map[string]access.Role{anyToken: access.RoleRead | access.RoleWrite | access.RoleAdmin, readToken: access.RoleRead, writeToken: access.RoleWrite, adminToken: access.RoleAdmin}
	for _, route := range routes {
		path := pathOf(route)
		if a := r.do(t, route.method, path); route.role == 0 {
			if a.Code != http.StatusOK {
				t.Errorf("%s without a token: %d", path, a.Code)
			}
			continue
		} else if a.wantError(t, 401, "unauthenticated"); a.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no WWW-Authenticate", path)
		}
		r.do(t, route.method, path, "Authorization", "Bearer nobody-0123456789abcdef").wantError(t, 401, "unauthenticated")
		r.do(t, route.method, path, "Authorization", anyToken).wantError(t, 401, "unauthenticated")
		for token, roles := range tokens {
			a := r.do(t, route.method, path, "Authorization", "Bearer "+token)
			if allowed := roles&route.role != 0; allowed == (a.Code == http.StatusForbidden) || a.Code == http.StatusUnauthorized {
				t.Errorf("%s with %s: %d", path, token, a.Code)
			}
		}
		r.do(t, route.method, path, "Authorization", "Bearer "+acmeToken, "X-Scope-OrgID", "other").wantError(t, 403, "forbidden", "tenant")
		r.do(t, route.method, path, "Authorization", "Bearer "+anyToken, "X-Scope-OrgID", "a/b").wantError(t, 400, "invalid", "a/b")
	}
	if r.operator.flushed != 2 { // any and admin
		t.Errorf("flushed %d times", r.operator.flushed)
	}
}

func TestTenantsSeeTheirOwn(t *testing.T) {
	r := newRig(t, withTokens(t))
	acme, other := storetest.RandomSpans(storetest.NewRand(1), 7), storetest.RandomSpans(storetest.NewRand(2), 5)
	r.store.Append("acme", acme)
	r.store.Append("other", other)
	for _, c := range []struct {
		token, named string
		want         int
	}{{acmeToken, "", 7}, {acmeToken, "acme", 7}, {anyToken, "acme", 7}, {anyToken, "other", 5}, {anyToken, "", 0}} {
		header := []string{"Authorization", "Bearer " + c.token}
		if c.named != "" {
			header = append(header, "X-Scope-OrgID", c.named)
		}
		if got := len(r.get(t, "/api/v1/spans", header...).list("spans")); got != c.want {
			t.Errorf("%+v: %d spans", c, got)
		}
		if got := len(r.get(t, "/api/v1/traces", header...).list("spans")); got != c.want {
			t.Errorf("%+v: %d spans of traces", c, got)
		}
		if got := r.get(t, "/api/v1/stats", header...).json["spans"]; got != float64(c.want) {
			t.Errorf("%+v: stats say %v spans", c, got)
		}
		trace := r.get(t, "/api/v1/traces/"+other[0].TraceID.String(), header...)
		span := r.get(t, "/api/v1/spans/"+other[0].SpanID.String(), header...)
		want := http.StatusNotFound
		if c.named == "other" {
			want = http.StatusOK
		}
		if trace.Code != want || span.Code != want {
			t.Errorf("%+v: trace %d, span %d, want %d", c, trace.Code, span.Code, want)
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	r := newRig(t, func(o *Options) { o.OTLP = http.NotFoundHandler() })
	for _, path := range []string{"/", "/api", "/api/v1", "/api/v1/nosuch", "/api/v1/traces/", "/api/v2/traces", "/favicon.ico", "/debug/pprof/"} {
		r.get(t, path).wantError(t, 404, "not_found", "no such route")
	}
	for _, route := range append(routes, route{method: http.MethodPost, path: "/v1/traces"}) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			if method == route.method {
				continue
			}
			a := r.do(t, method, pathOf(route))
			if a.wantError(t, 405, "method_not_allowed"); a.Header().Get("Allow") != route.method {
				t.Errorf("%s %s: Allow %q", method, route.path, a.Header().Get("Allow"))
			}
		}
	}
}

func TestPprofIsForAdminsAndOnlyWhenAskedFor(t *testing.T) {
	r := newRig(t, func(o *Options) {
		withTokens(t)(o)
		o.Pprof = true
	})
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1"} {
		for token, want := range map[string]int{"": 401, readToken: 403, adminToken: 200} {
			w := serve(r, path, token)
			if w.Code != want {
				t.Errorf("%s with %q: %d, want %d", path, token, w.Code, want)
			}
		}
	}
}
