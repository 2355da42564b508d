package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// modelStore is a tael.Store on a model. Its cursor is the number of rows before the page. What it was asked is kept.
type modelStore struct {
	*storetest.Model
	cover  tael.Coverage // of every answer
	fail   error         // of every answer
	tenant string
	spans  tael.SpanQuery
	traces tael.TraceQuery
	trace  tael.TraceOptions
}

func (s *modelStore) coverage(explain bool) tael.Coverage {
	c := s.cover
	if explain {
		c.Explain = &tael.Explain{HotSegments: 1, Rows: 42, Elapsed: time.Millisecond}
	}
	return c
}

func (s *modelStore) Trace(_ context.Context, tenant string, id tael.TraceID, o tael.TraceOptions) (*tael.Trace, error) {
	s.tenant, s.trace = tenant, o
	spans := s.Model.Trace(tenant, id)
	if s.fail == nil && len(spans) == 0 && !s.cover.Partial {
		return nil, fmt.Errorf("trace %s: %w", id, tael.ErrNotFound)
	}
	return &tael.Trace{TraceID: id, Spans: spans, Coverage: s.coverage(o.Explain)}, s.fail
}

func (s *modelStore) Spans(_ context.Context, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	s.tenant, s.spans = tenant, q
	all := s.Model.Spans(tenant, &q.Filter, q.Sort)
	page, next, err := cut(all, q.Cursor, q.Limit)
	if err != nil {
		return nil, err
	}
	return &tael.SpanPage{Spans: page, NextCursor: next, Coverage: s.coverage(q.Explain)}, s.fail
}

func (s *modelStore) Traces(_ context.Context, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	s.tenant, s.traces = tenant, q
	page, next, err := cut(s.Model.Traces(tenant, &q.Filter, q.Sort, q.Full), q.Cursor, q.Limit)
	if err != nil {
		return nil, err
	}
	out := &tael.TracePage{NextCursor: next, Coverage: s.coverage(q.Explain)}
	for _, t := range page {
		out.Traces = append(out.Traces, t.Summary)
		out.Spans = append(out.Spans, t.Spans...)
	}
	if out.Truncated = len(out.Spans) > 100; out.Truncated {
		out.Spans = out.Spans[:100]
	}
	return out, s.fail
}

func cut[T any](all []T, cursor string, limit int) (page []T, next string, err error) {
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from > len(all) {
			return nil, "", fmt.Errorf("parameter cursor: %w: not one of this query", tael.ErrInvalid)
		}
	}
	to := min(len(all), from+limit)
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

func (s *modelStore) Stats(_ context.Context, tenant string) (*tael.Stats, error) {
	s.tenant = tenant
	all := s.All(tenant, func(*tael.Span) bool { return true })
	st := &tael.Stats{Spans: int64(len(all)), HotSpans: int64(len(all)), TracesExact: true}
	for _, span := range all {
		st.NewestStart = max(st.NewestStart, span.Start)
		if st.OldestStart == 0 || span.Start < st.OldestStart {
			st.OldestStart = span.Start
		}
	}
	st.Coverage = s.coverage(false)
	return st, s.fail
}

// operator is a Flusher and a Readiness.
type operator struct {
	flushed int
	flush   error
	ready   func(ctx context.Context) []error
}

func (o *operator) Flush(context.Context) (FlushReport, error) {
	o.flushed++
	return FlushReport{Segments: 2, Spans: 10, Rows: 9, Superseded: 1, Files: 3, Bytes: 1234, Seconds: 0.5}, o.flush
}

func (o *operator) Ready(ctx context.Context) []error {
	if o.ready == nil {
		return nil
	}
	return o.ready(ctx)
}

const (
	anyToken   = "any-0123456789abcdef"
	readToken  = "read-0123456789abcdef"
	writeToken = "write-0123456789abcdef"
	adminToken = "admin-0123456789abcdef"
	acmeToken  = "acme-0123456789abcdef"
)

// rig is a server before a model. Every answer that it gives is held against the OpenAPI document.
type rig struct {
	*Server
	store    *modelStore
	operator *operator
	log      bytes.Buffer
	doc      *openapi3.T
	router   routers.Router
}

func document(t testing.TB) *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(openAPIDocument)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

func newRig(t testing.TB, change func(*Options)) *rig {
	r := &rig{store: &modelStore{Model: storetest.NewModel()}, operator: &operator{}, doc: document(t)}
	var err error
	if r.router, err = legacy.NewRouter(r.doc); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	o := Options{Store: r.store, Flusher: r.operator, Readiness: r.operator, Access: (*access.Tokens)(nil), RetryAfter: 1500 * time.Millisecond,
		Now: func() time.Time { return storetest.Base }, Logger: slog.New(slog.NewJSONHandler(&r.log, nil)), Register: registry, Gather: registry}
	if change != nil {
		change(&o)
	}
	if r.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

func withTokens(t testing.TB) func(*Options) {
	return func(o *Options) {
		tokens, err := access.ReadTokens(strings.NewReader(anyToken + "\n" + readToken + " role=read\n" + writeToken + " role=write\n" +
			adminToken + " role=admin\n" + acmeToken + " tenant=acme\n"))
		if err != nil {
			t.Fatal(err)
		}
		o.Access = tokens
	}
}

// answered is an answer with its body as JSON, when it is JSON.
type answered struct {
	*httptest.ResponseRecorder
	json map[string]any
}

func (a *answered) text() string { return a.Body.String() }

// get asks for a path; header are names and values.
func (r *rig) get(t testing.TB, path string, header ...string) *answered {
	t.Helper()
	return r.do(t, http.MethodGet, path, header...)
}

func (r *rig) do(t testing.TB, method, path string, header ...string) *answered {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	a := &answered{ResponseRecorder: httptest.NewRecorder()}
	r.ServeHTTP(a, req)
	if a.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(a.Body.Bytes(), &a.json); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, a.Body)
		}
	}
	if a.Code >= 400 && a.Code != http.StatusServiceUnavailable {
		if a.json["error"] == "" || a.json["code"] == "" || a.json["hint"] == "" || a.json["error"] == nil {
			t.Fatalf("%s %s: error %q", method, path, a.Body)
		}
	}
	r.holdAgainstDocument(t, req, a)
	return a
}

func (r *rig) holdAgainstDocument(t testing.TB, req *http.Request, a *answered) {
	t.Helper()
	route, params, err := r.router.FindRoute(req)
	if err != nil {
		if a.Code != http.StatusNotFound && a.Code != http.StatusMethodNotAllowed {
			t.Fatalf("%s %s is answered and is not in the document: %v", req.Method, req.URL, err)
		}
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.Code, Header: a.Header(), Body: io.NopCloser(bytes.NewReader(a.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(req.Context(), in); err != nil {
		t.Fatalf("%s %s: the answer is not as the document says: %.500s\n%.500s", req.Method, req.URL, err.Error(), a.Body)
	}
}

// wantError checks the status, the code and that the message has all the words.
func (a *answered) wantError(t testing.TB, status int, code string, words ...string) {
	t.Helper()
	if a.Code != status || a.json["code"] != code {
		t.Fatalf("got %d %q, want %d %s", a.Code, a.Body, status, code)
	}
	for _, w := range words {
		if !strings.Contains(fmt.Sprint(a.json["error"]), w) {
			t.Fatalf("%q is not in %q", w, a.json["error"])
		}
	}
}

func (a *answered) list(name string) []any {
	list, _ := a.json[name].([]any)
	return list
}
