// Package api is the doors out: the REST routes over a tael.Store, health, metrics, and the OpenAPI document that describes them. It reads
// parameters strictly, asks the store, and writes JSON; it decides nothing about the data.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
)

// Authorizer tells the tenant of a request, see access.Tokens.Authorize.
type Authorizer interface {
	Authorize(authorization, named string, need access.Role) (tenant string, err error)
}

// Flusher moves everything acknowledged before the call to the cold tier.
type Flusher interface {
	Flush(ctx context.Context) (FlushReport, error)
}

// FlushReport says what a flush did.
type FlushReport struct {
	Segments   int     `json:"segments"`
	Spans      int64   `json:"spans"`      // stored versions read from the hot tier
	Rows       int64   `json:"rows"`       // written
	Superseded int64   `json:"superseded"` // rows of older files replaced
	Files      int     `json:"files"`
	Bytes      int64   `json:"bytes"`
	Seconds    float64 `json:"seconds"`
}

// Readiness tells why spans cannot be taken and given now; nothing is ready. It really tries.
type Readiness interface {
	Ready(ctx context.Context) []error
}

// Options of a Server. Store, Flusher, Readiness and Access are needed.
type Options struct {
	Store     tael.Store
	Flusher   Flusher
	Readiness Readiness
	Access    Authorizer
	// OTLP answers POST /v1/traces, so that one address is enough; nil leaves the route out.
	OTLP http.Handler
	// Pprof adds /debug/pprof/ for the admin role.
	Pprof bool
	// RetryAfter is the hint given with 429 and 503.
	RetryAfter time.Duration

	Now      func() time.Time
	Logger   *slog.Logger
	Register prometheus.Registerer // nil: not exported
	Gather   prometheus.Gatherer   // what /metrics shows
}

// Validate lists every problem.
func (o Options) Validate() error {
	var problems []error
	for _, need := range []struct {
		ok   bool
		what string
	}{
		{o.Store != nil, "a store"}, {o.Flusher != nil, "a flusher"}, {o.Readiness != nil, "a readiness check"}, {o.Access != nil, "an authorizer"},
		{o.Now != nil, "a clock"}, {o.Logger != nil, "a logger"}, {o.Gather != nil, "metrics to show"}, {o.RetryAfter > 0, "a retry hint above 0"},
	} {
		if !need.ok {
			problems = append(problems, fmt.Errorf("api: %w: it needs %s", tael.ErrInvalid, need.what))
		}
	}
	return errors.Join(problems...)
}

// Server answers the REST routes. It is an http.Handler.
type Server struct {
	o       Options
	mux     *http.ServeMux
	metrics *metrics
	probing chan struct{} // holds one: who probes
}

// route is one row of the table of routes.
type route struct {
	method, path string
	role         access.Role // 0: open to everybody
	handle       func(s *Server, w http.ResponseWriter, r *http.Request, tenant string) error
}

// routes are all routes with an OpenAPI description; a test holds the two against each other.
var routes = []route{
	{http.MethodGet, "/api/v1/traces", access.RoleRead, (*Server).traces},
	{http.MethodGet, "/api/v1/traces/{trace_id}", access.RoleRead, (*Server).trace},
	{http.MethodGet, "/api/v1/spans", access.RoleRead, (*Server).spans},
	{http.MethodGet, "/api/v1/spans/{span_id}", access.RoleRead, (*Server).span},
	{http.MethodGet, "/api/v1/stats", access.RoleRead, (*Server).stats},
	{http.MethodPost, "/api/v1/admin/flush", access.RoleAdmin, (*Server).flush},
	{http.MethodGet, "/healthz", 0, (*Server).healthz},
	{http.MethodGet, "/readyz", 0, (*Server).readyz},
	{http.MethodGet, "/metrics", access.RoleRead, (*Server).showMetrics},
	{http.MethodGet, "/openapi.yaml", 0, (*Server).openAPI},
}

// New makes the server.
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Server{o: o, mux: http.NewServeMux(), metrics: newMetrics(o.Register), probing: make(chan struct{}, 1)}
	allowed := map[string][]string{}
	for _, r := range routes {
		s.mux.Handle(r.method+" "+r.path, s.wrap(r))
		allowed[r.path] = append(allowed[r.path], r.method)
	}
	if o.OTLP != nil {
		s.mux.Handle("POST /v1/traces", o.OTLP)
		allowed["/v1/traces"] = []string{http.MethodPost}
	}
	if o.Pprof {
		for path, h := range map[string]http.HandlerFunc{"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace} {
			r := route{http.MethodGet, "/debug/pprof/" + path, access.RoleAdmin, func(_ *Server, w http.ResponseWriter, r *http.Request, _ string) error {
				h(w, r)
				return nil
			}}
			s.mux.Handle(r.method+" "+r.path, s.wrap(r))
		}
	}
	for path, methods := range allowed {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			s.refuse(w, r, errMethod)
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errRoute) })
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// wrap adds to a route what all have: access, errors as JSON, counting, and an answer instead of a dropped connection when a handler panics.
func (s *Server) wrap(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		began := s.o.Now()
		out := &recorder{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // it is the value that net/http asks for
					panic(p)
				}
				s.o.Logger.Error("a request handler panicked", "route", r.path, "panic", p, "stack", string(debug.Stack()))
				if !out.wrote {
					s.refuse(out, req, errors.New("internal fault, see the log"))
				}
			}
			s.metrics.served(r.path, out.code, s.o.Now().Sub(began))
		}()
		tenant := tael.DefaultTenant
		var err error
		if r.role != 0 {
			tenant, err = s.o.Access.Authorize(req.Header.Get("Authorization"), req.Header.Get("X-Scope-OrgID"), r.role)
		}
		if err == nil {
			err = r.handle(s, out, req, tenant)
		}
		if err != nil {
			s.refuse(out, req, err)
		}
	})
}

func (s *Server) showMetrics(w http.ResponseWriter, r *http.Request, _ string) error {
	if err := readParams(r, s.o.Now()).done(); err != nil {
		return err
	}
	promhttp.HandlerFor(s.o.Gather, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

// recorder remembers the status for the counters.
type recorder struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.code, r.wrote = code, true
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tael", Subsystem: "api", Name: "requests_total",
			Help: "REST requests, by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tael", Subsystem: "api", Name: "seconds",
			Help: "Time to answer REST requests, by route.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"route"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds)
	}
	return m
}

func (m *metrics) served(path string, code int, d time.Duration) {
	m.requests.WithLabelValues(path, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(path).Observe(d.Seconds())
}
