package loadgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	status "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// maxAnswer bounds how much of an answer to an export is read.
const maxAnswer = 1 << 20

type httpExporter struct {
	url    string
	opts   *Options
	client *http.Client
}

// newTransport keeps one connection open for each request that can be under way.
func newTransport(o *Options) *http.Transport {
	return &http.Transport{
		MaxConnsPerHost: o.Connections, MaxIdleConns: o.Connections, MaxIdleConnsPerHost: o.Connections,
		IdleConnTimeout: time.Minute, DisableCompression: true, TLSClientConfig: o.TLS.Clone(),
		WriteBufferSize: 64 << 10, ReadBufferSize: 16 << 10,
	}
}

func newHTTPExporter(o *Options) *httpExporter {
	return &httpExporter{
		url: strings.TrimSuffix(o.Endpoint, "/") + "/v1/traces", opts: o,
		client: &http.Client{Transport: newTransport(o)},
	}
}

func (e *httpExporter) export(ctx context.Context, p Payload) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(p.Body))
	if err != nil {
		return answer{}, fmt.Errorf("make a request to %s: %w", e.url, err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if p.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	setAccess(req.Header, e.opts.Tenant, e.opts.Token)
	resp, err := e.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%w from %s: %w", errLost, e.url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%w: the answer of %s is cut short: %w", errLost, e.url, err)
	}
	if resp.StatusCode/100 == 2 {
		return decodeAnswer(body)
	}
	return answer{}, httpRefusal(resp, body)
}

func setAccess(h http.Header, tenant, token string) {
	if tenant != "" {
		h.Set("X-Scope-OrgID", tenant)
	}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
}

// httpRefusal follows OTLP/HTTP: 429, 502, 503 and 504 are to be sent again, after what Retry-After says.
func httpRefusal(resp *http.Response, body []byte) error {
	r := &refusal{code: strconv.Itoa(resp.StatusCode), text: strings.TrimSpace(string(body[:min(len(body), 300)]))}
	var st status.Status
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-protobuf") && proto.Unmarshal(body, &st) == nil {
		r.text = st.GetMessage()
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		r.retry = true
		r.after = retryAfter(resp.Header.Get("Retry-After"))
	}
	return r
}

// retryAfter reads the header's value, in whole seconds or as a date; 0 if there is none.
func retryAfter(v string) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func (e *httpExporter) close() error {
	e.client.CloseIdleConnections()
	return nil
}

// asRefusal finds what the server said in an error.
func asRefusal(err error) (*refusal, bool) {
	var r *refusal
	ok := errors.As(err, &r)
	return r, ok
}
