package api

import (
	"net/http"

	"github.com/taeldb/tael"
)

// spans answers GET /api/v1/spans.
func (s *Server) spans(w http.ResponseWriter, r *http.Request, tenant string) error {
	p := readParams(r, s.o.Now())
	q := tael.SpanQuery{Filter: p.filter(), Sort: choice(p, "sort", tael.SortTime, sorts), Limit: p.limit(tael.DefaultLimit), Cursor: p.text("cursor"),
		Explain: p.flag("explain")}
	strict := p.flag("strict")
	if err := p.done(); err != nil {
		return err
	}
	page, err := s.o.Store.Spans(r.Context(), tenant, q)
	if err != nil {
		return err
	}
	a := newAnswer()
	a.spans("spans", page.Spans)
	a.cursor(page.NextCursor)
	return s.finish(w, a, page.Coverage, strict)
}

// traceRow is one row of "traces".
type traceRow struct {
	TraceID       string   `json:"trace_id"`
	RootService   string   `json:"root_service"`
	RootOperation string   `json:"root_operation"`
	StartTime     string   `json:"start_time"`
	DurationMS    float64  `json:"duration_ms"`
	SpanCount     int      `json:"span_count"`
	ErrorCount    int      `json:"error_count"`
	Services      []string `json:"services"`
}

// traces answers GET /api/v1/traces.
func (s *Server) traces(w http.ResponseWriter, r *http.Request, tenant string) error {
	p := readParams(r, s.o.Now())
	q := tael.TraceQuery{Filter: p.filter(), Sort: choice(p, "sort", tael.SortTime, sorts), Limit: p.limit(tael.DefaultLimit), Cursor: p.text("cursor"),
		Full: p.flag("full"), Explain: p.flag("explain")}
	strict := p.flag("strict")
	if err := p.done(); err != nil {
		return err
	}
	page, err := s.o.Store.Traces(r.Context(), tenant, q)
	if err != nil {
		return err
	}
	rows := make([]traceRow, len(page.Traces))
	for i, t := range page.Traces {
		rows[i] = traceRow{TraceID: t.TraceID.String(), RootService: t.RootService, RootOperation: t.RootOperation, StartTime: tael.FormatTime(t.Start),
			DurationMS: float64(tael.Duration(t.Start, t.End)) / 1e6, SpanCount: t.Spans, ErrorCount: t.Errors, Services: t.Services}
		if rows[i].Services == nil {
			rows[i].Services = []string{}
		}
	}
	a := newAnswer()
	a.value("traces", rows)
	a.spans("spans", page.Spans)
	if page.Truncated {
		a.value("truncated", true)
	}
	a.cursor(page.NextCursor)
	return s.finish(w, a, page.Coverage, strict)
}

func (s *Server) finish(w http.ResponseWriter, a *answer, c tael.Coverage, strict bool) error {
	if err := a.coverage(c, strict); err != nil {
		return err
	}
	body, err := a.bytes()
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, body)
	return nil
}
