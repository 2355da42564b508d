package otlp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/fragment"
)

// answer is how an error is said in both protocols (https://opentelemetry.io/docs/specs/otlp/#failures).
type answer struct {
	http  int
	grpc  codes.Code
	retry bool   // with a hint when to
	class string // label of the refusals counter
}

// classify decides by class. What has no class is a fault of ours, and is said to be temporary: a client that retries on the
// standard codes then loses nothing.
func classify(err error) answer {
	switch {
	case errors.As(err, new(*transportError)):
		return answer{http.StatusBadRequest, codes.InvalidArgument, false, "invalid"}
	case errors.Is(err, access.ErrUnauthenticated):
		return answer{http.StatusUnauthorized, codes.Unauthenticated, false, "unauthenticated"}
	case errors.Is(err, access.ErrForbidden):
		return answer{http.StatusForbidden, codes.PermissionDenied, false, "forbidden"}
	case errors.Is(err, errEncoding):
		return answer{http.StatusUnsupportedMediaType, codes.Unimplemented, false, "encoding"}
	case errors.Is(err, tael.ErrTooLarge):
		return answer{http.StatusRequestEntityTooLarge, codes.InvalidArgument, false, "too_large"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errSlow):
		return answer{http.StatusServiceUnavailable, codes.Unavailable, true, "deadline"}
	case errors.Is(err, tael.ErrInvalid):
		return answer{http.StatusBadRequest, codes.InvalidArgument, false, "invalid"}
	case errors.Is(err, tael.ErrOverloaded):
		return answer{http.StatusTooManyRequests, codes.ResourceExhausted, true, "overloaded"}
	default:
		return answer{http.StatusServiceUnavailable, codes.Unavailable, true, "unavailable"}
	}
}

// statusOf is the google.rpc.Status of an error, with RetryInfo where a retry helps.
func statusOf(err error, a answer, retryAfter time.Duration) *status.Status {
	// Messages can quote what the client sent, and protobuf text is UTF-8 or is not encoded at all.
	s := status.New(a.grpc, strings.ToValidUTF8(err.Error(), "\uFFFD"))
	if a.retry {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}); err == nil {
			return with
		}
	}
	return s
}

// response says what was rejected, if anything.
func response(rejected fragment.Rejected) *collector.ExportTraceServiceResponse {
	r := &collector.ExportTraceServiceResponse{}
	if rejected.Spans > 0 {
		r.PartialSuccess = &collector.ExportTracePartialSuccess{RejectedSpans: int64(rejected.Spans), ErrorMessage: rejected.Message()}
	}
	return r
}
