package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// api asks a taeld over its REST API, as any client would.
type api struct {
	url    string
	client *http.Client
}

func newAPI(url string) *api { return &api{url: url, client: &http.Client{Timeout: 30 * time.Second}} }

// row is what the demo reads of a span in an answer.
type row struct {
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	Service    string         `json:"service"`
	Operation  string         `json:"operation"`
	Start      time.Time      `json:"start_time"`
	DurationMS float64        `json:"duration_ms"`
	Status     string         `json:"status"`
	Attributes map[string]any `json:"attributes"`
}

// page is an answer with spans: of a trace or of a search.
type page struct {
	Spans  []row `json:"spans"`
	Traces []struct {
		TraceID string `json:"trace_id"`
	} `json:"traces"`
	Partial bool           `json:"partial"`
	Explain map[string]any `json:"explain"`
	took    time.Duration
}

var errNotFound = errors.New("not found")

// get reads the answer to a GET.
func (a *api) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return a.do(ctx, http.MethodGet, path, query)
}

func (a *api) do(ctx context.Context, method, path string, query url.Values) ([]byte, error) {
	at := a.url + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", at, err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", at, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s: %w", at, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", at, errNotFound)
	}
	return nil, fmt.Errorf("%s: %s: %s", at, resp.Status, body[:min(len(body), 300)])
}

// list asks for spans or traces.
func (a *api) list(ctx context.Context, path string, query url.Values) (page, error) {
	begin := time.Now()
	body, err := a.get(ctx, path, query)
	if err != nil {
		return page{}, err
	}
	p := page{took: time.Since(begin)}
	if err := json.Unmarshal(body, &p); err != nil {
		return page{}, fmt.Errorf("decode the answer to %s: %w", path, err)
	}
	return p, nil
}

// otlp asks for a trace in the form in which it came.
func (a *api) otlp(ctx context.Context, traceID string) ([]*tracev1.ResourceSpans, error) {
	body, err := a.get(ctx, "/api/v1/traces/"+traceID, url.Values{"format": {"otlp"}})
	if err != nil {
		return nil, err
	}
	var data tracev1.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		return nil, fmt.Errorf("decode trace %s as OTLP: %w", traceID, err)
	}
	return data.GetResourceSpans(), nil
}

// flush moves everything to Parquet and gives taeld's account of it.
func (a *api) flush(ctx context.Context) (map[string]any, error) {
	body, err := a.do(ctx, http.MethodPost, "/api/v1/admin/flush", nil)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("decode the answer to a flush: %w", err)
	}
	return out, nil
}
