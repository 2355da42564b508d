package api

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

const typeProtobuf = "application/x-protobuf"

// trace answers GET /api/v1/traces/{trace_id}, as JSON or as an OTLP TracesData message.
func (s *Server) trace(w http.ResponseWriter, r *http.Request, tenant string) error {
	p := readParams(r, s.o.Now())
	id, err := tael.ParseTraceID(r.PathValue("trace_id"))
	if err != nil {
		p.errs = append(p.errs, err)
	}
	o := tael.TraceOptions{Explain: p.flag("explain")}
	o.From, o.To = p.between()
	strict := p.flag("strict")
	otlp := choice(p, "format", accepts(r, typeProtobuf), map[string]bool{"json": false, "otlp": true})
	if err := p.done(); err != nil {
		return err
	}
	t, err := s.o.Store.Trace(r.Context(), tenant, id, o)
	if err != nil {
		return err
	}
	if otlp {
		if t.Partial && strict {
			return fmt.Errorf("%w: %s", errPartial, strings.Join(t.Missing, ", "))
		}
		body := fragment.AppendOTLP(nil, t.Spans)
		w.Header().Set("Content-Type", typeProtobuf)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if t.Partial { // TracesData has no place for it
			w.Header().Set("X-Tael-Partial", strings.Join(t.Missing, ", "))
		}
		if _, err := w.Write(body); err != nil {
			s.o.Logger.Debug("the client went away before its answer", "error", err)
		}
		return nil
	}
	a := newAnswer()
	a.value("trace_id", id.String())
	a.value("span_count", len(t.Spans))
	a.spans("spans", t.Spans)
	return s.finish(w, a, t.Coverage, strict)
}

// accepts tells whether the Accept header names the type.
func accepts(r *http.Request, want string) bool {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			if kind, _, err := mime.ParseMediaType(part); err == nil && kind == want {
				return true
			}
		}
	}
	return false
}

// span answers GET /api/v1/spans/{span_id}: a point read when the trace is named, else a search. Of several spans with the id (in several
// traces, or of two kinds in one), the newest is given.
func (s *Server) span(w http.ResponseWriter, r *http.Request, tenant string) error {
	p := readParams(r, s.o.Now())
	id, err := tael.ParseSpanID(r.PathValue("span_id"))
	if err != nil {
		p.errs = append(p.errs, err)
	}
	var of tael.TraceID
	if text := p.text("trace_id"); text != "" {
		if of, err = tael.ParseTraceID(text); err != nil {
			p.errs = append(p.errs, fmt.Errorf("parameter trace_id: %w", err))
		}
	}
	explain, strict := p.flag("explain"), p.flag("strict")
	if err := p.done(); err != nil {
		return err
	}
	var found []tael.Span
	var c tael.Coverage
	if of.IsZero() {
		page, err := s.o.Store.Spans(r.Context(), tenant, tael.SpanQuery{Filter: tael.Filter{SpanID: id}, Limit: 1, Explain: explain})
		if err != nil {
			return err
		}
		found, c = page.Spans, page.Coverage
	} else {
		t, err := s.o.Store.Trace(r.Context(), tenant, of, tael.TraceOptions{Explain: explain})
		if err != nil {
			return err
		}
		found, c = t.Spans, t.Coverage
		found = slices.DeleteFunc(found, func(s tael.Span) bool { return s.SpanID != id })
		slices.SortFunc(found, func(a, b tael.Span) int { return b.Version().Compare(a.Version()) })
	}
	if len(found) == 0 {
		if c.Partial {
			return fmt.Errorf("span %s: %w: not found in what could be read; missing: %s", id, tael.ErrUnavailable, strings.Join(c.Missing, ", "))
		}
		return fmt.Errorf("span %s: %w", id, tael.ErrNotFound)
	}
	a := newAnswer()
	a.name("span")
	a.b = a.encoder.AppendSpan(a.b, &found[0])
	return s.finish(w, a, c, strict)
}
