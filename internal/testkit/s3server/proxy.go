package s3server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Request is one HTTP request that went through a CountingProxy.
type Request struct {
	Method string
	Path   string // with the bucket; without the query
	Query  string
	Range  string // the Range header, or ""
	Status int    // of the answer; 502 when the server could not be reached
	Bytes  int64  // of the answer's body, as far as it was sent
}

// IsData reports whether the request read an object or a range of one.
func (r Request) IsData() bool {
	return r.Method == http.MethodGet && (r.Range != "" || !strings.Contains(r.Query, "list-type"))
}

// CountingProxy stands in front of an S3 server and keeps a list of the requests, to count what an operation costs
// whatever client made them. It passes the Host header on, so signatures stay valid.
type CountingProxy struct {
	// Endpoint is the URL to give to clients instead of the server's.
	Endpoint string

	server    *http.Server
	transport *http.Transport
	served    chan struct{}
	serveErr  error

	mu       sync.Mutex
	requests []Request
}

// NewCountingProxy listens on a free port of 127.0.0.1 and passes everything on to endpoint. Close ends it.
func NewCountingProxy(endpoint string) (*CountingProxy, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("s3server: proxy to %q: %w", endpoint, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("s3server: listen for the proxy: %w", err)
	}
	p := &CountingProxy{
		Endpoint:  "http://" + listener.Addr().String(),
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		served:    make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.handler(target), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(p.served)
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.serveErr = err
		}
	}()
	return p, nil
}

func (p *CountingProxy) handler(target *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Transport: p.transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &countedWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.requests = append(p.requests, Request{
				Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Range: r.Header.Get("Range"),
				Status: counted.status, Bytes: counted.bytes,
			})
		}()
		proxy.ServeHTTP(counted, r)
	})
}

// Requests returns the finished requests since the start or the last Reset, in the order in which they ended.
func (p *CountingProxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Reset forgets the requests so far.
func (p *CountingProxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// Close stops listening, ends what is in flight and waits. Closing twice is no error.
func (p *CountingProxy) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = p.server.Close()
	}
	<-p.served
	p.transport.CloseIdleConnections()
	return errors.Join(err, p.serveErr)
}

type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *countedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets the proxy flush and hijack.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
