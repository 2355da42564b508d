package loadgen

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taeldb/tael/bench/gen"
)

// receiver keeps what it is sent, decoded by the generated code, and answers for single traces. What
// it does with a request before keeping it is the test's: see fault.
type receiver struct {
	coltrace.UnimplementedTraceServiceServer
	t *testing.T

	mu     sync.Mutex
	tries  int
	traces map[string][]string // trace id -> span ids
	access []string
	// fault says how try n (from 0) is refused: "" takes it.
	fault func(n int) string
}

func newReceiver(t *testing.T, fault func(n int) string) *receiver {
	return &receiver{t: t, traces: map[string][]string{}, fault: fault}
}

func (r *receiver) decide() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.fault == nil {
		return ""
	}
	return r.fault(r.tries - 1)
}

func (r *receiver) keep(m *coltrace.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range m.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, sp := range ss.Spans {
				id, span := hex.EncodeToString(sp.TraceId), hex.EncodeToString(sp.SpanId)
				known := false
				for _, s := range r.traces[id] {
					known = known || s == span
				}
				if !known {
					r.traces[id] = append(r.traces[id], span)
				}
			}
		}
	}
}

func (r *receiver) export(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.access = append(r.access, req.Header.Get("X-Scope-OrgID")+" "+req.Header.Get("Authorization"))
	r.mu.Unlock()
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return // the client went away
	}
	var m coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var out coltrace.ExportTraceServiceResponse
	switch r.decide() {
	case "slow down":
		w.Header().Set("Retry-After", "0")
		http.Error(w, "too many", http.StatusTooManyRequests)
		return
	case "unavailable":
		http.Error(w, "disk is full", http.StatusServiceUnavailable)
		return
	case "bad":
		http.Error(w, "not this", http.StatusBadRequest)
		return
	case "kept but lost":
		r.keep(&m)
		panic(http.ErrAbortHandler)
	case "reject":
		out.PartialSuccess = &coltrace.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "too old"}
	default:
		r.keep(&m)
	}
	answer, err := proto.Marshal(&out)
	if err != nil {
		r.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

func (r *receiver) trace(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans, ok := r.traces[req.PathValue("id")]
	if !ok {
		http.Error(w, `{"error":"trace not found"}`, http.StatusNotFound)
		return
	}
	type span struct {
		SpanID string `json:"span_id"`
	}
	out := struct {
		Spans []span `json:"spans"`
	}{}
	for _, s := range spans {
		out.Spans = append(out.Spans, span{s})
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		r.t.Error(err)
	}
}

func (r *receiver) serveHTTP() string {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.export)
	mux.HandleFunc("GET /api/v1/traces/{id}", r.trace)
	s := httptest.NewServer(mux)
	r.t.Cleanup(s.Close)
	return s.URL
}

// Export is the gRPC door.
func (r *receiver) Export(ctx context.Context, m *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	r.mu.Lock()
	r.access = append(r.access, first(md["x-scope-orgid"])+" "+first(md["authorization"]))
	r.mu.Unlock()
	switch r.decide() {
	case "slow down":
		st, err := status.New(codes.ResourceExhausted, "too many").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
		if err != nil {
			r.t.Error(err)
		}
		return nil, st.Err()
	case "unavailable":
		return nil, status.Error(codes.Unavailable, "disk is full")
	case "bad":
		return nil, status.Error(codes.InvalidArgument, "not this")
	case "full":
		return nil, status.Error(codes.ResourceExhausted, "quota, and no hint when to try again")
	case "reject":
		return &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "too old"}}, nil
	}
	r.keep(m)
	return &coltrace.ExportTraceServiceResponse{}, nil
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func (r *receiver) serveGRPC() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	s := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(s, r)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	r.t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil {
			r.t.Errorf("serve gRPC: %v", err)
		}
	})
	return l.Addr().String()
}

func load(t *testing.T, spans int) *gen.Generator {
	t.Helper()
	o := gen.DefaultOptions(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	o.Spans, o.SpansPerRequest = spans, 100
	g, err := gen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
