package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/taeldb/tael"
)

//go:embed openapi.yaml
var openAPIDocument []byte

func (s *Server) openAPI(w http.ResponseWriter, r *http.Request, _ string) error {
	if err := readParams(r, s.o.Now()).done(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml")
	if _, err := w.Write(openAPIDocument); err != nil {
		s.o.Logger.Debug("the client went away before its answer", "error", err)
	}
	return nil
}

// stats answers GET /api/v1/stats.
func (s *Server) stats(w http.ResponseWriter, r *http.Request, tenant string) error {
	p := readParams(r, s.o.Now())
	strict := p.flag("strict")
	if err := p.done(); err != nil {
		return err
	}
	st, err := s.o.Store.Stats(r.Context(), tenant)
	if err != nil {
		return err
	}
	if st.Partial && strict {
		return fmt.Errorf("%w: %s", errPartial, strings.Join(st.Missing, ", "))
	}
	time := func(ns uint64) *string { // null when there is nothing
		if ns == 0 {
			return nil
		}
		text := tael.FormatTime(ns)
		return &text
	}
	type tier struct {
		Spans    int64 `json:"spans"`
		Bytes    int64 `json:"bytes"`
		Segments *int  `json:"segments,omitempty"`
		Files    *int  `json:"files,omitempty"`
	}
	s.writeJSON(w, http.StatusOK, struct {
		Tenant      string   `json:"tenant"`
		Traces      int64    `json:"traces"`
		TracesExact bool     `json:"traces_exact"`
		Spans       int64    `json:"spans"`
		Oldest      *string  `json:"oldest"`
		Newest      *string  `json:"newest"`
		Hot         tier     `json:"hot"`
		Cold        tier     `json:"cold"`
		Partial     bool     `json:"partial,omitempty"`
		Missing     []string `json:"missing,omitempty"`
	}{tenant, st.Traces, st.TracesExact, st.Spans, time(st.OldestStart), time(st.NewestStart),
		tier{Spans: st.HotSpans, Bytes: st.HotBytes, Segments: &st.HotSegments}, tier{Spans: st.ColdSpans, Bytes: st.ColdBytes, Files: &st.ColdFiles},
		st.Partial, st.Missing})
	return nil
}

// flush answers POST /api/v1/admin/flush when everything acknowledged before the call is in the table.
func (s *Server) flush(w http.ResponseWriter, r *http.Request, _ string) error {
	p := readParams(r, s.o.Now())
	choice(p, "signal", "", map[string]string{"all": "", "spans": ""})
	if err := p.done(); err != nil {
		return err
	}
	// A flush takes as long as it takes; the server's bound on the time of an answer is for queries. A server in a test may not support it.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("flush: %w", err)
	}
	report, err := s.o.Flusher.Flush(r.Context())
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, report)
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, r *http.Request, _ string) error {
	if err := readParams(r, s.o.Now()).done(); err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	return nil
}

// readyTimeout bounds the probe, so that a stuck disk reads as not ready and not as a stuck route.
const readyTimeout = 5 * time.Second

// readyz really writes and looks, and says every reason why it is not ready.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, _ string) error {
	if err := readParams(r, s.o.Now()).done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	answer := struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons,omitempty"`
	}{Status: "ready"}
	status := http.StatusOK
	for _, problem := range s.ready(ctx) {
		answer.Status, status = "not ready", http.StatusServiceUnavailable
		answer.Reasons = append(answer.Reasons, problem.Error())
	}
	s.writeJSON(w, status, answer)
	return nil
}

// ready probes when nobody else does, so that probes of a disk that hangs do not pile up.
func (s *Server) ready(ctx context.Context) []error {
	select {
	case s.probing <- struct{}{}:
		defer func() { <-s.probing }()
		return s.o.Readiness.Ready(ctx)
	case <-ctx.Done():
		return []error{fmt.Errorf("the probe before this one has not ended: %w", ctx.Err())}
	}
}
