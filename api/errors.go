package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
)

var (
	errRoute   = fmt.Errorf("%w: no such route", tael.ErrNotFound)
	errMethod  = fmt.Errorf("%w: the route does not take this method", tael.ErrInvalid)
	errPartial = fmt.Errorf("%w: the answer would be partial, and strict=true was asked", tael.ErrUnavailable)
)

// refusal is how an error class is said.
type refusal struct {
	status int
	code   string
	hint   string
}

func classify(err error) refusal {
	switch {
	case errors.Is(err, errRoute):
		return refusal{http.StatusNotFound, "not_found", "the routes are described in /openapi.yaml"}
	case errors.Is(err, errMethod):
		return refusal{http.StatusMethodNotAllowed, "method_not_allowed", "see the Allow header"}
	case errors.Is(err, access.ErrUnauthenticated):
		return refusal{http.StatusUnauthorized, "unauthenticated", "send Authorization: Bearer <token>"}
	case errors.Is(err, access.ErrForbidden):
		return refusal{http.StatusForbidden, "forbidden", "use a token with the tenant and role for this"}
	case errors.Is(err, tael.ErrInvalid):
		return refusal{http.StatusBadRequest, "invalid", "the parameters are described in /openapi.yaml"}
	case errors.Is(err, tael.ErrNotFound):
		return refusal{http.StatusNotFound, "not_found", "it may have expired, or belong to another tenant"}
	case errors.Is(err, tael.ErrTooLarge):
		return refusal{http.StatusRequestEntityTooLarge, "too_large", "send less at once"}
	case errors.Is(err, tael.ErrBudget):
		return refusal{http.StatusUnprocessableEntity, "over_budget", "narrow the time range or the filter, or ask for fewer rows"}
	case errors.Is(err, tael.ErrOverloaded):
		return refusal{http.StatusTooManyRequests, "overloaded", "retry after the time in Retry-After"}
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{http.StatusGatewayTimeout, "deadline", "narrow the time range or the filter"}
	case errors.Is(err, tael.ErrUnavailable), errors.Is(err, tael.ErrClosed), errors.Is(err, context.Canceled):
		return refusal{http.StatusServiceUnavailable, "unavailable", "retry later; /readyz says what is wrong"}
	case errors.Is(err, tael.ErrDamaged):
		return refusal{http.StatusInternalServerError, "damaged", "the log names what cannot be read"}
	}
	return refusal{http.StatusInternalServerError, "internal", "the log has more"}
}

// refuse answers an error, in JSON. A fault of ours is logged here, the top; a caller's mistake is not.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	how := classify(err)
	if how.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		level := slog.LevelError
		if how.status > http.StatusInternalServerError { // a state that passes, or a query that asked for much
			level = slog.LevelWarn
		}
		s.o.Logger.Log(r.Context(), level, "a request failed", "method", r.Method, "path", r.URL.Path, "status", how.status, "error", err)
	}
	switch how.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(int(max(1, (s.o.RetryAfter+time.Second-1)/time.Second))))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.writeJSON(w, how.status, struct {
		Error string `json:"error"`
		Code  string `json:"code"`
		Hint  string `json:"hint"`
	}{strings.ReplaceAll(err.Error(), "\n", "; "), how.code, how.hint})
}

// writeJSON answers small things; lists of spans are appended by hand, see answer.go.
func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.o.Logger.Error("cannot encode an answer", "error", err)
		http.Error(w, `{"error":"cannot encode the answer","code":"internal","hint":"the log has more"}`, http.StatusInternalServerError)
		return
	}
	s.write(w, status, append(b, '\n'))
}

func (s *Server) write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.o.Logger.Debug("the client went away before its answer", "error", err)
	}
}
