package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

var errDeadline = context.DeadlineExceeded

func TestStats(t *testing.T) {
	r := newRig(t, nil)
	a := r.get(t, "/api/v1/stats")
	if a.json["oldest"] != nil || a.json["newest"] != nil || a.json["spans"] != 0.0 || a.json["tenant"] != "default" {
		t.Fatal(a.text())
	}
	r.store.Append("t", []tael.Span{{SpanID: tael.SpanID{1}, Start: 1, Resource: &tael.Resource{}}, {SpanID: tael.SpanID{2}, Start: uint64(storetest.Base.UnixNano()), Resource: &tael.Resource{}}})
	a = r.get(t, "/api/v1/stats", "X-Scope-OrgID", "t")
	if a.json["oldest"] != "1970-01-01T00:00:00.000000001Z" || a.json["newest"] != "2026-06-01T12:00:00.000000000Z" || a.json["hot"].(map[string]any)["spans"] != 2.0 {
		t.Fatal(a.text())
	}
}

func TestFlush(t *testing.T) {
	r := newRig(t, nil)
	for _, query := range []string{"", "?signal=all", "?signal=spans"} {
		a := r.do(t, http.MethodPost, "/api/v1/admin/flush"+query)
		if a.Code != 200 || a.json["rows"] != 9.0 || a.json["bytes"] != 1234.0 || a.json["seconds"] != 0.5 {
			t.Fatal(a.Code, a.text())
		}
	}
	r.do(t, http.MethodPost, "/api/v1/admin/flush?signal=logs").wantError(t, 400, "invalid", "signal")
	r.operator.flush = errors.New("no bucket")
	r.do(t, http.MethodPost, "/api/v1/admin/flush").wantError(t, 500, "internal", "no bucket")
	if r.operator.flushed != 4 {
		t.Fatalf("flushed %d times", r.operator.flushed)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	r := newRig(t, withTokens(t))
	if a := r.get(t, "/healthz"); a.Code != 200 || a.json["status"] != "alive" {
		t.Fatal(a.text())
	}
	if a := r.get(t, "/readyz"); a.Code != 200 || a.json["status"] != "ready" || a.json["reasons"] != nil {
		t.Fatal(a.text())
	}
	r.operator.ready = func(ctx context.Context) []error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the probe has no deadline")
		}
		return []error{errors.New("disk is full"), errors.New("flush is behind")}
	}
	a := r.get(t, "/readyz")
	if reasons := a.list("reasons"); a.Code != 503 || a.json["status"] != "not ready" || len(reasons) != 2 || reasons[0] != "disk is full" {
		t.Fatal(a.Code, a.text())
	}
	// While one probe hangs, no other begins.
	entered, leave := make(chan struct{}), make(chan struct{})
	r.operator.ready = func(context.Context) []error {
		close(entered)
		<-leave
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/readyz", nil))
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "has not ended") {
		t.Fatal(w.Code, w.Body)
	}
	close(leave)
	<-done
}

func TestMetricsCountRequestsByRoute(t *testing.T) {
	r := newRig(t, nil)
	r.get(t, "/api/v1/traces/"+strings.Repeat("1", 32))
	r.get(t, "/api/v1/spans")
	r.get(t, "/api/v1/spans?limit=0")
	a := r.get(t, "/metrics")
	for _, want := range []string{`tael_api_requests_total{route="/api/v1/traces/{trace_id}",status="404"} 1`, `tael_api_requests_total{route="/api/v1/spans",status="200"} 1`,
		`tael_api_requests_total{route="/api/v1/spans",status="400"} 1`, `tael_api_seconds_count{route="/api/v1/spans"} 2`} {
		if !strings.Contains(a.text(), want) {
			t.Errorf("%s is not in\n%s", want, a.text())
		}
	}
}

// panicStore panics when it is asked for statistics.
type panicStore struct{ tael.Store }

func (panicStore) Stats(context.Context, string) (*tael.Stats, error) { panic("out of luck") }

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Store = panicStore{o.Store} })
	a := r.get(t, "/api/v1/stats")
	a.wantError(t, 500, "internal")
	if strings.Contains(a.text(), "luck") {
		t.Error("the answer shows the panic")
	}
	for _, want := range []string{"out of luck", "panicStore", "/api/v1/stats", `"level":"ERROR"`} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("%q is not in the log: %s", want, &r.log)
		}
	}
	if a := r.get(t, "/metrics"); !strings.Contains(a.text(), `route="/api/v1/stats",status="500"} 1`) {
		t.Error("the panic is not counted")
	}
	if a := r.get(t, "/healthz"); a.Code != 200 {
		t.Error("the server is not well after it")
	}
}

func TestOTLPIsServedToo(t *testing.T) {
	r := newRig(t, func(o *Options) {
		withTokens(t)(o)
		o.OTLP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/traces", nil))
	if w.Code != http.StatusTeapot {
		t.Fatal(w.Code)
	}
}

func TestFlushOutlivesTheBoundOnAnswers(t *testing.T) {
	const bound = 50 * time.Millisecond
	r := newRig(t, func(o *Options) { o.Flusher = slowFlusher{4 * bound} })
	server := httptest.NewUnstartedServer(r)
	server.Config.WriteTimeout = bound
	server.Start()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/admin/flush", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
}

type slowFlusher struct{ takes time.Duration }

func (f slowFlusher) Flush(ctx context.Context) (FlushReport, error) {
	select {
	case <-time.After(f.takes):
		return FlushReport{}, nil
	case <-ctx.Done():
		return FlushReport{}, ctx.Err()
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{})
	if !errors.Is(err, tael.ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{"store", "flusher", "readiness", "authorizer", "clock", "logger", "metrics", "retry"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}
