package query

import (
	"context"

	"github.com/taeldb/tael"
)

// Spans answers a page of spans.
func (e *Engine) Spans(ctx context.Context, v View, tenant string, q tael.SpanQuery) (*tael.SpanPage, error) {
	return nil, tael.ErrUnavailable
}

// Traces answers a page of traces.
func (e *Engine) Traces(ctx context.Context, v View, tenant string, q tael.TraceQuery) (*tael.TracePage, error) {
	return nil, tael.ErrUnavailable
}
